//! The walk of one request that goes upstream, step by step; `docs/architecture.md` has the table.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;
use trunkline_core::{
    Body as CallBody, ByteStream, Call, Dialect, Document, Error, ErrorKind, Event, EventStream, Observation,
    Operation, ReplyBody as UpstreamBody, json,
};
use trunkline_router::{Answer as Sent, Candidate, Failed, Permit as UpstreamPermit, Route, Router};

use trunkline_cache::Keeper;
use trunkline_prices::estimate::{MESSAGE_TOKENS, written_tokens};

use crate::admission::Permit;
use crate::authentication::Caller;
use crate::binding::{self, Binding, Earlier};
use crate::body::MODEL_NAME_BYTES_MAX;
use crate::cached::{self, Given, Hit, Looked};
use crate::end_user::{check_user, end_user};
use crate::error_response::failed;
use crate::gateway::Gateway;
use crate::going::Going;
use crate::record::OpenRecord;
use crate::reply_body::ReplyBody;
use crate::reserve;
use crate::rewrite::Rewrite;
use crate::steering::Steering;
use crate::stream::StreamBody;
use crate::{Settings, asked, attribution};
use crate::{body, headers, limit_headers, reach, trace, wishes};

/// Why a request was not tried as often as it could have been.
const BUDGET_SPENT: &str = "not tried again, because the retry budget of this upstream is spent";

/// What a walk ends with, before the record is put to it.
enum Answer {
    Whole(Response<ReplyBody>, Permit),
    Bytes(Response<ByteStream>, (Permit, UpstreamPermit)),
    Stream(Box<Streamed>),
}

struct Streamed {
    head: Response<()>,
    first: Option<Vec<Event>>,
    events: EventStream,
    rewrite: Rewrite,
    permits: (Permit, Option<UpstreamPermit>),
    recorder: Option<trunkline_cache::Recorder>,
}

/// What is asked, as far as the head tells.
#[derive(Debug)]
pub(crate) struct Asked<'r> {
    pub(crate) operation: Operation,
    /// The model or the id that stands in the path.
    pub(crate) named: Option<String>,
    pub(crate) caller: Caller,
    pub(crate) request: &'r Parts,
    pub(crate) steering: Steering<'r>,
}

