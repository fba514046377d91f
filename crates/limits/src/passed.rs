//! Soft budgets that were passed: what waits to be told of.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use rust_decimal::Decimal;
use tokio::sync::Notify;
use trunkline_core::Subject;

use crate::Period;

/// How many wait to be told of. Where nobody asks for them the oldest go.
const WAITING_MAX: usize = 1_000;

/// A soft budget that was passed. It is told once in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Whose it is.
    pub subject: Subject,
    /// How much there was to spend until then, in US dollars.
    pub soft_budget: Decimal,
    /// How much there is to spend in that window altogether. `None` is without an end.
    pub max: Option<Decimal>,
    /// How much is spent.
    pub spent: Decimal,
    /// What it begins anew with. `None` is never.
    pub period: Option<Period>,
    /// When it begins anew, in milliseconds since 1970.
    pub resets_at_ms: Option<i64>,
}

/// Those that nobody has been told of yet.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    waiting: Mutex<VecDeque<Passed>>,
    added: Notify,
}

impl Notices {
    pub(crate) fn add(&self, passed: Passed) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            waiting.pop_front();
        }
        waiting.push_back(passed);
        drop(waiting);
        self.added.notify_one();
    }

    pub(crate) async fn next(&self) -> Passed {
        loop {
            let added = self.added.notified();
            if let Some(passed) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                return passed;
            }
            added.await;
        }
    }
}
