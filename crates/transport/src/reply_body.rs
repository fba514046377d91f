//! The body of a reply on its way in, with the connection that it comes over.

use std::io;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use trunkline_core::Error;

use crate::failure;
use crate::http1::{Connection, Framing};
use crate::pool::{Origin, Pool};
use crate::waits::Patience;

/// The body of a reply. What one read brought is one piece.
///
/// The connection goes back to its pool with the last piece. Dropping the body before that closes it.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    connection: Option<Connection>,
    framing: Framing,
    patience: Patience,
    /// Where the connection goes afterwards. `None` if it can serve no other request.
    home: Option<(Weak<Pool>, Origin)>,
}

impl ReplyBody {
    pub(crate) fn new(
        connection: Connection,
        framing: Framing,
        patience: Patience,
        home: Option<(Weak<Pool>, Origin)>,
    ) -> Self {
        let mut body = Self { connection: Some(connection), framing, patience, home };
        if body.framing.is_over() {
            body.finish();
        }
        body
    }

    /// The body is over: the connection is free for another request, if it has nothing left to say or to hear.
    fn finish(&mut self) {
        if let (Some(connection), Some((pool, origin))) = (self.connection.take(), self.home.take())
            && connection.is_at_rest()
            && let Some(pool) = pool.upgrade()
        {
            pool.put(origin, connection);
        }
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Bytes, Error>>> {
        self.connection = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for ReplyBody {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let Some(connection) = &mut this.connection else {
                return Poll::Ready(None);
            };
            let payload = match connection.take(&mut this.framing) {
                Ok(payload) => payload,
                Err(flaw) => return this.fail(failure::cut(flaw)),
            };
            if !payload.is_empty() {
                if this.framing.is_over() {
                    this.finish();
                }
                this.patience.arrived();
                return Poll::Ready(Some(Ok(payload)));
            }
            if this.framing.is_over() {
                this.finish();
                return Poll::Ready(None);
            }
            if !connection.has_sent() && matches!(connection.poll_send(context), Poll::Ready(Err(_))) {
                // What it says is still of interest; another request is not.
                this.home = None;
            }
            match connection.poll_read(context, this.framing.known_left()) {
                Poll::Ready(Ok(0)) if this.framing.may_end_here() => {
                    this.connection = None;
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(0)) => {
                    return this.fail(failure::cut(io::Error::from(io::ErrorKind::UnexpectedEof)));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return this.fail(failure::cut(error)),
                Poll::Pending => {
                    let deadline = this.patience.deadline();
                    if connection.poll_alarm(context, deadline).is_pending() {
                        return Poll::Pending;
                    }
                    let error = this.patience.lost();
                    return this.fail(error);
                }
            }
        }
    }
}
