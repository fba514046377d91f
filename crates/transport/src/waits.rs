//! A reply's body that gives up when the upstream is silent for too long.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use trunkline_core::Error;
use trunkline_provider::Waits;

use crate::failure;

/// When a call must have got how far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    waits: Waits,
    first_event: Instant,
    total: Instant,
}

impl Deadlines {
    /// Those of a call that begins now.
    pub(crate) fn from_now(waits: Waits) -> Self {
        let now = Instant::now();
        Self {
            waits,
            first_event: after(now, waits.first_event),
            total: after(now, waits.total),
        }
    }

    pub(crate) fn waits(&self) -> &Waits {
        &self.waits
    }

    /// When the first byte of the body must be there.
    pub(crate) fn first_byte(&self) -> Instant {
        self.first_event.min(self.total)
    }

    /// What a call that saw no byte until [`Deadlines::first_byte`] failed of.
    pub(crate) fn first_byte_missed(&self) -> Error {
        if self.total <= self.first_event {
            failure::total_timeout(&self.waits)
        } else {
            failure::first_event_timeout(&self.waits)
        }
    }
}

/// A wait that is too long for the clock is no wait at all.
fn after(now: Instant, wait: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now + wait.min(LONG)
}

pin_project! {
    /// A body under [`Deadlines`]. Time counts only while the upstream is waited for: a reader that takes its
    /// time does not make the upstream idle.
    pub(crate) struct WaitedBody<S> {
        #[pin]
        body: S,
        #[pin]
        timer: Sleep,
        deadlines: Deadlines,
        begun: bool,
        waiting_since: Option<Instant>,
        ended: bool,
    }
}

impl<S> WaitedBody<S> {
    pub(crate) fn new(body: S, deadlines: Deadlines) -> Self {
        Self {
            body,
            timer: sleep_until(deadlines.first_byte()),
            deadlines,
            begun: false,
            waiting_since: None,
            ended: false,
        }
    }
}

impl<S: Stream<Item = reqwest::Result<Bytes>>> Stream for WaitedBody<S> {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        while let Poll::Ready(item) = this.body.as_mut().poll_next(context) {
            *this.waiting_since = None;
            match item {
                // An empty piece is no sign of life.
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    *this.begun = true;
                    return Poll::Ready(Some(Ok(chunk)));
                }
                Some(Err(error)) => {
                    *this.ended = true;
                    return Poll::Ready(Some(Err(failure::cut(error))));
                }
                None => {
                    *this.ended = true;
                    return Poll::Ready(None);
                }
            }
        }
        let now = Instant::now();
        let since = *this.waiting_since.get_or_insert(now);
        let idle = after(since, this.deadlines.waits.idle);
        let deadline = if *this.begun {
            idle.min(this.deadlines.total)
        } else {
            this.deadlines.first_byte()
        };
        // Setting the timer anew for each piece would cost more than letting it ring early now and then.
        if this.timer.deadline() > deadline {
            this.timer.as_mut().reset(deadline);
        }
        if now < deadline {
            ready!(this.timer.as_mut().poll(context));
            if this.timer.deadline() < deadline {
                this.timer.as_mut().reset(deadline);
                ready!(this.timer.as_mut().poll(context));
            }
        }
        *this.ended = true;
        let error = if !*this.begun {
            this.deadlines.first_byte_missed()
        } else if this.deadlines.total <= idle {
            failure::total_timeout(&this.deadlines.waits)
        } else {
            failure::idle_timeout(&this.deadlines.waits)
        };
        Poll::Ready(Some(Err(error)))
    }
}
