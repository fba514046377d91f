//! Streams: what is read from them, how soon, and how they end.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use trunkline_core::{Environment, ErrorKind, Event, Operation, ReplyBody};
use trunkline_provider::{Framer, Limits};

use super::super::finding::{Finding, Outcome, Verdict, excerpt, holds, same, same_bytes};
use super::super::operations::{is_last, row};
use super::super::subject::{Subject, succeeded};
use super::super::transcript::Transcript;
use super::super::transport::{After, Answer, UpstreamReply};
use super::super::{Ending, Fixtures, Harness, StreamedReply};
use super::whole_replies::read;
use super::{NO_STREAMS, NO_UPSTREAM};

/// The media type of a page.
const HTML: &str = "text/html";

/// A stream comes out in the caller's dialect, with its text, tokens, cost and generation id, and ends as the
/// fixture says: with the terminal event, or with an error and nothing behind it.
pub async fn streams_are_decoded(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return without_upstream(&subject).await;
    };
    if subject.streamed_operations().is_empty() {
        return Ok(NO_STREAMS);
    }
    for stream in &fixtures.streams {
        let doing = format!("reading the stream `{}`", stream.name);
        let answer = UpstreamReply::events(stream.body.clone());
        let transcript = subject.stream(&doing, stream.operation, answer).await?;
        ended_as_expected(&doing, stream.operation, stream.ending, &transcript)?;
        same(&doing, "the text", &stream.readings.text, &transcript.text(stream.operation))?;
        if fixtures.verbatim {
            verbatim(&doing, stream, &transcript)?;
        } else {
            in_dialect(&doing, stream.operation, &transcript)?;
        }
        if stream.is_terminated() {
            read(
                &doing,
                stream.operation,
                &stream.readings,
                &transcript.observation,
                &subject.capabilities(),
            )?;
        }
    }
    Ok(Verdict::Held)
}

async fn without_upstream(subject: &Subject<'_>) -> Outcome {
    let operations = subject.streamed_operations();
    if operations.is_empty() {
        return Ok(NO_STREAMS);
    }
    for operation in operations {
        let doing = format!("asking for {operation} as a stream");
        let transcript = subject.stream(&doing, operation, Answer::Failure(ErrorKind::Internal)).await?;
        ended_as_expected(&doing, operation, Ending::Complete, &transcript)?;
        let told = transcript.observation.usage.is_some();
        let silent = !subject.capabilities().reports_usage || !operation.reports_usage();
        holds(told || silent, &doing, "usage, because it is claimed to be reported", "none")?;
        let text = transcript.text(operation);
        holds(!text.is_empty(), &doing, "a text", "none")?;
    }
    Ok(Verdict::Held)
}

/// Holds the end of a stream against what it should be.
pub(super) fn ended_as_expected(
    doing: &str,
    operation: Operation,
    ending: Ending,
    transcript: &Transcript,
) -> Result<(), Finding> {
    same(doing, "items after the end:", &0, &transcript.items_after_end)?;
    let is_last = transcript.payloads.last().is_some_and(|last| is_last(operation, last));
    match ending {
        Ending::Complete | Ending::TerminalFailure(_) => {
            let failed = match ending {
                Ending::TerminalFailure(kind) => Some(kind),
                Ending::Complete | Ending::Failed(_) | Ending::Cut => None,
            };
            holds(transcript.is_clean(), doing, "a clean end", transcript.ending())?;
            holds(is_last, doing, "the protocol's terminal event as the last one", transcript.ending())?;
            same(doing, "the failure that the last event tells", &failed, &transcript.observation.failed)
        }
        Ending::Failed(kind) => {
            let came = transcript.ending();
            holds(
                transcript.error_kind() == Some(kind),
                doing,
                &format!("an error of the kind {kind:?}"),
                came,
            )?;
            let says_last = transcript.says_last(operation);
            holds(!says_last, doing, "no terminal event before an error", transcript.ending())
        }
        Ending::Cut => {
            let is_cut = transcript.error_kind() == Some(ErrorKind::UpstreamCut);
            holds(is_cut, doing, "an error of the kind UpstreamCut", transcript.ending())
        }
    }
}

