//! The end of a reply: its record is settled before the last byte goes out, and on the disk where that is wanted.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::record::OpenRecord;

/// Settles a record once, and holds back the end of its reply until the row is as safe as the ledger keeps it.
#[derive(Default)]
pub(crate) struct Closing {
    is_begun: bool,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Closing {
    /// Settles the record, and is ready once the row is safe. A disk that refuses it has been told of by the ledger, and
    /// is no reason to hold the reply back: the row is delivered all the same.
    pub(crate) fn poll(&mut self, record: &mut OpenRecord, context: &mut Context<'_>) -> Poll<()> {
        if !std::mem::replace(&mut self.is_begun, true) {
            let closed = record.settle().filter(trunkline_ledger::Closed::must_wait);
            self.waiting = closed.map(|closed| -> Pin<Box<dyn Future<Output = ()> + Send>> {
                Box::pin(async move {
                    if let Err(error) = closed.synced().await {
                        tracing::error!(error = %error, "a row of the ledger is not on the disk");
                    }
                })
            });
        }
        match &mut self.waiting {
            Some(waiting) => waiting.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Closing").field("is_begun", &self.is_begun).finish_non_exhaustive()
    }
}
