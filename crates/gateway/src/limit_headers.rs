//! What a caller is told of its limits and budgets beside a reply.

use http::{HeaderMap, HeaderName, HeaderValue};
use trunkline_core::{ReachedLimit, ReachedRate, SubjectKind};
use trunkline_limits::Standing;

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
        let [of_requests, of_tokens] = names(standing.subject.kind);
        for (left, [limit, remaining]) in [(standing.requests, of_requests), (standing.tokens, of_tokens)] {
            let Some(left) = left else { continue };
            headers.insert(limit.clone(), left.limit.into());
            headers.insert(remaining.clone(), left.remaining.into());
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
        headers.insert(KEY_RPM_LIMIT, left.limit.into());
    }
    if let Some(left) = standing.tokens {
        headers.insert(KEY_TPM_LIMIT, left.limit.into());
    }
    if let Some(budget) = standing.budgets.first() {
        for (name, amount) in [(KEY_SPEND, budget.spent), (KEY_MAX_BUDGET, budget.max)] {
            // Digits and a point always are a value.
            if let Ok(value) = HeaderValue::try_from(amount.normalize().to_string()) {
                headers.insert(name, value);
            }
        }
    }
}

fn put(headers: &mut HeaderMap, name: &str, value: u64) {
    if let Ok(name) = HeaderName::try_from(name) {
        headers.insert(name, value.into());
    }
}

const KEY_RPM_LIMIT: HeaderName = HeaderName::from_static("x-litellm-key-rpm-limit");
const KEY_TPM_LIMIT: HeaderName = HeaderName::from_static("x-litellm-key-tpm-limit");
const KEY_SPEND: HeaderName = HeaderName::from_static("x-litellm-key-spend");
const KEY_MAX_BUDGET: HeaderName = HeaderName::from_static("x-litellm-key-max-budget");

/// What the limits on requests and on tokens are told under: the limit, and what is left of it.
type Names = [[HeaderName; 2]; 2];

macro_rules! names {
    ($whose:literal) => {
        [
            [
                HeaderName::from_static(concat!("x-ratelimit-", $whose, "-limit-requests")),
                HeaderName::from_static(concat!("x-ratelimit-", $whose, "-remaining-requests")),
            ],
            [
                HeaderName::from_static(concat!("x-ratelimit-", $whose, "-limit-tokens")),
                HeaderName::from_static(concat!("x-ratelimit-", $whose, "-remaining-tokens")),
            ],
        ]
    };
}

static OF_GLOBAL: Names = names!("global");
static OF_TEAM: Names = names!("team");
static OF_MEMBER: Names = names!("team_member");
static OF_USER: Names = names!("user");
static OF_KEY: Names = names!("api_key");
static OF_CUSTOMER: Names = names!("end_user");
static OF_TAG: Names = names!("tag");

/// Under LiteLLM's word for whose limit it is. They stand written out, since each reply has some.
fn names(kind: SubjectKind) -> &'static Names {
    match kind {
        SubjectKind::Global => &OF_GLOBAL,
        SubjectKind::Team => &OF_TEAM,
        SubjectKind::Member => &OF_MEMBER,
        SubjectKind::User => &OF_USER,
        SubjectKind::Key => &OF_KEY,
        SubjectKind::Customer => &OF_CUSTOMER,
        SubjectKind::Tag => &OF_TAG,
    }
}
