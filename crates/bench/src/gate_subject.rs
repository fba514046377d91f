//! What the gate counts: gateway and transport in one thread, with nothing but memory on both of their sides.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, Uri};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rust_decimal::Decimal;
use tokio::io::duplex;
use trunkline_core::{Environment, Error, Secret};
use trunkline_gateway::{Gateway, LineRecorder, Log, LogForm, LogLines, Recorder, Settings};
use trunkline_metrics::Metrics;
use trunkline_prices::{Price, Prices, Rates};
use trunkline_provider::{Limits, Registry, Target};
use trunkline_router::{DeploymentSpec, Router};
use trunkline_transport::{Connect, Duplex, HttpTransport, TransportOptions};

use crate::arguments::Arguments;
use crate::bench::request;
use crate::configuration::CALLER_KEY;
use crate::exchange::{Asked, READ_BYTES, exchange};
use crate::http1::invalid;
use crate::lanes::PUBLIC;
use crate::payload::Payload;
use crate::upstream::Upstream;

/// Requests before those that count: tables grow, buffers find their sizes.
const WARM_UP: usize = 200;
/// The events of the streamed shape, the terminal one not counted, and how many of them arrive together.
const EVENTS: usize = 200;
const A_WRITE: usize = 16;
/// Larger than any reply, so that nobody waits for room.
const DUPLEX_BYTES: usize = 1 << 20;

/// Connects to the scripted upstream in memory: what is counted includes its parsing of requests, which is little.
#[derive(Debug, Default)]
struct InMemory {
    upstream: Arc<Upstream>,
}

#[async_trait]
impl Connect for InMemory {
    async fn connect(&self, _: &Uri) -> io::Result<Box<dyn Duplex>> {
        let (near, far) = duplex(DUPLEX_BYTES);
        let upstream = Arc::clone(&self.upstream);
        tokio::spawn(async move {
            // The end of the run ends it as well.
            let _ended = upstream.serve(far).await;
        });
        Ok(Box::new(near))
    }
}

/// Answers so many requests after a warm-up, all over one connection. With `--metrics` they are counted besides, which
/// the kept figures leave out.
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
    runtime
        .block_on(serve(streams, arguments.has("metrics"), WARM_UP + requests, b""))
        .map_err(|error| error.to_string())
}

/// Every reply is to hold a text. Looking for it is no part of what is counted, so that only tests name one.
async fn serve(streams: bool, counts: bool, requests: usize, holds: &'static [u8]) -> io::Result<()> {
    let log = Log::start(LogForm::Text, io::sink())?;
    let gateway = Arc::new(gateway(streams, counts, log.lines()).map_err(io::Error::other)?);
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

/// A gateway with its features on: key, log, limits, prices, another public name, `reasoning_content`.
fn gateway(streams: bool, counts: bool, log: LogLines) -> Result<Gateway, Error> {
    let connect: Arc<dyn Connect> = Arc::new(InMemory::default());
    let transport =
        HttpTransport::new(TransportOptions { connect: Some(connect), ..TransportOptions::default() })?;
    let mut registry = Registry::new(Arc::new(transport), Environment::empty(), Limits::default());
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
        price: Some(price()),
        ..DeploymentSpec::default()
    })?;
    let settings = Settings {
        master_key: Some(Secret::new(CALLER_KEY)),
        parallel_requests_max: Some(100_000),
        ..Settings::default()
    };
    let mut recorder: Arc<dyn Recorder> = Arc::new(LineRecorder::new(log));
    if counts {
        recorder = Arc::new(Metrics::new(recorder, Prices::bundled(), 1_000));
    }
    Ok(Gateway::new(Arc::new(builder.build()), settings).with_recorder(recorder))
}

fn price() -> Price {
    // 2.50 and 10 dollars for a million tokens.
    let (input, output) = (Some(Decimal::new(25, 7)), Some(Decimal::new(1, 5)));
    Price { rates: Rates { input, output, ..Rates::default() }, ..Price::default() }
}

fn model(streams: bool) -> String {
    if streams { format!("stream-{EVENTS}x{A_WRITE}") } else { "whole-200".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::PUBLIC_MEMBER;

    #[tokio::test]
    async fn both_shapes_are_answered_rightly() {
        serve(false, false, 3, PUBLIC_MEMBER).await.expect("whole replies");
        serve(true, true, 3, PUBLIC_MEMBER).await.expect("streams, counted");
    }
}
