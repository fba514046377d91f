//! Looks into the gateway's replies: what each dialect's wire tells, and the bill in the provider metadata.

use memchr::memmem::Finder;
use trunkline_anthropic::wire::MessagesProbe;
use trunkline_core::{Dialect, Document, Observation, Operation, json};
use trunkline_openai::wire::{self, ResponsesProbe};
use trunkline_provider::{Failure, Probe, Sight};

use crate::billing::{Billing, Telling, generation_id, id_of_event};
use crate::failure::{Blame, judge};

/// The events in which the generation id is looked for. The first has it, or there is none; a `ping` may come before.
const EVENTS_WITH_ID_MAX: u32 = 4;

/// The probe for one reply. An event is read only if one of a few byte sequences stands in it.
#[derive(Debug)]
pub(crate) struct VercelProbe {
    /// The dialect's own, which knows tokens, failures and the end.
    wire: Box<dyn Probe>,
    blame: Blame,
    /// The end of `"provider_metadata"` and of `"providerMetadata"`.
    metadata: Finder<'static>,
    billing: Billing,
    /// In how many more events the id is looked for.
    seeking_id: u32,
}

impl VercelProbe {
    pub(crate) fn new(operation: Operation, blame: Blame) -> Self {
        Self {
            wire: wire_probe(operation),
            blame,
            metadata: Finder::new("etadata\""),
            billing: Billing::default(),
            seeking_id: EVENTS_WITH_ID_MAX,
        }
    }

    /// Whether an event has provider metadata. Not every metadata is: a response has the caller's own.
    fn has_metadata(&self, data: &[u8]) -> bool {
        self.metadata.find_iter(data).any(|at| {
            let before = &data[..at];
            before.ends_with(b"\"provider_m") || before.ends_with(b"\"providerM")
        })
    }

    /// The generation id, which the first event tells already: a stream that is cut has been billed too.
    fn first_id(&mut self, data: &[u8]) -> Option<String> {
        self.seeking_id = self.seeking_id.checked_sub(1)?;
        let id = id_of_event(data)?;
        self.seeking_id = 0;
        self.billing.generation_id = generation_id(id);
        self.billing.generation_id.clone()
    }

    fn judged(&self, failure: Failure, body: &[u8]) -> Failure {
        let status = failure.status;
        judge(failure, status, body, self.blame)
    }

    /// A response that failed says why in itself, and the gateway's own words may say more than the dialect's.
    fn with_judged_kind(&self, told: Observation, data: &[u8]) -> Observation {
        let Some(kind) = told.failed else {
            return told;
        };
        let word = |name| {
            let word = json::string(&data[json::path(data, &["response", "error", name])?])?;
            Some(word.into_owned())
        };
        let failure = Failure {
            upstream_type: word("type"),
            upstream_code: word("code"),
            ..Failure::new(kind, String::new())
        };
        Observation { failed: Some(self.judged(failure, data).kind), ..told }
    }
}

impl Probe for VercelProbe {
    fn event(&mut self, data: &[u8]) -> Sight {
        let told = match self.wire.event(data) {
            Sight::Failed(failure) => return Sight::Failed(self.judged(failure, data)),
            Sight::Observed(observation) => Some(self.with_judged_kind(observation, data)),
            Sight::Nothing => None,
        };
        let first_id = self.first_id(data);
        // `[DONE]` and `message_stop` tell that it is over, and nothing else.
        let tells = told.as_ref().is_some_and(|told| !told.terminal || told.usage.is_some());
        if tells || self.has_metadata(data) {
            self.billing.note(&Telling::of_event(data));
            return Sight::Observed(Observation {
                cost: self.billing.cost(),
                generation_id: self.billing.generation_id.clone(),
                ..told.unwrap_or_default()
            });
        }
        match (told, first_id) {
            (None, None) => Sight::Nothing,
            (told, generation_id) => {
                Sight::Observed(Observation { generation_id, ..told.unwrap_or_default() })
            }
        }
    }

    fn document(&mut self, document: &Document) -> Result<Observation, Failure> {
        let told =
            self.wire.document(document).map_err(|failure| self.judged(failure, &document.to_bytes()))?;
        self.billing.note(&Telling::of_document(document));
        Ok(Observation {
            cost: self.billing.cost(),
            generation_id: self.billing.generation_id.clone(),
            ..told
        })
    }
}

fn wire_probe(operation: Operation) -> Box<dyn Probe> {
    match operation.dialect() {
        Dialect::Anthropic => Box::new(MessagesProbe::new(operation)),
        Dialect::Responses => Box::new(ResponsesProbe::new(operation)),
        Dialect::OpenAi | Dialect::Cohere => Box::new(wire::Probe::new(operation)),
    }
}

#[cfg(test)]
mod tests;
