//! The wait for the first event that says something, so that a failure before it can still be made good.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::time::{Instant, Sleep};
use trunkline_core::{Error, ErrorKind, Event, EventStream, Wait};

/// How much of comments and the like is kept while the first event is waited for, in bytes.
const PREAMBLE_BYTES_MAX: usize = 64 * 1024;

/// Where nothing has come at all, the transport says so: its wait is the same and began when the call was sent, a moment
/// after this one. It has as long as this for it.
const TRANSPORT_FIRST: Duration = Duration::from_millis(100);

/// How long the first event of a stream is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstWait {
    /// When it began.
    pub(crate) since: Instant,
    /// How long it may take.
    pub(crate) most: Duration,
}

impl FirstWait {
    fn timer(self, more: Duration) -> Pin<Box<Sleep>> {
        let most = self.most.saturating_add(more);
        Box::pin(tokio::time::sleep_until(crate::journey::later(self.since, most)))
    }

    fn lost(self) -> Error {
        let most = self.most;
        let wait = match most.subsec_nanos() {
            0 => format!("{} s", most.as_secs()),
            _ => format!("{} ms", most.as_millis()),
        };
        let message = format!("no event from the upstream within {wait}");
        Error::new(ErrorKind::UpstreamTimeout, message).having_reached_upstream().with_wait(Wait::FirstEvent)
    }
}

/// Waits for the first event that says something. `None` if none came within `begin_within`: the reply then begins,
/// and what fails later is told in the stream.
///
/// # Errors
///
/// What the stream failed of before it said anything, an end of it included, and the end of the wait.
pub(crate) async fn first_events(
    events: &mut EventStream,
    begin_within: Option<Duration>,
    wait: impl Fn() -> FirstWait + Send + Sync,
) -> Result<Option<Vec<Event>>, Error> {
    let mut first = Vec::new();
    let has_spoken = match begin_within {
        None => speaks(events, &mut first, &wait).await?,
        Some(begin_within) => {
            let speaks = Box::pin(tokio::time::timeout(begin_within, speaks(events, &mut first, &wait)));
            speaks.await.unwrap_or(Ok(false))?
        }
    };
    if !has_spoken {
        let wait = wait();
        let awaited = std::mem::replace(events, Box::pin(futures_util::stream::empty()));
        *events = Box::pin(Awaited { events: awaited, timer: Some(wait.timer(Duration::ZERO)), wait });
    }
    Ok((!first.is_empty()).then_some(first))
}

/// Waits until an event says something: true. False if too much came that says nothing.
async fn speaks(
    events: &mut EventStream,
    first: &mut Vec<Event>,
    wait: &(impl Fn() -> FirstWait + Sync),
) -> Result<bool, Error> {
    // The timer, and whether it is the one of a stream of which nothing has come.
    let mut timer: Option<(Pin<Box<Sleep>>, bool)> = None;
    let mut was_looked_at = false;
    let mut length = 0;
    poll_fn(|context| {
        while let Poll::Ready(more) = events.as_mut().poll_next(context) {
            let Some(more) = more.transpose()? else { return Poll::Ready(Err(silent())) };
            let has_spoken = says_something(&more);
            length += more.iter().map(|event| event.bytes().len()).sum::<usize>();
            if first.is_empty() {
                *first = more;
            } else {
                first.extend(more);
            }
            if has_spoken || length > PREAMBLE_BYTES_MAX {
                return Poll::Ready(Ok(has_spoken));
            }
        }
        // A timer is for those who send something that says nothing: pings, or the pieces of an event that never gets
        // finished. Most streams say something when they are looked at for the second time.
        let is_silent = length == 0;
        if !std::mem::replace(&mut was_looked_at, true) && is_silent {
            return Poll::Pending;
        }
        if timer.as_ref().is_none_or(|(_, was_silent)| *was_silent != is_silent) {
            let more = if is_silent { TRANSPORT_FIRST } else { Duration::ZERO };
            timer = Some((wait().timer(more), is_silent));
        }
        let Some((timer, _)) = &mut timer else { return Poll::Pending };
        timer.as_mut().poll(context).map(|()| Err(wait().lost()))
    })
    .await
}

/// Whether an event is more than a comment.
pub(crate) fn says_something(events: &[Event]) -> bool {
    events.iter().any(|event| event.data().is_some())
}

fn silent() -> Error {
    let message = "the upstream's stream ended before it began";
    Error::new(ErrorKind::UpstreamCut, message).having_reached_upstream()
}

/// A stream whose reply had to begin without an event: the wait for one goes on.
struct Awaited {
    events: EventStream,
    /// `None` once an event has come.
    timer: Option<Pin<Box<Sleep>>>,
    wait: FirstWait,
}

impl Stream for Awaited {
    type Item = Result<Vec<Event>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(timer) = &mut this.timer else { return this.events.as_mut().poll_next(context) };
        match this.events.as_mut().poll_next(context) {
            Poll::Ready(Some(Ok(events))) => {
                if says_something(&events) {
                    this.timer = None;
                }
                Poll::Ready(Some(Ok(events)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => {
                this.timer = None;
                this.events = Box::pin(futures_util::stream::empty());
                Poll::Ready(Some(Err(silent())))
            }
            Poll::Pending => timer.as_mut().poll(context).map(|()| {
                this.timer = None;
                this.events = Box::pin(futures_util::stream::empty());
                Some(Err(this.wait.lost()))
            }),
        }
    }
}
