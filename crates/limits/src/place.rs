//! The place of a call that waits.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::Account;
use crate::state::State;

/// A place in the queue of an account. Dropping it leaves the queue, and calls the next one.
#[derive(Debug)]
pub(crate) struct Place {
    account: Arc<Account>,
    number: u64,
    call: Arc<Notify>,
}

impl Place {
    /// Joins the queue of an account that is locked already.
    pub(crate) fn join(account: &Arc<Account>, state: &mut State, number: u64) -> Self {
        let call = Arc::new(Notify::new());
        state.queue.join(number, Arc::clone(&call));
        Self { account: Arc::clone(account), number, call }
    }

    pub(crate) fn is_at(&self, account: &Arc<Account>) -> bool {
        Arc::ptr_eq(&self.account, account)
    }

    /// Where the call stands in the order of all.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Waits to be called.
    pub(crate) async fn called(&self) {
        self.call.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.account.state().queue.leave(self.number);
    }
}
