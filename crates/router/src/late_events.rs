//! A stream that began before it said anything: whoever answers it is noted when it speaks.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use trunkline_core::{Error, Event, EventStream};

use crate::first_events::says_something;
use crate::permit::Success;

/// Events of which none has said anything yet.
pub(crate) struct LateEvents {
    events: EventStream,
    /// What is noted with the first that does.
    success: Option<Success>,
}

impl LateEvents {
    pub(crate) fn new(events: EventStream, success: Success) -> Self {
        Self { events, success: Some(success) }
    }
}

impl Stream for LateEvents {
    type Item = Result<Vec<Event>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let item = std::task::ready!(this.events.as_mut().poll_next(context));
        if let Some(Ok(events)) = &item
            && this.success.is_some()
            && says_something(events)
            && let Some(success) = this.success.take()
        {
            success.note();
        }
        Poll::Ready(item)
    }
}
