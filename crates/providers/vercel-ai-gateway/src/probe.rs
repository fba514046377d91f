//! Looks into the gateway's replies: what the OpenAI wire tells, and the bill in the provider metadata.

use memchr::memmem::Finder;
use trunkline_core::{Document, Observation, Operation, json};
use trunkline_openai::wire;
use trunkline_provider::{Failure, Probe, Sight};

use crate::billing::{Billing, Telling, generation_id};
use crate::failure::{Blame, judge};

/// The probe for one reply. An event is read only if one of a few byte sequences stands in it.
#[derive(Debug)]
pub(crate) struct VercelProbe {
    wire: wire::Probe,
    blame: Blame,
    /// The end of `"provider_metadata"` and of `"providerMetadata"`.
    metadata: Finder<'static>,
    billing: Billing,
    seen_id: bool,
}

impl VercelProbe {
    pub(crate) fn new(operation: Operation, blame: Blame) -> Self {
        Self {
            wire: wire::Probe::new(operation),
            blame,
            metadata: Finder::new("etadata\""),
            billing: Billing::default(),
            seen_id: false,
        }
    }

    /// The generation id, which the first event tells already: a stream that is cut has been billed too.
    fn first_id(&mut self, data: &[u8]) -> Option<String> {
        if self.seen_id {
            return None;
        }
        let id = &data[json::member(data, "id")?];
        self.seen_id = true;
        self.billing.generation_id = generation_id(id);
        self.billing.generation_id.clone()
    }

    fn judged(&self, failure: Failure, body: &[u8]) -> Failure {
        let status = failure.status;
        judge(failure, status, body, self.blame)
    }
}

impl Probe for VercelProbe {
    fn event(&mut self, data: &[u8]) -> Sight {
        let sight = self.wire.event(data);
        if let Sight::Failed(failure) = sight {
            return Sight::Failed(self.judged(failure, data));
        }
        let first_id = self.first_id(data);
        let has_usage = matches!(&sight, Sight::Observed(observation) if !observation.terminal);
        if has_usage || self.metadata.find(data).is_some() {
            self.billing.note(&Telling::of_event(data));
            let told = match sight {
                Sight::Observed(observation) => observation,
                Sight::Nothing | Sight::Failed(_) => Observation::default(),
            };
            return Sight::Observed(Observation {
                cost: self.billing.cost(),
                generation_id: self.billing.generation_id.clone(),
                ..told
            });
        }
        match (sight, first_id) {
            (Sight::Nothing, Some(id)) => {
                Sight::Observed(Observation { generation_id: Some(id), ..Observation::default() })
            }
            (sight, _) => sight,
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

#[cfg(test)]
mod tests;
