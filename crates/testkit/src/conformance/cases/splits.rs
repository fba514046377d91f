//! Streams cut into pieces by the network: what comes out never depends on where.

use trunkline_core::{Call, ErrorKind};

use super::super::finding::{Finding, Outcome, Verdict, holds};
use super::super::random::Random;
use super::super::subject::Subject;
use super::super::transcript::Transcript;
use super::super::transport::{After, UpstreamReply};
use super::super::{Fixtures, Harness, StreamedReply};
use super::streams::{terminal_event, terminated};
use super::{NO_STREAMS, NO_UPSTREAM};

/// How many random places there are, over all streams together.
const PLACES: usize = 10_000;
/// How many of them one reading has at most.
const PLACES_AT_ONCE_MAX: usize = 12;
/// The longest stream that is read anew for each of its bytes. The time for that grows with its square.
const SHORT_BYTES_MAX: usize = 2000;
/// How far apart the cuts are in one reading of a longer one.
const COMB_BYTES: usize = 64;
/// How many bytes of a longer one there are for each that is tried as its last.
const STRIDE_BYTES: usize = 7;

/// A stream with a cut at each of its bytes gives the same bytes, the same observation and the same end as in one
/// piece.
///
/// A stream of up to 2,000 bytes is read in two pieces, once for each place at which it can be cut; a longer one
/// in pieces of 64 bytes, 64 times, so that each place is a cut once. All are read byte by byte, too.
pub async fn streams_are_the_same_at_every_byte_cut(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if fixtures.streams.is_empty() {
        return Ok(NO_STREAMS);
    }
    for (stream, reference) in references(&subject, fixtures).await? {
        let call = subject.question(stream.operation, true);
        let length = stream.body.len();
        let step = if length > SHORT_BYTES_MAX { COMB_BYTES } else { length };
        for first in 1..=step.min(length - 1) {
            let cuts: Vec<usize> = (first..length).step_by(step).collect();
            compare(&subject, &call, stream, &reference, &cuts).await?;
        }
        let each: Vec<usize> = (1..length).collect();
        compare(&subject, &call, stream, &reference, &each).await?;
    }
    Ok(Verdict::Held)
}

/// A stream gives the same bytes, the same observation and the same end in whatever pieces it arrives: ten
/// thousand random places, up to twelve in one reading, over all streams.
pub async fn streams_are_the_same_at_10_000_random_splits(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if fixtures.streams.is_empty() {
        return Ok(NO_STREAMS);
    }
    let references = references(&subject, fixtures).await?;
    let mut random = Random::new(10_000);
    let mut places = 0;
    for (stream, reference) in references.iter().cycle() {
        let cuts = random.cuts(stream.body.len(), PLACES_AT_ONCE_MAX);
        let call = subject.question(stream.operation, true);
        compare(&subject, &call, stream, reference, &cuts).await?;
        places += cuts.len();
        if places >= PLACES {
            break;
        }
    }
    Ok(Verdict::Held)
}

/// Each stream with what it gives in one piece.
async fn references<'f>(
    subject: &Subject<'_>,
    fixtures: &'f Fixtures,
) -> Result<Vec<(&'f StreamedReply, Transcript)>, Finding> {
    let mut references = Vec::with_capacity(fixtures.streams.len());
    for stream in &fixtures.streams {
        let doing = format!("reading the stream `{}` in one piece", stream.name);
        let answer = UpstreamReply::events(stream.body.clone());
        references.push((stream, subject.stream(&doing, stream.operation, answer).await?));
    }
    Ok(references)
}

async fn compare(
    subject: &Subject<'_>,
    call: &Call,
    stream: &StreamedReply,
    reference: &Transcript,
    cuts: &[usize],
) -> Result<(), Finding> {
    let doing = || format!("reading the stream `{}` in pieces that begin at {cuts:?}", stream.name);
    let answer = UpstreamReply::events(stream.body.clone()).cut_at(cuts);
    // What is being done is put into words only if it goes wrong: there are tens of thousands of cuts.
    let transcript = subject.stream_of("", call.clone(), answer).await;
    let transcript = transcript.map_err(|finding| Finding { doing: doing(), ..finding })?;
    match reference.difference(&transcript) {
        Some((expected, came)) => {
            Err(Finding::new(doing(), format!("the same as in one piece: {expected}"), came))
        }
        None => Ok(()),
    }
}

/// A stream that ends before its terminal event, at any byte, is an error and never a clean end; once all of the
/// terminal event's payload is there, it may count as complete.
///
/// Of a stream of more than 2,000 bytes, the places tried are those beside a line break or within a character of
/// several bytes, and every seventh.
pub async fn streams_cut_before_their_end_are_errors(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if subject.streamed_operations().is_empty() {
        return Ok(NO_STREAMS);
    }
    for stream in terminated(fixtures) {
        let doing = format!("reading the stream `{}`", stream.name);
        let answer = UpstreamReply::events(stream.body.clone());
        let reference = subject.stream(&doing, stream.operation, answer).await?;
        let terminal = terminal_event(&stream.body);
        let call = subject.question(stream.operation, true);
        for at in ends_to_try(&stream.body) {
            let doing = format!("reading the first {at} bytes of the stream `{}`", stream.name);
            let answer = UpstreamReply::events(stream.body.slice(..at));
            let transcript = subject.stream_of(&doing, call.clone(), answer).await?;
            is_error_or_complete(&doing, &transcript, &reference, at > terminal)?;
        }
        let doing =
            format!("reading the stream `{}` up to its terminal event, and then a reset", stream.name);
        let beginning = UpstreamReply::events(stream.body.slice(..terminal));
        let answer = beginning.then(After::Failure(ErrorKind::UpstreamTimeout));
        let transcript = subject.stream(&doing, stream.operation, answer).await?;
        let kept = transcript.error_kind() == Some(ErrorKind::UpstreamTimeout) && !transcript.ended;
        holds(kept, &doing, "the transport's own error, UpstreamTimeout", transcript.ending())?;
    }
    Ok(Verdict::Held)
}

/// The lengths at which a stream is cut short.
fn ends_to_try(body: &[u8]) -> Vec<usize> {
    let is_telling = |at: usize| {
        let beside = &body[at.saturating_sub(1)..body.len().min(at + 1)];
        beside.iter().any(|byte| matches!(byte, b'\n' | b'\r') || !byte.is_ascii())
    };
    let is_tried =
        |at: &usize| body.len() <= SHORT_BYTES_MAX || at.is_multiple_of(STRIDE_BYTES) || is_telling(*at);
    (0..body.len()).filter(is_tried).collect()
}

fn is_error_or_complete(
    doing: &str,
    transcript: &Transcript,
    reference: &Transcript,
    in_terminal_event: bool,
) -> Result<(), Finding> {
    // A part of an event may be no JSON to whoever reads it before it is known that nothing follows.
    let is_cut = |kind| matches!(kind, ErrorKind::UpstreamCut | ErrorKind::UpstreamProtocol);
    if transcript.error_kind().is_some_and(is_cut) && !transcript.ended {
        return Ok(());
    }
    let complete = in_terminal_event && transcript.is_clean() && transcript.payloads == reference.payloads;
    let expected = if in_terminal_event { "UpstreamCut, or all that the stream says" } else { "UpstreamCut" };
    holds(complete, doing, expected, transcript.ending())
}
