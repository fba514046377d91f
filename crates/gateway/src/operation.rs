//! The walk of one request that goes upstream, step by step; `docs/architecture.md` has the table.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use trunkline_core::{
    ByteStream, Call, Document, Error, ErrorKind, Event, EventStream, Operation, ReplyBody as UpstreamBody,
    json,
};
use trunkline_provider::Target;
use trunkline_router::{Candidate, Route};

use crate::admission::Permit;
use crate::consumed::{self, Asked};
use crate::error_response::failed;
use crate::gateway::Gateway;
use crate::record::OpenRecord;
use crate::reply_body::ReplyBody;
use crate::rewrite::Rewrite;
use crate::stream::StreamBody;
use crate::{Settings, body, headers};

/// A model's name, in bytes: longer ones are no names.
const MODEL_NAME_BYTES_MAX: usize = 1024;

/// As much of an end user's name as is noted, in bytes.
const USER_BYTES_MAX: usize = 256;

/// How much of comments and the like is kept while the first event is waited for, in bytes.
const PREAMBLE_BYTES_MAX: usize = 64 * 1024;

/// What a walk ends with, before the record is put to it.
enum Answer {
    Whole(Response<ReplyBody>, Permit),
    Bytes(Response<ByteStream>, Permit),
    Stream(Box<Streamed>),
}

struct Streamed {
    head: Response<()>,
    first: Option<Vec<Event>>,
    events: EventStream,
    rewrite: Rewrite,
    permit: Permit,
}

/// Serves one operation. The record is settled when the reply ends, which for a stream is later.
pub(crate) async fn serve<B>(
    gateway: &Gateway,
    operation: Operation,
    path_model: Option<String>,
    request: Request<B>,
    mut record: OpenRecord,
) -> Response<ReplyBody>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let stopped = gateway.stopped();
    let walked = tokio::select! {
        biased;
        walked = walk(gateway, operation, path_model, request, &mut record) => walked,
        () = stopped => Err(Error::new(ErrorKind::ShuttingDown, "the gateway stopped before there was a reply")),
    };
    match walked {
        Ok(Answer::Whole(mut response, permit)) => {
            headers::add_request(&record, response.headers_mut());
            headers::add_durations(&record, response.headers_mut());
            headers::add_cost(&record, response.headers_mut());
            record.status = Some(response.status());
            response.map(|body| body.holding(record, permit))
        }
        Ok(Answer::Bytes(mut response, permit)) => {
            headers::add_request(&record, response.headers_mut());
            headers::add_durations(&record, response.headers_mut());
            record.status = Some(response.status());
            response.map(|bytes| ReplyBody::bytes(bytes, record, permit))
        }
        Ok(Answer::Stream(streamed)) => {
            let Streamed { head, first, events, rewrite, permit } = *streamed;
            let (mut parts, ()) = head.into_parts();
            headers::add_request(&record, &mut parts.headers);
            headers::add_durations(&record, &mut parts.headers);
            record.status = Some(parts.status);
            let keepalive = gateway.settings.keepalive;
            let mut body = StreamBody::new(events, rewrite, record, permit, gateway.stopped(), keepalive);
            match first {
                Some(first) => body.begin_with(first),
                None => body.begin_with_ping(),
            }
            Response::from_parts(parts, ReplyBody::stream(body))
        }
        Err(error) => failed(record, &error),
    }
}

