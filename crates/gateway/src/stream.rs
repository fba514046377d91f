//! A streamed reply on its way out: events rewritten, failures told, record and permit held to the end.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, Sleep};
use trunkline_core::{Error, ErrorKind, Event, EventStream};

use crate::admission::Permit;
use crate::closing::Closing;
use crate::record::{OpenRecord, Outcome};
use crate::reserve::Short;
use crate::rewrite::Rewrite;

/// A stream that is being sent to a caller.
///
/// Dropping it, which happens when the caller leaves, drops the upstream's stream and settles the record.
pub(crate) struct StreamBody {
    events: EventStream,
    rewrite: Rewrite,
    ready: VecDeque<Bytes>,
    ended: bool,
    /// What it waits for before it goes on.
    shortage: Option<Box<Shortage>>,
    keepalive: Option<Keepalive>,
    /// Fires when the time that open replies have at shutdown is over.
    stop: Pin<Box<OwnedNotified>>,
    record: Box<OpenRecord>,
    closing: Closing,
    _permit: Permit,
    /// What is held of the deployment that answers. `None` of a reply that was kept.
    upstream: Option<trunkline_router::Permit>,
    /// What keeps the reply, if it is to be kept.
    recorder: Option<trunkline_cache::Recorder>,
}

struct Keepalive {
    every: Duration,
    next: Pin<Box<Sleep>>,
}

/// There is too little reserved, and there may be more.
struct Shortage {
    short: Short,
    began: Instant,
    until: Pin<Box<Sleep>>,
}

impl StreamBody {
    pub(crate) fn new(
        events: EventStream,
        rewrite: Rewrite,
        record: Box<OpenRecord>,
        (permit, upstream): (Permit, Option<trunkline_router::Permit>),
        recorder: Option<trunkline_cache::Recorder>,
        stop: OwnedNotified,
        keepalive: Option<Duration>,
    ) -> Self {
        let keepalive = keepalive.map(|every| Keepalive { every, next: Box::pin(tokio::time::sleep(every)) });
        Self {
            events,
            rewrite,
            ready: VecDeque::new(),
            ended: false,
            shortage: None,
            keepalive,
            stop: Box::pin(stop),
            record,
            closing: Closing::default(),
            _permit: permit,
            upstream,
            recorder,
        }
    }

    /// Puts in the events that were waited for before the reply began.
    pub(crate) fn begin_with(&mut self, events: Vec<Event>) {
        self.take(events);
    }

    /// Begins without an event, because none came before the first ping was due.
    pub(crate) fn begin_with_ping(&mut self) {
        self.ready.push_back(self.rewrite.ping());
    }

