//! The usual way to an upstream: HTTP/1.1 without a proxy, over connections of our own pool.
//!
//! HTTP/2 and proxies go through reqwest ([`Clients`](crate::clients::Clients)). It does much for each request that
//! is not needed here: it parses the address anew, goes through layers of services, and runs a task for each
//! connection.

use std::sync::Arc;

use http::{HeaderValue, Request, Response};
use tokio::time::{Instant, timeout_at};
use trunkline_core::{Error, ErrorKind, Segments};
use trunkline_provider::{SendOptions, TransportBody};

use crate::TransportOptions;
use crate::connector::Connector;
use crate::failure;
use crate::http1::{Broken, Connection, Replied, RequestHead};
use crate::pool::{Origin, Pool};
use crate::reply_body::ReplyBody;
use crate::waits::{Deadlines, Patience};

/// Sends requests over connections that are kept.
#[derive(Debug)]
pub(crate) struct Direct {
    pool: Arc<Pool>,
    connector: Connector,
    user_agent: HeaderValue,
}

impl Direct {
    /// # Errors
    ///
    /// `Configuration` for a `user-agent` that no header may hold.
    pub(crate) fn new(options: &TransportOptions, connector: Connector) -> Result<Self, Error> {
        let pool = Arc::new(Pool::new(options.pool_idle_timeout, options.pool_idle_per_host_max));
        let user_agent = HeaderValue::try_from(&options.user_agent).map_err(|error| {
            Error::new(ErrorKind::Configuration, "the user agent holds characters that no header may hold")
                .with_source(error)
        })?;
        Ok(Self { pool, connector, user_agent })
    }

    /// Sends a request to its origin.
    ///
    /// # Errors
    ///
    /// As [`Transport::send`](trunkline_provider::Transport::send).
    pub(crate) async fn send(
        &self,
        origin: Origin,
        request: Request<Segments>,
        options: &SendOptions,
        deadlines: Deadlines,
    ) -> Result<Response<ReplyBody>, Error> {
        let (parts, body) = request.into_parts();
        let head = RequestHead::new(&parts.method, &parts.uri, &parts.headers, body.len(), &self.user_agent);
        let mut kept = self.pool.take(&origin).await;
        loop {
            let was_kept = kept.is_some();
            let connection = match kept.take() {
                Some(connection) => connection,
                // Seldom, and what it takes is not to be carried about with every request.
                None => Box::pin(self.connect(&origin, &parts.uri, options, deadlines)).await?,
            };
            match connection.exchange(&head, &body, deadlines.first_byte()).await {
                Ok(replied) => return Ok(self.response(replied, origin, deadlines)),
                // The other side closed it while it rested, and has not seen this request, or not as a whole.
                Err(Broken::Unused(_)) if was_kept => {}
                Err(Broken::Unused(error) | Broken::Ended(error)) => return Err(failure::unanswered(error)),
                Err(Broken::NoReply(flaw)) => return Err(failure::no_reply(flaw)),
                Err(Broken::Late) => return Err(deadlines.first_byte_missed()),
            }
        }
    }

    /// Waits a moment for the end of a body, whose connection can then serve another request.
    pub(crate) fn linger(&self, rest: TransportBody) {
        self.pool.linger(rest);
    }

    async fn connect(
        &self,
        origin: &Origin,
        uri: &http::Uri,
        options: &SendOptions,
        deadlines: Deadlines,
    ) -> Result<Connection, Error> {
        let until = Instant::now().checked_add(options.waits.connect).unwrap_or(deadlines.first_byte());
        let is_last = until < deadlines.first_byte();
        let connecting = self.connector.connect(origin, uri);
        match timeout_at(until.min(deadlines.first_byte()), connecting).await {
            Ok(Ok(socket)) => Ok(Connection::new(socket)),
            Ok(Err(error)) => Err(failure::unconnected(error)),
            Err(_) if is_last => Err(failure::connect_timeout(deadlines.waits())),
            Err(_) => Err(deadlines.first_byte_missed()),
        }
    }

    fn response(&self, replied: Replied, origin: Origin, deadlines: Deadlines) -> Response<ReplyBody> {
        let Replied { head, connection } = replied;
        let home = head.is_kept.then(|| (Arc::downgrade(&self.pool), origin));
        let body = ReplyBody::new(connection, head.framing, Patience::new(deadlines), home);
        let mut response = Response::new(body);
        *response.status_mut() = head.status;
        *response.version_mut() = head.version;
        *response.headers_mut() = head.headers;
        response
    }
}
