//! Replies that are kept: whether a request uses them, and what is given again.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use trunkline_cache::{Begin, CacheKey, Controls, Found, Keeper, Question, Use};
use trunkline_core::{Call, Document, Error, Event};

use trunkline_router::Wishes;

use crate::authentication::Caller;
use crate::gateway::Gateway;

/// LiteLLM's header for a reply that was kept.
pub(crate) static CACHE_KEY: HeaderName = HeaderName::from_static("x-litellm-cache-key");

/// What came of a look into the cache.
#[derive(Debug)]
pub(crate) enum Looked {
    /// The reply that was kept.
    Hit(Hit),
    /// The right to keep the reply, and for how long. `None` if it is not to be kept.
    Miss(Option<(Keeper, Duration)>),
}

/// A reply that was kept, in the form that was asked for.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) key: CacheKey,
    pub(crate) reply: Given,
    /// The deployment that answered when it was kept.
    pub(crate) deployment: Option<Arc<str>>,
}

/// What is given again.
#[derive(Debug)]
pub(crate) enum Given {
    Document(Document),
    Events(Vec<Event>),
}

/// Looks for a reply to a call. `controls` is what its body said of the cache.
///
/// # Errors
///
/// `InvalidRequest` for controls that cannot be read.
pub(crate) async fn look(
    gateway: &Gateway,
    caller: &Caller,
    group: &str,
    (call, wishes): (&Call, &Wishes),
    (controls, headers): (Option<&[u8]>, &HeaderMap),
) -> Result<Looked, Error> {
    let (Some(replies), Some(document)) = (&gateway.replies, call.document()) else {
        return Ok(Looked::Miss(None));
    };
    if wishes.own_target.is_some() || wishes.mock_failure.is_some() || wishes.mock_delay.is_some() {
        // Who is answered by somebody else, or on purpose otherwise, is not answered from here.
        return Ok(Looked::Miss(None));
    }
    let controls = Controls::read(controls, headers)?;
    let Use { reads, keeps, ttl, age_max } = replies.policy.permits(call.operation, document, &controls);
    if !reads && !keeps {
        return Ok(Looked::Miss(None));
    }
    let key = CacheKey::of(&Question {
        tenant: if replies.is_shared { "" } else { caller.tenant() },
        namespace: controls.namespace.as_deref().or(replies.namespace.as_deref()),
        operation: call.operation,
        group,
        further: &further(call),
        document,
    });
    if !reads {
        return Ok(Looked::Miss(Some((replies.cache.keeper(&key), ttl))));
    }
    let found = match replies.cache.begin(&key, age_max).await {
        Begin::Hit(found) => Ok(found),
        Begin::Lead(keeper) => Err(keeper),
        // Whoever wants a stream would see nothing of it until the other's has ended.
        Begin::Wait(waiter) if call.streaming() => Err(waiter.alone()),
        Begin::Wait(waiter) => waiter.wait(replies.wait).await,
    };
    let keeper = match found {
        Ok(found) => match in_form(&found, call.streaming()) {
            Some(reply) => {
                let deployment = found.kept.source().cloned();
                return Ok(Looked::Hit(Hit { key, reply, deployment }));
            }
            None => replies.cache.keeper(&key),
        },
        Err(keeper) => keeper,
    };
    Ok(Looked::Miss(keeps.then_some((keeper, ttl))))
}

/// The headers of the caller's that go upstream, and may change what is answered.
fn further(call: &Call) -> Vec<&[u8]> {
    call.headers.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]).collect()
}

/// A kept reply as a stream or as a whole.
fn in_form(found: &Found, streams: bool) -> Option<Given> {
    if streams { found.kept.events().map(Given::Events) } else { found.kept.document().map(Given::Document) }
}

/// The head of a reply that was kept.
pub(crate) fn head(key: &CacheKey) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::OK;
    if let Ok(value) = HeaderValue::try_from(key.to_string()) {
        response.headers_mut().insert(CACHE_KEY.clone(), value);
    }
    response
}
