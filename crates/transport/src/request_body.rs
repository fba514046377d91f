//! A request's segments as a body of known length, without a copy.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use trunkline_core::Segments;

/// The body that reqwest sends. Its length is known, so that it goes out under `content-length`.
pub(crate) fn request_body(segments: Segments) -> reqwest::Body {
    // Nothing, and one piece, are what reqwest holds itself.
    if segments.iter().len() <= 1 {
        return segments.into_bytes().into();
    }
    reqwest::Body::wrap(SegmentsBody { left: segments.len(), segments: segments.into_iter() })
}

#[derive(Debug)]
struct SegmentsBody {
    segments: <Segments as IntoIterator>::IntoIter,
    left: usize,
}

impl Body for SegmentsBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        Poll::Ready(this.segments.next().map(|segment| {
            this.left -= segment.len();
            Ok(Frame::data(segment))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}
