//! The connection that all of a process's calls go over.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionManager as Link, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, RedisError};
use tokio::time::timeout;
use trunkline_core::{Error, ErrorKind};
use trunkline_limits::Breaker;

use crate::Address;

/// How long a connection may take to come about. Calls do not wait for it: each has its own deadline.
const CONNECT: Duration = Duration::from_secs(2);
/// The longest rest between two attempts to connect.
const REST_MAX: Duration = Duration::from_secs(1);

/// A connection to a server, made when it is first used and made anew when it is lost. Cloning gives another handle on the
/// same one. Calls of all handles share it, and none waits for the answer of another.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Inner>);

struct Inner {
    link: Link,
    breaker: Breaker,
    shown: String,
    deadline: Duration,
}

impl Connection {
    /// A connection, which nothing waits for. Each call has `deadline` to be answered; after three in a row that were not,
    /// calls fail at once, and one a second tries it again.
    ///
    /// # Errors
    ///
    /// `Configuration` if the address cannot be read.
    ///
    /// # Panics
    ///
    /// Outside of a runtime of tokio.
    pub fn new(address: &Address, deadline: Duration) -> Result<Self, Error> {
        let wrong = |error: RedisError| {
            Error::new(ErrorKind::Configuration, "Redis cannot be used as the settings say")
                .with_source(error)
        };
        let client = Client::open(address.to_info()?).map_err(wrong)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_max_delay(REST_MAX)
            .set_response_timeout(None);
        let link = Link::new_lazy_with_config(client, config).map_err(wrong)?;
        Ok(Self(Arc::new(Inner { link, breaker: Breaker::default(), shown: address.shown(), deadline })))
    }

    /// Where the server is, without a password.
    pub fn shown(&self) -> &str {
        &self.0.shown
    }

    /// Makes a call, within the deadline.
    pub(crate) async fn call<T: FromRedisValue>(
        &self,
        call: impl AsyncFnOnce(&mut Link) -> Result<T, RedisError>,
    ) -> Result<T, Error> {
        let Inner { link, breaker, shown, deadline } = &*self.0;
        if !breaker.lets_pass() {
            let message = format!("Redis at {shown} has not answered of late");
            return Err(Error::new(ErrorKind::StoreUnavailable, message));
        }
        let mut link = link.clone();
        let answer = timeout(*deadline, call(&mut link)).await;
        match breaker.note(matches!(answer, Ok(Ok(_)))) {
            Some(true) => tracing::info!(redis = shown, "Redis answers again"),
            Some(false) => tracing::warn!(redis = shown, "Redis does not answer"),
            None => {}
        }
        match answer {
            Ok(answer) => answer.map_err(|error| {
                let message = format!("Redis at {shown} has refused a call, or is not there");
                Error::new(ErrorKind::StoreUnavailable, message).with_source(error)
            }),
            Err(_) => {
                let message = format!("Redis at {shown} did not answer within {} ms", deadline.as_millis());
                Err(Error::new(ErrorKind::StoreUnavailable, message))
            }
        }
    }

    /// Whether the server answers.
    ///
    /// # Errors
    ///
    /// `StoreUnavailable` if it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.call(async |link| redis::cmd("PING").query_async::<String>(link).await).await.map(drop)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("server", &self.shown).finish_non_exhaustive()
    }
}