/// Serves one operation. The record is settled when the reply ends, which for a stream is later.
pub(crate) async fn serve<B>(
    gateway: &Gateway,
    asked: Asked<'_>,
    body: B,
    mut record: Box<OpenRecord>,
) -> Response<ReplyBody>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    record.is_free = !asked.operation.bills();
    let stopped = gateway.stopped();
    let walked = tokio::select! {
        biased;
        walked = walk(gateway, asked, body, &mut record) => walked,
        () = stopped => Err(Error::new(ErrorKind::ShuttingDown, "the gateway stopped before there was a reply")),
    };
    match walked {
        Ok(Answer::Whole(mut response, permit)) => {
            headers::add_request(&record, response.headers_mut());
            headers::add_attempts(&record, response.headers_mut());
            headers::add_durations(&mut record, response.headers_mut());
            limit_headers::add(&mut record, response.headers_mut());
            headers::add_cost(&record, response.headers_mut());
            record.status = Some(response.status());
            response.map(|body| body.holding(record, permit))
        }
        Ok(Answer::Bytes(mut response, (permit, upstream))) => {
            headers::add_request(&record, response.headers_mut());
            headers::add_attempts(&record, response.headers_mut());
            headers::add_durations(&mut record, response.headers_mut());
            limit_headers::add(&mut record, response.headers_mut());
            record.status = Some(response.status());
            response.map(|bytes| ReplyBody::bytes(bytes, record, permit, upstream, gateway.stopped()))
        }
        Ok(Answer::Stream(streamed)) => {
            let Streamed { head, first, events, rewrite, permits, recorder } = *streamed;
            let (mut parts, ()) = head.into_parts();
            headers::add_request(&record, &mut parts.headers);
            headers::add_attempts(&record, &mut parts.headers);
            headers::add_durations(&mut record, &mut parts.headers);
            limit_headers::add(&mut record, &mut parts.headers);
            record.status = Some(parts.status);
            let keepalive = gateway.settings.keepalive_of(record.dialect);
            let mut body =
                StreamBody::new(events, rewrite, record, permits, recorder, gateway.stopped(), keepalive);
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
    Asked { operation, named, caller, request, steering }: Asked<'_>,
    body: B,
    record: &mut OpenRecord,
) -> Result<Answer, Error>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let settings = &gateway.settings;

    // 4 may they ask now
    let keys = gateway.keys.as_deref();
    let permit = gateway.admission.admit()?.with(reserve::admit(keys, &caller, settings.limit_wait).await?);
    // 5 what they ask
    let mut body =
        body::read(operation, &request.headers, body, &settings.limits, settings.waits.body_idle).await?;
    let earlier = match operation.dialect() {
        Dialect::Responses => binding::take(&gateway.seal, &caller, operation, named.as_deref(), &mut body)?,
        Dialect::OpenAi | Dialect::Anthropic | Dialect::Cohere => Earlier::default(),
    };
    let path_model = named.filter(|_| !operation.is_about_object());
    let name = reach::aliased(&caller, model_name(gateway, operation, path_model.or(earlier.model), &body)?);
    record.model = Some(name.clone());
    body::check(&body, operation)?;
    record.user = end_user(settings, &request.headers, &body)?;
    check_user(settings, operation, record.user.as_ref())?;
    // 6 who answers
    let serving = gateway.router();
    let router = &*serving;
    let route =
        router.resolve(&name).map_err(|error| labelled(reach::unknown(&caller, &name, error), operation))?;
    let candidate = &*chosen(&route, operation, earlier.deployment.as_deref())?;
    let mut asked = asked::take(operation.dialect(), &mut body, |field| allows(gateway, candidate, field))?;
    let controls = asked.cache.take();
    let keepalive = settings.keepalive_of(operation.dialect());
    let mut wishes = wishes::of(asked, steering, &caller, earlier.deployment, keepalive)?;
    record.tags.clone_from(&wishes.tags);
    attribution::check(settings.attribution, &caller, &mut body, &mut wishes)?;
    wishes::check_fallbacks(&caller, router, &wishes)?;
    reach::check(&caller, router, (&name, &route), &body, &wishes)?;
    record.is_traced =
        trace::is_asked_for(steering) && (caller.is_administrator() || settings.trace_for_keys);
    // 7 note that it begins, and what it may use
    record.asked_group = Some(Arc::clone(&candidate.deployment.group));
    record.group = Some(Arc::clone(route.group()));
    let usage_asked = settings.always_include_stream_usage || asks_for_usage(&body, candidate);
    let mut call = outbound(settings, request, (operation, candidate), (body, earlier.object));
    record.streamed = call.streaming();
    record.body_bytes = call.document().map_or(0, Document::len);
    let going = {
        let user = record.user.as_deref();
        Going { caller: &caller, router, route: &route, candidate, name: &name, user, wishes: &wishes }
    };
    let of_cache = (controls.as_deref(), &request.headers);
    let ledger = gateway.ledger.as_ref();
    let (kept, is_miss) =
        match cached::look(gateway, &caller, route.group(), (&call, &wishes), of_cache).await? {
            Looked::Hit(hit) => {
                reserve::check_named(keys, &going).await?;
                record.cache_key = Some(hit.key.to_string());
                record.enter(ledger).await?;
                let group = route.group();
                let binding = hit.deployment.as_deref().and_then(|deployment| {
                    binding_of(gateway, operation, &caller, (router, &route, group), (deployment, &name))
                });
                let rewrite = Rewrite::new(operation, &name, settings, usage_asked, binding);
                return Ok(again(hit, rewrite, permit));
            }
            Looked::Miss(keeper) => (keeper, true),
            Looked::Past(keeper) => (keeper, false),
        };
    record.held = reserve::reserve(keys, settings, &going, &mut call).await?;
    record.is_cache_miss = is_miss;
    // A reply that may have been cut short for this caller's budget is not for others.
    let kept = kept.filter(|_| record.held.added_limit.is_none());
    if ledger.is_some() {
        record.opened_for(candidate, router, &call);
        record.enter(ledger).await?;
    }
    let (caller, route, name, wishes) = (&caller, &route, &*name, &wishes);
    // 8 send it, as often as it takes
    // On its own: a walk of more than 4 KiB is moved byte by byte where it is put on the heap.
    let sent = match Box::pin(router.dispatch_noting(route, &mut call, wishes, &mut record.course)).await {
        Ok(sent) => sent,
        Err(failed) => return Err(noted(record, failed)),
    };
    // 9 give it back
    record.asked_for(sent.candidate.deployment.asked_tier(&call));
    if sent.candidate.deployment.has_many_models() {
        record.priced_by(&serving);
    }
    Ok(given(
        gateway,
        record,
        sent,
        Back { operation, caller, router, route, name, usage_asked, kept, permit },
    ))
}

