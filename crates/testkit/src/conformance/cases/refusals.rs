//! Refusals: what they mean, what is advised, and that the upstream's words survive.

use std::time::Duration;

use bytes::Bytes;
use trunkline_core::{Environment, Error, ErrorKind, Retry};
use trunkline_provider::Limits;

use super::super::finding::{Finding, Outcome, Verdict, excerpt, holds, same, same_bytes, told};
use super::super::question::Way;
use super::super::subject::{Subject, refused};
use super::super::transport::{Answer, UpstreamReply};
use super::super::{Harness, Refusal};
use super::NO_UPSTREAM;

/// A refusal has the kind, the advice and the words that the fixture says, and keeps status and body as they came.
pub async fn refusals_are_classified(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    for refusal in &fixtures.refusals {
        for way in subject.ways_to_ask() {
            let (doing, error) = refuse(&subject, way, refusal.status, &refusal.body).await?;
            same(&doing, "the kind", &refusal.kind, &error.kind())?;
            let advice = refusal.retry.unwrap_or_else(|| Error::new(refusal.kind, "").retry());
            same(&doing, "the advice", &advice, &error.retry())?;
            if let Some(words) = &refusal.message {
                let repeats = error.message().contains(words.as_str());
                holds(repeats, &doing, &format!("a message that says {words:?}"), error.message())?;
            }
        }
    }
    Ok(Verdict::Held)
}

/// What stands between us and the upstream refuses in pages, texts and nothing at all: the status then decides.
pub async fn refusals_of_proxies_are_classified(harness: &Harness) -> Outcome {
    use ErrorKind::{
        UpstreamCredential, UpstreamFailed, UpstreamForbidden, UpstreamRateLimited, UpstreamTimeout,
    };
    let subject = Subject::new(harness)?;
    if subject.fixtures().is_none() {
        return Ok(NO_UPSTREAM);
    }
    let bodies: [&[u8]; 8] = [
        b"",
        b"<html><head><title>nginx</title></head><body>sorry</body></html>",
        b"upstream connect error",
        b"{\"error\":",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe\x00",
    ];
    let meanings: [(u16, &[ErrorKind]); 7] = [
        (401, &[UpstreamCredential]),
        (403, &[UpstreamForbidden, UpstreamCredential]),
        (429, &[UpstreamRateLimited]),
        (500, &[UpstreamFailed]),
        (502, &[UpstreamFailed]),
        (503, &[UpstreamFailed]),
        (504, &[UpstreamTimeout, UpstreamFailed]),
    ];
    for way in subject.ways_to_ask() {
        for (status, kinds) in meanings {
            for body in bodies {
                let body = Bytes::from_static(body);
                let (doing, error) = refuse(&subject, way, status, &body).await?;
                let expected = format!("one of the kinds {kinds:?}");
                holds(kinds.contains(&error.kind()), doing, &expected, told(&error))?;
            }
        }
    }
    Ok(Verdict::Held)
}

/// A `retry-after` becomes the advice to come back after that time, where coming back helps.
pub async fn the_wait_that_the_upstream_asks_for_is_kept(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    let comes_back = |refusal: &&Refusal| {
        refusal.retry.is_none() && Error::new(refusal.kind, "").retry() == Retry::SameTarget
    };
    for refusal in fixtures.refusals.iter().filter(comes_back) {
        for way in subject.ways_to_ask() {
            let doing =
                format!("asking for {way} and being refused with {} and `retry-after: 7`", refusal.status);
            let answer = UpstreamReply::json(refusal.status, refusal.body.clone()).header("retry-after", "7");
            let call = subject.ask(way);
            let error = refused(&doing, "an error", subject.call(&doing, call, answer).await?)?;
            let wait = Duration::from_secs(7);
            same(&doing, "the advice", &Retry::After(wait), &error.retry())?;
            same(&doing, "the wait", &Some(wait), &error.retry_after())?;
        }
    }
    Ok(Verdict::Held)
}

/// The body of a refusal past `failure_bytes_max` is cut there, and the refusal keeps its meaning.
pub async fn refusals_past_the_limit_are_cut(harness: &Harness) -> Outcome {
    let limits = Limits { failure_bytes_max: 100, ..Limits::default() };
    let subject = Subject::with(harness, limits, Environment::empty())?;
    if subject.fixtures().is_none() {
        return Ok(NO_UPSTREAM);
    }
    let body = Bytes::from("busy ".repeat(1000));
    for &operation in subject.operations() {
        let doing = format!("asking for {operation} and being refused with {} bytes", body.len());
        let answer = UpstreamReply::json(503, body.clone()).cut_at(&[90, 180, 270]);
        let call = subject.question(operation, false);
        let error = refused(&doing, "an error", subject.call(&doing, call, answer).await?)?;
        same(&doing, "the kind", &ErrorKind::UpstreamFailed, &error.kind())?;
        let kept = error.upstream().map(|answer| answer.body.clone()).unwrap_or_default();
        same_bytes(&doing, "the first 100 bytes of the body", &body[..100], &kept)?;
    }
    Ok(Verdict::Held)
}

/// An exchange that fails on its way keeps the kind that the transport gave it, and names the provider.
pub async fn failed_exchanges_keep_their_kind(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    if subject.fixtures().is_none() {
        return Ok(NO_UPSTREAM);
    }
    for kind in [ErrorKind::UpstreamUnreachable, ErrorKind::UpstreamTimeout, ErrorKind::UpstreamProtocol] {
        for way in subject.ways_to_ask() {
            let doing = format!("asking for {way} over a transport that fails with {kind:?}");
            let call = subject.ask(way);
            let error =
                refused(&doing, "an error", subject.call(&doing, call, Answer::Failure(kind)).await?)?;
            same(&doing, "the kind", &kind, &error.kind())?;
            holds(error.provider().is_some(), &doing, "an error that names the provider", told(&error))?;
        }
    }
    Ok(Verdict::Held)
}

/// Asks, is refused, and sees to it that status and body are kept.
async fn refuse(
    subject: &Subject<'_>,
    way: Way,
    status: u16,
    body: &Bytes,
) -> Result<(String, Error), Finding> {
    let doing = format!("asking for {way} and being refused with {status} {}", excerpt(body));
    let call = subject.ask(way);
    let reply = subject.call(&doing, call, UpstreamReply::json(status, body.clone())).await?;
    let error = refused(&doing, "an error", reply)?;
    let kept = error.upstream_status().map(|status| status.as_u16());
    same(&doing, "the status", &Some(status), &kept)?;
    let kept = error.upstream().map(|answer| answer.body.clone()).unwrap_or_default();
    same_bytes(&doing, "the body as it came", body, &kept)?;
    holds(error.reached_upstream(), &doing, "`reached_upstream`", "false")?;
    holds(error.provider().is_some(), &doing, "an error that names the provider", told(&error))?;
    holds(!error.message().is_empty(), &doing, "a message", "none")?;
    Ok((doing, error))
}