/// The bytes are those that came, up to the terminal event or the failure.
fn verbatim(doing: &str, stream: &StreamedReply, transcript: &Transcript) -> Result<(), Finding> {
    let came = &transcript.bytes[..];
    // An upstream may forget the blank line behind its last event; the caller is given one.
    if came.strip_suffix(b"\n\n").is_some_and(|closed| closed == stream.body) {
        return Ok(());
    }
    let (beginning, rest) = stream.body.split_at(came.len().min(stream.body.len()));
    same_bytes(doing, "the stream as it came", beginning, came)?;
    let left_out = whole_events(&Bytes::copy_from_slice(rest));
    let complete = left_out.iter().all(|event| event.data().is_none());
    let expected = "every event up to the terminal one";
    holds(complete || !stream.is_terminated(), doing, expected, format!("all but {}", excerpt(rest)))
}

/// Translated events have the shape of their dialect.
fn in_dialect(doing: &str, operation: Operation, transcript: &Transcript) -> Result<(), Finding> {
    let Some(object) = row(operation).events.and_then(|events| events.object) else {
        return typed(doing, transcript);
    };
    let mut id = None;
    for payload in transcript.payloads.iter().filter(|payload| payload.as_ref() != b"[DONE]") {
        let chunk: Value = serde_json::from_slice(payload).unwrap_or_default();
        let shaped = chunk["object"] == object
            && chunk["id"].is_string()
            && chunk["created"].is_u64()
            && chunk["model"].is_string()
            && chunk["choices"].is_array();
        let expected = format!("events of {object} with id, created, model and choices");
        holds(shaped, doing, &expected, excerpt(payload))?;
        let first = id.get_or_insert_with(|| chunk["id"].clone());
        same(doing, "one id in all events,", &*first, &chunk["id"])?;
    }
    Ok(())
}

/// Every event says in `type` what it is.
fn typed(doing: &str, transcript: &Transcript) -> Result<(), Finding> {
    for payload in &transcript.payloads {
        let event: Value = serde_json::from_slice(payload).unwrap_or_default();
        holds(event["type"].is_string(), doing, "events with a type", excerpt(payload))?;
    }
    Ok(())
}

/// An event is passed on as soon as it is whole, while the upstream has not ended yet.
pub async fn streams_give_their_events_as_they_come(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if subject.streamed_operations().is_empty() {
        return Ok(NO_STREAMS);
    }
    for stream in terminated(fixtures).filter(|stream| !stream.readings.text.is_empty()) {
        let doing =
            format!("reading all of the stream `{}` but its last event, and then silence", stream.name);
        let before_end = stream.body.slice(..terminal_event(&stream.body));
        let answer = UpstreamReply::events(before_end).then(After::Silence);
        let call = subject.question(stream.operation, true);
        let reply = subject.call(&doing, call, answer).await?;
        let ReplyBody::Events(mut events) = succeeded(&doing, "a stream", reply)?.body else {
            return Err(Finding::new(doing, "a stream of events", "something else"));
        };
        let transcript = Transcript::of_what_is_ready(&mut events).await;
        let came = transcript.text(stream.operation);
        let beginning = !came.is_empty() && stream.readings.text.starts_with(&came);
        let expected = format!("the text so far, of {:?}", stream.readings.text);
        holds(beginning, &doing, &expected, format!("{came:?}"))?;
    }
    Ok(Verdict::Held)
}

