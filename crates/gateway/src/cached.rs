//! Replies that are kept: whether a request uses them, and what is given again.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use trunkline_cache::{Begin, CacheKey, Controls, Found, Keeper, Question, Use};
use trunkline_core::{Call, Document, Error, Event};

use trunkline_router::Wishes;

use crate::authentication::Caller;
use crate::gateway::Gateway;
use crate::{Settings, headers};

/// LiteLLM's header for a reply that was kept.
pub(crate) static CACHE_KEY: HeaderName = HeaderName::from_static("x-litellm-cache-key");

/// What came of a look into the cache.
#[derive(Debug)]
pub(crate) enum Looked {
    /// The reply that was kept.
    Hit(Hit),
    /// It was looked for and is not there. The right to keep the reply, and for how long; `None` if it is not to be kept.
    Miss(Option<(Keeper, Duration)>),
    /// None was looked for; the rest is the same.
    Past(Option<(Keeper, Duration)>),
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
        return Ok(Looked::Past(None));
    };
    if wishes.own_target.is_some() || wishes.mock_failure.is_some() || wishes.mock_delay.is_some() {
        // Who is answered by somebody else, or on purpose otherwise, is not answered from here.
        return Ok(Looked::Past(None));
    }
    let controls = Controls::read(controls, headers)?;
    let Use { reads, keeps, ttl, age_max } = replies.policy.permits(call.operation, document, &controls);
    if !reads && !keeps {
        return Ok(Looked::Past(None));
    }
    let key = CacheKey::of(&Question {
        tenant: if replies.is_shared { "" } else { caller.tenant() },
        namespace: controls.namespace.as_deref().or(replies.namespace.as_deref()),
        operation: call.operation,
        group,
        further: &further(call, &gateway.settings),
        document,
    });
    if !reads {
        return Ok(Looked::Past(Some((replies.cache.keeper(&key), ttl))));
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

/// What of the request's head goes upstream, and may change what is answered, in an order of its own.
fn further<'c>(call: &'c Call, settings: &Settings) -> Vec<&'c [u8]> {
    let mut headers: Vec<_> =
        call.headers.iter().filter(|(name, _)| headers::changes_answer(name, settings)).collect();
    // Several values of one name keep their order.
    headers.sort_by_key(|(name, _)| name.as_str());
    let headers = headers.into_iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
    call.query.as_deref().map(str::as_bytes).into_iter().chain(headers).collect()
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

#[cfg(test)]
mod tests {
    use trunkline_core::{Dialect, Operation};

    use super::*;

    fn question(
        headers: &[(&'static str, &'static str)],
        query: Option<&str>,
        settings: &Settings,
    ) -> Vec<u8> {
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            sent.append(*name, HeaderValue::from_static(value));
        }
        let document = Document::parse("{}").expect("a document");
        let mut call = Call::new(Operation::Messages, "m", document);
        call.headers = headers::outbound(&sent, Dialect::Anthropic, settings);
        call.query = headers::outbound_query(Operation::Messages, query);
        further(&call, settings).join(&0)
    }

    #[test]
    fn of_a_head_counts_what_changes_the_answer() {
        let settings = Settings::default();
        let plain = question(&[("anthropic-version", "2023-06-01")], None, &settings);
        for (name, value) in
            [("traceparent", "00-a-b-01"), ("user-agent", "a/1"), ("idempotency-key", "k"), ("x-title", "t")]
        {
            let other = [("anthropic-version", "2023-06-01"), (name, value)];
            assert_eq!(question(&other, None, &settings), plain, "{name}");
        }
        let beta = [("anthropic-version", "2023-06-01"), ("anthropic-beta", "a")];
        let reversed = [beta[1], beta[0]];
        assert_ne!(question(&beta, None, &settings), plain);
        assert_eq!(question(&beta, None, &settings), question(&reversed, None, &settings));
        assert_ne!(question(&beta[..1], Some("beta=true"), &settings), plain);
    }

    #[test]
    fn of_headers_that_are_let_through_all_count() {
        let open = Settings { forward_client_headers: true, ..Settings::default() };
        let [one, other] =
            ["a", "b"].map(|value| question(&[("x-tone", value), ("x-title", value)], None, &open));
        assert_ne!(one, other);
        let [one, other] =
            ["a", "b"].map(|value| question(&[("x-tone", "a"), ("x-title", value)], None, &open));
        assert_eq!(one, other);
    }
}
