//! Waiting until a record is on the disk.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use trunkline_core::{Error, ErrorKind};

use crate::position::Position;
use crate::shared::Shared;

/// Ready once a record is on the disk; at once, where the journal is not kept so.
#[derive(Debug)]
#[must_use = "a record is forced to the disk for those who wait for it"]
pub struct Synced {
    waits: Option<(Arc<Shared>, Position)>,
}

impl Synced {
    pub(crate) fn at_once() -> Self {
        Self { waits: None }
    }

    pub(crate) fn of(shared: &Arc<Shared>, position: Position) -> Self {
        if shared.is_sync() { Self { waits: Some((Arc::clone(shared), position)) } } else { Self::at_once() }
    }
}

impl Future for Synced {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((shared, position)) = &self.waits else { return Poll::Ready(Ok(())) };
        let mut progress = shared.progress();
        if progress.failed.is_some_and(|(from, until)| (from..until).contains(position)) {
            let message = "a record could not be forced to the disk";
            return Poll::Ready(Err(Error::new(ErrorKind::StoreUnavailable, message)));
        }
        if *position < progress.until {
            return Poll::Ready(Ok(()));
        }
        if progress.is_over {
            let message = "the journal was closed before a record was on the disk";
            return Poll::Ready(Err(Error::new(ErrorKind::StoreUnavailable, message)));
        }
        progress.waiting.push(context.waker().clone());
        drop(progress);
        shared.want_sync();
        Poll::Pending
    }
}
