//! What probes and people are told: liveliness, readiness, and a page that says what this is.

use std::fmt::Write;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

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

/// `GET /health/readiness`.
pub(crate) fn readiness(gateway: &Gateway) -> Response<ReplyBody> {
    if gateway.is_draining() {
        return shutting_down();
    }
    if gateway.router().is_empty() {
        // Every row of the file is out of service, for want of a variable perhaps: nobody should be sent here.
        return json_reply(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "no deployment" }));
    }
    let mut told = json!({ "status": "healthy" });
    if gateway.settings.health_details {
        told["db"] = Value::from("Not connected");
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
    page.push_str("</table>\n</html>\n");
    let mut response = Response::new(ReplyBody::from(bytes::Bytes::from(page)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
