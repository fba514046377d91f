//! What goes on beside requests, and what is left to do once the last has ended.

use std::future::{pending, ready};
use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::task::JoinSet;
use trunkline_export::Exporter;
use trunkline_redis::Writer;

use crate::accounts::Accounts;

/// What goes on beside requests.
pub(crate) struct Beside {
    pub(crate) accounts: Option<Accounts>,
    pub(crate) exporter: Option<Arc<Exporter>>,
    /// What writes replies to where other processes find them.
    pub(crate) writer: Option<Writer>,
}

/// The task in which it goes on: what it works at, batches of rows above all, holds up nobody who connects.
pub(crate) struct Working(JoinSet<()>);

impl Working {
    pub(crate) fn on(work: impl Future<Output = ()> + Send + 'static) -> Self {
        let mut task = JoinSet::new();
        task.spawn(work);
        Self(task)
    }

    /// Never ends by itself: a panic in the task goes on here.
    pub(crate) async fn watch(&mut self) {
        if let Some(Err(error)) = self.0.join_next().await {
            // Nobody but `end` cancels it.
            resume_unwind(error.into_panic());
        }
    }

    /// Ends the task, and returns once it has ended.
    pub(crate) async fn end(mut self) {
        self.0.shutdown().await;
    }
}

impl Beside {
    /// Follows what others change, delivers rows, sends them to others, writes replies that are to be kept. Never ends.
    pub(crate) async fn work(self: Arc<Self>) {
        tokio::join!(
            if_any(self.accounts.as_ref().map(|accounts| accounts.accounting.work())),
            if_any(self.exporter.as_ref().map(|exporter| exporter.run(pending()))),
            if_any(self.writer.as_ref().map(|writer| writer.write())),
        );
    }

    /// Brings what is left to where it belongs, for as long as each may take.
    pub(crate) async fn finish(&self) {
        if let Some(accounts) = &self.accounts {
            accounts.accounting.finish().await;
        }
        if let Some(exporter) = &self.exporter {
            exporter.run(ready(())).await;
        }
    }
}

/// Work, or a wait without an end where there is none.
pub(crate) async fn if_any(work: Option<impl Future<Output = ()>>) {
    match work {
        Some(work) => work.await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_takes_long_beside_requests_holds_up_no_request() {
        let (go_on, told) = mpsc::channel();
        let mut working = Working::on(async move {
            told.recv_timeout(Duration::from_secs(10)).expect("somebody else has gone on meanwhile");
            pending::<()>().await;
        });
        tokio::select! {
            biased;
            () = working.watch() => panic!("it ended by itself"),
            told = async { go_on.send(()) } => told.expect("it waits to be told"),
        }
        working.end().await;
    }
}
