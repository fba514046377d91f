//! The body of a response: bytes that are there already, or a stream that carries its record and permit.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use trunkline_core::Segments;

use crate::stream::StreamBody;

/// The body of a response.
///
/// It never fails: what goes wrong in a stream is told in the stream.
#[derive(Debug)]
pub struct ReplyBody(Content);

#[derive(Debug)]
enum Content {
    Whole(VecDeque<Bytes>),
    Stream(Box<StreamBody>),
}

impl ReplyBody {
    /// A body of no bytes.
    pub(crate) fn empty() -> Self {
        Self(Content::Whole(VecDeque::new()))
    }

    pub(crate) fn stream(stream: StreamBody) -> Self {
        Self(Content::Stream(Box::new(stream)))
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
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().0 {
            Content::Whole(parts) => Poll::Ready(parts.pop_front().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Stream(stream) => {
                stream.poll_bytes(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole(parts) => parts.is_empty(),
            Content::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(parts) => SizeHint::with_exact(parts.iter().map(|part| part.len() as u64).sum()),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}
