//! Where a credential may show: in one header, sent to one origin, and nowhere else.

use std::error::Error as StdError;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderName;
use trunkline_core::{Environment, Error, ErrorKind};
use trunkline_provider::{CallContext, Limits, Target};

use super::super::finding::{Finding, Outcome, Verdict, excerpt, holds, same, told};
use super::super::subject::{KEY, Subject};
use super::super::transport::{SentRequest, UpstreamReply};
use super::super::{Ending, Fixtures, Harness, StreamedReply};
use super::NO_UPSTREAM;
use super::requests::sent;
use super::streams::ended_as_expected;

/// The key of the environment.
const ENVIRONMENT_KEY: &str = "sk-environment-9876543210zyxwvutsrqponm";

/// The deployment's key is sent in one header, marked as sensitive, and nowhere else.
pub async fn the_credential_stands_in_its_header_alone(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    for (doing, request) in sent(&subject).await? {
        stands_in_header_alone(&doing, &request, KEY, &fixtures.credential_header)?;
    }
    Ok(Verdict::Held)
}

fn stands_in_header_alone(
    doing: &str,
    request: &SentRequest,
    key: &str,
    header: &HeaderName,
) -> Result<(), Finding> {
    let values: Vec<_> = request.headers.get_all(header).into_iter().collect();
    let [value] = values[..] else {
        let came = format!("{} of them", values.len());
        return Err(Finding::new(doing, format!("one header {header} with the key"), came));
    };
    let in_header = contains(value.as_bytes(), key);
    holds(in_header, doing, &format!("the key in the header {header}"), "a header without it")?;
    let expected = format!("the header {header} to be marked with `HeaderValue::set_sensitive`");
    holds(value.is_sensitive(), doing, &expected, "one that every log of headers shows")?;
    let mut rest = request.clone();
    rest.headers.remove(header);
    match place_of(&rest, key) {
        Some(place) => Err(Finding::new(doing, format!("the key in the header {header} alone"), place)),
        None => Ok(()),
    }
}

/// Where a key shows in a request.
fn place_of(request: &SentRequest, key: &str) -> Option<String> {
    if contains(request.uri.to_string().as_bytes(), key) {
        return Some("the key in the address".to_owned());
    }
    if contains(&request.body, key) {
        return Some("the key in the body".to_owned());
    }
    let mut headers = request.headers.iter();
    let (name, _) = headers.find(|(_, value)| contains(value.as_bytes(), key))?;
    Some(format!("the key in the header {name}"))
}

/// No error shows the key, not even where the upstream quotes it, and neither does any `Debug`.
pub async fn the_credential_shows_in_no_error_and_no_debug(harness: &Harness) -> Outcome {
    let about = Subject::new(harness)?.about;
    let subject = Subject::with(harness, Limits::default(), environment(&about.key_variables))?;
    let shown = format!("{:?} {:?}", subject.provider, subject.context);
    hides("printing the provider and its target with `{:?}`", &shown)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(Verdict::Held);
    };
    for (status, body) in quoting_refusals(fixtures) {
        quote(&subject, status, &body).await?;
    }
    quote_in_passing(&subject, fixtures).await?;
    Ok(Verdict::Held)
}

/// Lets the upstream quote the key in failures that go on as they are: in a terminal event that tells one, and in
/// something that failed long ago and is looked up.
async fn quote_in_passing(subject: &Subject<'_>, fixtures: &Fixtures) -> Result<(), Finding> {
    let failed = |stream: &&StreamedReply| matches!(stream.ending, Ending::TerminalFailure(_));
    for stream in fixtures.streams.iter().filter(failed) {
        let doing = format!("reading the stream `{}`, whose failure quotes the key", stream.name);
        let answer = UpstreamReply::events(quoting(&stream.body));
        let transcript = subject.stream(&doing, stream.operation, answer).await?;
        ended_as_expected(&doing, stream.operation, stream.ending, &transcript)?;
        hides(&doing, &String::from_utf8_lossy(&transcript.bytes))?;
    }
    for whole in fixtures.documents().filter(|whole| whole.operation.is_about_object()) {
        let doing = format!("asking for {}, and getting a failure that quotes the key", whole.operation);
        let answer = UpstreamReply::json(200, quoting(&whole.body));
        if let Ok((document, _)) = subject.whole(&doing, whole.operation, answer).await? {
            hides(&doing, &String::from_utf8_lossy(&document.to_bytes()))?;
        }
    }
    Ok(())
}

/// A body in which every message quotes the key.
fn quoting(body: &[u8]) -> Bytes {
    let begun = r#""message":""#;
    String::from_utf8_lossy(body).replace(begun, &format!("{begun}no such key: {KEY}. ")).into()
}

