//! What a caller is told of its limits and budgets beside a reply.

use http::{HeaderMap, HeaderName, HeaderValue};
use rust_decimal::Decimal;
use trunkline_core::{ReachedLimit, ReachedRate, SubjectKind};
use trunkline_limits::{Left, Standing};

use crate::record::OpenRecord;
use crate::reserve::ADDED_LIMIT;

/// Adds what is left of the limits of a key, its user and its team, what the key has spent, and the limit that was put
/// into its body. Whoever has none of these is told nothing.
///
/// What the key has spent does not hold this call, whose cost may not be known yet.
pub(crate) fn add(record: &mut OpenRecord, headers: &mut HeaderMap) {
    if let Some(added) = record.held.added_limit.take() {
        headers.insert(ADDED_LIMIT.clone(), added);
    }
    let Some(identity) = &record.identity else { return };
    for account in identity.accounts.always.iter().filter(|account| account.is_limited()) {
        let standing = account.standing();
        let descriptor = descriptor(standing.subject.kind);
        for (what, left) in [("requests", standing.requests), ("tokens", standing.tokens)] {
            let Some(Left { limit, remaining, .. }) = left else { continue };
            put(headers, &format!("x-ratelimit-{descriptor}-limit-{what}"), limit);
            put(headers, &format!("x-ratelimit-{descriptor}-remaining-{what}"), remaining);
        }
        if standing.subject.kind == SubjectKind::Key {
            add_key(&standing, headers);
        }
    }
}

/// Adds what is left of the limit that refused a request, whoever's it is: an end user's, a tag's, or one of a single model
/// stands beside no reply.
pub(crate) fn add_reached(limit: &ReachedLimit, headers: &mut HeaderMap) {
    let Some(ReachedRate { descriptor, max, remaining }) = limit.rate else { return };
    put(headers, &format!("x-ratelimit-{descriptor}-limit-{}", limit.name), max);
    put(headers, &format!("x-ratelimit-{descriptor}-remaining-{}", limit.name), remaining);
}

fn add_key(standing: &Standing, headers: &mut HeaderMap) {
    if let Some(left) = standing.requests {
        put(headers, "x-litellm-key-rpm-limit", left.limit);
    }
    if let Some(left) = standing.tokens {
        put(headers, "x-litellm-key-tpm-limit", left.limit);
    }
    if let Some(budget) = standing.budgets.first() {
        put(headers, "x-litellm-key-spend", plain(budget.spent));
        put(headers, "x-litellm-key-max-budget", plain(budget.max));
    }
}

fn plain(amount: Decimal) -> Decimal {
    amount.normalize()
}

fn put(headers: &mut HeaderMap, name: &str, value: impl std::fmt::Display) {
    let value = HeaderValue::try_from(value.to_string());
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), value) {
        headers.insert(name, value);
    }
}

/// LiteLLM's word for whose limit it is.
fn descriptor(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Key => "api_key",
        SubjectKind::Member => "team_member",
        SubjectKind::Customer => "end_user",
        SubjectKind::Global | SubjectKind::Team | SubjectKind::User | SubjectKind::Tag => kind.name(),
    }
}
