//! What stops a stream: its terminal event, an error event, a caller who leaves.

use bytes::Bytes;
use futures_util::StreamExt;
use trunkline_core::ReplyBody;

use super::super::finding::{Finding, Outcome, Verdict, holds, same};
use super::super::subject::{Subject, in_time, succeeded};
use super::super::transport::{After, Answer, UpstreamReply};
use super::super::{Ending, ErrorEvent, Harness, StreamedReply};
use super::streams::{ended_as_expected, terminal_event, terminated, whole_events};
use super::{NO_STREAMS, NO_UPSTREAM};

/// A stream ends with its terminal event: it waits for nothing from its upstream behind it, and takes nothing.
pub async fn nothing_is_awaited_after_the_terminal_event(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if subject.streamed_operations().is_empty() {
        return Ok(NO_STREAMS);
    }
    for stream in terminated(fixtures) {
        let closed: usize = whole_events(&stream.body).iter().map(|event| event.bytes().len()).sum();
        if closed < stream.body.len() {
            // Without a blank line behind it, nobody can know that the last event is whole.
            continue;
        }
        let doing = format!("reading the stream `{}`, and then silence", stream.name);
        let answer = UpstreamReply::events(stream.body.clone()).then(After::Silence);
        let transcript = subject.stream(&doing, stream.operation, answer).await?;
        ended_as_expected(&doing, stream.operation, stream.ending, &transcript)?;

        let doing = format!("reading the stream `{}`, which goes on behind its terminal event", stream.name);
        let late = [&stream.body[..], b"data: {\"late\":true}\n\n"].concat();
        let answer = UpstreamReply::events(late).cut_at(&[stream.body.len()]).then(After::Silence);
        let transcript = subject.stream(&doing, stream.operation, answer).await?;
        ended_as_expected(&doing, stream.operation, stream.ending, &transcript)?;
        same(&doing, "pieces taken from the upstream:", &1, &subject.transport.pieces_taken())?;
    }
    Ok(Verdict::Held)
}

/// An error event ends a stream with the kind of its HTTP twin: as the first event, in the middle, and with
/// good events behind it, which are not passed on.
pub async fn error_events_end_a_stream(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if subject.streamed_operations().is_empty() {
        return Ok(NO_STREAMS);
    }
    for stream in terminated(fixtures) {
        for error_event in fixtures.error_events_of(stream.operation) {
            interrupt(&subject, stream, error_event, fixtures.verbatim).await?;
        }
    }
    Ok(Verdict::Held)
}

/// Puts an error event before each event of a stream.
async fn interrupt(
    subject: &Subject<'_>,
    stream: &StreamedReply,
    error_event: &ErrorEvent,
    verbatim: bool,
) -> Result<(), Finding> {
    let ending = Ending::Failed(error_event.kind);
    let events = whole_events(&stream.body);
    for position in 0..events.len() {
        let doing = format!("reading the stream `{}` with an error as event {position}", stream.name);
        let begin: usize = events[..position].iter().map(|event| event.bytes().len()).sum();
        if begin > terminal_event(&stream.body) {
            break;
        }
        let (before, behind) = stream.body.split_at(begin);
        let body = Bytes::from([before, &error_event.bytes, behind].concat());
        let answer = UpstreamReply::events(body).then(After::Silence);
        let transcript = subject.stream(&doing, stream.operation, answer).await?;
        ended_as_expected(&doing, stream.operation, ending, &transcript)?;
        let kept = transcript.error.as_ref().and_then(|error| error.upstream());
        holds(
            kept.is_some_and(|answer| !answer.body.is_empty()),
            &doing,
            "an error that keeps what the upstream said",
            transcript.ending(),
        )?;
        if verbatim {
            let came = &transcript.bytes[..];
            holds(came == before, &doing, "all events before the error", transcript.ending())?;
        }
    }
    Ok(())
}

/// A caller who leaves ends the exchange with the upstream: before the head, in the middle of a document, of
/// bytes, and of a stream.
pub async fn dropping_a_reply_ends_the_exchange(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    for whole in fixtures.documents() {
        let half = UpstreamReply::json(200, whole.body.slice(..whole.body.len() / 2)).then(After::Silence);
        for (what, answer) in [("a head", Answer::Silence), ("the rest of a document", half.into())] {
            let doing = format!("dropping a call for {} while it waits for {what}", whole.operation);
            subject.transport.answer(answer);
            let question = subject.question(whole.operation, false);
            let mut call = subject.provider.call(&subject.context, &question);
            for _ in 0..16 {
                let waits = futures_util::poll!(&mut call).is_pending();
                holds(waits, &doing, "a call that waits", "one that ended")?;
                tokio::task::yield_now().await;
            }
            same(&doing, "exchanges open before:", &1, &subject.transport.exchanges_open())?;
            drop(call);
            closes(&subject, &doing).await?;
        }
    }
    for whole in fixtures.raw() {
        let doing = format!("dropping the bytes of a reply to {} after the first of them", whole.operation);
        let answer = whole.answer().then(After::Silence);
        let reply = subject.call(&doing, subject.question(whole.operation, false), answer).await?;
        let ReplyBody::Raw { mut bytes, .. } = succeeded(&doing, "bytes", reply)?.body else {
            return Err(Finding::new(doing, "bytes as they come", "a document or events"));
        };
        let first = in_time(&doing, bytes.next()).await?;
        holds(matches!(first, Some(Ok(_))), &doing, "bytes", format!("{first:?}"))?;
        same(&doing, "exchanges open before:", &1, &subject.transport.exchanges_open())?;
        drop(bytes);
        closes(&subject, &doing).await?;
    }
    for stream in terminated(fixtures).filter(|stream| !stream.readings.text.is_empty()) {
        let doing = format!("dropping the stream `{}` after its first events", stream.name);
        let half = stream.body.slice(..terminal_event(&stream.body));
        let call = subject.question(stream.operation, true);
        let answer = UpstreamReply::events(half).then(After::Silence);
        let reply = succeeded(&doing, "a stream", subject.call(&doing, call, answer).await?)?;
        let ReplyBody::Events(mut events) = reply.body else {
            return Err(Finding::new(doing, "a stream of events", format!("{:?}", reply.body)));
        };
        let first = in_time(&doing, events.next()).await?;
        holds(matches!(first, Some(Ok(_))), &doing, "events", format!("{first:?}"))?;
        same(&doing, "exchanges open before:", &1, &subject.transport.exchanges_open())?;
        drop(events);
        closes(&subject, &doing).await?;
    }
    Ok(Verdict::Held)
}

/// Finds fault unless no exchange is open, now or after tasks of the provider's own had their turns.
async fn closes(subject: &Subject<'_>, doing: &str) -> Result<(), Finding> {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
    same(doing, "exchanges open:", &0, &subject.transport.exchanges_open())
}
