//! An upstream in memory: it answers from a value and notes what was sent to it and what became of its body.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use trunkline_core::{Error, ErrorKind, Segments};
use trunkline_provider::{SendOptions, Transport, TransportBody};

/// What the upstream does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It answers.
    Reply(UpstreamReply),
    /// No answer comes, and the exchange fails so.
    Failure(ErrorKind),
    /// Nothing comes, ever.
    Silence,
}

/// An answer of the upstream.
#[derive(Clone, Debug)]
pub struct UpstreamReply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, in the pieces in which it arrives.
    pub pieces: Vec<Bytes>,
    /// What comes after the last piece.
    pub after: After,
}

/// What comes after the last piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The body ends in good order.
    End,
    /// Nothing, ever.
    Silence,
    /// The exchange fails so.
    Failure(ErrorKind),
}

impl UpstreamReply {
    /// A body of this media type, in one piece.
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let status = StatusCode::from_u16(status).expect("the status stands in a fixture");
        Self { status, headers, pieces: vec![body.into()], after: After::End }
    }

    /// A JSON document.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, "application/json", body)
    }

    /// An event stream.
    pub fn events(body: impl Into<Bytes>) -> Self {
        Self::new(200, "text/event-stream", body)
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    /// The same body in pieces that begin at these offsets, which ascend.
    #[must_use]
    pub fn cut_at(mut self, offsets: &[usize]) -> Self {
        let mut pieces = std::mem::take(&mut self.pieces);
        let mut rest = if pieces.len() == 1 { pieces.remove(0) } else { pieces.concat().into() };
        let mut start = 0;
        for &offset in offsets {
            if offset > start && offset - start < rest.len() {
                self.pieces.push(rest.split_to(offset - start));
                start = offset;
            }
        }
        self.pieces.push(rest);
        self
    }

    /// The same with another end.
    #[must_use]
    pub fn then(mut self, after: After) -> Self {
        self.after = after;
        self
    }
}

impl From<UpstreamReply> for Answer {
    fn from(reply: UpstreamReply) -> Self {
        Self::Reply(reply)
    }
}

/// A request as the transport was given it.
#[derive(Clone, Debug)]
pub struct SentRequest {
    /// Its method.
    pub method: Method,
    /// Its address.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body in one piece.
    pub body: Bytes,
}

/// A transport without a network. Cheap to clone; clones share what they note.
#[derive(Clone, Debug)]
pub struct InMemoryTransport {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    answer: Answer,
    requests: Vec<SentRequest>,
    exchanges_open: usize,
    pieces_taken: usize,
}

impl InMemoryTransport {
    /// A transport that gives this answer to every request, until it is told another.
    pub fn answering(answer: impl Into<Answer>) -> Self {
        let shared =
            Shared { answer: answer.into(), requests: Vec::new(), exchanges_open: 0, pieces_taken: 0 };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Gives this answer from now on, and forgets what was noted.
    pub fn answer(&self, answer: impl Into<Answer>) {
        let mut shared = self.shared();
        shared.answer = answer.into();
        shared.requests.clear();
        shared.pieces_taken = 0;
    }

    /// The requests since the answer was set.
    pub fn requests(&self) -> Vec<SentRequest> {
        self.shared().requests.clone()
    }

    /// How many exchanges are neither read to their end nor dropped.
    pub fn exchanges_open(&self) -> usize {
        self.shared().exchanges_open
    }

    /// How many pieces of bodies were taken since the answer was set.
    pub fn pieces_taken(&self) -> usize {
        self.shared().pieces_taken
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for InMemoryTransport {
    async fn send(
        &self,
        request: http::Request<Segments>,
        _options: &SendOptions,
    ) -> Result<http::Response<TransportBody>, Error> {
        let (head, body) = request.into_parts();
        let sent = SentRequest {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body: body.into_bytes(),
        };
        let answer = {
            let mut shared = self.shared();
            shared.requests.push(sent);
            shared.answer.clone()
        };
        let exchange = Exchange::open(self);
        match answer {
            Answer::Failure(kind) => Err(failure(kind)),
            Answer::Silence => std::future::pending().await,
            Answer::Reply(reply) => {
                let body: TransportBody =
                    Box::pin(Body { pieces: reply.pieces.into_iter(), after: reply.after, exchange });
                let mut response = http::Response::new(body);
                *response.status_mut() = reply.status;
                *response.headers_mut() = reply.headers;
                Ok(response)
            }
        }
    }
}

fn failure(kind: ErrorKind) -> Error {
    Error::new(kind, "the exchange in memory was told to fail")
}

/// Counts as open until it is dropped.
#[derive(Debug)]
struct Exchange(InMemoryTransport);

impl Exchange {
    fn open(transport: &InMemoryTransport) -> Self {
        transport.shared().exchanges_open += 1;
        Self(transport.clone())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.shared().exchanges_open -= 1;
    }
}

#[derive(Debug)]
struct Body {
    pieces: std::vec::IntoIter<Bytes>,
    after: After,
    exchange: Exchange,
}

impl Stream for Body {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(piece) = self.pieces.next() {
            self.exchange.0.shared().pieces_taken += 1;
            return Poll::Ready(Some(Ok(piece)));
        }
        match self.after {
            After::End => Poll::Ready(None),
            After::Silence => Poll::Pending,
            After::Failure(kind) => {
                self.after = After::End;
                Poll::Ready(Some(Err(failure(kind))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_where_they_were_asked_for() {
        let pieces = |offsets: &[usize]| UpstreamReply::events("abcdef").cut_at(offsets).pieces;
        assert_eq!(pieces(&[]), ["abcdef"]);
        assert_eq!(pieces(&[0, 1, 4, 4, 6, 9]), ["a", "bcd", "ef"]);
    }
}
