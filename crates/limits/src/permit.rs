//! Leave for a request to be worked on.

use std::sync::Arc;

use crate::Account;

/// Leave for a request to be worked on. Dropping it gives the places among the calls at one time back; the requests of
/// the minute stay taken.
#[derive(Debug, Default)]
#[must_use = "dropping it gives the places back"]
pub struct Permit {
    places: Vec<Arc<Account>>,
}

impl Permit {
    /// Holds a place of an account.
    pub(crate) fn hold(&mut self, account: &Arc<Account>) {
        self.places.push(Arc::clone(account));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        for account in &self.places {
            account.state().give_place_back();
        }
    }
}