/// What is sent of a request.
fn outbound(
    settings: &Settings,
    request: &Parts,
    (operation, candidate): (Operation, &Candidate),
    (body, object): (CallBody, Option<String>),
) -> Call {
    let mut call = Call::with_body(operation, Arc::clone(&candidate.upstream_model), body);
    call.headers = headers::outbound(&request.headers, operation.dialect(), settings);
    call.query = headers::outbound_query(operation, request.uri.query());
    call.object = object;
    call
}

/// What a reply needs on its way back.
struct Back<'b> {
    operation: Operation,
    caller: &'b Caller,
    router: &'b Router,
    route: &'b Route,
    /// The name that was asked for.
    name: &'b str,
    /// Whether the usage of a stream is to be told.
    usage_asked: bool,
    /// What keeps the reply, and for how long.
    kept: Option<(Keeper, Duration)>,
    permit: Permit,
}

/// Gives an upstream's reply, as the caller is to see it.
fn given(gateway: &Gateway, record: &mut OpenRecord, sent: Sent, back: Back<'_>) -> Answer {
    let Back { operation, caller, router, route, name, usage_asked, kept, permit } = back;
    let Sent { reply, first, candidate, group, duration, course, permit: mut upstream } = sent;
    record.sent_to(&group, &candidate);
    record.upstream_duration = Some(duration);
    let deployment = &candidate.deployment.id;
    let binding = binding_of(gateway, operation, caller, (router, route, &group), (deployment, name));
    // What answered in the place of the model that was asked for says so.
    let shown = if course.fallbacks > 0 { &*group } else { name };
    let rewrite = Rewrite::new(operation, shown, &gateway.settings, usage_asked, binding);
    // What another group answered is not what this one would have.
    let kept = kept
        .filter(|_| course.fallbacks == 0 && reply.status == StatusCode::OK)
        .map(|(keeper, ttl)| (keeper.with_source(Arc::clone(deployment)), ttl));
    record.took(course);
    let head = head(reply.status, &reply.headers, &group, &candidate);
    match reply.body {
        UpstreamBody::Document(document, seen) => {
            if let Some(usage) = &seen.usage {
                upstream.used(usage.total());
            }
            if let Some((keeper, ttl)) = kept {
                keeper.keep_document(operation, &document, &seen, ttl);
            }
            let is_told = is_told(operation, &seen);
            record.observe(*seen);
            if !is_told {
                estimate(record, operation, &document);
            }
            Answer::Whole(whole(head, document, &rewrite), permit)
        }
        UpstreamBody::Events(events) => {
            let head = stream_head(head);
            let permits = (permit, Some(upstream));
            let recorder = kept.map(|(keeper, ttl)| keeper.record(operation, ttl));
            Answer::Stream(Box::new(Streamed { head, first, events, rewrite, permits, recorder }))
        }
        UpstreamBody::Raw { content_type, bytes } => {
            record.is_untold = true;
            let mut response = head.map(|()| bytes);
            if let Some(content_type) = content_type {
                response.headers_mut().insert(CONTENT_TYPE, content_type);
            }
            Answer::Bytes(response, (permit, upstream))
        }
    }
}

/// Whether a whole reply tells what it used, of a text its length too.
fn is_told(operation: Operation, seen: &Observation) -> bool {
    seen.usage.as_ref().is_some_and(|usage| !is_text(operation) || usage.all_output() > 0)
}

/// Works out about what a whole reply used that does not tell it. One without a text may have none to tell of.
fn estimate(record: &mut OpenRecord, operation: Operation, document: &Document) {
    let written = if is_text(operation) { written_tokens(document) } else { 0 };
    if record.observation.usage.is_none() || written > MESSAGE_TOKENS {
        record.estimate_whole(operation.reports_usage().then_some(written));
    }
}

fn is_text(operation: Operation) -> bool {
    operation.streams() && operation.reports_usage()
}

/// What ties a reply to the deployment that it is from, where its dialect has ids that lead back.
fn binding_of(
    gateway: &Gateway,
    operation: Operation,
    caller: &Caller,
    (router, route, answered): (&Router, &Route, &str),
    (deployment, name): (&str, &str),
) -> Option<Binding> {
    (operation.dialect() == Dialect::Responses).then(|| {
        let ties_items = has_several(router, route, answered, name);
        Binding::new(Arc::clone(&gateway.seal), caller, deployment, name, ties_items)
    })
}

/// Gives a kept reply again.
fn again(hit: Hit, rewrite: Rewrite, permit: Permit) -> Answer {
    let head = cached::head(&hit.key);
    match hit.reply {
        Given::Events(events) => Answer::Stream(Box::new(Streamed {
            head: stream_head(head),
            first: Some(events),
            events: Box::pin(futures_util::stream::empty()),
            rewrite,
            permits: (permit, None),
            recorder: None,
        })),
        Given::Document(document) => Answer::Whole(whole(head, document, &rewrite), permit),
    }
}