/// Lets the upstream quote the key in every way in which it can fail: as a refusal, as a failure with status 200,
/// inside a stream.
async fn quote(subject: &Subject<'_>, status: u16, body: &Bytes) -> Result<(), Finding> {
    for way in subject.ways_to_ask() {
        for status in [status, 200] {
            let doing = format!("asking for {way} and getting {status} {}", excerpt(body));
            let call = subject.ask(way);
            let answer = UpstreamReply::json(status, body.clone());
            if let Err(error) = subject.call(&doing, call, answer).await? {
                hides(&doing, &everything(&error))?;
            }
        }
    }
    for operation in subject.streamed_operations() {
        let doing = format!("asking for {operation} as a stream with the event {}", excerpt(body));
        let event = [b"data: ", &body[..], b"\n\n"].concat();
        let transcript = subject.stream(&doing, operation, UpstreamReply::events(event)).await?;
        let shown = transcript.error.as_ref().map(everything).unwrap_or_default();
        hides(&doing, &shown)?;
    }
    let doing = format!("asking for the models and being refused with {status} {}", excerpt(body));
    match subject.models(&doing, UpstreamReply::json(status, body.clone())).await? {
        Ok(_) => Ok(()),
        Err(error) => hides(&doing, &everything(&error)),
    }
}

/// Refusals whose body quotes the key.
fn quoting_refusals(fixtures: &Fixtures) -> Vec<(u16, Bytes)> {
    let quoted = format!("no such key: {KEY}");
    let own = fixtures.refusals.iter().filter_map(|refusal| {
        let (words, body) = (refusal.message.as_ref()?, String::from_utf8_lossy(&refusal.body));
        Some((refusal.status, Bytes::from(body.replace(words, &quoted))))
    });
    let plain = [400, 401, 403, 500].map(|status| (status, Bytes::from(quoted.clone())));
    own.chain(plain).collect()
}

fn hides(doing: &str, shown: &str) -> Result<(), Finding> {
    for key in [KEY, ENVIRONMENT_KEY] {
        holds(!shown.contains(key), doing, "nothing that shows the key", shown)?;
    }
    Ok(())
}

/// All that can be read from an error.
fn everything(error: &Error) -> String {
    let mut shown = format!(
        "{error} {error:?} {:?} {:?} {:?} {}",
        error.param(),
        error.upstream_type(),
        error.upstream_code(),
        told(error)
    );
    let mut source = error.source();
    while let Some(cause) = source {
        shown.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    shown
}

/// The environment's key goes to the provider's own base, and never to one that the caller gave.
pub async fn credentials_of_the_environment_stay_at_home(harness: &Harness) -> Outcome {
    let about = Subject::new(harness)?.about;
    if about.key_variables.is_empty() {
        return Ok(Verdict::NotApplicable("`About` names no variable that holds a key"));
    }
    let mut subject = Subject::with(harness, Limits::default(), environment(&about.key_variables))?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    let variable = &about.key_variables[0];
    let expected = format!("`About::has_credential` to be true where {variable} is set");
    holds(subject.about.has_credential, "calling `register`", &expected, "false")?;

    subject.context = CallContext::default();
    for (doing, request) in sent(&subject).await? {
        let doing = format!("{doing} of a deployment without a key, with {variable} set");
        stands_in_header_alone(&doing, &request, ENVIRONMENT_KEY, &fixtures.credential_header)?;
    }

    let target = Target {
        api_base: Some("https://caller.example/v1".to_owned()),
        from_caller: true,
        ..Target::default()
    };
    subject.context = CallContext::new(Arc::new(target));
    for &operation in subject.operations() {
        let doing = format!("asking for {operation} at a base that the caller gave");
        let call = subject.question(operation, false);
        // It may go without a key, or be refused; both keep the key at home.
        let _ = subject.call(&doing, call, UpstreamReply::json(500, "{}")).await?;
        for request in subject.transport.requests() {
            let place = place_of(&request, ENVIRONMENT_KEY);
            holds(
                place.is_none(),
                &doing,
                "a request without the environment's key",
                place.unwrap_or_default(),
            )?;
        }
    }
    Ok(Verdict::Held)
}

/// Without any key a call is refused as `CredentialMissing` before anything is sent, with the variables to set;
/// or it goes without one, as to servers that are open.
pub async fn a_missing_credential_is_told_or_left_out(harness: &Harness) -> Outcome {
    let mut subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    let doing = "calling `register` with an empty environment";
    holds(!subject.about.has_credential, doing, "`About::has_credential` to be false", "true")?;
    subject.context = CallContext::default();
    for &operation in subject.operations() {
        let doing = format!("asking for {operation} without any key");
        let call = subject.question(operation, false);
        let reply = subject.call(&doing, call, UpstreamReply::json(500, "{}")).await?;
        let requests = subject.transport.requests();
        if let [request] = &requests[..] {
            let shown = request.headers.contains_key(&fixtures.credential_header);
            let expected = format!("no header {}", fixtures.credential_header);
            holds(!shown, &doing, &expected, "one")?;
            continue;
        }
        let Err(error) = reply else {
            return Err(Finding::new(doing, "a refusal where nothing was sent", "a success"));
        };
        same(&doing, "the kind", &ErrorKind::CredentialMissing, &error.kind())?;
        holds(!subject.about.is_open, &doing, "a call that is sent, because `About::is_open`", told(&error))?;
        let names = subject.about.key_variables.iter().any(|name| error.message().contains(name.as_str()));
        holds(names, &doing, "a message that names a variable of `About::key_variables`", told(&error))?;
    }
    Ok(Verdict::Held)
}

fn environment(variables: &[String]) -> Environment {
    variables.iter().take(1).map(|name| (name.clone(), ENVIRONMENT_KEY)).collect()
}

fn contains(text: &[u8], key: &str) -> bool {
    text.windows(key.len()).any(|window| window == key.as_bytes())
}
