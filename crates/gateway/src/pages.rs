//! What probes and people are told: liveliness, readiness, and a page that says what this is.

use std::fmt::Write;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use trunkline_store::Store;

use crate::endpoints::ROWS;
use crate::gateway::Gateway;
use crate::models::json_reply;
use crate::reply_body::ReplyBody;

/// `GET /health/liveliness`.
pub(crate) fn liveliness(gateway: &Gateway) -> Response<ReplyBody> {
    if gateway.is_draining() {
        return shutting_down();
    }
    json_reply(StatusCode::OK, &Value::from("I'm alive!"))
}

/// How long probes wait for the store to say that it is there.
const STORE_TIMEOUT: Duration = Duration::from_millis(500);

/// What LiteLLM says where there is no store.
const NO_STORE: &str = "Not connected";

/// Whether the store answers now.
async fn answers(store: &dyn Store) -> bool {
    matches!(tokio::time::timeout(STORE_TIMEOUT, store.ping()).await, Ok(Ok(())))
}

/// The same in LiteLLM's words.
fn connected(answers: bool) -> &'static str {
    if answers { "connected" } else { "disconnected" }
}

/// `GET /health/readiness/details`: what the gateway depends on, for those who run it. A store that is away is no reason
/// to send nobody here: requests go on from memory, and their rows wait.
pub(crate) async fn details(gateway: &Gateway) -> Response<ReplyBody> {
    let mut told = json!({
        "status": if gateway.is_draining() { "shutting_down" } else { "healthy" },
        "litellm_version": env!("CARGO_PKG_VERSION"),
        "db": match &gateway.keys {
            Some(keys) => connected(answers(&**keys.store()).await),
            None => NO_STORE,
        },
        "cache": gateway.replies.as_ref().map(|replies| replies.cache.storage_name()),
    });
    if let Some(replies) = &gateway.replies {
        told["cache_answers"] = Value::from(replies.cache.ping().await.is_ok());
    }
    if let Some(keys) = &gateway.keys {
        told["store"] = Value::from(keys.store().name());
        told["limits"] = Value::from(match keys.book().shared_store_answers() {
            None => "counted by this process",
            Some(true) => "shared with other replicas",
            Some(false) => "shared with other replicas, and where they share them does not answer",
        });
    }
    if let Some(ledger) = &gateway.ledger {
        let backlog = ledger.state();
        told["ledger"] = json!({
            "rows_waiting": backlog.rows,
            "bytes": backlog.bytes,
            "bytes_max": backlog.bytes_max,
            "failing_since": backlog.failing_since.and_then(|at| jiff::Timestamp::from_millisecond(at).ok()).map(|at| at.to_string()),
            "last_error": backlog.last_error,
            "delivered": backlog.delivered,
            "lost": backlog.lost,
            "shortened": backlog.shortened,
            "unreadable": backlog.unreadable,
        });
    }
    json_reply(StatusCode::OK, &told)
}

/// `GET /health/backlog`: what is under way, as LiteLLM tells it. Nobody is queued: what is over a limit is refused.
pub(crate) fn backlog(gateway: &Gateway) -> Response<ReplyBody> {
    let counted = gateway.admission.counted();
    let told = json!({
        "in_flight_requests": counted.open,
        "admitted_requests": counted.admitted,
        "queued_requests": 0,
        "rejected_requests": counted.refused,
    });
    json_reply(StatusCode::OK, &told)
}

/// `GET /health/readiness`.
pub(crate) async fn readiness(gateway: &Gateway) -> Response<ReplyBody> {
    if gateway.is_draining() {
        return shutting_down();
    }
    if gateway.router().is_empty() {
        // Every row of the file is out of service, for want of a variable perhaps: nobody should be sent here.
        return json_reply(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "no deployment" }));
    }
    let mut told = json!({ "status": "healthy" });
    if gateway.settings.health_details {
        told["db"] = Value::from(match &gateway.keys {
            // Anybody may ask here, as often as they like.
            Some(keys) => connected(gateway.pulse.beats(answers(&**keys.store())).await),
            None => NO_STORE,
        });
        // What is wrong with it stands in the log: everybody may ask here.
        told["config"] = match gateway.reloads().refused_since {
            None => json!({ "state": "current" }),
            Some(since) => {
                let since = jiff::Timestamp::try_from(since).unwrap_or_default();
                json!({ "state": "last good", "since": since.to_string() })
            }
        };
    }
    if gateway.settings.health_details && gateway.settings.echo_only {
        told["providers"] = Value::from("echo only");
    }
    json_reply(StatusCode::OK, &told)
}

fn shutting_down() -> Response<ReplyBody> {
    json_reply(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "shutting_down" }))
}

/// `GET /`.
pub(crate) fn home(gateway: &Gateway) -> Response<ReplyBody> {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Trunkline</title>\n\
         <style>body{font:16px/1.5 system-ui,sans-serif;max-width:44em;margin:3em auto;padding:0 1em}\
         td{padding:0 1em 0 0}code{font-size:.95em}</style>\n<h1>Trunkline</h1>\n\
         <p>This is a gateway to language models that speaks the OpenAI API. Point a client's base URL here, \
         with or without <code>/v1</code>.</p>\n",
    );
    let served = gateway.settings.audience();
    let echo = if gateway.settings.echo_only {
        " No upstream key is set: only <code>echo/…</code> models answer."
    } else {
        ""
    };
    write!(page, "<p>It serves {served}.{echo}</p>\n<table>\n").expect("writing to a text does not fail");
    for row in ROWS {
        writeln!(page, "<tr><td>{}<td><code>{}</code>", row.method, row.path)
            .expect("writing to a text does not fail");
    }
    for row in gateway.extension.iter().flat_map(|extension| extension.rows()) {
        writeln!(page, "<tr><td>{}<td><code>{}</code>", row.method, row.path)
            .expect("writing to a text does not fail");
    }
    page.push_str("</table>\n</html>\n");
    let mut response = Response::new(ReplyBody::from(bytes::Bytes::from(page)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
