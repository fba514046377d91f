//! Whole replies: what is read from them, and what is no reply at all.

use bytes::Bytes;
use serde_json::Value;
use trunkline_core::{Cost, Document, Environment, ErrorKind, Observation, Operation};
use trunkline_provider::{Capabilities, Limits};

use super::super::finding::{Finding, Outcome, Verdict, excerpt, holds, same, same_bytes, told};
use super::super::operations::{row, texts_at, values_at};
use super::super::subject::{Subject, refused, succeeded};
use super::super::transport::{After, Answer, UpstreamReply};
use super::super::{Harness, Readings};
use super::NO_UPSTREAM;

/// A whole reply comes out in the caller's dialect, with its text, its tokens in buckets that add up to the
/// upstream's own sums, its cost and its generation id.
pub async fn whole_replies_are_decoded(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return without_upstream(&subject).await;
    };
    for whole in fixtures.documents() {
        let doing = format!("reading the whole reply to {}", whole.operation);
        let answer = UpstreamReply::json(200, whole.body.clone());
        let reply = subject.whole(&doing, whole.operation, answer).await?;
        let (document, observation) = succeeded(&doing, "a document", reply)?;
        let body = document.to_bytes();
        same(&doing, "the text", &whole.readings.text, &text(&doing, whole.operation, &body)?)?;
        read(&doing, whole.operation, &whole.readings, &observation, &subject.capabilities())?;
        if fixtures.verbatim {
            same_bytes(&doing, "the body as it came", &whole.body, &body)?;
        }
    }
    Ok(Verdict::Held)
}

async fn without_upstream(subject: &Subject<'_>) -> Outcome {
    // What answers in bytes says nothing that could be read.
    for &operation in subject.operations().iter().filter(|operation| !operation.answers_in_bytes()) {
        let doing = format!("asking for {operation}");
        let reply = subject.whole(&doing, operation, Answer::Failure(ErrorKind::Internal)).await?;
        let (document, observation) = succeeded(&doing, "a document", reply)?;
        text(&doing, operation, &document.to_bytes())?;
        let told = observation.usage.is_some();
        let silent = !subject.capabilities().reports_usage || !operation.reports_usage();
        holds(told || silent, &doing, "usage, because it is claimed to be reported", "none")?;
        same(&doing, "requests sent:", &0, &subject.transport.requests().len())?;
    }
    Ok(Verdict::Held)
}

/// The text that a well-formed body in the caller's dialect says.
fn text(doing: &str, operation: Operation, body: &[u8]) -> Result<String, Finding> {
    let strange = |what: &str| Finding::new(doing, what, excerpt(body));
    let reply: Value = serde_json::from_slice(body).map_err(|_| strange("a JSON object"))?;
    let row = row(operation);
    let there = values_at(&reply, row.whole_has);
    let expected = format!("something at `{}`", row.whole_has);
    holds(there.iter().any(|value| !value.is_null()), doing, &expected, excerpt(body))?;
    Ok(if row.whole_text.is_empty() { String::new() } else { texts_at(&reply, row.whole_text) })
}

/// Holds what was observed against what the fixture tells.
pub(super) fn read(
    doing: &str,
    operation: Operation,
    readings: &Readings,
    observation: &Observation,
    capabilities: &Capabilities,
) -> Result<(), Finding> {
    if operation.is_about_object() {
        let came = format!("{:?}", observation.usage);
        let expected = "no usage: what is looked up was paid for when it was made";
        holds(observation.usage.is_none(), doing, expected, came)?;
    }
    if let Some((input, output)) = readings.tokens {
        let Some(usage) = &observation.usage else {
            return Err(Finding::new(doing, format!("{input} and {output} tokens"), "no usage"));
        };
        let buckets = format!("{usage:?}");
        let came = (usage.input(), usage.all_output(), usage.total());
        let expected = format!("buckets with the sums {:?}", (input, output, input + output));
        holds(came == (input, output, input + output), doing, &expected, &buckets)?;
        holds(!usage.inconsistent, doing, "buckets that contradict nothing", &buckets)?;
    }
    if !capabilities.reports_cost {
        let came = format!("{:?}", observation.cost);
        return holds(observation.cost.is_none(), doing, "no cost, because none is claimed", came);
    }
    let spend = match &observation.cost {
        Some(cost @ Cost::Reported(_)) => cost.spend(),
        Some(Cost::Computed(_)) => {
            return Err(Finding::new(doing, "a cost that the upstream reported", "one that was computed"));
        }
        None => None,
    };
    let expected = readings.cost.as_ref().map(|dollars| trunkline_core::cost::amount(dollars.as_bytes()));
    same(doing, "the cost", &expected.flatten(), &spend)?;
    if let Some(id) = &readings.generation_id {
        same(doing, "the generation id", &Some(id), &observation.generation_id.as_ref())?;
    }
    Ok(())
}

