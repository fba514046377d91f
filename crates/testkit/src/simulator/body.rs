//! A reply's body as a list of steps: write, wait, stall, cut.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::connection::Wire;
use super::exchange::Exchange;
use super::fault::CutKind;
use super::outcome::Outcome;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Write(Bytes),
    Wait(Duration),
    /// Until the control plane releases it.
    Stall,
    Cut(CutKind),
    /// Until the caller leaves.
    Hold,
}

/// A body that plays its steps. Each write reaches the socket before the next step begins.
pub(crate) struct PacedBody {
    steps: VecDeque<Step>,
    /// The bytes that the head promises; `None` for a chunked body.
    length: Option<u64>,
    wire: Arc<Wire>,
    exchange: Exchange,
    waiting: Option<Waiting>,
}

enum Waiting {
    Flush(u64),
    Future(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl PacedBody {
    pub(crate) fn new(
        steps: impl Into<VecDeque<Step>>,
        length: Option<u64>,
        wire: Arc<Wire>,
        mut exchange: Exchange,
    ) -> Self {
        let steps = steps.into();
        if steps.is_empty() {
            exchange.end(Outcome::Complete);
        }
        // A step that is no write waits until the head is out, which a write takes along.
        let head_first = !matches!(steps.front(), Some(Step::Write(_)) | None);
        let waiting = head_first.then(|| Waiting::Flush(wire.flushes()));
        Self { steps, length, wire, exchange, waiting }
    }

    fn write(&mut self, bytes: Bytes) -> Frame<Bytes> {
        self.exchange.first_byte();
        self.exchange.sent(bytes.len());
        if self.steps.is_empty() {
            self.exchange.end(Outcome::Complete);
        } else {
            self.waiting = Some(Waiting::Flush(self.wire.flushes()));
        }
        Frame::data(bytes)
    }

    fn poll_waiting(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.waiting {
            Some(Waiting::Flush(beyond)) => ready!(self.wire.poll_flushed(*beyond, context)),
            Some(Waiting::Future(future)) => ready!(future.as_mut().poll(context)),
            None => {}
        }
        self.waiting = None;
        Poll::Ready(())
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            ready!(self.poll_waiting(context));
            match self.steps.pop_front() {
                Some(Step::Write(bytes)) => return Poll::Ready(Some(Ok(self.write(bytes)))),
                Some(Step::Wait(wait)) => {
                    self.waiting = Some(Waiting::Future(Box::pin(tokio::time::sleep(wait))));
                }
                Some(Step::Stall) => {
                    let released = self.exchange.released();
                    self.waiting = Some(Waiting::Future(Box::pin(released)));
                }
                Some(Step::Cut(how)) => {
                    match how {
                        CutKind::Close => {}
                        CutKind::Reset => self.wire.end_with_reset(),
                    }
                    self.exchange.end(Outcome::Cut);
                    return Poll::Ready(Some(Err(io::Error::other("cut here by a fault"))));
                }
                Some(Step::Hold) => {
                    // The connection wakes its task when the caller leaves.
                    self.steps.push_front(Step::Hold);
                    return Poll::Pending;
                }
                None => {
                    self.exchange.end(Outcome::Complete);
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.waiting.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl fmt::Debug for PacedBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PacedBody").field("steps", &self.steps).finish_non_exhaustive()
    }
}
