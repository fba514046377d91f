//! Calls that wait for the reservations of others, in the order in which they came.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;

/// Those that wait at one account, by their numbers. Only the first is called.
#[derive(Debug, Default)]
pub(crate) struct Queue(BTreeMap<u64, Arc<Notify>>);

impl Queue {
    /// Whether somebody waits who came before the call with this number.
    pub(crate) fn has_before(&self, number: u64) -> bool {
        self.0.first_key_value().is_some_and(|(first, _)| *first < number)
    }

    pub(crate) fn join(&mut self, number: u64, call: Arc<Notify>) {
        self.0.insert(number, call);
    }

    /// Takes one out, and calls the next if it was the first.
    pub(crate) fn leave(&mut self, number: u64) {
        let was_first = self.0.first_key_value().is_some_and(|(first, _)| *first == number);
        self.0.remove(&number);
        if was_first {
            self.call_first();
        }
    }

    /// Lets the first one look again.
    pub(crate) fn call_first(&self) {
        if let Some((_, first)) = self.0.first_key_value() {
            first.notify_one();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
