//! From the journal to the store: in batches, again and again until the store has them.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use trunkline_core::{Error, ErrorKind};

use crate::rows::{Batch, Undelivered};
use crate::shared::{Failure, Shared, now};

/// One delivery, which goes on where the last one stopped.
#[derive(Debug)]
pub(crate) struct Delivery<'l> {
    shared: &'l Shared,
    undelivered: &'l mut Undelivered,
    failures: u32,
    is_stopping: bool,
}

impl<'l> Delivery<'l> {
    pub(crate) fn new(shared: &'l Shared, undelivered: &'l mut Undelivered) -> Self {
        Self { shared, undelivered, failures: 0, is_stopping: false }
    }

    /// Delivers until `stop`, then what is there as long as there is time.
    pub(crate) async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        {
            // A batch that is under way when `stop` comes is sent again, which the store leaves out.
            let mut stop = pin!(stop);
            let mut deliver = pin!(self.deliver());
            std::future::poll_fn(|context| {
                if stop.as_mut().poll(context).is_ready() {
                    return std::task::Poll::Ready(());
                }
                deliver.as_mut().poll(context)
            })
            .await;
        }
        self.is_stopping = true;
        let stop_timeout = self.shared.options.stop_timeout;
        // Whether all was delivered or time ran out: what is left stays in the journal.
        let _ = timeout(stop_timeout, self.deliver()).await;
    }

    /// Delivers what an earlier process left.
    pub(crate) async fn run_earlier(mut self) {
        let journal = &self.shared.journal;
        while journal.settled() < journal.opened_at() {
            self.step_or_wait().await;
        }
    }

    /// Delivers for ever, or when it is stopping, until there is nothing left.
    async fn deliver(&mut self) {
        loop {
            match self.step_or_wait().await {
                Some(false) if self.is_stopping => return,
                Some(false) => self.wait_for_rows().await,
                Some(true) | None => {}
            }
        }
    }

    /// Delivers one batch. Whether there was one; `None` if it failed, and it was waited as long as is to be waited then.
    async fn step_or_wait(&mut self) -> Option<bool> {
        match self.step().await {
            Ok(is_something) => {
                if is_something {
                    self.succeeded();
                }
                Some(is_something)
            }
            Err(error) => {
                self.failed(&error);
                sleep(self.backoff()).await;
                None
            }
        }
    }

    /// Delivers rows of one batch, as many as the store takes at one time. Whether there were any.
    async fn step(&mut self) -> Result<bool, Error> {
        let Undelivered { rows, batch: slot, at_once } = &mut *self.undelivered;
        let batch = match slot.take() {
            Some(batch) => batch,
            None => {
                let (began_at, end) = (now(), self.shared.journal.end());
                let read = |position, bytes_max| self.shared.journal.read(position, bytes_max);
                let mut batch = rows.next(read, self.shared.options.batch_rows_max)?;
                self.shared.counts.waiting.fetch_add(batch.earlier as i64, Ordering::Relaxed);
                // What is closed within the same millisecond may stand after it.
                batch.reaches = (batch.next >= end).then_some(began_at - 1);
                batch
            }
        };
        let is_nothing = batch.is_nothing();
        // It stays in its slot while it is sent: whoever ends this loses nothing.
        let batch = slot.insert(batch);
        send(self.shared, batch, at_once).await?;
        if let Some(batch) = slot.take_if(|batch| batch.taken == batch.rows.len()) {
            self.taken(&batch);
        }
        Ok(!is_nothing)
    }

    /// Notes that the store has all of a batch.
    fn taken(&self, batch: &Batch) {
        self.shared.is_in_doubt.store(false, Ordering::Relaxed);
        let counts = &self.shared.counts;
        counts.waiting.fetch_sub(batch.unreadable_own as i64, Ordering::Relaxed);
        if let Some(reaches) = batch.reaches {
            self.shared.delivered_until.fetch_max(reaches, Ordering::Relaxed);
        }
        if batch.unreadable > 0 {
            counts.unreadable.fetch_add(batch.unreadable, Ordering::Relaxed);
            tracing::error!(records = batch.unreadable, "records of the journal could not be read");
        }
        if batch.settles {
            self.shared.journal.settle();
        }
        if batch.next > self.shared.journal.forgotten() || batch.settles {
            // Were it not written down, the rows would be sent again after the next start, and left out by the store.
            if let Err(error) = self.shared.journal.forget_until(batch.next) {
                tracing::warn!(error = %error, causes = error.causes(), "the ledger's journal was not cleared");
            }
        }
    }

    /// Waits for a first row, and then for a batch of them. It is called when nothing was there to be read, and never
    /// returns before it was told of a row or time has passed: a count that were wrong must not make it look again at once.
    async fn wait_for_rows(&self) {
        let options = &self.shared.options;
        let waiting = || self.shared.counts.waiting.load(Ordering::Relaxed);
        let mut is_told = false;
        while waiting() <= 0 {
            self.shared.filled.notified().await;
            is_told = true;
        }
        let batch_is_full = async {
            while !is_told || waiting() < options.batch_rows_max as i64 {
                self.shared.filled.notified().await;
                is_told = true;
            }
        };
        // Whichever is first.
        let _ = timeout(options.batch_wait, batch_is_full).await;
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        if let Some(failure) = self.shared.failure() {
            self.shared.set_failure(None);
            tracing::info!(duration_ms = now() - failure.since, "the store takes rows of the ledger again");
        }
    }

    fn failed(&mut self, error: &Error) {
        self.failures = self.failures.saturating_add(1);
        self.shared.is_in_doubt.store(true, Ordering::Relaxed);
        let before = self.shared.failure();
        if before.is_none() {
            tracing::warn!(error = %error, causes = error.causes(), "the store takes no rows; they wait in the journal");
        }
        let since = before.map_or_else(now, |failure| failure.since);
        self.shared.set_failure(Some(Failure { since, error: error.message().to_owned() }));
    }

    /// How long to wait after a failure: twice as long as the last time, less a random part of up to a half.
    fn backoff(&self) -> Duration {
        let options = &self.shared.options;
        let doublings = self.failures.saturating_sub(1).min(16);
        let whole = options.backoff_min.saturating_mul(1 << doublings).min(options.backoff_max);
        let nanoseconds = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
        whole - Duration::from_nanos(self.shared.ids.random() % (nanoseconds / 2 + 1))
    }
}

/// Gives the store the next rows of a batch. So many that it did not take are halved, and doubled again once it takes them
/// in less than a quarter of its time, so that twice as many are not late again.
async fn send(shared: &Shared, batch: &mut Batch, at_once: &mut usize) -> Result<(), Error> {
    let left = &batch.rows[batch.taken..];
    let rows = &left[..left.len().min((*at_once).max(1))];
    let count = rows.len();
    if count == 0 {
        return Ok(());
    }
    let (began, limit) = (Instant::now(), shared.options.store_timeout);
    let late = || Error::new(ErrorKind::StoreUnavailable, "the store did not take rows in time");
    let recorded = timeout(limit, shared.store.record(rows)).await.map_err(|_| late()).flatten();
    if recorded.is_err() {
        *at_once = count / 2;
    } else if began.elapsed() < limit / 4 {
        *at_once = (*at_once).max(1).saturating_mul(2).min(shared.options.batch_rows_max);
    }
    recorded?;
    batch.taken += count;
    shared.counts.waiting.fetch_sub(count as i64, Ordering::Relaxed);
    shared.counts.delivered.fetch_add(count as u64, Ordering::Relaxed);
    Ok(())
}
