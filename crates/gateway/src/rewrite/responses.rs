//! Responses: the model and the ids stand in the `response` of some events; encrypted items in any.

use bytes::Bytes;
use memchr::memmem;
use serde_json::json as json_value;
use trunkline_core::{Document, Error, ErrorKind, Event, json};

use super::{Splice, spliced};
use crate::binding::Binding;

/// The members of a response that name responses.
const IDS: [&str; 2] = ["id", "previous_response_id"];

/// The changes to one reply in the dialect of Responses.
#[derive(Debug)]
pub(super) struct Responses {
    binding: Option<Binding>,
    response: memmem::Finder<'static>,
    /// The response as the caller was last told of it, and the last event: what a failure is told with.
    told: Option<Bytes>,
    last: Option<Event>,
}

impl Responses {
    pub(super) fn new(binding: Option<Binding>) -> Self {
        Self { binding, response: memmem::Finder::new(b"\"response\""), told: None, last: None }
    }

    pub(super) fn document(&self, document: &mut Document) {
        let Some(binding) = &self.binding else { return };
        for name in IDS {
            if let Some(id) = document.raw(name).and_then(|raw| binding.id(raw)) {
                document.set_raw(name, id);
            }
        }
        for name in ["output", "data"] {
            let marked = document.raw_bytes(name).and_then(|items| {
                let (places, mark) = binding.item_marks(&items)?;
                let splices: Vec<Splice> = places.into_iter().map(|at| (at..at, mark.clone())).collect();
                Some(spliced(&items, &splices))
            });
            if let Some(marked) = marked {
                document.set_raw(name, marked);
            }
        }
    }

    pub(super) fn splices(&mut self, event: &Event, model: Option<&Bytes>) -> Vec<Splice> {
        let Some(data) = event.data() else { return Vec::new() };
        self.last = Some(event.clone());
        let mut splices = Vec::new();
        // Deltas, which most events are, hold no response and end here.
        let response = self.response.find(data).and_then(|_| json::member(data, "response"));
        if let Some(span) = response {
            let response = &data[span.clone()];
            let shifted = |within: std::ops::Range<usize>| span.start + within.start..span.start + within.end;
            if let (Some(model), Some(value)) = (model, json::member(response, "model")) {
                splices.push((shifted(value), model.clone()));
            }
            for name in IDS {
                let sealed = json::member(response, name).and_then(|value| {
                    Some((shifted(value.clone()), self.binding.as_ref()?.id(&response[value])?))
                });
                splices.extend(sealed);
            }
            let own: Vec<Splice> = splices
                .iter()
                .map(|(range, bytes)| (range.start - span.start..range.end - span.start, bytes.clone()))
                .collect();
            self.told = Some(spliced(response, &super::sorted(own)));
        }
        if let Some(binding) = self.binding.as_ref().filter(|binding| binding.may_mark(data))
            // Items stand alone, or in the output of a response. Members of that name elsewhere are the caller's.
            && let Some(span) = json::member(data, "item").or_else(|| json::path(data, &["response", "output"]))
            && let Some((places, mark)) = binding.item_marks(&data[span.clone()])
        {
            splices.extend(places.into_iter().map(|at| (span.start + at..span.start + at, mark.clone())));
        }
        splices
    }

    /// The event that tells a failure: the response as far as it was told, failed.
    pub(super) fn failure(&self, error: &Error, message: &str) -> Event {
        let limits = trunkline_core::DocumentLimits::default();
        let told = self.told.clone().and_then(|told| Document::parse_with(told, &limits).ok());
        let mut response = told.unwrap_or_else(Document::empty);
        if !response.contains("object") {
            response.set_raw("object", &b"\"response\""[..]);
        }
        response.set_raw("status", &b"\"failed\""[..]);
        let error = json_value!({ "code": code(error), "message": message }).to_string();
        response.set_raw("error", error);
        let number = self.last.as_ref().and_then(Event::data).and_then(|data| {
            let span = json::member(data, "sequence_number")?;
            json::u64(&data[span])
        });
        let number = number.map_or(0, |number| number + 1);
        let response = response.to_bytes();
        let head = format!(r#"{{"type":"response.failed","sequence_number":{number},"response":"#);
        Event::named("response.failed", &[head.as_bytes(), &response, b"}"].concat())
    }
}

/// OpenAI's codes of a response that failed; clients decide by them whether to ask again.
fn code(error: &Error) -> &str {
    match error.kind() {
        ErrorKind::ContextWindowExceeded => "context_length_exceeded",
        ErrorKind::RateLimited
        | ErrorKind::UpstreamRateLimited
        | ErrorKind::Overloaded
        | ErrorKind::NoDeployment => "rate_limit_exceeded",
        ErrorKind::BudgetExceeded | ErrorKind::UpstreamQuotaExceeded => "insufficient_quota",
        ErrorKind::ContentPolicy => "content_policy_violation",
        ErrorKind::InvalidRequest
        | ErrorKind::MissingParameter
        | ErrorKind::UnknownModel
        | ErrorKind::UnsupportedOperation
        | ErrorKind::UpstreamInvalidRequest => "invalid_prompt",
        ErrorKind::UnsupportedEncoding
        | ErrorKind::HeadersTooLarge
        | ErrorKind::BodyTooLarge
        | ErrorKind::BodyTimeout
        | ErrorKind::Unauthenticated
        | ErrorKind::KeyExpired
        | ErrorKind::PermissionDenied
        | ErrorKind::ModelForbidden
        | ErrorKind::NotFound
        | ErrorKind::MethodNotAllowed
        | ErrorKind::UpgradeUnsupported
        | ErrorKind::Conflict
        | ErrorKind::StoreUnavailable
        | ErrorKind::CredentialMissing
        | ErrorKind::CredentialUnusable
        | ErrorKind::ShuttingDown
        | ErrorKind::Configuration
        | ErrorKind::Internal
        | ErrorKind::UpstreamCredential
        | ErrorKind::UpstreamForbidden
        | ErrorKind::UpstreamNotFound
        | ErrorKind::UpstreamTimeout
        | ErrorKind::UpstreamUnreachable
        | ErrorKind::UpstreamFailed
        | ErrorKind::UpstreamProtocol
        | ErrorKind::UpstreamCut => error.upstream_code().unwrap_or("server_error"),
    }
}
