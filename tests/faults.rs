//! Every fault once more, in process and with time paused: the gateway over a transport that fails by a script.

#[path = "e2e/faults/seen.rs"]
mod seen;
#[path = "e2e/faults/table.rs"]
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Full};
use trunkline::bytes::Bytes;
use trunkline::futures_util::{StreamExt, stream};
use trunkline::http::{HeaderMap, Request, Response, StatusCode};
use trunkline::{
    DeploymentSpec, Environment, Error, ErrorKind, Fallbacks, Limits, Registry, Router, Routing, Segments,
    SendOptions, Target, Transport, TransportBody, Waits, async_trait,
};
use trunkline_gateway::{Gateway, Settings};

use seen::Seen;
use table::ROWS;

const WHOLE: &str = r#"{"id":"x","model":"x","choices":[{"index":0,"message":{"content":"hello"}}]}"#;
const EVENT: &str =
    "data: {\"id\":\"x\",\"model\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const ERROR: &str = r#"{"error":{"message":"overloaded","type":"server_error","code":503}}"#;

/// As long as an attempt, and the wait for a first event, may be.
const WAIT: Duration = Duration::from_millis(300);

/// A transport whose upstreams fail as their names say, but for one.
#[derive(Debug, Default)]
struct Failing {
    /// How often the failing one was reached, and the good one.
    bad: AtomicUsize,
    good: AtomicUsize,
}

type Answered = Result<Response<TransportBody>, Error>;

#[async_trait]
impl Transport for Failing {
    async fn send(&self, request: Request<Segments>, options: &SendOptions) -> Answered {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let body = request.into_body().into_bytes();
        let is_stream = String::from_utf8_lossy(&body).contains("\"stream\":true");
        let waits = options.waits;
        let fault = host.strip_prefix("fault-").and_then(|number| number.parse::<usize>().ok());
        let reached = if fault.is_some() { &self.bad } else { &self.good };
        reached.fetch_add(1, Ordering::Relaxed);
        match fault {
            Some(number) => fail(ROWS[number][0], is_stream, waits).await,
            None if is_stream => events([Ok(EVENT), Ok(DONE)]),
            None => json(200, WHOLE),
        }
    }
}

async fn fail(fault: &str, is_stream: bool, waits: Waits) -> Answered {
    let half = &WHOLE[..40];
    let late = || Err(error(ErrorKind::UpstreamTimeout));
    match (fault, is_stream) {
        ("connection refused" | "name not known", _) => Err(error(ErrorKind::UpstreamUnreachable)),
        ("reset before the head", _) => Err(error(ErrorKind::UpstreamProtocol)),
        ("reset inside the body" | "truncated events", false) => {
            whole([Ok(half), Err(error(ErrorKind::UpstreamCut))])
        }
        ("reset inside the body", true) => events([Ok(EVENT), Err(error(ErrorKind::UpstreamCut))]),
        ("truncated events", true) => events([Ok(EVENT)]),
        ("200, then silence" | "slow drip", false) => late_by(waits.total, whole([late()])).await,
        ("200, then silence", true) => late_by(waits.first_event, events([late()])).await,
        ("signs of life, and no answer", false) => late_by(waits.total, whole([Ok(" "), late()])).await,
        ("signs of life, and no answer", true) => events_at_intervals(": ping\n\n"),
        ("an end, and nothing before it", false) => json(200, ""),
        ("an end, and nothing before it", true) => events([Ok(": ping\n\n"), Ok(DONE)]),
        ("slow drip", true) => late_by(waits.total, events([late()])).await,
        ("429", _) => refusal(429, "rate_limit_exceeded"),
        ("429 with seconds", _) => limited("1"),
        ("429 with a date", _) => {
            limited(&httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2)))
        }
        ("502 with HTML", _) => Ok(response(502, "text/html", [Ok("<html>Bad Gateway</html>")])),
        ("408", _) => refusal(408, "timeout"),
        ("409", _) => refusal(409, "conflict"),
        ("500", _) => refusal(500, "server_error"),
        ("503", _) => refusal(503, "overloaded"),
        ("401", _) => refusal(401, "authentication_error"),
        ("402", _) => refusal(402, "insufficient_funds"),
        ("403", _) => refusal(403, "forbidden"),
        ("404", _) => refusal(404, "model_not_found"),
        ("400, context window", _) => refusal(400, "context_length_exceeded"),
        ("400, content policy", _) => refusal(400, "content_policy_violation"),
        ("413", _) => refusal(413, "request_too_large"),
        ("garbage for JSON", false) => json(200, "{\"id\": oops"),
        ("garbage for JSON", true) => events([Ok("data: {\"id\": oops\n\n")]),
        ("error event first" | "error event later", false) => json(200, ERROR),
        ("error event first", true) => events([Ok(&*format!("data: {ERROR}\n\n")), Ok(DONE)]),
        ("error event later", true) => events([Ok(EVENT), Ok(&*format!("data: {ERROR}\n\n")), Ok(DONE)]),
        (unknown, _) => panic!("no script for {unknown}"),
    }
}

