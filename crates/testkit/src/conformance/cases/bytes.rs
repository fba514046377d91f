//! Replies that are no JSON: sound and plain texts, passed on as they come.

use bytes::Bytes;
use futures_util::StreamExt;
use trunkline_core::{ByteStream, Error, ErrorKind, ReplyBody};

use super::super::finding::{Finding, Outcome, Verdict, holds, same, same_bytes};
use super::super::subject::{Subject, in_time, succeeded};
use super::super::transport::{After, UpstreamReply};
use super::super::{Harness, WholeReply};
use super::NO_UPSTREAM;

/// What is said of a rule about such replies, where there are none.
const NO_BYTES: Verdict = Verdict::NotApplicable("no fixture is a reply in bytes");

/// A reply that is no JSON arrives byte for byte, with its media type, in whatever pieces; each piece is passed on
/// while the next one is not there yet.
pub async fn bytes_arrive_as_they_come(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if fixtures.raw().next().is_none() {
        return Ok(NO_BYTES);
    }
    for whole in fixtures.raw() {
        let each: Vec<usize> = (1..whole.body.len()).collect();
        for cuts in each.iter().map(std::slice::from_ref).chain([&each[..], &[]]) {
            let doing = format!("reading the bytes of {} in pieces that begin at {cuts:?}", whole.operation);
            let bytes = open(&subject, &doing, whole, whole.answer().cut_at(cuts)).await?;
            let (came, error) = in_time(&doing, read(bytes)).await?;
            holds(error.is_none(), &doing, "no error", format!("{error:?}"))?;
            same_bytes(&doing, "the reply as it came", &whole.body, &came)?;
        }
        let (first, _) = whole.body.split_at(whole.body.len() / 2);
        let doing = format!("reading the first half of the bytes of {}, and then silence", whole.operation);
        let answer = UpstreamReply::new(200, whole.content_type, Bytes::copy_from_slice(first));
        let mut bytes = open(&subject, &doing, whole, answer.then(After::Silence)).await?;
        let came = in_time(&doing, bytes.next()).await?.and_then(Result::ok).unwrap_or_default();
        same_bytes(&doing, "what came so far", first, &came)?;
    }
    Ok(Verdict::Held)
}

/// A reply that is no JSON and breaks off gives what came, then the transport's error, and no clean end.
pub async fn bytes_cut_short_are_an_error(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if fixtures.raw().next().is_none() {
        return Ok(NO_BYTES);
    }
    for whole in fixtures.raw() {
        for kind in [ErrorKind::UpstreamCut, ErrorKind::UpstreamTimeout] {
            for at in 0..=whole.body.len() {
                let doing =
                    format!("reading {at} bytes of a reply to {}, and then {kind:?}", whole.operation);
                let cut = UpstreamReply::new(200, whole.content_type, whole.body.slice(..at));
                let bytes = open(&subject, &doing, whole, cut.then(After::Failure(kind))).await?;
                let (came, error) = in_time(&doing, read(bytes)).await?;
                same_bytes(&doing, "what came before the cut", &whole.body[..at], &came)?;
                same(&doing, "the kind", &Some(kind), &error.as_ref().map(Error::kind))?;
                let named = error.is_some_and(|error| error.provider().is_some());
                holds(named, &doing, "an error that names the provider", "one that does not")?;
            }
        }
    }
    Ok(Verdict::Held)
}

async fn open(
    subject: &Subject<'_>,
    doing: &str,
    whole: &WholeReply,
    answer: UpstreamReply,
) -> Result<ByteStream, Finding> {
    let reply = subject.call(doing, subject.question(whole.operation, false), answer).await?;
    match succeeded(doing, "bytes", reply)?.body {
        ReplyBody::Raw { content_type, bytes } => {
            let named = content_type.as_ref().and_then(|value| value.to_str().ok());
            same(doing, "the media type", &Some(whole.content_type), &named)?;
            Ok(bytes)
        }
        body @ (ReplyBody::Document(..) | ReplyBody::Events(_)) => {
            Err(Finding::new(doing, "bytes as they come", format!("{body:?}")))
        }
    }
}

/// All bytes, and the error that is the last item, if there is one. What comes behind it counts as a part of them.
async fn read(mut bytes: ByteStream) -> (Vec<u8>, Option<Error>) {
    let mut came = Vec::new();
    let mut error = None;
    while let Some(item) = bytes.next().await {
        match item {
            Ok(piece) => came.extend_from_slice(&piece),
            Err(failure) => error = Some(failure),
        }
    }
    (came, error)
}