async fn walk<B>(
    gateway: &Gateway,
    operation: Operation,
    path_model: Option<String>,
    request: Request<B>,
    record: &mut OpenRecord,
) -> Result<Answer, Error>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let settings = &gateway.settings;
    let (parts, body) = request.into_parts();
    let label = format!("/{}", operation.path());

    // 4 may they ask now
    let permit = gateway.admission.admit()?;
    // 5 what they ask
    let mut document =
        body::read_document(&parts.headers, body, &settings.limits, settings.waits.body_idle).await?;
    let name = model_name(gateway, operation, path_model, &document, &label)?;
    record.model = Some(name.clone());
    body::check(&document, &label, operation.required_members())?;
    record.user = end_user(settings, &parts.headers, &document);
    check_user(settings, record.user.as_ref())?;
    // 6 who answers
    let route = gateway.router.resolve(&name).map_err(|error| labelled(error, &label))?;
    let candidate = &route.candidates[0];
    let asked = consumed::take(&mut document, |field| allows(gateway, candidate, field))?;
    // 7 note that it begins
    record.sent_to(&route.group, candidate);
    // 8 send it
    if asked.api_base.is_none() {
        // Before usage is looked for: a default may ask for it.
        candidate.deployment.complete(&mut document);
    }
    let usage_asked = settings.always_include_stream_usage || asks_for_usage(&document);
    let mut call = Call::new(operation, String::new(), document);
    call.headers = headers::outbound(&parts.headers, settings);
    record.streamed = call.streaming();
    let sent = Instant::now();
    let reply = send(candidate, call, asked, &parts.headers).await?;
    // 9 give it back
    let rewrite = Rewrite::new(Some(&name), settings.reasoning_content, usage_asked);
    let head = head(reply.status, &reply.headers, &route, candidate);
    match reply.body {
        UpstreamBody::Document(document, seen) => {
            record.upstream_duration = Some(sent.elapsed());
            record.observe(*seen);
            Ok(Answer::Whole(whole(head, document, &rewrite), permit))
        }
        UpstreamBody::Events(mut events) => {
            let first = first_events(&mut events, settings.keepalive).await?;
            record.upstream_duration = Some(sent.elapsed());
            let head = stream_head(head);
            Ok(Answer::Stream(Box::new(Streamed { head, first, events, rewrite, permit })))
        }
        UpstreamBody::Raw { content_type, bytes } => {
            record.upstream_duration = Some(sent.elapsed());
            let mut response = head.map(|()| bytes);
            if let Some(content_type) = content_type {
                response.headers_mut().insert(CONTENT_TYPE, content_type);
            }
            Ok(Answer::Bytes(response, permit))
        }
    }
}

/// The model: the operator's for chats, else the path's, else the body's.
fn model_name(
    gateway: &Gateway,
    operation: Operation,
    path_model: Option<String>,
    document: &Document,
    label: &str,
) -> Result<String, Error> {
    let chat_model = match operation {
        Operation::ChatCompletions => gateway.settings.completion_model.clone(),
        _ => None,
    };
    let name = chat_model.or(path_model).map_or_else(|| body::model(document, label), Ok)?;
    if name.len() > MODEL_NAME_BYTES_MAX {
        let message = format!("'model' must not be longer than {MODEL_NAME_BYTES_MAX} bytes.");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("model"));
    }
    Ok(name)
}

/// The end user: the body's `user`, else the first of the operator's headers that is there.
fn end_user(settings: &Settings, headers: &HeaderMap, document: &Document) -> Option<String> {
    let of_body = document.string("user").map(|user| user.into_owned());
    let of_header =
        || settings.user_headers.iter().find_map(|name| headers.get(name)?.to_str().ok().map(str::to_owned));
    // It goes into records and logs, where a name of any length has no place.
    of_body.or_else(of_header).filter(|user| !user.is_empty()).map(|mut user| {
        user.truncate(user.floor_char_boundary(USER_BYTES_MAX));
        user
    })
}

fn check_user(settings: &Settings, user: Option<&String>) -> Result<(), Error> {
    if !settings.enforce_user || user.is_some() {
        return Ok(());
    }
    let message = "Authentication Error, 'user' param not passed in. 'enforce_user_param'=True";
    Err(Error::new(ErrorKind::Unauthenticated, message))
}

/// An unknown model is refused in LiteLLM's words, which begin with the endpoint.
fn labelled(error: Error, label: &str) -> Error {
    if error.kind() != ErrorKind::UnknownModel {
        return error;
    }
    Error::new(ErrorKind::UnknownModel, format!("{label}: {}", error.message())).with_param("model")
}

/// Whether a caller may name this credential field itself.
fn allows(gateway: &Gateway, candidate: &Candidate, field: &str) -> bool {
    let field = if field == "base_url" { "api_base" } else { field };
    gateway.settings.client_side_credentials
        || candidate.deployment.client_side_fields.iter().any(|allowed| allowed == field)
}

fn asks_for_usage(document: &Document) -> bool {
    let options = document.raw("stream_options").unwrap_or_default();
    json::member(options, "include_usage").and_then(|span| options.get(span)) == Some(b"true")
}

