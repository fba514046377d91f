//! What the gate counts: the gateway in one thread, with nothing but memory on both of its sides.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rust_decimal::Decimal;
use tokio::io::duplex;
use trunkline_core::{Environment, Error, ErrorKind, Secret, Segments, TokenPrices};
use trunkline_gateway::{Gateway, Settings};
use trunkline_provider::{Limits, Registry, SendOptions, Target, Transport, TransportBody};
use trunkline_router::{DeploymentSpec, Router};

use crate::answer::Answer;
use crate::arguments::Arguments;
use crate::bench::request;
use crate::configuration::MASTER_KEY;
use crate::exchange::{Asked, READ_BYTES, exchange};
use crate::http1::{Body, Head, invalid};
use crate::lanes::PUBLIC;
use crate::payload::Payload;
use crate::script::Script;

/// Requests before those that count: tables grow, buffers find their sizes.
const WARM_UP: usize = 200;
/// The events of the streamed shape, the terminal one not counted, and how many of them arrive together.
const EVENTS: usize = 200;
const A_WRITE: usize = 16;
/// Larger than any reply, so that nobody waits for room.
const DUPLEX_BYTES: usize = 1 << 20;

/// An upstream in memory: the pieces of one reply, each of them as it would have arrived.
#[derive(Debug)]
struct MemoryTransport {
    content_type: HeaderValue,
    pieces: Vec<Bytes>,
}

#[async_trait]
impl Transport for MemoryTransport {
    async fn send(
        &self,
        request: http::Request<Segments>,
        _options: &SendOptions,
    ) -> Result<Response<TransportBody>, Error> {
        drop(request);
        let pieces = self.pieces.clone().into_iter();
        let body: TransportBody = Box::pin(stream::unfold(pieces, |mut pieces| async {
            // Each piece is an arrival of its own, for which the reader has to be woken.
            tokio::task::yield_now().await;
            pieces.next().map(|piece| (Ok(piece), pieces))
        }));
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, self.content_type.clone());
        Ok(response)
    }
}

/// Answers so many requests after a warm-up, all over one connection.
///
/// # Errors
///
/// Says which flag will not do, and which reply was wrong.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let requests: usize = arguments.number("requests", 1_000)?;
    let streams = match arguments.text("shape") {
        Some("whole") | None => false,
        Some("stream") => true,
        Some(other) => return Err(format!("--shape is `{other}`; it can be whole or stream")),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("there is no runtime: {error}"))?;
    runtime.block_on(serve(streams, WARM_UP + requests, b"")).map_err(|error| error.to_string())
}

/// Every reply is to hold a text. Looking for it is no part of what is counted, so that only tests name one.
async fn serve(streams: bool, requests: usize, holds: &'static [u8]) -> io::Result<()> {
    let gateway = Arc::new(gateway(streams).map_err(io::Error::other)?);
    let (mut near, far) = duplex(DUPLEX_BYTES);
    let header_wait = gateway.settings().waits.header;
    let service = service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(gateway.handle(request).await) }
    });
    // As the server serves a connection, less its deadline for writes.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_wait)
        .serve_connection(TokioIo::new(far), service);
    let calling = async {
        let body = Payload::Prompt(200).body(PUBLIC, streams);
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 4000));
        let request = request("/v1/chat/completions", address, "", &body);
        let mut buffer = vec![0; READ_BYTES];
        let asked = Asked { streams, holds };
        for _ in 0..requests {
            let reply = exchange(&mut near, &mut buffer, &request, asked, None).await?.reply;
            let events = if streams { EVENTS as u64 + 1 } else { 0 };
            if reply.status != 200
                || !reply.is_complete()
                || !reply.holds_its_text()
                || reply.events != events
            {
                return Err(invalid("a reply was wrong"));
            }
        }
        Ok(())
    };
    tokio::select! {
        // Without a fixed order of polls two runs would not agree.
        biased;
        called = calling => called,
        ended = connection => Err(ended.map_or_else(io::Error::other, |()| invalid("the connection ended"))),
    }
}

/// A gateway with its features on: key, limits, prices, another public name, `reasoning_content`.
fn gateway(streams: bool) -> Result<Gateway, Error> {
    let transport = Arc::new(transport(streams)?);
    let mut registry = Registry::new(transport, Environment::empty(), Limits::default());
    trunkline_openai::register(&mut registry);
    let mut builder = Router::builder(Arc::new(registry));
    builder.deployment(DeploymentSpec {
        group: PUBLIC.to_owned(),
        model: format!("openai/{}", model(streams)),
        target: Target {
            api_base: Some("http://127.0.0.1:9/v1".to_owned()),
            api_key: Some(Secret::new("sk-upstream")),
            extra_headers: HeaderMap::new(),
            ..Target::default()
        },
        parallel_calls_max: Some(100_000),
        prices: Some(prices()),
        ..DeploymentSpec::default()
    })?;
    let settings = Settings {
        master_key: Some(Secret::new(MASTER_KEY)),
        parallel_requests_max: Some(100_000),
        ..Settings::default()
    };
    Ok(Gateway::new(Arc::new(builder.build()), settings))
}

fn prices() -> TokenPrices {
    // 2.50 and 10 dollars for a million tokens.
    TokenPrices {
        input: Some(Decimal::new(25, 7)),
        output: Some(Decimal::new(1, 5)),
        ..TokenPrices::default()
    }
}

fn model(streams: bool) -> String {
    if streams { format!("stream-{EVENTS}x{A_WRITE}") } else { "whole-200".to_owned() }
}

/// The scripted answer as it comes out of a transport: without its head and its chunks' sizes.
fn transport(streams: bool) -> Result<MemoryTransport, Error> {
    let model = model(streams);
    let script = Script::parse(&model).ok_or_else(|| internal("the gate's script is none"))?;
    // The gateway asks every upstream for usage.
    let answer = Answer::new(script, &model, true);
    let broken = |_| internal("the scripted answer cannot be read");
    let mut pieces = Vec::new();
    let mut body = None;
    for write in &answer.writes {
        let (mut piece, mut rest) = (Vec::new(), write.as_ref());
        if body.is_none() {
            let head =
                Head::parse(rest).map_err(broken)?.ok_or_else(|| internal("the answer has no head"))?;
            body = Some(Body::new(head.framing));
            rest = &rest[head.bytes..];
        }
        if let Some(body) = &mut body {
            body.feed(rest, &mut |part| piece.extend_from_slice(part)).map_err(broken)?;
        }
        pieces.push(Bytes::from(piece));
    }
    let content_type = if streams { "text/event-stream" } else { "application/json" };
    Ok(MemoryTransport { content_type: HeaderValue::from_static(content_type), pieces })
}

fn internal(message: &'static str) -> Error {
    Error::new(ErrorKind::Internal, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::PUBLIC_MEMBER;

    #[tokio::test]
    async fn both_shapes_are_answered_rightly() {
        serve(false, 3, PUBLIC_MEMBER).await.expect("whole replies");
        serve(true, 3, PUBLIC_MEMBER).await.expect("streams");
    }
}