/// An answer that is no stream to a question for one is an error, never a clean end: a whole document, a failure
/// with status 200, a page, nothing at all.
pub async fn answers_that_are_no_stream_are_errors(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if subject.streamed_operations().is_empty() {
        return Ok(NO_STREAMS);
    }
    let html = "<!doctype html><html><body><h1>Welcome</h1></body></html>";
    let mut answers = vec![
        ("an empty stream", UpstreamReply::events("")),
        ("comments alone", UpstreamReply::events(": ping\n\n: ping\n\n")),
        ("a page", UpstreamReply::new(200, HTML, html)),
        ("a page that calls itself a stream", UpstreamReply::events(html)),
        ("an empty document", UpstreamReply::json(200, "")),
        ("garbage that calls itself a stream", UpstreamReply::events("\u{0}\u{1}\n\n\u{2}")),
        ("a document that is garbage", UpstreamReply::json(200, "no json")),
    ];
    let refusals = fixtures.refusals.iter();
    answers.extend(
        refusals.map(|refusal| ("a failure with status 200", UpstreamReply::json(200, refusal.body.clone()))),
    );
    for operation in subject.streamed_operations() {
        for (what, answer) in &answers {
            if operation.answers_in_bytes()
                && answer.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == HTML)
            {
                // It is told by its media type alone whether it is the answer.
                continue;
            }
            let doing = format!("asking for {operation} as a stream, and getting {what}");
            let transcript = subject.stream(&doing, operation, answer.clone()).await?;
            let came = transcript.ending();
            holds(transcript.error.is_some() && !transcript.ended, &doing, "an error", came)?;
        }
        if operation.answers_in_bytes() {
            // It may pass over the wish for a stream.
            continue;
        }
        for whole in fixtures.documents().filter(|whole| whole.operation == operation) {
            let doing = format!("asking for {operation} as a stream, and getting a whole document");
            let answer = UpstreamReply::json(200, whole.body.clone());
            let transcript = subject.stream(&doing, operation, answer).await?;
            let is_protocol = transcript.error_kind() == Some(ErrorKind::UpstreamProtocol);
            holds(is_protocol, &doing, "UpstreamProtocol", transcript.ending())?;
        }
    }
    Ok(Verdict::Held)
}

/// An event past `event_bytes_max` is refused without waiting for its rest.
pub async fn events_past_the_limit_are_refused(harness: &Harness) -> Outcome {
    let limits = Limits { event_bytes_max: 512, ..Limits::default() };
    let subject = Subject::with(harness, limits, Environment::empty())?;
    if subject.fixtures().is_none() {
        return Ok(NO_UPSTREAM);
    }
    for operation in subject.streamed_operations() {
        let doing = format!("asking for {operation} as a stream with event_bytes_max 512, and getting more");
        let body = format!("data: {{\"a\":\"{}", "x".repeat(2000));
        let answer = UpstreamReply::events(body).cut_at(&[300, 600, 900, 1200]).then(After::Silence);
        let transcript = subject.stream(&doing, operation, answer).await?;
        let is_protocol = transcript.error_kind() == Some(ErrorKind::UpstreamProtocol);
        holds(is_protocol, &doing, "UpstreamProtocol", transcript.ending())?;
    }
    Ok(Verdict::Held)
}

/// The streams that end with their protocol's terminal event.
pub(super) fn terminated(fixtures: &Fixtures) -> impl Iterator<Item = &StreamedReply> {
    fixtures.streams.iter().filter(|stream| stream.is_terminated())
}

/// Where the last event with a payload begins.
pub(super) fn terminal_event(stream: &Bytes) -> usize {
    let mut begin = 0;
    let mut terminal = 0;
    for event in whole_events(stream) {
        if event.data().is_some() {
            terminal = begin;
        }
        begin += event.bytes().len();
    }
    // What no blank line closes is the last event.
    let rest = &stream[begin.min(stream.len())..];
    if rest.iter().any(|byte| !byte.is_ascii_whitespace()) { begin } else { terminal }
}

/// The events of a stream that a blank line closes.
pub(super) fn whole_events(stream: &Bytes) -> Vec<Event> {
    let mut events = Vec::new();
    Framer::new(usize::MAX).push(stream.clone(), &mut events).expect("no event is larger than the limit");
    events
}
