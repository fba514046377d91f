//! A reply that holds what was reserved for it until it ends, for who wants the reply alone.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use trunkline_core::{Error, ErrorKind, Event, EventStream, Reply, ReplyBody};

use crate::{Answer, Permit};

impl Answer {
    /// The reply alone, as it came. It holds the permit until it ends or is dropped.
    pub fn into_reply(self) -> Reply {
        let Self { reply, first, mut permit, .. } = self;
        let body = match reply.body {
            ReplyBody::Document(document, seen) => {
                if let Some(usage) = &seen.usage {
                    permit.used(usage.total());
                }
                ReplyBody::Document(document, seen)
            }
            ReplyBody::Events(events) => {
                let first = first.into_iter().collect();
                ReplyBody::Events(Box::pin(HeldEvents {
                    first,
                    events,
                    permit,
                    tokens: None,
                    untold: 0,
                    failed: None,
                }))
            }
            ReplyBody::Raw { content_type, mut bytes } => {
                let bytes = Box::pin(futures_util::stream::poll_fn(move |context| {
                    let item = bytes.as_mut().poll_next(context);
                    if let Poll::Ready(Some(Err(error))) = &item {
                        permit.failed(error);
                    }
                    item
                }));
                ReplyBody::Raw { content_type, bytes }
            }
        };
        Reply { body, ..reply }
    }
}

struct HeldEvents {
    first: VecDeque<Vec<Event>>,
    events: EventStream,
    permit: Permit,
    /// What the stream said last of its usage.
    tokens: Option<u64>,
    /// The events since then.
    untold: u64,
    /// The failure that it told of.
    failed: Option<ErrorKind>,
}

impl HeldEvents {
    fn note(&mut self, item: &Option<Result<Vec<Event>, Error>>) {
        match item {
            Some(Ok(events)) => {
                let usage = |event: &Event| Some(event.observation()?.usage.as_ref()?.total());
                for event in events {
                    match usage(event) {
                        Some(tokens) => (self.tokens, self.untold) = (Some(tokens), 0),
                        None => self.untold += 1,
                    }
                }
                let failed = |event: &Event| event.observation()?.failed;
                self.failed = events.iter().rev().find_map(failed).or(self.failed);
            }
            Some(Err(error)) => {
                self.permit.failed(error);
            }
            None => {
                if let Some(tokens) = self.tokens {
                    self.permit.used(tokens);
                }
                if let Some(kind) = self.failed.take() {
                    self.permit.told_failure(kind);
                }
            }
        }
    }
}

impl Drop for HeldEvents {
    fn drop(&mut self) {
        // Of what ended in good order and told its usage this is known already.
        match self.tokens {
            Some(tokens) => self.permit.used(tokens.saturating_add(self.untold)),
            None => self.permit.gave(self.untold),
        }
    }
}

impl Stream for HeldEvents {
    type Item = Result<Vec<Event>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let item = match this.first.pop_front() {
            Some(first) => Some(Ok(first)),
            None => std::task::ready!(this.events.as_mut().poll_next(context)),
        };
        this.note(&item);
        Poll::Ready(item)
    }
}
