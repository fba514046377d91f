//! Looks into replies that go on as they are: for usage, errors and the end.

use trunkline_core::{Document, Observation, Operation, json};
use trunkline_provider::{Failure, Probe, Sight};

use super::failure::stream_failure;
use super::usage::Counts;

/// How nearly every event of a stream begins.
const CONTENT: &[u8] = br#"{"type":"content_block_delta""#;

/// How deep an event may be nested that ends a stream.
const DEPTH_MAX: usize = 512;

/// The probe for Messages and for counts of tokens.
///
/// In a stream, `message_start` and each `message_delta` tell counts, of which the later win one by one;
/// `message_stop` is the end. A probe for an upstream that adds something of its own asks this one first and
/// adds to the observation what it finds.
#[derive(Clone, Debug)]
pub struct MessagesProbe {
    operation: Operation,
    keeps_id: bool,
    counts: Counts,
}

impl MessagesProbe {
    /// A probe for one reply to this operation.
    pub fn new(operation: Operation) -> Self {
        Self { operation, keeps_id: false, counts: Counts::default() }
    }

    /// Keeps the message's id, for upstreams where the bill can be looked up by it.
    #[must_use]
    pub fn keeping_id(mut self) -> Self {
        self.keeps_id = true;
        self
    }

    fn message_start(&mut self, data: &[u8]) -> Sight {
        let Some(message) = json::member(data, "message") else {
            return Sight::Nothing;
        };
        let message = &data[message];
        if let Some(usage) = json::member(message, "usage") {
            self.counts.read(&message[usage]);
        }
        let id = || json::string(&message[json::member(message, "id")?]).map(|id| id.into_owned());
        let observation = Observation {
            // Counts that are all zero are those of an upstream that will tell them at the end.
            usage: self.counts.usage().filter(|usage| usage.total() > 0),
            service_tier: self.counts.service_tier(),
            generation_id: self.keeps_id.then(id).flatten(),
            ..Observation::default()
        };
        if observation == Observation::default() { Sight::Nothing } else { Sight::Observed(observation) }
    }

    fn message_delta(&mut self, data: &[u8]) -> Sight {
        let Some(usage) = json::member(data, "usage") else {
            return Sight::Nothing;
        };
        self.counts.read(&data[usage]);
        match self.counts.usage() {
            Some(usage) => {
                let service_tier = self.counts.service_tier();
                Sight::Observed(Observation { usage: Some(usage), service_tier, ..Observation::default() })
            }
            None => Sight::Nothing,
        }
    }
}

impl Probe for MessagesProbe {
    fn event(&mut self, data: &[u8]) -> Sight {
        if data.starts_with(CONTENT) {
            return Sight::Nothing;
        }
        let kind = json::member(data, "type").map(|span| &data[span]);
        match kind {
            Some(br#""message_start""#) => self.message_start(data),
            Some(br#""message_delta""#) => self.message_delta(data),
            // A cut through the very last event leaves its type, and is a cut all the same.
            Some(br#""message_stop""#) if json::validate(data, DEPTH_MAX).is_ok() => {
                Sight::Observed(Observation { terminal: true, ..Observation::default() })
            }
            Some(br#""error""#) | None => match stream_failure(data) {
                Some(failure) => Sight::Failed(failure),
                None => Sight::Nothing,
            },
            Some(_) => Sight::Nothing,
        }
    }

    fn document(&mut self, document: &Document) -> Result<Observation, Failure> {
        if document.raw("type") != Some(br#""message""#)
            && let Some(failure) = stream_failure(&document.to_bytes())
        {
            return Err(failure);
        }
        if !self.operation.reports_usage() {
            return Ok(Observation::default());
        }
        if let Some(usage) = document.raw("usage") {
            self.counts.read(usage);
        }
        let id = || document.string("id").map(|id| id.into_owned());
        Ok(Observation {
            usage: self.counts.usage(),
            service_tier: self.counts.service_tier(),
            generation_id: self.keeps_id.then(id).flatten(),
            ..Observation::default()
        })
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