/// Notes what was tried for a request that nobody answered.
fn noted(record: &mut OpenRecord, failed: Failed) -> Error {
    let Failed { error, last, course } = failed;
    if let Some((group, candidate)) = &last {
        record.sent_to(group, candidate);
        // Where nothing is tried twice here, the caller's own attempts are the first ones.
        // A wait of ours that ran out would be waited through as often as an SDK asks.
        let is_late = error.kind() == ErrorKind::UpstreamTimeout && error.wait().is_some();
        record.is_all_tried = course.attempts > 1 || course.is_budget_spent || is_late;
    }
    let is_budget_spent = course.is_budget_spent;
    record.took(course);
    if is_budget_spent { error.with_remark(BUDGET_SPENT) } else { error }
}

/// The deployment that answers: the one that earlier replies came from, else the first that has the operation.
pub(crate) fn chosen<'r>(
    route: &'r Route,
    operation: Operation,
    bound: Option<&str>,
) -> Result<Cow<'r, Candidate>, Error> {
    if let Some(id) = bound {
        return route.by_id(id).ok_or_else(|| {
            let message = "what this request refers to came from a deployment that does not answer to this model \
                           any more: name the model that was asked for then, or begin anew without it. A deployment \
                           keeps its id through changes of its key if `model_info.id` is set";
            Error::new(ErrorKind::InvalidRequest, message).with_param("model")
        });
    }
    // Without one that has it, the first says what it has.
    Ok(route.supporting(operation).unwrap_or(Cow::Borrowed(route.first())))
}

/// Whether a follow-up that names the group could be answered by several deployments, though this request named one.
fn has_several(router: &Router, route: &Route, answered: &str, name: &str) -> bool {
    let is_large = |group: &str| router.resolve(group).is_ok_and(|group| group.count() > 1);
    route.count() > 1
        || **route.group() != *name && is_large(route.group())
        || **route.group() != *answered && is_large(answered)
}

/// The model: the operator's for chats, else the one that path or id name, else the body's.
pub(crate) fn model_name(
    gateway: &Gateway,
    operation: Operation,
    named: Option<String>,
    body: &CallBody,
) -> Result<String, Error> {
    let chat_model = gateway.settings.completion_model.clone().filter(|_| is_text(operation));
    let name = match chat_model.or(named) {
        Some(name) => name,
        None => match body::model(body)? {
            Some(name) => name,
            None => {
                operation.default_model().map(str::to_owned).ok_or_else(|| body::model_missing(operation))?
            }
        },
    };
    if name.len() > MODEL_NAME_BYTES_MAX {
        let message = format!("'model' must not be longer than {MODEL_NAME_BYTES_MAX} bytes.");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("model"));
    }
    Ok(name)
}

/// An unknown model is refused in LiteLLM's words, which begin with the endpoint.
pub(crate) fn labelled(error: Error, operation: Operation) -> Error {
    if error.kind() != ErrorKind::UnknownModel {
        return error;
    }
    Error::new(ErrorKind::UnknownModel, format!("/{}: {}", operation.path(), error.message()))
        .with_param("model")
}

/// Whether a caller may send this member, of those that are refused otherwise.
pub(crate) fn allows(gateway: &Gateway, candidate: &Candidate, field: &str) -> bool {
    if field.starts_with("mock_") {
        return gateway.settings.mock_failures;
    }
    let field = if field == "base_url" { "api_base" } else { field };
    gateway.settings.client_side_credentials
        || candidate.deployment.client_side_fields.iter().any(|allowed| allowed == field)
}

/// Whether the usage of a stream is asked for, by the caller or by what the deployment adds to bodies.
fn asks_for_usage(body: &CallBody, candidate: &Candidate) -> bool {
    const MEMBER: &str = "stream_options";
    let CallBody::Document(document) = body else { return false };
    let added = || candidate.deployment.added(MEMBER);
    let options = document.raw(MEMBER).or_else(added).unwrap_or_default();
    json::member(options, "include_usage").and_then(|span| options.get(span)) == Some(b"true")
}

fn head(status: StatusCode, upstream: &HeaderMap, group: &str, candidate: &Candidate) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = status;
    // Room for all that is put in on the way out.
    *head.headers_mut() = HeaderMap::with_capacity(24);
    headers::add_target(candidate, group, head.headers_mut());
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
