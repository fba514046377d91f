//! The body of a response: bytes that are there already, or a stream that carries its record and permit.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::futures::OwnedNotified;
use trunkline_core::{ByteStream, Error, ErrorKind, Segments};

use crate::admission::Permit;
use crate::closing::Closing;
use crate::record::{OpenRecord, Outcome};
use crate::stream::StreamBody;

/// The body of a response.
///
/// What goes wrong in a stream of events is told in the stream. Sound and plain texts have no words for it: there
/// the body fails, so that the connection ends before the message does.
#[derive(Debug)]
pub struct ReplyBody(Content);

#[derive(Debug)]
enum Content {
    Whole(VecDeque<Bytes>),
    /// A whole reply of an upstream, with what must live as long as it.
    Held(Box<Held>),
    Stream(Box<StreamBody>),
    /// Bytes as they come from an upstream.
    Bytes(Box<BytesBody>),
}

struct BytesBody {
    bytes: ByteStream,
    /// Fires when the time that open replies have at shutdown is over.
    stop: Pin<Box<OwnedNotified>>,
    ended: bool,
    /// What it failed of, until it is told.
    failed: Option<Error>,
    record: Box<OpenRecord>,
    closing: Closing,
    _permit: Permit,
    /// What is held of the deployment that answers.
    upstream: trunkline_router::Permit,
}

#[derive(Debug)]
struct Held {
    parts: VecDeque<Bytes>,
    record: Box<OpenRecord>,
    closing: Closing,
    _permit: Permit,
}

impl ReplyBody {
    /// The same body, which settles the record and gives the permit back when it has been sent, or is dropped.
    pub(crate) fn holding(self, record: Box<OpenRecord>, permit: Permit) -> Self {
        match self.0 {
            Content::Whole(parts) => Self(Content::Held(Box::new(Held {
                parts,
                record,
                closing: Closing::default(),
                _permit: permit,
            }))),
            held => Self(held),
        }
    }

    /// A body of no bytes.
    pub(crate) fn empty() -> Self {
        Self(Content::Whole(VecDeque::new()))
    }

    /// Bytes as they come, which settle the record and give the permit back at their end.
    pub(crate) fn bytes(
        bytes: ByteStream,
        record: Box<OpenRecord>,
        permit: Permit,
        upstream: trunkline_router::Permit,
        stop: OwnedNotified,
    ) -> Self {
        let stop = Box::pin(stop);
        Self(Content::Bytes(Box::new(BytesBody {
            bytes,
            stop,
            ended: false,
            failed: None,
            record,
            closing: Closing::default(),
            _permit: permit,
            upstream,
        })))
    }

    pub(crate) fn stream(stream: StreamBody) -> Self {
        Self(Content::Stream(Box::new(stream)))
    }
}

impl BytesBody {
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if self.ended {
            ready!(self.closing.poll(&mut self.record, context));
            return Poll::Ready(self.failed.take().map(Err));
        }
        let item = match self.bytes.as_mut().poll_next(context) {
            Poll::Ready(item) => item,
            Poll::Pending => {
                ready!(self.stop.as_mut().poll(context));
                let message = "the gateway stopped before the reply was complete";
                Some(Err(Error::new(ErrorKind::ShuttingDown, message)))
            }
        };
        self.ended = !matches!(item, Some(Ok(_)));
        match item {
            Some(Ok(bytes)) => Poll::Ready(Some(Ok(bytes))),
            None => {
                self.record.end(Outcome::Completed);
                ready!(self.closing.poll(&mut self.record, context));
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                self.record.fail(&error);
                self.upstream.failed(&error);
                // Nobody will read what is still sent.
                self.bytes = Box::pin(futures_util::stream::empty());
                self.failed = Some(error);
                // The connection ends with the error, and with it goes what was not written yet: first of all, what
                // came before goes out.
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl std::fmt::Debug for BytesBody {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BytesBody").field("record", &*self.record).finish_non_exhaustive()
    }
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        Self::from(Segments::from(bytes))
    }
}

impl From<Segments> for ReplyBody {
    fn from(segments: Segments) -> Self {
        Self(Content::Whole(segments.into_iter().collect()))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.get_mut().0 {
            Content::Whole(parts) => Poll::Ready(parts.pop_front().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Held(held) => {
                if held.parts.len() <= 1 {
                    held.record.end(Outcome::Completed);
                    ready!(held.closing.poll(&mut held.record, context));
                }
                Poll::Ready(held.parts.pop_front().map(|bytes| Ok(Frame::data(bytes))))
            }
            Content::Stream(stream) => {
                stream.poll_bytes(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Content::Bytes(bytes) => {
                bytes.poll_bytes(context).map(|item| item.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole(parts) => parts.is_empty(),
            Content::Held(held) => held.parts.is_empty(),
            Content::Stream(_) | Content::Bytes(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(parts) => SizeHint::with_exact(parts.iter().map(|part| part.len() as u64).sum()),
            Content::Held(held) => {
                SizeHint::with_exact(held.parts.iter().map(|part| part.len() as u64).sum())
            }
            Content::Stream(_) | Content::Bytes(_) => SizeHint::default(),
        }
    }
}
