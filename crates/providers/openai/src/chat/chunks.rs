//! A stream of events read as chunks.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use trunkline_core::{Error, ErrorKind, Event, EventStream};

use super::ChatChunk;

/// The chunks of a streamed reply. Comments and `[DONE]` are left out.
///
/// It ends with `None` only after the protocol's terminal event; an `Err` is the last item.
pub struct ChatChunks {
    /// `None` after an error: nothing may follow it.
    events: Option<EventStream>,
    ready: VecDeque<Event>,
}

impl ChatChunks {
    /// Reads chunks from events in OpenAI's dialect.
    pub fn new(events: EventStream) -> Self {
        Self { events: Some(events), ready: VecDeque::new() }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.events = None;
        self.ready.clear();
        error
    }
}

/// The chunk of an event; `None` if it holds none.
fn chunk(event: &Event) -> Option<Result<ChatChunk, Error>> {
    let data = event.data()?.trim_ascii();
    if data.is_empty() || data == b"[DONE]" {
        return None;
    }
    Some(serde_json::from_slice(data).map_err(|error| {
        let message = "an event of the stream is not a chunk of a chat completion";
        Error::new(ErrorKind::UpstreamProtocol, message).having_reached_upstream().with_source(error)
    }))
}

impl Stream for ChatChunks {
    type Item = Result<ChatChunk, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            while let Some(event) = this.ready.pop_front() {
                if let Some(chunk) = chunk(&event) {
                    return Poll::Ready(Some(chunk.map_err(|error| this.fail(error))));
                }
            }
            let Some(events) = &mut this.events else {
                return Poll::Ready(None);
            };
            match ready!(events.as_mut().poll_next(context)) {
                Some(Ok(events)) => this.ready.extend(events),
                Some(Err(error)) => return Poll::Ready(Some(Err(this.fail(error)))),
                None => this.events = None,
            }
        }
    }
}

impl fmt::Debug for ChatChunks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ChatChunks").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::stream;
    use futures_util::{FutureExt, StreamExt};

    fn text(content: &str) -> Event {
        let payload = format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{content}"}}}}]}}"#);
        Event::from_payload(payload.as_bytes())
    }

    fn done() -> Event {
        Event::from_payload(b"[DONE]")
    }

    /// Reads everything; texts as `Ok`, the kinds of errors as `Err`.
    fn read(batches: Vec<Result<Vec<Event>, Error>>) -> Vec<Result<String, ErrorKind>> {
        ChatChunks::new(Box::pin(stream::iter(batches)))
            .map(|item| {
                item.map(|chunk| chunk.text().unwrap_or_default().to_owned()).map_err(|error| error.kind())
            })
            .collect::<Vec<_>>()
            .now_or_never()
            .expect("everything is there already")
    }

    #[test]
    fn comments_and_the_end_are_left_out() {
        let comment = Event::without_data(Bytes::from_static(b": ping\n\n"));
        let batches = vec![Ok(vec![text("a"), comment, text("b")]), Ok(vec![]), Ok(vec![done()])];
        assert_eq!(read(batches), [Ok("a".to_owned()), Ok("b".to_owned())]);
    }

    #[test]
    fn an_error_is_the_last_item() {
        let cut = Error::new(ErrorKind::UpstreamCut, "cut");
        let batches = vec![Ok(vec![text("a")]), Err(cut), Ok(vec![text("b")])];
        assert_eq!(read(batches), [Ok("a".to_owned()), Err(ErrorKind::UpstreamCut)]);
    }

    #[test]
    fn an_event_that_is_no_chunk_is_an_error_and_the_last_item() {
        let batches = vec![Ok(vec![Event::from_payload(b"{\"choices\":7}"), text("b")])];
        assert_eq!(read(batches), [Err(ErrorKind::UpstreamProtocol)]);
    }
}
