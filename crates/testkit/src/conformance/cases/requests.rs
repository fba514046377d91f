//! What goes upstream: to which address, with which model.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use trunkline_core::{Body, Document, ErrorKind, Fault, Form};
use trunkline_provider::{CallContext, Target};

use super::super::Harness;
use super::super::finding::{Finding, Outcome, Verdict, excerpt, holds, same, told};
use super::super::question::{BodyKind, Way};
use super::super::subject::{BASE, Subject, base_of, refused};
use super::super::transport::{SentRequest, UpstreamReply};
use super::NO_UPSTREAM;

/// A call goes to the base that the deployment names, in one request, whether or not a slash ends the base; a
/// verbatim one with the operation's own method, path, id and parameters.
pub async fn calls_go_to_the_base_that_the_deployment_names(harness: &Harness) -> Outcome {
    let mut subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    let with_slash = Target { api_base: Some(format!("{BASE}/")), ..Target::clone(&subject.context.target) };
    for context in [subject.context.clone(), CallContext::new(Arc::new(with_slash))] {
        subject.context = context;
        for way in subject.ways_to_ask() {
            let (doing, request) = sent_for(&subject, way).await?;
            let uri = request.uri.to_string();
            let base = format!("{}/", base_of(way.operation));
            holds(uri.starts_with(&base), &doing, &format!("an address below {base}"), &uri)?;
            let path = request.uri.path();
            holds(!path.contains("//"), &doing, "a path without an empty segment", path)?;
            if fixtures.verbatim {
                let call = subject.ask(way);
                let query = call.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
                same(&doing, "the address", &format!("{base}{}{query}", call.path()), &uri)?;
                same(&doing, "the method", &way.operation.method(), &request.method)?;
            }
        }
    }
    Ok(Verdict::Held)
}

/// The headers that were let through from the caller go upstream, and so do those that the deployment adds, which
/// win.
pub async fn headers_of_caller_and_deployment_go_upstream(harness: &Harness) -> Outcome {
    let mut subject = Subject::new(harness)?;
    if subject.fixtures().is_none() {
        return Ok(NO_UPSTREAM);
    }
    let name = HeaderName::from_static;
    let mut target = Target::clone(&subject.context.target);
    for header in ["x-conformance-deployment", "x-conformance-both"] {
        target.extra_headers.insert(name(header), HeaderValue::from_static("of the deployment"));
    }
    subject.context = CallContext::new(Arc::new(target));
    for way in subject.ways_to_ask() {
        let doing = format!("asking for {way} with headers of caller and deployment");
        let mut call = subject.ask(way);
        for header in ["x-conformance-caller", "x-conformance-both"] {
            call.headers.insert(name(header), HeaderValue::from_static("of the caller"));
        }
        // What is answered makes no difference to what was sent.
        let _ = subject.call(&doing, call, UpstreamReply::json(500, "{}")).await?;
        let sent = subject.transport.requests();
        let value = |header: &str| {
            let values: Vec<_> = sent.iter().flat_map(|request| request.headers.get_all(header)).collect();
            values.iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
        };
        let expected: [(&str, &[&str]); 3] = [
            ("x-conformance-caller", &["of the caller"]),
            ("x-conformance-deployment", &["of the deployment"]),
            ("x-conformance-both", &["of the deployment"]),
        ];
        for (header, values) in expected {
            let came: Vec<String> = value(header);
            same(
                &doing,
                &format!("`{header}` to be"),
                values,
                &came.iter().map(String::as_str).collect::<Vec<_>>()[..],
            )?;
        }
    }
    Ok(Verdict::Held)
}

/// The model goes upstream as the upstream spells it, wherever a body names it: exactly one prefix is taken off.
pub async fn the_model_goes_upstream_without_its_prefix(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    for way in subject.ways_to_ask().into_iter().filter(|way| way.kind != BodyKind::Empty) {
        let (doing, request) = sent_for(&subject, way).await?;
        let came = format!("{} with the body {}", request.uri, excerpt(&request.body));
        if fixtures.verbatim {
            let expected = format!("the member `model` to be {:?}", subject.model);
            holds(model_of(way, &request).as_ref() == Some(&subject.model), &doing, &expected, came)?;
            continue;
        }
        let everything =
            format!("{}\n{}", request.uri, String::from_utf8_lossy(&request.body)).replace("%2F", "/");
        let named = everything.contains(&subject.model) && !everything.contains(&harness.model);
        let expected = format!("a request that names `{}` and not `{}`", subject.model, harness.model);
        holds(named, &doing, &expected, came)?;
    }
    Ok(Verdict::Held)
}

/// The model that a request names, by its body.
fn model_of(way: Way, request: &SentRequest) -> Option<String> {
    match way.kind {
        BodyKind::Document => {
            let document = Document::parse(request.body.clone()).ok()?;
            document.string("model").map(Cow::into_owned)
        }
        BodyKind::Form => {
            let content_type = request.headers.get(CONTENT_TYPE)?.clone();
            Form::parse(request.body.clone(), content_type).ok()?.text("model").map(str::to_owned)
        }
        BodyKind::Empty => None,
    }
}

/// A body without a member that the operation needs is refused as the caller's fault, with the member's name,
/// where the provider reads the body itself.
pub async fn a_question_without_what_it_needs_is_refused(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    if subject.fixtures().is_some_and(|fixtures| fixtures.verbatim) {
        return Ok(Verdict::NotApplicable("bodies go through as they are, and the upstream judges them"));
    }
    for &operation in subject.operations() {
        for &member in operation.required_members() {
            let doing = format!("asking for {operation} without `{member}`");
            let mut call = subject.question(operation, false);
            match &mut call.body {
                Body::Document(document) => {
                    document.remove(member);
                }
                Body::Form(form) => form.retain(|name| name != member),
                Body::Empty => {}
            }
            let reply = subject.call(&doing, call, UpstreamReply::json(200, "{}")).await?;
            let error = refused(&doing, "an error that is the caller's fault", reply)?;
            let kinds = [ErrorKind::MissingParameter, ErrorKind::InvalidRequest];
            holds(kinds.contains(&error.kind()), &doing, "MissingParameter or InvalidRequest", told(&error))?;
            same(&doing, "the fault of", &Fault::Caller, &error.fault())?;
            same(&doing, "the parameter", &Some(member), &error.param())?;
            same(&doing, "requests sent:", &0, &subject.transport.requests().len())?;
        }
    }
    Ok(Verdict::Held)
}

/// Every kind of request that the provider sends: each operation whole, and as a stream where it streams.
pub(super) async fn sent(subject: &Subject<'_>) -> Result<Vec<(String, SentRequest)>, Finding> {
    let mut requests = Vec::new();
    for way in subject.ways_to_ask() {
        requests.push(sent_for(subject, way).await?);
    }
    Ok(requests)
}

/// The one request that the provider sends when it is asked in this way.
pub(super) async fn sent_for(subject: &Subject<'_>, way: Way) -> Result<(String, SentRequest), Finding> {
    let doing = format!("asking for {way}");
    // What is answered makes no difference to what was sent.
    let answered = subject.call(&doing, subject.ask(way), UpstreamReply::json(500, "{}")).await?;
    let mut sent = subject.transport.requests();
    let came = match answered {
        Ok(_) => format!("{} requests", sent.len()),
        Err(error) => format!("{} requests, and {}", sent.len(), told(&error)),
    };
    match sent.pop().filter(|_| sent.is_empty()) {
        Some(request) => Ok((doing, request)),
        None => Err(Finding::new(doing, "one request", came)),
    }
}
