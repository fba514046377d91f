//! The wait for the first event that says something, so that a failure before it can still be made good.

use std::time::Duration;

use futures_util::StreamExt;
use trunkline_core::{Error, ErrorKind, Event, EventStream};

/// How much of comments and the like is kept while the first event is waited for, in bytes.
const PREAMBLE_BYTES_MAX: usize = 64 * 1024;

/// Waits for the first event that says something. `None` if none came within `begin_within`: the reply then begins,
/// and what fails later is told in the stream.
///
/// # Errors
///
/// What the stream failed of before it said anything, an end of it included.
pub(crate) async fn first_events(
    events: &mut EventStream,
    begin_within: Option<Duration>,
) -> Result<Option<Vec<Event>>, Error> {
    let mut first = Vec::new();
    match begin_within {
        None => speaks(events, &mut first).await?,
        Some(wait) => {
            let speaks = Box::pin(tokio::time::timeout(wait, speaks(events, &mut first)));
            if let Ok(spoke) = speaks.await {
                spoke?;
            }
        }
    }
    Ok((!first.is_empty()).then_some(first))
}

/// Waits until an event says something, or too much came that says nothing.
async fn speaks(events: &mut EventStream, first: &mut Vec<Event>) -> Result<(), Error> {
    while let Some(more) = events.next().await.transpose()? {
        if first.is_empty() {
            *first = more;
        } else {
            first.extend(more);
        }
        let is_silent = first.iter().all(|event| event.data().is_none());
        let length: usize = first.iter().map(|event| event.bytes().len()).sum();
        if !is_silent || length > PREAMBLE_BYTES_MAX {
            return Ok(());
        }
    }
    if first.is_empty() {
        let message = "the upstream's stream ended before it began";
        return Err(Error::new(ErrorKind::UpstreamCut, message).having_reached_upstream());
    }
    Ok(())
}
