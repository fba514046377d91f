//! Looks into replies that go on as they are: for usage, errors and the end.

use std::ops::Range;
use std::sync::LazyLock;

use http::StatusCode;
use memchr::memmem::Finder;
use trunkline_core::{Dialect, Document, Observation, Operation, ServiceTier, json};
use trunkline_provider::{Failure, Sight};

use super::failure::judge_by_words;
use super::reply_rules::reply_rules;
use super::typed_event::{event_type, is_whole, leading_type};
use super::{cost, error_body, stream_failure, usage};

/// The probe for every operation of this dialect but those about Responses, and for Cohere's rerank.
///
/// An event is told by its type where that stands in its first bytes; else it is searched for a few byte sequences,
/// and read only if they tell that it can hold something.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    operation: Operation,
    reads_cost: bool,
}

impl Probe {
    /// A probe for one reply to this operation.
    pub fn new(operation: Operation) -> Self {
        Self { operation, reads_cost: false }
    }

    /// Reads what was billed from the usage too, for upstreams that report it there in US dollars, and keeps
    /// the reply's id to look it up by.
    #[must_use]
    pub fn reading_cost(mut self) -> Self {
        self.reads_cost = true;
        self
    }

    /// What a JSON object, an event or a whole reply, says about tokens and money.
    fn observe(&self, object: &[u8]) -> Option<Observation> {
        let found = &object[usage_span(object)?];
        let tier = json::member(object, "service_tier").and_then(|span| ServiceTier::of_tier(&object[span]));
        let mut observation =
            Observation { usage: usage(found), service_tier: tier, ..Observation::default() };
        if self.reads_cost {
            observation.cost = cost(found);
            observation.generation_id = json::member(object, "id")
                .and_then(|span| json::string(&object[span]))
                .map(|id| id.into_owned());
        }
        Some(observation)
    }
}

impl trunkline_provider::Probe for Probe {
    fn event(&mut self, data: &[u8]) -> Sight {
        if data.trim_ascii() == b"[DONE]" {
            return Sight::Observed(Observation { terminal: true, ..Observation::default() });
        }
        if let Some(sight) = self.typed(data) {
            return sight;
        }
        if !is_worth_reading(data) {
            return Sight::Nothing;
        }
        if let Some(failure) = stream_failure(data) {
            return Sight::Failed(failure);
        }
        match self.observe(data) {
            Some(observation) => {
                Sight::Observed(Observation { usage_only: is_usage_only(data), ..observation })
            }
            None => Sight::Nothing,
        }
    }

    fn document(&mut self, document: &Document) -> Result<Observation, Failure> {
        let has_result = document.contains(reply_rules(self.operation).result);
        if has_result && document.raw("error").is_none_or(json::is_null) {
            // The document knows its members already, so that a long reply is not walked again.
            return Ok(self.observe_document(document));
        }
        if let Some(failure) = stream_failure(&document.to_bytes()) {
            return Err(failure);
        }
        // Cohere's envelope has its words at the top and no member that says that it is one.
        let is_envelope = self.operation.dialect() == Dialect::Cohere && document.contains("message");
        if !has_result && is_envelope {
            return Err(judge_by_words(error_body(StatusCode::OK, &document.to_bytes())));
        }
        Ok(self.observe_document(document))
    }
}

impl Probe {
    /// What an event is whose type tells. `None` if it must be searched.
    fn typed(&self, data: &[u8]) -> Option<Sight> {
        let end = reply_rules(self.operation).end?;
        let is_end = match leading_type(data) {
            Some(b"error") => return None,
            Some(leading) => leading == end.as_bytes(),
            None => event_type(data)? == end,
        };
        if is_end && is_whole(data) {
            let observation = self.observe(data).unwrap_or_default();
            return Some(Sight::Observed(Observation { terminal: true, ..observation }));
        }
        // What says what it is and is no error says nothing else that must be known.
        leading_type(data).map(|_| Sight::Nothing)
    }

    fn observe_document(&self, document: &Document) -> Observation {
        let in_meta = || document.raw("meta").and_then(|meta| Some(&meta[json::member(meta, "tokens")?]));
        let Some(found) = document.raw("usage").or_else(in_meta) else {
            return Observation::default();
        };
        let id = || document.string("id").map(|id| id.into_owned());
        Observation {
            usage: usage(found),
            cost: self.reads_cost.then(|| cost(found)).flatten(),
            service_tier: document.raw("service_tier").and_then(ServiceTier::of_tier),
            generation_id: self.reads_cost.then(id).flatten(),
            ..Observation::default()
        }
    }
}

/// Whether an event carries usage and nothing else: no choices, and a usage object.
pub fn is_usage_only(data: &[u8]) -> bool {
    let mut has_usage = false;
    let mut has_no_choices = false;
    for member in json::members(data) {
        let raw = &data[member.value.clone()];
        match member.key {
            b"choices" => has_no_choices = raw.starts_with(b"[") && json::elements(raw).next().is_none(),
            b"usage" => has_usage = raw.starts_with(b"{"),
            _ => {}
        }
    }
    has_usage && has_no_choices
}

/// What an event is searched for. Built once: a search with a ready finder takes a quarter of the time
/// (about 30 ns for an event of 300 bytes).
struct Needles {
    choices: Finder<'static>,
    usage: Finder<'static>,
    error: Finder<'static>,
    ai_sdk_error: Finder<'static>,
}

static NEEDLES: LazyLock<Needles> = LazyLock::new(|| Needles {
    choices: Finder::new(br#""choices""#),
    usage: Finder::new(br#""usage""#),
    error: Finder::new(br#""error""#),
    ai_sdk_error: Finder::new(br#""AI_"#),
});

/// Whether an event can hold something that must be known. Most end here.
///
/// Inside a string quotes are escaped, so that a text that talks about usage is no hit.
fn is_worth_reading(data: &[u8]) -> bool {
    let needles = &*NEEDLES;
    !has(&needles.choices, data, |rest| value_begins_with(rest, b'['))
        || has(&needles.usage, data, |rest| value_begins_with(rest, b'{'))
        // As a name that does not say null, or as a value: `"object": "error"`.
        || has(&needles.error, data, |rest| !value_begins_with(rest, b'n'))
        || needles.ai_sdk_error.find(data).is_some()
}

/// Whether the needle is found with something fitting behind it.
fn has(needle: &Finder<'_>, data: &[u8], fits: impl Fn(&[u8]) -> bool) -> bool {
    needle.find_iter(data).any(|at| fits(&data[at + needle.needle().len()..]))
}

/// Whether what follows a name is a colon and a value that begins with this byte.
fn value_begins_with(rest: &[u8], first: u8) -> bool {
    rest.trim_ascii_start()
        .strip_prefix(b":")
        .is_some_and(|value| value.trim_ascii_start().first() == Some(&first))
}

/// Where the usage object is: at the top; in Groq's own member; in the first choice, where Moonshot has it.
fn usage_span(object: &[u8]) -> Option<Range<usize>> {
    let is_object = |span: &Range<usize>| object[span.clone()].starts_with(b"{");
    json::member(object, "usage")
        .filter(is_object)
        .or_else(|| json::path(object, &["x_groq", "usage"]).filter(is_object))
        .or_else(|| {
            let choices = json::member(object, "choices")?;
            let choice = json::elements(&object[choices.clone()]).next()?;
            let choice = choices.start + choice.start..choices.start + choice.end;
            let usage = json::member(&object[choice.clone()], "usage")?;
            Some(choice.start + usage.start..choice.start + usage.end).filter(is_object)
        })
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
