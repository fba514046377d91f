//! The marks of objects: what is known was made from them, and is made anew once one has changed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use trunkline_store::Kind;

/// How many parts that nobody holds any more may pile up before they are swept out.
const SWEEP_AT: usize = 1_024;

/// An object that something is made from.
#[derive(Debug, Default)]
pub(crate) struct Part {
    changed: AtomicBool,
}

impl Part {
    pub(crate) fn change(&self) {
        self.changed.store(true, Ordering::Release);
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.changed.load(Ordering::Acquire)
    }
}

/// The parts that are held, by object.
#[derive(Debug, Default)]
pub(crate) struct Parts(Mutex<HashMap<(Kind, String), Weak<Part>>>);

impl Parts {
    /// The part of an object, shared by all that is made from it.
    pub(crate) fn of(&self, kind: Kind, id: &str) -> Arc<Part> {
        let mut parts = self.lock();
        if let Some(part) = parts.get(&(kind, id.to_owned())).and_then(Weak::upgrade) {
            return part;
        }
        if parts.len() >= SWEEP_AT && parts.len().is_power_of_two() {
            parts.retain(|_, part| part.strong_count() > 0);
        }
        let part = Arc::new(Part::default());
        parts.insert((kind, id.to_owned()), Arc::downgrade(&part));
        part
    }

    /// Has everything made anew that is made from an object.
    pub(crate) fn change(&self, kind: Kind, id: &str) {
        if let Some(part) = self.lock().remove(&(kind, id.to_owned())).and_then(|part| part.upgrade()) {
            part.change();
        }
    }

    /// Has everything made anew.
    pub(crate) fn change_all(&self) {
        for part in self.lock().drain().filter_map(|(_, part)| part.upgrade()) {
            part.change();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Kind, String), Weak<Part>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
