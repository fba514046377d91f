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
        Self { waits, first_event: after(now, waits.first_event), total: after(now, waits.total) }
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

/// How long a body is still waited for. Time counts only while the upstream is waited for: a reader that takes its
/// time does not make the upstream idle.
#[derive(Debug)]
pub(crate) struct Patience {
    deadlines: Deadlines,
    begun: bool,
    waiting_since: Option<Instant>,
}

impl Patience {
    pub(crate) fn new(deadlines: Deadlines) -> Self {
        Self { deadlines, begun: false, waiting_since: None }
    }

    /// A piece of the body has come.
    pub(crate) fn arrived(&mut self) {
        self.begun = true;
        self.waiting_since = None;
    }

    /// When the next piece must be there. The wait for it begins with the first look.
    pub(crate) fn deadline(&mut self) -> Instant {
        if self.begun { self.idle().min(self.deadlines.total) } else { self.deadlines.first_byte() }
    }

    /// What a body failed of whose deadline has passed.
    pub(crate) fn lost(&mut self) -> Error {
        let idle = self.idle();
        if !self.begun {
            self.deadlines.first_byte_missed()
        } else if self.deadlines.total <= idle {
            failure::total_timeout(&self.deadlines.waits)
        } else {
            failure::idle_timeout(&self.deadlines.waits)
        }
    }

    fn idle(&mut self) -> Instant {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        after(since, self.deadlines.waits.idle)
    }
}

pin_project! {
    /// A body of reqwest's under [`Patience`].
    pub(crate) struct WaitedBody<S> {
        #[pin]
        body: S,
        #[pin]
        timer: Sleep,
        patience: Patience,
        ended: bool,
    }
}

impl<S> WaitedBody<S> {
    pub(crate) fn new(body: S, deadlines: Deadlines) -> Self {
        let timer = sleep_until(deadlines.first_byte());
        Self { body, timer, patience: Patience::new(deadlines), ended: false }
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
            match item {
                // An empty piece is no sign of life.
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    this.patience.arrived();
                    return Poll::Ready(Some(Ok(chunk)));
                }
                Some(Err(error)) => {
                    *this.ended = true;
                    return Poll::Ready(Some(Err(failure::cut(error.without_url()))));
                }
                None => {
                    *this.ended = true;
                    return Poll::Ready(None);
                }
            }
        }
        let deadline = this.patience.deadline();
        // Setting the timer anew for each piece would cost more than letting it ring early now and then.
        if this.timer.deadline() > deadline {
            this.timer.as_mut().reset(deadline);
        }
        if Instant::now() < deadline {
            ready!(this.timer.as_mut().poll(context));
            if this.timer.deadline() < deadline {
                this.timer.as_mut().reset(deadline);
                ready!(this.timer.as_mut().poll(context));
            }
        }
        *this.ended = true;
        Poll::Ready(Some(Err(this.patience.lost())))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::identity;

    use futures_util::{FutureExt, StreamExt, stream};
    use tokio::sync::mpsc;
    use tokio::time::advance;
    use trunkline_core::ErrorKind;

    use super::*;

    type Body = Pin<Box<dyn Stream<Item = Result<Bytes, Error>>>>;

    /// A body that is fed by hand, under the default waits.
    fn body() -> (mpsc::UnboundedSender<&'static str>, Body) {
        let (feed, mut fed) = mpsc::unbounded_channel::<&'static str>();
        let chunks = stream::poll_fn(move |context| fed.poll_recv(context))
            .map(|text| Ok(Bytes::from_static(text.as_bytes())));
        let body = WaitedBody::new(chunks, Deadlines::from_now(Waits::default()));
        (feed, Box::pin(body))
    }

    /// What there is to read at once.
    fn ready(body: &mut Body) -> Option<Result<Bytes, (ErrorKind, String)>> {
        let item = body.next().now_or_never().and_then(identity)?;
        Some(item.map_err(|error| (error.kind(), error.message().to_owned())))
    }

    fn timeout(message: &str) -> Option<Result<Bytes, (ErrorKind, String)>> {
        Some(Err((ErrorKind::UpstreamTimeout, message.to_owned())))
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_byte_is_waited_for_once() {
        let (feed, mut body) = body();
        advance(Duration::from_secs(299)).await;
        feed.send("").unwrap();
        assert_eq!(ready(&mut body), None, "an empty piece is no first byte");
        advance(Duration::from_secs(1)).await;
        assert_eq!(ready(&mut body), timeout("no answer from the upstream within 300 s"));
        assert!(body.next().now_or_never().is_some_and(|end| end.is_none()), "it is over");
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_starts_the_idle_wait_anew() {
        let (feed, mut body) = body();
        for _ in 0..5 {
            feed.send("x").unwrap();
            assert_eq!(ready(&mut body), Some(Ok(Bytes::from_static(b"x"))));
            assert_eq!(ready(&mut body), None);
            advance(Duration::from_secs(299)).await;
            assert_eq!(ready(&mut body), None);
        }
        advance(Duration::from_secs(1)).await;
        assert_eq!(ready(&mut body), timeout("the upstream sent nothing for 300 s"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_does_not_make_the_upstream_idle() {
        let (feed, mut body) = body();
        feed.send("x").unwrap();
        assert_eq!(ready(&mut body), Some(Ok(Bytes::from_static(b"x"))));
        advance(Duration::from_secs(1000)).await;
        assert_eq!(ready(&mut body), None, "nobody looked for a thousand seconds");
        advance(Duration::from_secs(299)).await;
        assert_eq!(ready(&mut body), None);
        advance(Duration::from_secs(1)).await;
        assert_eq!(ready(&mut body), timeout("the upstream sent nothing for 300 s"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_has_an_end() {
        let (feed, mut body) = body();
        for _ in 0..29 {
            feed.send("x").unwrap();
            assert_eq!(ready(&mut body), Some(Ok(Bytes::from_static(b"x"))));
            assert_eq!(ready(&mut body), None);
            advance(Duration::from_secs(200)).await;
        }
        feed.send("x").unwrap();
        assert_eq!(ready(&mut body), Some(Ok(Bytes::from_static(b"x"))));
        advance(Duration::from_secs(200)).await;
        assert_eq!(ready(&mut body), timeout("the upstream did not finish within 6000 s"));
    }

    /// The timer itself, not only a look at the clock, ends the wait.
    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_woken() {
        let (feed, mut body) = body();
        feed.send("x").unwrap();
        body.next().await;
        let start = Instant::now();
        let error = body.next().await.expect("an item").expect_err("a timeout");
        assert_eq!(error.message(), "the upstream sent nothing for 300 s");
        assert_eq!(start.elapsed().as_secs(), 300);
    }
}
