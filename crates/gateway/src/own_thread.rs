//! A thread for what goes on beside requests.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// A thread of its own for work that takes long between one wait and the next, as making batches of rows does
/// ([`Accounting::work`](crate::Accounting::work)): it holds up no worker of the runtime, of which there may be one.
///
/// Its owner ends it. If it is dropped instead, the work ends at its next wait, and nobody waits for that.
#[derive(Debug)]
pub struct OwnThread {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<thread::Result<()>>,
}

impl OwnThread {
    /// Begins work. Connections and timers are those of the runtime that this is called in, which must outlive it.
    ///
    /// # Errors
    ///
    /// What the system says where it has no thread left.
    pub fn spawn(name: &str, work: impl Future<Output = ()> + Send + 'static) -> io::Result<Self> {
        let ((stop, stopped), (end, ended)) = (oneshot::channel(), oneshot::channel());
        let runtime = Handle::current();
        let until_stopped = async {
            tokio::select! {
                () = work => {}
                _ = stopped => {}
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(until_stopped)));
            // Nobody waits for it where the server has failed.
            let _ = end.send(outcome);
        })?;
        Ok(Self { stop, ended })
    }

    /// Returns when the work has ended by itself. A panic in it goes on here.
    pub async fn watch(&mut self) {
        if let Ok(Err(panic)) = (&mut self.ended).await {
            resume_unwind(panic);
        }
    }

    /// Ends the work, and returns once it has ended. A panic in it goes on here.
    pub async fn end(self) {
        drop(self.stop);
        if !self.ended.is_terminated()
            && let Ok(Err(panic)) = self.ended.await
        {
            resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_takes_long_beside_requests_holds_up_no_request() {
        let (go_on, told) = mpsc::channel();
        let (begin, begun) = oneshot::channel();
        let mut working = OwnThread::spawn("beside", async move {
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
    async fn work_that_has_ended_by_itself_can_be_ended() {
        let mut working = OwnThread::spawn("short", async {}).expect("a thread");
        working.watch().await;
        working.end().await;
    }

    #[tokio::test]
    async fn a_panic_beside_requests_is_one_of_whoever_watches() {
        let mut working = OwnThread::spawn("beside", async { panic!("a fault") }).expect("a thread");
        let watching = tokio::spawn(async move { working.watch().await });
        assert!(watching.await.expect_err("it panics too").is_panic());
    }
}
