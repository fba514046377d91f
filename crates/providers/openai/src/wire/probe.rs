//! Looks into replies that go on as they are: for usage, errors and the end.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use trunkline_core::{Document, Observation, Operation, json};
use trunkline_provider::{Failure, Sight};

use super::{cost, stream_failure, usage};

/// The probe for chat completions, completions and embeddings in this dialect.
///
/// An event is searched for a few byte sequences, and read only if they tell that it can hold something.
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
        let mut observation = Observation { usage: usage(found), ..Observation::default() };
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
        let result = match self.operation {
            Operation::ChatCompletions | Operation::Completions => "choices",
            _ => "data",
        };
        if document.contains(result) && document.raw("error").is_none_or(json::is_null) {
            // The document knows its members already, so that a long reply is not walked again.
            return Ok(self.observe_document(document));
        }
        match stream_failure(&document.to_bytes()) {
            Some(failure) => Err(failure),
            None => Ok(self.observe_document(document)),
        }
    }
}

impl Probe {
    fn observe_document(&self, document: &Document) -> Observation {
        let Some(found) = document.raw("usage") else {
            return Observation::default();
        };
        let id = || document.string("id").map(|id| id.into_owned());
        Observation {
            usage: usage(found),
            cost: self.reads_cost.then(|| cost(found)).flatten(),
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