async fn send(
    candidate: &Candidate,
    call: Call,
    asked: Asked,
    request: &HeaderMap,
) -> Result<trunkline_core::Reply, Error> {
    let total = asked.timeout.or(seconds(request, "x-litellm-timeout")?);
    let first_event = asked.stream_timeout.or(seconds(request, "x-litellm-stream-timeout")?);
    if total.is_none() && first_event.is_none() && asked.api_base.is_none() && asked.api_key.is_none() {
        return candidate.call(call).await;
    }
    let mut target = Target::clone(&candidate.deployment.context().target);
    if let Some(total) = total {
        target.send.waits.total = total;
    }
    if let Some(first_event) = first_event.filter(|_| call.streaming()) {
        target.send.waits.first_event = first_event;
    }
    if let Some(base) = asked.api_base {
        check_base(&base)?;
        // The deployment's key belongs to its own base and goes nowhere else.
        target.api_base = Some(base);
        target.api_key = None;
        target.from_caller = true;
        target.extra_headers = HeaderMap::new();
        target.organization = None;
    }
    if let Some(key) = asked.api_key {
        target.api_key = Some(key);
    }
    candidate.call_with_target(target, call).await
}

/// Refuses a caller's base URL that is no web address, or that names this network by number.
fn check_base(base: &str) -> Result<(), Error> {
    let refused = |why: &str| {
        let message = format!("`api_base` is not accepted: {why}");
        Err(Error::new(ErrorKind::InvalidRequest, message).with_param("api_base"))
    };
    let Ok(uri) = base.parse::<http::Uri>() else {
        return refused("it is no URL");
    };
    if !matches!(uri.scheme_str(), Some("https"))
        || uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
    {
        return refused("it must be a plain https URL");
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    // A name without a dot is one of this network.
    if !host.contains('.') && !host.contains(':') || host.ends_with(".localhost") || host.ends_with(".local")
    {
        return refused("it must name a public host");
    }
    // A number in any notation (127.1, 0x7f000001) is read as an address by some resolvers.
    let looks_numeric =
        host.rsplit('.').next().is_some_and(|last| last.starts_with(|first: char| first.is_ascii_digit()));
    if host.parse::<IpAddr>().is_ok() || looks_numeric {
        return refused("it must name a host and not an address");
    }
    Ok(())
}

fn seconds(request: &HeaderMap, name: &str) -> Result<Option<Duration>, Error> {
    let Some(value) = request.get(name) else {
        return Ok(None);
    };
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(wait) => Ok(Some(wait)),
        None => {
            let message = format!("the header {name} must be a number of seconds");
            Err(Error::new(ErrorKind::InvalidRequest, message).with_param(name))
        }
    }
}

fn head(status: StatusCode, upstream: &HeaderMap, route: &Route, candidate: &Candidate) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = status;
    headers::add_target(candidate, &route.group, head.headers_mut());
    headers::add_upstream(upstream, head.headers_mut());
    head
}

fn whole(head: Response<()>, mut document: Document, rewrite: &Rewrite) -> Response<ReplyBody> {
    rewrite.document(&mut document);
    let mut response = head.map(|()| ReplyBody::from(document.segments()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn stream_head(mut head: Response<()>) -> Response<()> {
    let headers = head.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    head
}

/// Waits for the first event that says something, so that a failure before it is a real HTTP error.
///
/// With a keepalive the wait ends when the first ping is due: the reply then begins, and what fails later is
/// told in the stream.
async fn first_events(
    events: &mut EventStream,
    keepalive: Option<Duration>,
) -> Result<Option<Vec<Event>>, Error> {
    let mut first = Vec::new();
    let speaking = async {
        while let Some(more) = events.next().await.transpose()? {
            first.extend(more);
            let silent = first.iter().all(|event| event.data().is_none());
            let length: usize = first.iter().map(|event| event.bytes().len()).sum();
            if !silent || length > PREAMBLE_BYTES_MAX {
                break;
            }
        }
        Ok(())
    };
    match keepalive {
        None => speaking.await?,
        Some(wait) => {
            if let Ok(spoke) = tokio::time::timeout(wait, speaking).await {
                spoke?;
            }
        }
    }
    Ok((!first.is_empty()).then_some(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_s_base_url_names_a_public_host() {
        for base in [
            "http://api.example/v1",
            "https://127.0.0.1/v1",
            "https://[::1]/v1",
            "https://localhost:8080/v1",
            "https://user@api.example/v1",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://127.1/",
            "https://127.0.0.1.:4725/",
            "https://LOCALHOST:4725/",
            "https://metadata/",
            "file:///etc/passwd",
            "api.example",
        ] {
            assert!(check_base(base).is_err(), "{base}");
        }
        assert!(check_base("https://api.example/v1").is_ok());
    }
}
