//! Where objects are read: in the store, or in what was known before while that does not answer.

use trunkline_core::Error;
use trunkline_store::{Kind, Object, Store};

use crate::snapshot::Snapshot;

/// What says which objects there are.
#[derive(Clone, Copy)]
pub(crate) enum Source<'s> {
    Store(&'s dyn Store),
    /// What is not in it there is not.
    Snapshot(&'s Snapshot),
}

impl Source<'_> {
    pub(crate) async fn object(self, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
        match self {
            Self::Store(store) => store.object(kind, id).await,
            Self::Snapshot(snapshot) => Ok(snapshot.object(kind, id).cloned()),
        }
    }

    /// The object of an id, if there is one.
    pub(crate) async fn named(self, kind: Kind, id: Option<&str>) -> Result<Option<Object>, Error> {
        match id {
            Some(id) => self.object(kind, id).await,
            None => Ok(None),
        }
    }
}