    pub(crate) fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(bytes));
            }
            if self.ended {
                ready!(self.closing.poll(&mut self.record, context));
                return Poll::Ready(None);
            }
            if self.shortage.is_some() {
                if self.poll_shortage(context).is_pending() {
                    return self.poll_keepalive(context);
                }
                continue;
            }
            match self.events.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(events))) => self.take(events),
                Poll::Ready(Some(Err(error))) => self.fail(&error),
                Poll::Ready(None) => {
                    self.ended = true;
                    if let Some(upstream) = &mut self.upstream {
                        let told = self.record.observation.usage.as_ref();
                        // What is told in part is estimated first.
                        if let Some(usage) = told.filter(|usage| !usage.lacks_output) {
                            upstream.used(usage.total());
                        }
                        if let Some(kind) = self.record.observation.failed {
                            upstream.told_failure(kind);
                        }
                    }
                    if let Some(recorder) = self.recorder.take() {
                        recorder.finish();
                    }
                    let outcome = self.record.observation.failed.map_or(Outcome::Completed, Outcome::Failed);
                    self.record.end(outcome);
                }
                Poll::Pending if self.stop.as_mut().poll(context).is_ready() => self.fail(&stopped()),
                Poll::Pending => return self.poll_keepalive(context),
            }
        }
    }

    /// Waits until there may be more to reserve; nothing is read from the upstream meanwhile.
    fn poll_shortage(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(shortage) = &mut self.shortage else { return Poll::Ready(()) };
        if shortage.short.more.as_mut().is_none_or(|more| more.as_mut().poll(context).is_ready()) {
            self.reach();
        } else if shortage.until.as_mut().poll(context).is_ready() {
            let shortage = self.shortage.take();
            shortage.into_iter().for_each(|shortage| self.fail(&shortage.short.error));
        } else if self.stop.as_mut().poll(context).is_ready() {
            self.shortage = None;
            self.fail(&stopped());
        } else {
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Reserves as far as the stream has come, or ends it, or has it wait.
    fn reach(&mut self) {
        let since = self.shortage.take();
        let Err(short) = self.record.reach() else { return };
        if short.more.is_none() {
            return self.fail(&short.error);
        }
        let began = since.map_or_else(Instant::now, |since| since.began);
        let until = Box::pin(tokio::time::sleep_until(began + short.wait));
        self.shortage = Some(Box::new(Shortage { short, began, until }));
    }

    fn take(&mut self, events: Vec<Event>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.take(&events);
        }
        for event in &events {
            self.record.events += 1;
            if let Some(seen) = event.observation() {
                self.record.observe(seen.clone());
            }
        }
        let mut out = Vec::new();
        self.rewrite.events(events, &mut out);
        self.ready.extend(out);
        // An event for each token, as upstreams send them. What is complete has been used, whatever it cost.
        if !self.record.observation.terminal {
            self.reach();
        }
        if let Some(keepalive) = &mut self.keepalive {
            keepalive.next.as_mut().reset(Instant::now() + keepalive.every);
        }
    }

    /// Tells the caller that the stream failed. No terminal event follows: a cut stream must not look clean. Nobody will
    /// read what the upstream still sends, so that its call ends here, however slowly the caller takes what is left.
    fn fail(&mut self, error: &Error) {
        self.events = Box::pin(futures_util::stream::empty());
        let event = self.rewrite.failure(error, &self.record.call_id);
        self.ready.push_back(event.into_bytes());
        self.ended = true;
        self.recorder = None;
        if let Some(upstream) = &mut self.upstream {
            upstream.failed(error);
        }
        self.record.fail(error);
    }

    fn poll_keepalive(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(keepalive) = &mut self.keepalive else {
            return Poll::Pending;
        };
        if keepalive.next.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        keepalive.next.as_mut().reset(Instant::now() + keepalive.every);
        // The timer is asked once more, so that it wakes this task the next time too.
        let _ = keepalive.next.as_mut().poll(context);
        Poll::Ready(Some(self.rewrite.ping()))
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::ShuttingDown, "the gateway stopped before the reply was complete")
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.record.estimate();
        // Of what ended in good order this is known already.
        let Some(upstream) = &mut self.upstream else { return };
        match &self.record.observation.usage {
            Some(usage) => upstream.used(usage.total()),
            None => upstream.gave(self.record.events),
        }
    }
}

impl std::fmt::Debug for StreamBody {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StreamBody").field("record", &*self.record).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use futures_util::stream;
    use tokio::sync::Notify;
    use trunkline_core::Operation;

    use super::*;
    use crate::Settings;
    use crate::admission::Admission;
    use crate::record::LogRecorder;

    #[tokio::test]
    async fn the_upstream_s_call_ends_when_the_stream_fails_and_not_when_its_caller_has_read_that() {
        let settings = Settings::default();
        let upstream = Arc::new(());
        let held = Arc::clone(&upstream);
        let events: EventStream = Box::pin(stream::once(async move {
            let _held = held;
            std::future::pending().await
        }));
        let stop = Arc::new(Notify::new());
        let mut body = StreamBody::new(
            events,
            Rewrite::new(Operation::ChatCompletions, "m", &settings, false, None),
            OpenRecord::open("id".to_owned(), Cow::Borrowed("chat"), Arc::new(LogRecorder)),
            (Admission::new(&settings).admit().expect("there is room"), None),
            None,
            Arc::clone(&stop).notified_owned(),
            None,
        );
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(body.poll_bytes(&mut context).is_pending());
        stop.notify_waiters();
        let Poll::Ready(Some(told)) = body.poll_bytes(&mut context) else { panic!("the failure is told") };
        assert!(told.starts_with(b"data: {\"error\""), "{told:?}");
        assert_eq!(Arc::strong_count(&upstream), 1, "nobody holds the upstream's stream");
    }
}
