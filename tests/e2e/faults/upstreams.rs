//! Every way in which an upstream fails, as a script.

use std::time::{Duration, SystemTime};

use trunkline_testkit::upstream::{Cut, Pause, Script, ScriptedUpstream, Step, refused_url};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    Stream,
}

/// A fault, by its name in the table.
pub(super) struct Fault {
    pub(super) name: &'static str,
    /// `timeout` and `stream_timeout` of the one that fails, in seconds: short where they are what it fails of.
    pub(super) waits: (f32, f32),
    /// What of them runs out, in the words that the caller reads.
    pub(super) lost: Option<fn(Shape) -> &'static str>,
    kind: Kind,
}

enum Kind {
    /// Nobody listens.
    Refused,
    /// The name has no address.
    Unresolved,
    /// Every request is answered by this script.
    Script(fn(Shape) -> Script),
}

const fn script(name: &'static str, script: fn(Shape) -> Script) -> Fault {
    Fault { name, waits: (LONG, LONG), lost: None, kind: Kind::Script(script) }
}

const fn met(name: &'static str, kind: Kind) -> Fault {
    Fault { name, waits: (LONG, LONG), lost: None, kind }
}

/// One that is too slow.
const fn slow(name: &'static str, lost: fn(Shape) -> &'static str, script: fn(Shape) -> Script) -> Fault {
    Fault { name, waits: (0.5, 0.3), lost: Some(lost), kind: Kind::Script(script) }
}

const UNFINISHED: &str = "the upstream did not finish within 500 ms";
const NO_ANSWER: &str = "no answer from the upstream within 300 ms";
const NO_EVENT: &str = "no event from the upstream within 300 ms";

/// Longer than anything takes.
pub(super) const LONG: f32 = 15.0;

pub(super) const WHOLE: &str = r#"{"id":"x","object":"chat.completion","model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}"#;
pub(super) const EVENT: &str = "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"model\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\n\n";
pub(super) const DONE: &str = "data: [DONE]\n\n";

const ERROR_EVENT: &str =
    "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":503}}\n\n";

/// All of them, in the order of the table.
pub(super) const FAULTS: &[Fault] = &[
    met("connection refused", Kind::Refused),
    met("name not known", Kind::Unresolved),
    script("reset before the head", |_| Script::cut_before_head(Cut::Reset)),
    script("reset inside the body", |shape| match shape {
        Shape::Whole => Script::json_cut_at(200, WHOLE.as_bytes(), 40, Cut::Reset),
        Shape::Stream => begun([Step::Reset]),
    }),
    slow(
        "200, then silence",
        |shape| if shape == Shape::Whole { UNFINISHED } else { NO_ANSWER },
        |shape| match shape {
            Shape::Whole => Script::json_cut_at(200, WHOLE.as_bytes(), 40, Cut::Stall),
            Shape::Stream => Script::silence_after_head(),
        },
    ),
    slow(
        "slow drip",
        |shape| if shape == Shape::Whole { UNFINISHED } else { NO_EVENT },
        |shape| match shape {
            Shape::Whole => dripping(&Script::json(200, WHOLE)),
            Shape::Stream => Script::sse_drip(EVENT.as_bytes(), Duration::from_millis(20)),
        },
    ),
    slow(
        "signs of life, and no answer",
        |shape| if shape == Shape::Whole { UNFINISHED } else { NO_EVENT },
        |shape| match shape {
            Shape::Whole => dripping(&Script::json(200, " ".repeat(100))),
            Shape::Stream => pinging(),
        },
    ),
    script("408", |_| refusal(408, "timeout")),
    script("409", |_| refusal(409, "conflict")),
    script("429", |_| refusal(429, "rate_limit_exceeded")),
    script("429 with seconds", |_| limited("1")),
    script("429 with a date", |_| {
        limited(&httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2)))
    }),
    script("500", |_| refusal(500, "server_error")),
    script("502 with HTML", |_| {
        Script::reply(502, &[("content-type", "text/html")], "<html><h1>Bad Gateway</h1></html>")
    }),
    script("503", |_| refusal(503, "overloaded")),
    script("401", |_| refusal(401, "authentication_error")),
    script("402", |_| refusal(402, "insufficient_funds")),
    script("403", |_| refusal(403, "forbidden")),
    script("404", |_| refusal(404, "model_not_found")),
    script("400, context window", |_| refusal(400, "context_length_exceeded")),
    script("400, content policy", |_| refusal(400, "content_policy_violation")),
    script("413", |_| refusal(413, "request_too_large")),
    script("garbage for JSON", |shape| match shape {
        Shape::Whole => Script::json(200, "{\"id\": oops"),
        Shape::Stream => Script::sse(["data: {\"id\": oops\n\n"]),
    }),
    script("truncated events", |shape| match shape {
        Shape::Whole => Script::json_cut_at(200, WHOLE.as_bytes(), 40, Cut::Close),
        Shape::Stream => Script::sse([EVENT]),
    }),
    script("an end, and nothing before it", |shape| match shape {
        Shape::Whole => Script::json(200, ""),
        Shape::Stream => Script::sse([": ping\n\n", DONE]),
    }),
    script("error event first", |shape| match shape {
        Shape::Whole => Script::json(200, ERROR_EVENT["data: ".len()..].trim_end()),
        Shape::Stream => Script::sse([ERROR_EVENT, DONE]),
    }),
    script("error event later", |shape| match shape {
        Shape::Whole => Script::json(200, ERROR_EVENT["data: ".len()..].trim_end()),
        Shape::Stream => Script::sse([EVENT, ERROR_EVENT, DONE]),
    }),
];

