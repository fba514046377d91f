//! The control over HTTP, for tests that are not written in Rust: `/__sim/…`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::control::Control;
use super::credential::oidc_token;
use super::exchange::RecordedRequest;
use super::fault::{Fault, FaultRule};
use super::money::decimal_text;
use super::multipart::RecordedPart;
use super::options::{Pacing, Quirks};
use super::service::CONTROL_PREFIX;
use super::state::Shared;

/// What a control request gets back: a JSON value, or why not.
type Answer = Result<Value, (StatusCode, String)>;

const COMMANDS: &str = "POST reset, fault, clear_faults, release, pacing, quirks, balance, budget, share, surcharge, now, \
                        models; \
                        GET requests, ended/{index}, balance, bill, oidc_token?expires_in={seconds}; DELETE models/{id}";

/// How long `ended/{index}` waits for a request to end.
const ENDED_WAIT: Duration = Duration::from_secs(60);

pub(crate) async fn respond(shared: &Arc<Shared>, parts: &Parts, body: &Bytes) -> Response<Full<Bytes>> {
    let control = Control { shared: Arc::clone(shared) };
    let command = parts.uri.path().strip_prefix(CONTROL_PREFIX).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let answer = match &parts.method {
        method if method == Method::GET => look_up(&control, command, query).await,
        method => run(&control, method, command, body),
    };
    let (status, body) = match answer {
        Ok(value) => (StatusCode::OK, value),
        Err((status, message)) => (status, json!({ "error": message })),
    };
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// The bill in lines of JSON, without the calls that are under way.
pub(crate) fn bill(shared: &Arc<Shared>) -> Response<Full<Bytes>> {
    let control = Control { shared: Arc::clone(shared) };
    let mut lines = String::new();
    for call in control.bill() {
        // Serialising our own struct into memory has nothing that could fail.
        lines.push_str(&serde_json::to_string(&call).unwrap_or_default());
        lines.push('\n');
    }
    let mut response = Response::new(Full::from(lines));
    let content_type = header::HeaderValue::from_static("application/jsonl");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// The answer to a control request whose body could not be read.
pub(crate) fn unreadable() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(r#"{"error":"unreadable body"}"#));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

async fn look_up(control: &Control, command: &str, query: &str) -> Answer {
    match command {
        "requests" => Ok(json!({ "requests": control.requests().iter().map(spelled).collect::<Vec<_>>() })),
        "balance" => Ok(json!({
            "balance": decimal_text(control.balance()), "billed": decimal_text(control.billed()),
        })),
        "bill" => {
            let bill = tokio::time::timeout(ENDED_WAIT, control.settled_bill()).await;
            let timed_out = |_| (StatusCode::REQUEST_TIMEOUT, "a call did not end in time".to_owned());
            bill.map(|bill| json!({ "bill": bill })).map_err(timed_out)
        }
        "oidc_token" => {
            let seconds =
                query.strip_prefix("expires_in=").and_then(|it| it.parse::<u64>().ok()).unwrap_or(43_200);
            Ok(json!({ "token": oidc_token(control.now().saturating_add(seconds)) }))
        }
        _ => {
            let index = command.strip_prefix("ended/").and_then(|index| index.parse().ok());
            let index = index.ok_or_else(|| unknown(&Method::GET, command))?;
            let ended = tokio::time::timeout(ENDED_WAIT, control.wait_until_ended(index)).await;
            let timed_out = |_| (StatusCode::REQUEST_TIMEOUT, format!("request {index} did not end in time"));
            ended.map(|request| spelled(&request)).map_err(timed_out)
        }
    }
}

fn run(control: &Control, method: &Method, command: &str, body: &[u8]) -> Answer {
    if method == Method::DELETE {
        let id = command.strip_prefix("models/").ok_or_else(|| unknown(method, command))?;
        return Ok(json!({ "removed": control.remove_model(id) }));
    }
    if method != Method::POST {
        return Err(unknown(method, command));
    }
    match command {
        "reset" => control.reset(),
        "fault" => control.fault(parse::<Rule>(body)?.rule()?),
        "clear_faults" => control.clear_faults(),
        "release" => control.release(),
        "pacing" => control.set_pacing(parse::<Pacing>(body)?),
        "quirks" => control.set_quirks(parse::<Quirks>(body)?),
        "balance" => control.set_balance(parse::<Balance>(body)?.balance),
        "budget" => {
            let budget = parse::<BudgetOf>(body)?;
            control.set_budget(budget.quota_entity, budget.limit);
        }
        "share" => {
            let share = parse::<ShareOf>(body)?;
            control.set_share(share.model, share.share);
        }
        "surcharge" => {
            let surcharge = parse::<SurchargeOf>(body)?;
            control.set_surcharge(surcharge.model, surcharge.surcharge);
        }
        "now" => control.set_now(parse::<Now>(body)?.seconds),
        "models" => {
            let row = parse::<Value>(body)?;
            if !row["id"].is_string() {
                return Err((StatusCode::BAD_REQUEST, "a row needs an id".to_owned()));
            }
            control.add_model(row);
        }
        _ => return Err(unknown(method, command)),
    }
    Ok(json!({ "ok": true }))
}

fn unknown(method: &Method, command: &str) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, format!("no {method} {CONTROL_PREFIX}{command}; there are {COMMANDS}"))
}

/// Reads a body in two steps: the first keeps numbers as they are spelt, which some readers of enums need.
fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice::<Value>(body)
        .and_then(serde_json::from_value)
        .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// A rule, a fault alone in a member of that name, or a fault as it is.
#[derive(Deserialize)]
#[serde(untagged)]
enum Rule {
    Whole(FaultRule),
    One(OneFault),
    Bare(Spelled),
}

/// A fault as JSON, or by the name that it has in models.
#[derive(Deserialize)]
#[serde(untagged)]
enum Spelled {
    Json(Fault),
    Name(String),
}

impl Spelled {
    fn fault(self) -> Result<Fault, (StatusCode, String)> {
        match self {
            Self::Json(fault) => Ok(fault),
            Self::Name(name) => Fault::by_model_name(&format!("sim/fault-{name}"))
                .ok_or_else(|| (StatusCode::BAD_REQUEST, format!("no fault is named {name}"))),
        }
    }
}

#[derive(Deserialize)]
struct OneFault {
    fault: Spelled,
    #[serde(default = "once")]
    times: Option<u32>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    model: Option<String>,
}

fn once() -> Option<u32> {
    Some(1)
}

impl Rule {
    fn rule(self) -> Result<FaultRule, (StatusCode, String)> {
        Ok(match self {
            Self::Whole(rule) => rule,
            Self::One(one) => FaultRule {
                faults: vec![one.fault.fault()?],
                times: one.times,
                path: one.path,
                model: one.model,
            },
            Self::Bare(fault) => fault.fault()?.into(),
        })
    }
}

#[derive(Deserialize)]
struct Balance {
    balance: Decimal,
}

#[derive(Deserialize)]
struct BudgetOf {
    quota_entity: String,
    limit: Decimal,
}

#[derive(Deserialize)]
struct SurchargeOf {
    model: String,
    surcharge: Decimal,
}

#[derive(Deserialize)]
struct ShareOf {
    model: String,
    share: Decimal,
}

#[derive(Deserialize)]
struct Now {
    seconds: Option<u64>,
}

fn spelled(request: &RecordedRequest) -> Value {
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]));
    let after_ms = |at: std::time::Instant| at.duration_since(request.received_at).as_secs_f64() * 1_000.0;
    let part = |part: &RecordedPart| {
        json!({ "name": part.name, "filename": part.filename, "content_type": part.content_type,
            "length": part.bytes.len(), "sha256": part.sha256() })
    };
    json!({
        "id": request.id,
        "method": request.method.as_str(),
        "path": request.path,
        "query": request.query,
        "headers": headers.collect::<Vec<_>>(),
        "body": String::from_utf8_lossy(&request.body),
        "body_base64": STANDARD.encode(&request.body),
        "body_sha256": request.body_sha256(),
        "parts": request.parts().iter().map(part).collect::<Vec<_>>(),
        "credential": request.credential.name(),
        "http_referer": request.referer(),
        "x_title": request.title(),
        "team": request.team(),
        "model": request.model,
        "received_ms": request.received_ms,
        "status": request.status,
        "generation_id": request.generation_id,
        "billed": request.billed.map(decimal_text),
        "first_byte_after_ms": request.first_byte_at.map(after_ms),
        "ended_after_ms": request.ended.map(|ended| after_ms(ended.at)),
        "outcome": request.ended.map(|ended| ended.outcome.name()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fault::CutKind;
    use super::*;

    fn check(body: &str, expected: FaultRule) {
        assert_eq!(parse::<Rule>(body.as_bytes()).and_then(Rule::rule), Ok(expected), "{body}");
    }

    #[test]
    fn rules_are_read_in_three_forms() {
        let cut = Fault::Cut { after_bytes: 3, how: CutKind::Close };
        check(r#""hang""#, FaultRule::new([Fault::Hang]));
        check(r#""cut-close-3""#, FaultRule::new([cut.clone()]));
        check(r#"{"cut":{"after_bytes":3,"how":"close"}}"#, FaultRule::new([cut.clone()]));
        check(
            r#"{"fault":{"cut":{"after_bytes":3,"how":"close"}},"times":2}"#,
            FaultRule::new([cut]).times(2),
        );
        check(
            r#"{"faults":["hang"],"times":null,"path":"/v1/models"}"#,
            FaultRule::new([Fault::Hang]).always().for_path("/v1/models"),
        );
    }
}
