//! A caller: one connection, one request after another, and a look at every reply.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::exchange::{Asked, READ_BYTES, exchange};
use crate::http1::invalid;
use crate::reply::Reply;

/// No exchange of any lane takes longer; a run must not hang.
const EXCHANGE_MAX: Duration = Duration::from_secs(180);

/// What is asked, and what a right reply is.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Requests as they go over the wire, sent in turn.
    pub(crate) requests: Vec<Bytes>,
    /// The events of a right stream, the terminal one included. `None` for whole replies.
    pub(crate) events: Option<u64>,
    /// A text that a right reply holds.
    pub(crate) holds: &'static [u8],
    /// Whether refusals with 500 are part of the plan.
    pub(crate) expects_refusals: bool,
}

/// One connection to what is measured.
#[derive(Debug)]
pub(crate) struct Caller {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    /// Counts events as they come, for those who look before a stream has ended.
    events: Option<Arc<AtomicU64>>,
}

impl Caller {
    /// A caller that connects with its first request.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: vec![0; READ_BYTES], events: None }
    }

    /// The same, which counts events where they can be seen at once.
    pub(crate) fn counting(address: SocketAddr, events: Arc<AtomicU64>) -> Self {
        Self { events: Some(events), ..Self::new(address) }
    }

    /// Sends a request and looks at the reply, to its end.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the exchange or with the reply. The next exchange connects anew.
    pub(crate) async fn exchange(&mut self, request: &[u8], plan: &Plan) -> io::Result<Reply> {
        let was_kept = self.stream.is_some();
        let asked = Asked { streams: plan.events.is_some(), holds: plan.holds };
        let mut outcome = self.exchange_in_time(request, asked).await;
        if was_kept && outcome.as_ref().is_err_and(was_closed) {
            // The other side may close a connection that rests, and every client then makes another one.
            self.stream = None;
            outcome = self.exchange_in_time(request, asked).await;
        }
        let checked = outcome.and_then(|reply| check(reply, plan));
        if checked.is_err() {
            self.stream = None;
        }
        checked
    }

    async fn exchange_in_time(&mut self, request: &[u8], asked: Asked) -> io::Result<Reply> {
        let exchanging = self.exchange_once(request, asked);
        let exchanged = tokio::time::timeout(EXCHANGE_MAX, exchanging).await;
        exchanged.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn exchange_once(&mut self, request: &[u8], asked: Asked) -> io::Result<Reply> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            empty => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                empty.insert(stream)
            }
        };
        let counted = self.events.as_deref();
        let exchanged = exchange(stream, &mut self.buffer, request, asked, counted).await?;
        if exchanged.closes {
            self.stream = None;
        }
        Ok(exchanged.reply)
    }
}

/// Whether a connection ended before a reply began.
fn was_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

fn check(reply: Reply, plan: &Plan) -> io::Result<Reply> {
    if reply.status == 500 && plan.expects_refusals {
        return Ok(reply);
    }
    if reply.status != 200 {
        return Err(io::Error::other(format!("a reply has status {}", reply.status)));
    }
    if !reply.is_complete() {
        return Err(invalid("a reply came to its end without what is to stand there"));
    }
    if !reply.holds_its_text() {
        let text = String::from_utf8_lossy(plan.holds);
        return Err(io::Error::other(format!("a reply does not hold `{text}`")));
    }
    if let Some(events) = plan.events
        && events != reply.events
    {
        let message = format!("a stream has {} events instead of {events}", reply.events);
        return Err(io::Error::other(message));
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Upstream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn ask(model: &str, events: Option<u64>) -> io::Result<Reply> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let body = format!(r#"{{"model":"{model}"}}"#);
        let request = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let plan = Plan { requests: Vec::new(), events, holds: b"", expects_refusals: false };
        let mut caller = Caller::new(address);
        let upstream = Upstream::default();
        let serving = async {
            let (stream, _) = listener.accept().await.expect("a caller");
            upstream.serve(stream).await
        };
        tokio::select! {
            reply = caller.exchange(request.as_bytes(), &plan) => reply,
            served = serving => panic!("{served:?}"),
        }
    }

    #[tokio::test]
    async fn a_kept_connection_that_was_closed_is_made_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut caller = Caller::new(listener.local_addr().expect("bound"));
        let plan = Plan { requests: Vec::new(), events: None, holds: b"", expects_refusals: false };
        let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n8765431";
        let serving = async {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a caller");
                let mut request = [0; 4];
                stream.read_exact(&mut request).await.expect("a request");
                stream.write_all(reply).await.expect("it listens");
            }
        };
        let calling = async {
            for _ in 0..3 {
                assert_eq!(caller.exchange(b"ping", &plan).await.expect("a reply").status, 200);
            }
        };
        tokio::select! {
            () = calling => {}
            () = serving => {}
        }
    }

    #[tokio::test]
    async fn replies_are_right_or_refused() {
        assert_eq!(ask("whole-200", None).await.expect("right").status, 200);
        assert_eq!(ask("stream-20x4", Some(21)).await.expect("right").events, 21);
        let wrong = |outcome: io::Result<Reply>| outcome.expect_err("it is wrong").to_string();
        assert_eq!(wrong(ask("stream-20x4", Some(20)).await), "a stream has 21 events instead of 20");
        assert_eq!(wrong(ask("fault-100", None).await), "a reply has status 500");
    }
}