/// The clock is paused: it moves on as soon as everybody waits.
async fn late_by(wait: Duration, answered: Answered) -> Answered {
    let _ = tokio::time::timeout(wait, std::future::pending::<()>()).await;
    answered
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "scripted")
}

fn response<'a>(
    status: u16,
    content_type: &str,
    pieces: impl IntoIterator<Item = Result<&'a str, Error>>,
) -> Response<TransportBody> {
    let pieces: Vec<Result<Bytes, Error>> =
        pieces.into_iter().map(|piece| piece.map(|text| Bytes::from(text.to_owned()))).collect();
    let body: TransportBody = stream::iter(pieces).boxed();
    Response::builder().status(status).header("content-type", content_type).body(body).expect("a response")
}

fn whole<'a>(pieces: impl IntoIterator<Item = Result<&'a str, Error>>) -> Answered {
    Ok(response(200, "application/json", pieces))
}

fn events<'a>(pieces: impl IntoIterator<Item = Result<&'a str, Error>>) -> Answered {
    Ok(response(200, "text/event-stream", pieces))
}

/// The same for ever, every 20 ms.
fn events_at_intervals(text: &'static str) -> Answered {
    let body: TransportBody = stream::unfold((), move |()| async move {
        let _ = tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await;
        Some((Ok(Bytes::from_static(text.as_bytes())), ()))
    })
    .boxed();
    Ok(events([])?.map(|_| body))
}

fn json(status: u16, text: &str) -> Answered {
    Ok(response(status, "application/json", [Ok(text)]))
}

fn refusal(status: u16, code: &str) -> Answered {
    json(status, &format!(r#"{{"error":{{"message":"it says {code}","type":"{code}","code":"{code}"}}}}"#))
}

fn limited(retry_after: &str) -> Answered {
    let mut response = refusal(429, "rate_limit_exceeded")?;
    response.headers_mut().insert("retry-after", retry_after.parse().expect("a header"));
    Ok(response)
}

/// A gateway for one cell, so that no cell knows of another.
fn gateway(transport: &Arc<Failing>, row: usize, beside: &str) -> Gateway {
    let transport = Arc::<Failing>::clone(transport);
    let mut registry = Registry::new(transport, Environment::empty(), Limits::default());
    trunkline::openai::register(&mut registry);
    let mut fallbacks = Fallbacks::default();
    if beside == "fallback" {
        fallbacks.general.insert("m".to_owned(), vec!["next".to_owned()]);
    }
    let mut builder =
        Router::builder(Arc::new(registry)).routing(Routing { fallbacks, ..Routing::default() });
    let mut add = |group: &str, id: &str, order: i64, host: &str| {
        let waits = Waits { first_event: WAIT, total: WAIT, ..Waits::default() };
        let target = Target {
            api_base: Some(format!("http://{host}/v1")),
            api_key: Some("sk-1".into()),
            send: SendOptions { waits, ..SendOptions::default() },
            ..Target::default()
        };
        let spec = DeploymentSpec {
            group: group.to_owned(),
            model: "openai/x".to_owned(),
            id: Some(format!("cell.{id}")),
            order,
            target,
            ..DeploymentSpec::default()
        };
        builder.deployment(spec).expect("a known prefix");
    };
    add("m", "bad", 1, &format!("fault-{row}"));
    match beside {
        "two" => add("m", "good", 2, "good"),
        "fallback" => add("next", "other", 1, "good"),
        _ => {}
    }
    Gateway::new(Arc::new(builder.build()), Settings::default())
}

async fn seen(row: usize, beside: &str) -> String {
    let is_stream = ROWS[row][1] == "stream";
    let stream = if is_stream { r#""stream":true,"# } else { "" };
    let body = format!(r#"{{"model":"m",{stream}"messages":[{{"role":"user","content":"hi"}}]}}"#);
    let request = Request::post("/v1/chat/completions")
        .header("host", "localhost")
        .header("x-trunkline-trace", "1")
        .body(Full::new(Bytes::from(body)))
        .expect("a request");
    let transport = Arc::default();
    let response = gateway(&transport, row, beside).handle(request).await;
    let (head, body) = response.into_parts();
    let text = body.collect().await.expect("a body").to_bytes();
    let header = |headers: &HeaderMap, name: &str| {
        headers.get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default()
    };
    assert!(head.status != StatusCode::INTERNAL_SERVER_ERROR || ROWS[row][0] == "500");
    Seen {
        status: head.status.as_u16(),
        attempts: &header(&head.headers, "x-trunkline-attempts"),
        deployment: &header(&head.headers, "x-litellm-model-id"),
        text: &String::from_utf8_lossy(&text),
        is_stream,
        reached: (Some(transport.bad.load(Ordering::Relaxed)), transport.good.load(Ordering::Relaxed)),
    }
    .told()
}

#[tokio::test(start_paused = true)]
async fn every_fault_is_met_as_the_table_says() {
    assert_eq!(ROWS.len(), 54);
    for (row, [fault, shape, expected @ ..]) in ROWS.iter().enumerate() {
        for (beside, expected) in ["alone", "two", "fallback"].into_iter().zip(expected) {
            assert_eq!(seen(row, beside).await, *expected, "{fault}, {shape}, {beside}");
        }
    }
}
