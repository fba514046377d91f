//! A thread for what goes on beside requests.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// By how much less is given to threads beside requests than to those that serve them: a fourth of a core for which both
/// contend, which is more than rows take there.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// A thread of its own for work that takes long between one wait and the next, as making batches of rows does
/// ([`Accounting::work`](crate::Accounting::work)): it holds up no worker of the runtime, of which there may be one. On Linux
/// threads that serve requests go before it.
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
            make_way();
            let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(until_stopped)));
            // Nobody waits for it where the server has failed.
            let _ = end.send(outcome);
        })?;
        Ok(Self { stop, ended })
    }

    /// Does work on such a thread, and waits for its end, in which nothing else happens here: for what makes threads of its
    /// own, which make way for requests then as well. The thread of a [store](trunkline_store::SqliteStore::open) is one.
    pub fn begin<T: Send>(work: impl Future<Output = T> + Send) -> T {
        let runtime = Handle::current();
        let on_thread = || {
            make_way();
            runtime.block_on(work)
        };
        thread::scope(|scope| scope.spawn(on_thread).join()).unwrap_or_else(|panic| resume_unwind(panic))
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

/// Lets others go before this thread, and before those that it makes. Where the system does not say how, it stays as it is.
fn make_way() {
    #[cfg(target_os = "linux")]
    if let Ok(nice) = rustix::process::getpriority_process(None) {
        // More than that is the same to the system, and less is no privilege.
        let lowered = rustix::process::setpriority_process(None, nice.saturating_add(NICE));
        lowered.unwrap_or_else(
            |error| tracing::debug!(error = %error, "work beside requests does not make way"),
        );
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

    #[cfg(target_os = "linux")]
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn it_makes_way_and_so_do_the_threads_that_it_makes() {
        let nice = || rustix::process::getpriority_process(None).expect("a priority");
        let own = nice();
        let of_child = OwnThread::begin(async { thread::spawn(nice).join().expect("no panic") });
        let (tell, told) = oneshot::channel();
        let working = OwnThread::spawn("beside", async move {
            tell.send(nice()).expect("it is waited for");
        });
        let expected = (own + NICE).min(19);
        assert_eq!((of_child, told.await), (expected, Ok(expected)));
        working.expect("a thread").end().await;
        assert_eq!(nice(), own, "whoever serves requests does not");
    }
}
