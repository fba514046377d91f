//! A streamed answer to a chat call: chunks as they come, and what was seen on the way.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_util::StreamExt;
use trunkline_core::{Cost, Error, ErrorKind, Event, EventStream, Observation, Reply, ReplyBody, Usage};
use trunkline_openai::chat::{ChatChunk, ChatChunks, ChatResponse, Message, ToolCall};

use crate::assembly::Assembly;
use crate::completion::{message_of, tool_calls};

/// The chunks of a streamed answer.
///
/// It ends with `None` only when the answer is whole. Whatever cuts it short is an `Err`, which is then the last
/// item. Dropping the stream cancels the call upstream.
///
/// It is a [`Stream`]; [`next`](ChatStream::next) serves those who need no more than a loop. What has passed is put
/// together on the way, so that the whole answer is at hand behind the loop.
pub struct ChatStream {
    chunks: ChatChunks,
    assembly: Assembly,
    seen: Arc<Mutex<Observation>>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    NotYet,
    Complete,
    Failed,
}

/// What was seen of a stream so far; all of it once the stream has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamSummary {
    /// The tokens, in buckets that do not overlap. `None` where the upstream does not tell, or not yet.
    pub usage: Option<Usage>,
    /// What was billed. `None` where the upstream does not tell, or not yet.
    pub cost: Option<Cost>,
    /// The upstream's own id of the call, under which its bill can be looked up.
    pub generation_id: Option<String>,
    /// Whether the stream came to its proper end.
    pub complete: bool,
}

impl ChatStream {
    /// `usage_is_wanted`: whether the caller asked for the chunk that holds the usage and no choice. Upstreams are
    /// always asked for it, and who did not ask would trip over a chunk without choices.
    pub(crate) fn new(reply: Reply, usage_is_wanted: bool) -> Result<Self, Error> {
        let ReplyBody::Events(events) = reply.body else {
            let message = "the provider was asked for a stream and answered with something else";
            return Err(Error::new(ErrorKind::UpstreamProtocol, message).having_reached_upstream());
        };
        let seen = Arc::new(Mutex::new(Observation::default()));
        let observed = observed(events, Arc::clone(&seen), usage_is_wanted);
        Ok(Self { chunks: ChatChunks::new(observed), assembly: Assembly::default(), seen, end: End::NotYet })
    }

    /// The next chunk. `None` once the answer is whole.
    pub async fn next(&mut self) -> Option<Result<ChatChunk, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The text so far.
    pub fn text(&self) -> &str {
        self.assembly.known().text().unwrap_or_default()
    }

    /// The tools that the model called, so far: their arguments are whole once the stream has ended.
    pub fn tool_calls(&self) -> &[ToolCall] {
        tool_calls(self.assembly.known())
    }

    /// What the model said so far as a message of the next call: its text, its tool calls, and its reasoning with the
    /// signatures.
    pub fn to_message(&self) -> Message {
        message_of(&self.response())
    }

    /// The answer so far, as the reply that it would have been without a stream. Put together at each call.
    pub fn response(&self) -> ChatResponse {
        self.assembly.response()
    }

    /// Usage, cost and generation id, as far as they were told. Most upstreams tell them with the last chunk.
    pub fn summary(&self) -> StreamSummary {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Observation { usage, cost, generation_id, .. } = seen;
        StreamSummary { usage, cost, generation_id, complete: self.end == End::Complete }
    }
}

/// The same events, with what they tell noted.
fn observed(events: EventStream, seen: Arc<Mutex<Observation>>, usage_is_wanted: bool) -> EventStream {
    let observe = move |batch: Result<Vec<Event>, Error>| {
        let mut events = batch?;
        events.retain(|event| {
            let Some(observation) = event.observation() else { return true };
            seen.lock().unwrap_or_else(PoisonError::into_inner).absorb(observation.clone());
            usage_is_wanted || !observation.usage_only
        });
        Ok(events)
    };
    Box::pin(events.map(observe))
}

impl Stream for ChatStream {
    type Item = Result<ChatChunk, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(Pin::new(&mut self.chunks).poll_next(context));
        match (&item, self.end) {
            (Some(Ok(chunk)), _) => self.assembly.push(chunk),
            (None, End::Complete | End::Failed) => {}
            (Some(Err(_)), _) => self.end = End::Failed,
            (None, End::NotYet) => self.end = End::Complete,
        }
        Poll::Ready(item)
    }
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ChatStream").field("summary", &self.summary()).finish_non_exhaustive()
    }
}
