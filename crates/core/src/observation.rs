//! What a reply, or one event of it, was seen to say.

use crate::{Cost, ErrorKind, ServiceTier, Usage};

/// Facts that a codec found in an upstream's document or event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The tokens, where they are told.
    pub usage: Option<Usage>,
    /// What was billed, where it is told.
    pub cost: Option<Cost>,
    /// How the call was served, where that is told.
    pub service_tier: Option<ServiceTier>,
    /// The upstream's own id of the call, under which its bill can be looked up.
    pub generation_id: Option<String>,
    /// Whether this is the event that ends the stream by its protocol.
    pub terminal: bool,
    /// What went wrong, where the event that ends the stream says itself that it failed.
    pub failed: Option<ErrorKind>,
    /// Whether the event carries usage and nothing else, so that it can be withheld from who did not ask.
    pub usage_only: bool,
}

impl Observation {
    /// Takes over what `later` knows. The last usage, cost and tier win; a generation id is kept once known.
    pub fn absorb(&mut self, later: Observation) {
        if later.usage.is_some() {
            self.usage = later.usage;
        }
        if later.cost.is_some() {
            self.cost = later.cost;
        }
        self.service_tier = later.service_tier.or(self.service_tier);
        if self.generation_id.is_none() {
            self.generation_id = later.generation_id;
        }
        self.terminal |= later.terminal;
        self.failed = self.failed.or(later.failed);
        self.usage_only = later.usage_only;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_usage_wins_and_nothing_known_is_lost() {
        let usage = |output| Some(Usage { output, ..Default::default() });
        let mut seen =
            Observation { usage: usage(1), generation_id: Some("gen_1".into()), ..Default::default() };
        seen.absorb(Observation { usage: usage(2), ..Default::default() });
        seen.absorb(Observation { terminal: true, ..Default::default() });
        assert_eq!(seen.usage, usage(2));
        assert_eq!(seen.generation_id.as_deref(), Some("gen_1"));
        assert!(seen.terminal);
    }
}