impl Fault {
    /// Where it is met. The upstream lives as long as what is given beside.
    pub(super) async fn base(&self, shape: Shape) -> (String, Option<ScriptedUpstream>) {
        match self.kind {
            Kind::Refused => (refused_url().await.expect("a port"), None),
            Kind::Unresolved => ("http://trunkline-no-such-host.invalid".to_owned(), None),
            Kind::Script(script) => {
                let upstream = ScriptedUpstream::answering(move |_, _| script(shape)).await;
                let upstream = upstream.expect("a loopback port");
                (upstream.url(), Some(upstream))
            }
        }
    }
}

fn refusal(status: u16, code: &str) -> Script {
    Script::json(
        status,
        format!(r#"{{"error":{{"message":"it says {code}","type":"{code}","code":"{code}"}}}}"#),
    )
}

fn limited(retry_after: &str) -> Script {
    let body = r#"{"error":{"message":"slow down","type":"rate_limit_exceeded"}}"#;
    Script::reply(429, &[("content-type", "application/json"), ("retry-after", retry_after)], body)
}

/// A stream of which one event has come, and then this.
fn begun(then: impl IntoIterator<Item = Step>) -> Script {
    let mut steps = Script::sse([EVENT]).steps;
    // The end in good order.
    steps.pop();
    steps.extend(then);
    Script::new(steps)
}

/// A stream of comments.
fn pinging() -> Script {
    let mut steps = Script::sse([": ping\n\n"]).steps;
    let (end, ping) = (steps.pop(), steps[1].clone());
    for _ in 0..100 {
        steps.extend([Step::Pause(Pause::For(Duration::from_millis(20))), ping.clone()]);
    }
    steps.extend(end);
    Script::new(steps)
}

/// The same bytes, one after the other.
fn dripping(script: &Script) -> Script {
    let sent = script.steps.iter().filter_map(|step| match step {
        Step::Send(bytes) => Some(bytes.clone()),
        _ => None,
    });
    let bytes: Vec<u8> = sent.flat_map(|bytes| bytes.to_vec()).collect();
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let mut steps = vec![Step::Send(bytes[..head].to_vec().into())];
    for byte in &bytes[head..] {
        steps.extend([Step::Pause(Pause::For(Duration::from_millis(20))), Step::Send(vec![*byte].into())]);
    }
    Script::new(steps)
}
