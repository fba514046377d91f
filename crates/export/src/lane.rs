//! The way to one destination: its queue, and what sends it.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::sleep;
use trunkline_provider::Transport;

use crate::batch::Batch;
use crate::destination::Form;
use crate::item::Item;
use crate::post::post;
use crate::queue::Queue;
use crate::standing::Counts;
use crate::{Destination, ExportOptions, Standing, backoff};

#[derive(Debug)]
pub(crate) struct Lane {
    destination: Destination,
    options: ExportOptions,
    queue: Queue,
    counts: Counts,
    /// Whether the last POST that came to an end failed: the log is told of changes alone.
    is_failing: AtomicBool,
}

impl Lane {
    pub(crate) fn new(destination: Destination, options: ExportOptions) -> Self {
        let queue = Queue::new(&options);
        Self { destination, options, queue, counts: Counts::default(), is_failing: AtomicBool::new(false) }
    }

    /// Queues the item that `make` makes, where there is room for it.
    pub(crate) fn push(&self, make: impl FnOnce() -> Item) {
        // Where nobody takes anything, not even the copy is made. Others may fill the queue meanwhile.
        if self.queue.is_full() || !self.queue.push(make()) {
            self.counts.dropped.add(1);
        }
    }

    /// Whether its destination is told of more than requests.
    pub(crate) fn takes_notices(&self) -> bool {
        matches!(self.destination.form, Form::Webhook)
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing {
            name: self.destination.form.name(),
            queued: self.queue.len(),
            sent: self.counts.sent.get(),
            dropped: self.counts.dropped.get(),
            lost: self.counts.lost.get(),
            failed_posts: self.counts.failed_posts.get(),
        }
    }

    /// Sends what is queued until `stopping` says so, and then what is left, as long as that may take.
    pub(crate) async fn run(&self, transport: &dyn Transport, stopping: watch::Receiver<bool>) {
        let senders = (0..self.options.posts_max.max(1)).map(|_| self.send(transport, stopping.clone()));
        let mut stopped = stopping.clone();
        let too_late = async {
            until(&mut stopped).await;
            sleep(self.options.flush_timeout).await;
        };
        tokio::select! {
            _ = join_all(senders) => {}
            () = too_late => {}
        }
        let left = loop {
            let batch = Batch::take(&self.queue, &self.counts);
            if batch.items().is_empty() {
                break self.counts.lost.get();
            }
            batch.give_up();
        };
        if left > 0 {
            let name = self.destination.form.name();
            tracing::warn!(callback = name, rows = left, "rows were never taken by their destination");
        }
    }

    async fn send(&self, transport: &dyn Transport, mut stopping: watch::Receiver<bool>) {
        loop {
            let is_stopping = tokio::select! {
                biased;
                () = until(&mut stopping) => true,
                () = self.queue.wait(self.options.batch_wait) => false,
            };
            // Another sender may have been quicker.
            let batch = Batch::take(&self.queue, &self.counts);
            if !batch.items().is_empty() {
                self.deliver(transport, batch).await;
            } else if is_stopping {
                return;
            }
        }
    }

    async fn deliver(&self, transport: &dyn Transport, batch: Batch<'_>) {
        // Made once, so that what is sent again is the same to the byte.
        let body = self.destination.form.body(&batch);
        let mut attempt = 1;
        loop {
            match post(transport, &self.destination, &self.options, body.clone()).await {
                Ok(reply) => {
                    let rejected = self.destination.form.rejected(&reply);
                    if rejected == 0 {
                        self.tell_of_success();
                    } else {
                        self.tell_of_failure(&format!("it rejected {rejected} of what it was sent"));
                    }
                    return batch.sent(rejected);
                }
                Err(refused) => {
                    self.counts.failed_posts.add(1);
                    self.tell_of_failure(&refused.why);
                    if !refused.is_passing || attempt >= self.options.attempts_max {
                        return batch.give_up();
                    }
                    sleep(backoff::wait(&self.options, attempt, refused.retry_after)).await;
                    attempt += 1;
                }
            }
        }
    }

    fn tell_of_failure(&self, why: &str) {
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            let name = self.destination.form.name();
            tracing::warn!(callback = name, error = why, "a destination of exported rows fails");
        }
    }

    fn tell_of_success(&self) {
        if self.is_failing.swap(false, Ordering::Relaxed) {
            let Standing { name, dropped, lost, .. } = self.standing();
            tracing::info!(callback = name, dropped, lost, "a destination of exported rows answers again");
        }
    }
}

/// Until the owner says that it is time to stop, or is gone.
async fn until(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
}
