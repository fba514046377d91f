//! What chat and embedding calls have in common: where a call goes, and what is added to it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use trunkline_core::{Call, Document, Error, ErrorKind, Observation, Operation, Reply, ReplyBody, Secret};
use trunkline_router::{OwnTarget, Wishes};

use crate::Client;

/// A call that is being put together, and sent when it is awaited.
///
/// `R` is the typed request: see [`ChatCall`](crate::ChatCall) and [`EmbeddingCall`](crate::EmbeddingCall).
#[derive(Debug)]
#[must_use = "a call is sent when it is awaited"]
pub struct CallBuilder<R> {
    pub(crate) request: R,
    pub(crate) delivery: Delivery,
}

/// What a call becomes when it is awaited.
pub(crate) type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// How a request gets to its provider.
pub(crate) struct Delivery {
    client: Result<Client, Error>,
    extra: Vec<(String, Bytes)>,
    headers: HeaderMap,
    /// What the call says about where it goes, against what is configured.
    wishes: Wishes,
    /// The first thing that could not be put into the call; told when it is sent.
    problem: Option<Error>,
}

impl<R> CallBuilder<R> {
    pub(crate) fn new(client: Result<Client, Error>, request: R) -> Self {
        let delivery = Delivery {
            client,
            extra: Vec::new(),
            headers: HeaderMap::new(),
            wishes: Wishes::default(),
            problem: None,
        };
        Self { request, delivery }
    }

    /// The request as it stands, for what has no method here.
    pub fn request_mut(&mut self) -> &mut R {
        &mut self.request
    }

    /// Puts a parameter into the body that has no method here: `providerOptions`, `models`, `top_k`, ….
    ///
    /// It goes upstream exactly as it serializes, and takes the place of a parameter of the same name. What must
    /// keep its spelling is given as a [`RawJson`](crate::RawJson). A value that does not serialize makes the call
    /// fail with `InvalidRequest`.
    pub fn extra(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let name = name.into();
        match serde_json::to_vec(&value) {
            Ok(json) => self.delivery.extra.push((name, json.into())),
            Err(error) => {
                let message = format!("the value of `{name}` cannot be written as JSON");
                let problem = Error::new(ErrorKind::InvalidRequest, message).with_param(name);
                self.delivery.note(problem.with_source(error));
            }
        }
        self
    }

    /// Sends a header upstream: `x-session-affinity`, `http-referer`, ….
    ///
    /// `authorization`, `host` and the like are the provider's own and are not taken from here. A name or a value
    /// that no header can have makes the call fail with `InvalidRequest`.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.delivery.headers.insert(name, value);
            }
            (Err(_), _) | (_, Err(_)) => {
                // The value may be a secret, so that only the name is repeated.
                let message = format!("the header `{}` cannot be sent", name.escape_debug());
                self.delivery.note(Error::new(ErrorKind::InvalidRequest, message));
            }
        }
        self
    }

    /// Shows this key upstream instead of the one that is configured.
    pub fn api_key(mut self, api_key: impl Into<Secret>) -> Self {
        self.delivery.own_target().api_key = Some(api_key.into());
        self
    }

    /// Sends the call to another base URL than the one that is configured.
    ///
    /// Keys that are configured stay at home, so give the call its own by [`api_key`](CallBuilder::api_key) if that
    /// base wants one.
    pub fn api_base(mut self, api_base: impl Into<String>) -> Self {
        self.delivery.own_target().api_base = Some(api_base.into());
        self
    }

    /// Says what else the call asks of the router: further attempts, fallbacks, tags, waits. A key and a base URL that
    /// the call was given already are kept.
    pub fn wishes(mut self, mut wishes: Wishes) -> Self {
        wishes.own_target = self.delivery.wishes.own_target.take().or(wishes.own_target);
        self.delivery.wishes = wishes;
        self
    }

    /// Limits the time from sending until the end of the reply, further attempts and streams included. Default 6,000 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.delivery.wishes.timeout = Some(timeout);
        self
    }
}

impl Delivery {
    fn note(&mut self, problem: Error) {
        self.problem.get_or_insert(problem);
    }

    fn own_target(&mut self) -> &mut OwnTarget {
        self.wishes.own_target.get_or_insert_default()
    }

    /// Puts the extra members into a body.
    pub(crate) fn complete(&mut self, document: &mut Document) {
        for (name, json) in self.extra.drain(..) {
            document.set_raw(&name, json);
        }
    }

    pub(crate) async fn send(
        self,
        operation: Operation,
        model: &str,
        document: Document,
    ) -> Result<Reply, Error> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let client = self.client?;
        let router = client.router();
        let route = router.resolve(model)?;
        let mut call = Call::new(operation, Arc::clone(&route.first().upstream_model), document);
        call.headers = self.headers;
        router.call(&route, call, &self.wishes).await
    }
}

// Headers and extra members can hold credentials, so that their names alone are shown.
impl fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra: Vec<&str> = self.extra.iter().map(|(name, _)| name.as_str()).collect();
        let headers: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        formatter
            .debug_struct("Delivery")
            .field("extra", &extra)
            .field("headers", &headers)
            .field("wishes", &self.wishes)
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}

/// The document of a reply, and what was seen in it.
pub(crate) fn whole(reply: Reply) -> Result<(Document, Observation), Error> {
    match reply.body {
        ReplyBody::Document(document, observation) => Ok((document, *observation)),
        ReplyBody::Events(_) | ReplyBody::Raw { .. } => {
            let message = "the provider was asked for a JSON object and answered with something else";
            Err(Error::new(ErrorKind::UpstreamProtocol, message).having_reached_upstream())
        }
    }
}
