//! Keeps a streamed reply from its events as they pass.

use std::fmt;
use std::time::Duration;

use trunkline_core::{Event, Observation, Operation};

use crate::packed::Packing;
use crate::{Keeper, Kept};

/// Keeps a streamed reply from its events as they pass on their way to the caller.
///
/// Dropping it before its end keeps nothing, which is what becomes of a stream that is cut, or whose caller leaves.
pub struct Recorder {
    /// `None` from when the reply has grown too large: who waits for it need not wait longer.
    keeper: Option<Keeper>,
    operation: Operation,
    ttl: Duration,
    events: Packing,
    observation: Observation,
}

impl Keeper {
    /// Keeps a streamed reply for `ttl`, from its events as they pass.
    pub fn record(self, operation: Operation, ttl: Duration) -> Recorder {
        Recorder {
            keeper: Some(self),
            operation,
            ttl,
            events: Packing::default(),
            observation: Observation::default(),
        }
    }
}

impl Recorder {
    /// Takes the next events, as they came from the upstream.
    pub fn take(&mut self, events: &[Event]) {
        let Some(keeper) = &self.keeper else { return };
        for event in events {
            if self.events.weight() + event.bytes().len() > keeper.entry_bytes_max() {
                self.keeper = None;
                self.events = Packing::default();
                return;
            }
            if let Some(seen) = event.observation() {
                self.observation.absorb(seen.clone());
            }
            self.events.push(event);
        }
    }

    /// Keeps what was taken. To be called when the stream has ended as its protocol says, and not otherwise.
    pub fn finish(self) {
        let Some(keeper) = self.keeper else { return };
        if let Some(kept) = Kept::packed(self.operation, self.events.finish(), self.observation) {
            keeper.keep(kept, self.ttl);
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Recorder")
            .field("keeper", &self.keeper)
            .field("weight", &self.events.weight())
            .finish_non_exhaustive()
    }
}