/// A whole reply is the same in whatever pieces it arrives.
pub async fn whole_replies_arrive_in_any_pieces(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    for whole in fixtures.documents() {
        let doing = format!("reading the whole reply to {}", whole.operation);
        let reference = read_whole(&subject, &doing, whole.operation, whole.body.clone(), &[]).await?;
        let each: Vec<usize> = (1..whole.body.len()).collect();
        for cuts in each.iter().map(std::slice::from_ref).chain([&each[..]]) {
            let doing = format!("{doing} in pieces that begin at {cuts:?}");
            let (body, observation) =
                read_whole(&subject, &doing, whole.operation, whole.body.clone(), cuts).await?;
            same_bytes(&doing, "the same body as in one piece", &reference.0, &body)?;
            same(&doing, "the same observation as in one piece,", &reference.1, &observation)?;
        }
    }
    Ok(Verdict::Held)
}

async fn read_whole(
    subject: &Subject<'_>,
    doing: &str,
    operation: Operation,
    body: Bytes,
    cuts: &[usize],
) -> Result<(Bytes, Observation), Finding> {
    let reply = subject.whole(doing, operation, UpstreamReply::json(200, body).cut_at(cuts)).await?;
    let (document, observation): (Document, _) = succeeded(doing, "a document", reply)?;
    Ok((document.to_bytes(), observation))
}

/// What is no JSON object is `UpstreamProtocol`, with the body as it came; what reports a failure is an error
/// too, whatever its status.
pub async fn whole_replies_that_are_none_are_errors(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    let deep = format!("{}1{}", r#"{"a":"#.repeat(20_000), "}".repeat(20_000));
    let html = "<!doctype html><html><body><h1>Welcome</h1></body></html>";
    let bodies =
        ["", " ", "null", "[]", "42", "\"a text\"", "no json", "{", "{\"a\":1}x", "{\"a\":}", html, &deep];
    for &operation in subject.operations() {
        for body in bodies {
            let doing = format!("asking for {operation} and getting {}", excerpt(body.as_bytes()));
            let answer = UpstreamReply::json(200, body.to_owned());
            let reply = subject.whole(&doing, operation, answer).await?;
            let error = refused(&doing, "UpstreamProtocol", reply)?;
            same(&doing, "the kind", &ErrorKind::UpstreamProtocol, &error.kind())?;
            holds(error.reached_upstream(), &doing, "`reached_upstream`", "false")?;
            let kept = error.upstream().map(|answer| answer.body.clone()).unwrap_or_default();
            let beginning = &body.as_bytes()[..kept.len().min(body.len())];
            same_bytes(&doing, "the body, kept as it came", beginning, &kept)?;
            holds(kept.is_empty() == body.is_empty(), &doing, "the body, kept as it came", told(&error))?;
        }
        for refusal in &fixtures.refusals {
            let doing = format!("asking for {operation} and getting {} with 200", excerpt(&refusal.body));
            let answer = UpstreamReply::json(200, refusal.body.clone());
            let reply = subject.whole(&doing, operation, answer).await?;
            refused(&doing, "an error: the body says so", reply)?;
        }
    }
    Ok(Verdict::Held)
}

/// A whole reply that is cut at any byte is an error, whether its connection ends well or not.
pub async fn whole_replies_cut_at_any_byte_are_errors(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    for whole in fixtures.documents() {
        let length = whole.body.trim_ascii_end().len();
        for at in 0..length {
            let doing = format!("reading the first {at} bytes of the whole reply to {}", whole.operation);
            let cut = UpstreamReply::json(200, whole.body.slice(..at));
            let reply = subject.whole(&doing, whole.operation, cut.clone()).await?;
            let error = refused(&doing, "UpstreamProtocol", reply)?;
            same(&doing, "the kind", &ErrorKind::UpstreamProtocol, &error.kind())?;
        }
        let doing = format!("reading half of the whole reply to {}, and a reset", whole.operation);
        let half = UpstreamReply::json(200, whole.body.slice(..length / 2));
        let answer = half.then(After::Failure(ErrorKind::UpstreamCut));
        let reply = subject.whole(&doing, whole.operation, answer).await?;
        let error = refused(&doing, "UpstreamCut", reply)?;
        same(&doing, "the kind", &ErrorKind::UpstreamCut, &error.kind())?;
    }
    Ok(Verdict::Held)
}

/// A whole reply past `reply_bytes_max` is refused without waiting for its rest.
pub async fn replies_past_the_limit_are_refused(harness: &Harness) -> Outcome {
    let limits = Limits { reply_bytes_max: 64, ..Limits::default() };
    let subject = Subject::with(harness, limits, Environment::empty())?;
    if subject.fixtures().is_none() {
        return Ok(NO_UPSTREAM);
    }
    let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(200));
    for &operation in subject.operations() {
        let doing = format!("asking for {operation} with reply_bytes_max 64, and getting 200 bytes and more");
        let answer = UpstreamReply::json(200, body.clone()).cut_at(&[40, 80, 120]).then(After::Silence);
        let reply = subject.whole(&doing, operation, answer).await?;
        let error = refused(&doing, "UpstreamProtocol", reply)?;
        same(&doing, "the kind", &ErrorKind::UpstreamProtocol, &error.kind())?;
    }
    Ok(Verdict::Held)
}
