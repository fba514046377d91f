//! Which headers go upstream, and which come back: both by allow-lists that stand here as data.

use std::sync::LazyLock;
use std::time::Duration;

use http::HeaderMap;
use http::header::{CONNECTION, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use trunkline_core::{Dialect, Operation};
use trunkline_router::Candidate;

use crate::Settings;
use crate::authentication::is_key_header;
use crate::record::{OpenRecord, Record};
use crate::steering::Steering;
use crate::trace;

/// A caller's headers that go upstream in every dialect.
static UPSTREAM: &[&str] = &[
    "user-agent",
    "http-referer",
    "x-title",
    "x-session-affinity",
    "traceparent",
    "tracestate",
    "idempotency-key",
];

/// A caller's headers that mean something in one dialect, and go upstream in that one.
static UPSTREAM_OF_DIALECT: &[(Dialect, &[&str])] = &[
    (Dialect::OpenAi, &["openai-beta"]),
    (
        Dialect::Responses,
        &["openai-beta", "originator", "session-id", "session_id", "thread-id", "x-codex-beta-features"],
    ),
    (Dialect::Anthropic, &["anthropic-version", "anthropic-beta"]),
];

/// Those of them that change what is answered. The others say who asks, by which way, or for whom it is traced.
static ANSWER_CHANGING: &[&str] =
    &["anthropic-beta", "anthropic-version", "openai-beta", "openai-organization", "x-codex-beta-features"];

/// Parameters of a caller's address that go upstream.
static QUERY: &[(Operation, &[&str])] = &[
    (
        Operation::RetrieveResponse,
        &["include", "include[]", "include_obfuscation", "starting_after", "stream"],
    ),
    (Operation::ListResponseInputItems, &["after", "before", "include", "include[]", "limit", "order"]),
    (Operation::Messages, &["beta"]),
    (Operation::CountTokens, &["beta"]),
];

/// An upstream's headers that come back under `llm_provider-`, the most useful first.
static DOWNSTREAM: &[&str] = &[
    "x-request-id",
    "request-id",
    "x-vercel-id",
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "openai-processing-ms",
    "openai-version",
    "openai-organization",
    "cf-ray",
    "date",
    "server",
];

/// An upstream's headers that also come back under their own names: clients pace themselves by them.
static KEPT: &[&str] = &[
    "request-id",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
];

static CALL_ID: HeaderName = HeaderName::from_static("x-litellm-call-id");
const VERSION: HeaderName = HeaderName::from_static("x-litellm-version");
const MODEL_ID: HeaderName = HeaderName::from_static("x-litellm-model-id");
const MODEL_GROUP: HeaderName = HeaderName::from_static("x-litellm-model-group");
const ATTEMPTED_RETRIES: HeaderName = HeaderName::from_static("x-litellm-attempted-retries");
const MAX_RETRIES: HeaderName = HeaderName::from_static("x-litellm-max-retries");
const ATTEMPTED_FALLBACKS: HeaderName = HeaderName::from_static("x-litellm-attempted-fallbacks");
const RESPONSE_DURATION: HeaderName = HeaderName::from_static("x-litellm-response-duration-ms");
const OVERHEAD_DURATION: HeaderName = HeaderName::from_static("x-litellm-overhead-duration-ms");
const RESPONSE_COST: HeaderName = HeaderName::from_static("x-litellm-response-cost");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const OPENAI_ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");

/// The lists above as names. Looking a header up by a text means to parse and to hash the text, each time.
struct Names {
    upstream: Vec<HeaderName>,
    upstream_of_dialect: Vec<(Dialect, Vec<HeaderName>)>,
    /// The names that an upstream's headers come back under, the most useful first.
    downstream: Vec<HeaderName>,
    /// Where in `downstream` an upstream's name has its places.
    downstream_places: HeaderMap<Vec<usize>>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let names = |list: &[&'static str]| list.iter().map(|name| HeaderName::from_static(name)).collect();
    let kept = KEPT.iter().map(|name| (HeaderName::from_static(name), HeaderName::from_static(name)));
    let prefixed = DOWNSTREAM.iter().map(|name| {
        let own = HeaderName::try_from(format!("llm_provider-{name}")).expect("a name with a prefix is one");
        (HeaderName::from_static(name), own)
    });
    let (mut downstream, mut downstream_places) = (Vec::new(), HeaderMap::<Vec<usize>>::default());
    for (name, own) in kept.chain(prefixed) {
        downstream_places.entry(name).or_insert_with(Vec::new).push(downstream.len());
        downstream.push(own);
    }
    Names {
        upstream: names(UPSTREAM),
        upstream_of_dialect: UPSTREAM_OF_DIALECT
            .iter()
            .map(|(dialect, list)| (*dialect, names(list)))
            .collect(),
        downstream,
        downstream_places,
    }
});

/// All headers that the gateway adds, in bytes. Proxies before it commonly take 4,096 for the whole head.
const ADDED_BYTES_MAX: usize = 3_500;

/// The parameters of an address that go upstream, as they came. `None` if there are none.
pub(crate) fn outbound_query(operation: Operation, query: Option<&str>) -> Option<String> {
    let (_, names) = QUERY.iter().find(|(other, _)| *other == operation)?;
    let is_named = |pair: &&str| {
        let name = percent_decode_str(pair.split('=').next().unwrap_or_default()).decode_utf8_lossy();
        names.contains(&name.as_ref())
    };
    let kept: Vec<&str> = query?.split('&').filter(is_named).collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

/// The headers of a request that go upstream in a dialect.
pub(crate) fn outbound(request: &HeaderMap, dialect: Dialect, settings: &Settings) -> HeaderMap {
    // Room for what every request says besides, so that the map does not grow under way.
    let mut outbound = HeaderMap::with_capacity(12);
    let of_dialect = NAMES.upstream_of_dialect.iter().find(|(other, _)| *other == dialect);
    let of_dialect = of_dialect.map_or(&[][..], |(_, names)| names);
    // A request has few headers, and to compare a name takes less than to look it up.
    for (name, value) in request {
        let listed = |names: &'static [HeaderName]| names.iter().find(|listed| *listed == name);
        if let Some(name) = listed(of_dialect) {
            outbound.append(name, value.clone());
        } else if let Some(name) = listed(&NAMES.upstream).filter(|name| !outbound.contains_key(*name)) {
            outbound.insert(name, value.clone());
        }
    }
    if settings.forward_openai_organization
        && let Some(value) = request.get(OPENAI_ORGANIZATION)
    {
        outbound.insert(OPENAI_ORGANIZATION, value.clone());
    }
    if settings.forward_client_headers {
        let hop = |name: &HeaderName| {
            let named = request.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
            named.flat_map(|text| text.split(',')).any(|hop| hop.trim().eq_ignore_ascii_case(name.as_str()))
        };
        for (name, value) in request.iter().filter(|(name, _)| is_client_header(name, settings)) {
            if !outbound.contains_key(name) && !hop(name) {
                outbound.insert(name.clone(), value.clone());
            }
        }
    }
    outbound
}

/// Whether `forward_client_headers_to_llm_api` means a header: the caller's own `x-` ones, and none that
/// carries a key, steers a gateway, or tells of the network in between.
fn is_client_header(name: &HeaderName, settings: &Settings) -> bool {
    const NEVER: &[&str] = &[
        "x-litellm-",
        "x-stainless-",
        "x-trunkline-",
        "x-forwarded-",
        "x-real-ip",
        "x-envoy-",
        "x-auth-",
        "x-csrf-",
        "x-amz-",
    ];
    let text = name.as_str();
    let own = text.starts_with("x-") || text == "anthropic-beta";
    own && !NEVER.iter().any(|start| text.starts_with(start)) && !is_key_header(name, settings)
}

/// Whether a header that goes upstream may change what is answered. Of those that a setting lets through nobody knows.
pub(crate) fn changes_answer(name: &HeaderName, settings: &Settings) -> bool {
    let is_let_through = || settings.forward_client_headers && is_client_header(name, settings);
    ANSWER_CHANGING.contains(&name.as_str()) || !UPSTREAM.contains(&name.as_str()) && is_let_through()
}

/// The call id that a request brings along, if it is one that can be passed on.
pub(crate) fn call_id(steering: Steering<'_>) -> Option<String> {
    const CHARACTERS_MAX: usize = 128;
    let id = steering.get(&CALL_ID)?.to_str().ok()?;
    (!id.is_empty() && id.len() <= CHARACTERS_MAX).then(|| id.to_owned())
}

/// Adds what is known of a request to its reply, whatever became of it.
pub(crate) fn add_request(record: &Record, reply: &mut HeaderMap) {
    insert(reply, CALL_ID.clone(), &record.call_id);
    reply.insert(VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
}

/// Adds the id by which Anthropic's clients tell of a failure, where the upstream gave none.
pub(crate) fn add_request_id(record: &Record, reply: &mut HeaderMap) {
    if !reply.contains_key(REQUEST_ID) {
        insert(reply, REQUEST_ID, &record.call_id);
    }
}

/// Adds where a request was sent.
pub(crate) fn add_target(candidate: &Candidate, group: &str, reply: &mut HeaderMap) {
    insert(reply, MODEL_ID, &candidate.deployment.id);
    insert(reply, MODEL_GROUP, group);
}

/// Adds where a request was sent, as its record has it.
pub(crate) fn add_recorded_target(record: &Record, reply: &mut HeaderMap) {
    if let (Some(deployment), Some(group)) = (&record.deployment, &record.group) {
        insert(reply, MODEL_ID, deployment);
        insert(reply, MODEL_GROUP, group);
    }
}

/// Adds how often it was tried.
pub(crate) fn add_attempts(record: &OpenRecord, reply: &mut HeaderMap) {
    reply.insert(ATTEMPTED_RETRIES, count(record.retries));
    reply.insert(ATTEMPTED_FALLBACKS, count(record.fallbacks));
    if record.retries > 0 {
        reply.insert(MAX_RETRIES, count(record.retries_max));
    }
    if record.is_traced {
        trace::add(record, reply);
    }
}

fn count(count: u32) -> HeaderValue {
    // Nearly always.
    if count == 0 { HeaderValue::from_static("0") } else { HeaderValue::from(count) }
}

/// Adds how long a reply took: in all, and of that what was the gateway's own: neither upstreams, those that failed
/// included, nor waits.
pub(crate) fn add_durations(record: &mut OpenRecord, reply: &mut HeaderMap) {
    let whole = record.started.elapsed();
    record.until_reply = Some(whole);
    reply.insert(RESPONSE_DURATION, milliseconds(whole));
    if let Some(upstream) = record.upstream_duration {
        let overhead = whole.saturating_sub(upstream + record.lost);
        record.overhead = Some(overhead);
        reply.insert(OVERHEAD_DURATION, milliseconds(overhead));
    }
}

/// `12.345`: milliseconds to the microsecond.
fn milliseconds(duration: Duration) -> HeaderValue {
    const DECIMALS: usize = 3;
    let rounded = u64::from(duration.subsec_nanos() + 500) / 1_000;
    let mut left = duration.as_secs().saturating_mul(1_000_000).saturating_add(rounded);
    // From the last digit to the first. Formatting a float takes twenty times as long.
    let mut digits = [0; 24];
    let mut start = digits.len();
    while left > 0 || start >= digits.len() - DECIMALS - 1 {
        if start == digits.len() - DECIMALS {
            start -= 1;
            digits[start] = b'.';
        }
        start -= 1;
        digits[start] = b'0' + u8::try_from(left % 10).expect("a digit");
        left /= 10;
    }
    HeaderValue::from_bytes(&digits[start..]).expect("digits are text")
}

/// Adds what a whole reply cost. A stream's cost is known only at its end, so it has no such header.
pub(crate) fn add_cost(record: &OpenRecord, reply: &mut HeaderMap) {
    if record.costs_nothing() {
        reply.insert(RESPONSE_COST, HeaderValue::from_static("0"));
    } else if let Some(spend) = record.cost.as_ref().and_then(trunkline_core::Cost::spend) {
        insert(reply, RESPONSE_COST, &spend.normalize().to_string());
    }
}

/// Adds the upstream's own headers, as far as they fit.
pub(crate) fn add_upstream(upstream: &HeaderMap, reply: &mut HeaderMap) {
    let places = |name| NAMES.downstream_places.get(name).into_iter().flatten();
    let mut found: Vec<(usize, &HeaderValue)> =
        upstream.iter().flat_map(|(name, value)| places(name).map(move |&place| (place, value))).collect();
    // The first of several values counts.
    found.sort_by_key(|(place, _)| *place);
    found.dedup_by_key(|(place, _)| *place);
    let mut room = ADDED_BYTES_MAX.saturating_sub(size(reply));
    for (place, value) in found {
        let own = &NAMES.downstream[place];
        let bytes = own.as_str().len() + value.len() + 4;
        if bytes > room {
            break;
        }
        room -= bytes;
        reply.insert(own, value.clone());
    }
}

/// Bytes on the wire: name, colon, space, value, line end.
pub(crate) fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// Sets a header, unless its text cannot stand in one: names of models may hold any character.
fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    const BYTES_MAX: usize = 512;
    if let Ok(value) = HeaderValue::try_from(text)
        && value.len() <= BYTES_MAX
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_core::Secret;

    fn outbound_names(settings: &Settings) -> Vec<String> {
        let mut request = HeaderMap::new();
        for name in [
            "authorization",
            "x-api-key",
            "cookie",
            "user-agent",
            "x-title",
            "x-session-affinity",
            "x-my-team",
            "x-litellm-tags",
            "x-forwarded-for",
            "x-team-key",
            "content-length",
            "openai-organization",
        ] {
            request.insert(name, HeaderValue::from_static("v"));
        }
        let mut names: Vec<String> = outbound(&request, Dialect::OpenAi, settings)
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn only_what_is_named_goes_upstream() {
        assert_eq!(outbound_names(&Settings::default()), ["user-agent", "x-session-affinity", "x-title"]);
    }

    #[test]
    fn forwarding_never_covers_keys() {
        let settings = Settings {
            master_key: Some(Secret::new("sk-x")),
            key_header: Some(HeaderName::from_static("x-team-key")),
            forward_client_headers: true,
            ..Settings::default()
        };
        assert_eq!(outbound_names(&settings), ["user-agent", "x-my-team", "x-session-affinity", "x-title"]);
    }

    #[test]
    fn milliseconds_have_three_decimals() {
        let check = |duration, expected: &str| assert_eq!(milliseconds(duration), expected);
        check(Duration::ZERO, "0.000");
        check(Duration::from_nanos(499), "0.000");
        check(Duration::from_micros(7), "0.007");
        check(Duration::from_nanos(1_234_567), "1.235");
        check(Duration::from_millis(1000), "1000.000");
        check(Duration::from_nanos(999_999_999), "1000.000");
        check(Duration::MAX, "18446744073709551.615");
    }

    #[test]
    fn each_dialect_has_headers_and_parameters_of_its_own() {
        let mut request = HeaderMap::new();
        for name in ["anthropic-beta", "anthropic-version", "openai-beta", "session_id", "x-api-key"] {
            request.insert(name, HeaderValue::from_static("v"));
        }
        request.append("anthropic-beta", HeaderValue::from_static("w"));
        let sent = |dialect| outbound(&request, dialect, &Settings::default());
        assert_eq!(sent(Dialect::OpenAi).keys().collect::<Vec<_>>(), ["openai-beta"]);
        assert_eq!(sent(Dialect::Responses).len(), 2);
        assert_eq!(sent(Dialect::Anthropic).get_all("anthropic-beta").iter().count(), 2);
        assert_eq!(sent(Dialect::Cohere).len(), 0);
        let query = |operation, text| outbound_query(operation, Some(text));
        assert_eq!(query(Operation::Messages, "beta=true&key=k"), Some("beta=true".to_owned()));
        assert_eq!(query(Operation::ChatCompletions, "beta=true"), None);
        let kept = "include%5B%5D=a&include[]=b&limit=5";
        assert_eq!(
            query(Operation::ListResponseInputItems, &format!("{kept}&api_key=k")),
            Some(kept.to_owned())
        );
    }

    #[test]
    fn the_upstream_s_headers_are_dropped_before_the_head_grows_too_large() {
        let mut upstream = HeaderMap::new();
        for name in DOWNSTREAM {
            upstream
                .insert(HeaderName::from_static(name), HeaderValue::try_from("v".repeat(500)).expect("text"));
        }
        let mut reply = HeaderMap::new();
        add_upstream(&upstream, &mut reply);
        assert!(size(&reply) < 4_096, "{}", size(&reply));
        assert!(reply.contains_key("llm_provider-x-request-id"));
        assert!(!reply.contains_key("set-cookie"));
    }
}
