//! What goes on beside requests, and what is left to do once the last has ended.

use std::future::{pending, ready};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
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

/// The thread in which it goes on: what it works at, batches of rows above all, holds up no request, whatever the number of
/// cores.
pub(crate) struct Working {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<thread::Result<()>>,
}

impl Working {
    /// Begins it. Connections and timers are those of the runtime that it is called in.
    pub(crate) fn on(work: impl Future<Output = ()> + Send + 'static) -> io::Result<Self> {
        let ((stop, stopped), (end, ended)) = (oneshot::channel(), oneshot::channel());
        let runtime = Handle::current();
        let until_stopped = async {
            tokio::select! {
                () = work => {}
                _ = stopped => {}
            }
        };
        thread::Builder::new().name("beside".to_owned()).spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(until_stopped)));
            // Nobody waits for it where the server has failed.
            let _ = end.send(outcome);
        })?;
        Ok(Self { stop, ended })
    }

    /// Never ends by itself: a panic in the thread goes on here.
    pub(crate) async fn watch(&mut self) {
        if let Ok(Err(panic)) = (&mut self.ended).await {
            resume_unwind(panic);
        }
    }

    /// Ends it, and returns once it has ended.
    pub(crate) async fn end(self) {
        drop(self.stop);
        if let Ok(Err(panic)) = self.ended.await {
            resume_unwind(panic);
        }
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_takes_long_beside_requests_holds_up_no_request() {
        let (go_on, told) = mpsc::channel();
        let (begin, begun) = oneshot::channel();
        let mut working = Working::on(async move {
            begin.send(()).expect("it is waited for");
            told.recv_timeout(Duration::from_secs(10)).expect("a request has gone on meanwhile");
            pending::<()>().await;
        })
        .expect("a thread");
        begun.await.expect("it begins");
        let request = tokio::spawn(async move { go_on.send(()) });
        tokio::select! {
            () = working.watch() => panic!("it ended by itself"),
            told = request => told.expect("it ends").expect("it waits to be told"),
        }
        working.end().await;
    }

    #[tokio::test]
    async fn a_panic_beside_requests_is_one_of_whoever_watches() {
        let mut working = Working::on(async { panic!("a fault") }).expect("a thread");
        let watching = tokio::spawn(async move { working.watch().await });
        assert!(watching.await.expect_err("it panics too").is_panic());
    }
}
