//! Looks into replies about Responses that go on as they are: for usage, errors and the end.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use trunkline_core::{Document, ErrorKind, Observation, Operation, ServiceTier, json};
use trunkline_provider::{Failure, Sight};

use super::error_body::from_json;
use super::failure::judge_by_words;
use super::reply_rules::reply_rules;
use super::typed_event::{event_type, is_whole, leading_type};
use super::{cost, stream_failure, usage};

/// The probe for every operation of the dialect [`Responses`](trunkline_core::Dialect::Responses).
///
/// Nearly all events are told by the type in their first bytes and read no further. Usage and id are read from the
/// `response` object of the event that ends the stream.
#[derive(Clone, Copy, Debug)]
pub struct ResponsesProbe {
    operation: Operation,
    reads_cost: bool,
}

/// How a stream ends by its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With all that was to be said, or with less, as `incomplete_details` tells.
    Said,
    Failed,
}

impl End {
    fn of(event_type: &[u8]) -> Option<Self> {
        match event_type {
            b"response.completed" | b"response.incomplete" => Some(Self::Said),
            b"response.failed" => Some(Self::Failed),
            _ => None,
        }
    }
}

impl ResponsesProbe {
    /// A probe for one reply to this operation.
    pub fn new(operation: Operation) -> Self {
        Self { operation, reads_cost: false }
    }

    /// Reads what was billed from the usage too, for upstreams that report it there in US dollars, and keeps
    /// the response's id to look it up by.
    #[must_use]
    pub fn reading_cost(mut self) -> Self {
        self.reads_cost = true;
        self
    }

    fn observe(
        &self,
        usage_object: Option<&[u8]>,
        service_tier: Option<&[u8]>,
        id: Option<String>,
    ) -> Observation {
        // A response that is looked up again was paid for when it was made.
        let found = usage_object.filter(|_| self.operation.reports_usage());
        Observation {
            usage: found.and_then(usage),
            cost: found.filter(|_| self.reads_cost).and_then(cost),
            service_tier: found.and(service_tier).and_then(ServiceTier::of_tier),
            generation_id: id.filter(|_| self.reads_cost && self.operation.reports_usage()),
            ..Observation::default()
        }
    }

    fn last(&self, data: &[u8], end: End) -> Sight {
        if !is_whole(data) {
            return Sight::Nothing;
        }
        let response = response_object(data).map(|span| &data[span]).unwrap_or_default();
        let member = |name| json::member(response, name).map(|span| &response[span]);
        let id = member("id").and_then(json::string).map(|id| id.into_owned());
        let failed = match end {
            End::Said => None,
            End::Failed => Some(failure_of(member("error")).kind),
        };
        let seen = self.observe(member("usage"), member("service_tier"), id);
        Sight::Observed(Observation { terminal: true, failed, ..seen })
    }
}

impl trunkline_provider::Probe for ResponsesProbe {
    fn event(&mut self, data: &[u8]) -> Sight {
        match leading_type(data) {
            Some(event_type) => match End::of(event_type) {
                Some(end) => return self.last(data, end),
                None if event_type.starts_with(b"response.") => return Sight::Nothing,
                None => {}
            },
            None if !is_worth_reading(data) => return Sight::Nothing,
            None => {
                if let Some(end) = event_type(data).and_then(|found| End::of(found.as_bytes())) {
                    return self.last(data, end);
                }
            }
        }
        stream_failure(data).map_or(Sight::Nothing, Sight::Failed)
    }

    fn document(&mut self, document: &Document) -> Result<Observation, Failure> {
        let is_response = document.contains("output") && document.contains("id");
        if self.operation.is_about_object() && is_response {
            // What was asked for is the response, and it may be one that failed long ago.
            let has_failed = document.string("status").as_deref() == Some("failed");
            let failed = has_failed.then(|| failure_of(document.raw("error")).kind);
            return Ok(Observation { failed, ..Observation::default() });
        }
        if is_response && document.string("status").as_deref() == Some("failed") {
            return Err(failure_of(document.raw("error")));
        }
        let is_silent = document.raw("error").is_none_or(json::is_null);
        if !(is_silent && document.contains(reply_rules(self.operation).result))
            && let Some(failure) = stream_failure(&document.to_bytes())
        {
            return Err(failure);
        }
        let id = document.string("id").map(|id| id.into_owned());
        Ok(self.observe(document.raw("usage"), document.raw("service_tier"), id))
    }
}

/// Where the `response` object of an event stands: in those that begin and end a stream.
///
/// ```
/// let event = br#"{"type":"response.completed","response":{"id":"resp_1","provider_metadata":{}}}"#;
/// let span = trunkline_openai::wire::response_object(event).expect("there is one");
/// assert_eq!(&event[span], br#"{"id":"resp_1","provider_metadata":{}}"#);
/// ```
pub fn response_object(data: &[u8]) -> Option<Range<usize>> {
    json::member(data, "response").filter(|span| data[span.clone()].starts_with(b"{"))
}

/// What the `error` member of a response that failed means.
fn failure_of(error: Option<&[u8]>) -> Failure {
    match error.and_then(|raw| from_json(&String::from_utf8_lossy(raw))) {
        Some(said) => judge_by_words(said),
        None => {
            let message = "the response failed, and the upstream did not say why";
            Failure::new(ErrorKind::UpstreamFailed, message)
        }
    }
}

/// What an event is searched for whose type is not its first member.
static NEEDLES: LazyLock<[Finder<'static>; 5]> = LazyLock::new(|| {
    [
        Finder::new(br#""response.completed""#),
        Finder::new(br#""response.incomplete""#),
        Finder::new(br#""response.failed""#),
        Finder::new(br#""error""#),
        Finder::new(br#""AI_"#),
    ]
});

/// Inside a string quotes are escaped, so that a text that talks about an end is no hit.
fn is_worth_reading(data: &[u8]) -> bool {
    NEEDLES.iter().any(|needle| needle.find(data).is_some())
}

#[cfg(test)]
#[path = "responses_tests.rs"]
mod tests;
