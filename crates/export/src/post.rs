//! One POST, under its deadline, and what came of it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{Method, Request};
use tokio::time::timeout;
use trunkline_core::{Error, Segments};
use trunkline_provider::{SendOptions, Transport, TransportBody, Waits, retry_after};

use crate::{Destination, ExportOptions};

/// How much of a reply is read. What is longer is left unread, with its connection.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// Why the rows of a POST are not known to be taken.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What happened, for the log.
    pub(crate) why: String,
    /// Whether another attempt may go better.
    pub(crate) is_passing: bool,
    /// How long the destination asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

/// Sends a body. Gives the reply to one that was taken.
pub(crate) async fn post(
    transport: &dyn Transport,
    destination: &Destination,
    options: &ExportOptions,
    body: Bytes,
) -> Result<Bytes, Refused> {
    let deadline = options.post_timeout;
    // The transport keeps the deadline too, and says more about what ran out; but any transport may be given.
    match timeout(deadline, exchange(transport, destination, deadline, body)).await {
        Ok(result) => result,
        Err(_) => Err(passing(format!("no whole reply within {} ms", deadline.as_millis()))),
    }
}

async fn exchange(
    transport: &dyn Transport,
    destination: &Destination,
    deadline: Duration,
    body: Bytes,
) -> Result<Bytes, Refused> {
    let waits =
        Waits { connect: deadline.min(CONNECT), first_event: deadline, idle: deadline, total: deadline };
    let send = SendOptions { waits, ..SendOptions::default() };
    let mut request = Request::new(Segments::from(body));
    *request.method_mut() = Method::POST;
    request.uri_mut().clone_from(&destination.uri);
    request.headers_mut().clone_from(&destination.headers);
    let response = transport.send(request, &send).await.map_err(|error| passing(told(&error)))?;
    let (head, body) = response.into_parts();
    let reply = read(body).await;
    if head.status.is_success() {
        // It said so; what it says besides may be cut off.
        return Ok(reply.unwrap_or_default());
    }
    Err(Refused {
        why: format!("answered {}", head.status.as_u16()),
        is_passing: destination.form.is_passing(head.status),
        retry_after: retry_after(&head.headers),
    })
}

async fn read(mut body: TransportBody) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(part) = body.next().await {
        whole.extend_from_slice(&part.ok()?);
        if whole.len() > REPLY_BYTES_MAX {
            return None;
        }
    }
    Some(whole.freeze())
}

fn passing(why: String) -> Refused {
    Refused { why, is_passing: true, retry_after: None }
}

fn told(error: &Error) -> String {
    error.causes().map_or_else(|| error.message().to_owned(), |causes| format!("{error}: {causes}"))
}
