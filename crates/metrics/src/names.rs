//! Names that may be labels: those that are configured or have a price, and never one that a caller invented.

use trunkline_core::ErrorKind;
use trunkline_gateway::status_of;
use trunkline_prices::Prices;

use crate::caller::{Caller, OTHER};
use crate::key::Key;

/// What stands for a name that nobody knows.
pub(crate) const UNKNOWN: &str = "unknown";

/// Knows which names behind a wildcard are those of models.
#[derive(Debug)]
pub(crate) struct Names {
    prices: Prices,
}

impl Names {
    pub(crate) fn new(prices: Prices) -> Self {
        Self { prices }
    }

    /// A key that holds no name that a caller may have invented. `asked_group` is where the requested name leads.
    pub(crate) fn folded<'k>(&self, key: Key<'k>, asked_group: Option<&str>) -> Key<'k> {
        let is_filled = key.group.contains('*') && !key.model.is_empty();
        let has_model = is_filled && self.has(&format!("{}/{}", key.provider, key.model));
        let is_known = || self.has(key.requested) || asked_group == Some(key.group) && has_model;
        let requested = match asked_group {
            _ if key.requested.is_empty() => "",
            Some(group) if !group.contains('*') || is_known() => key.requested,
            Some(_) | None => UNKNOWN,
        };
        let model = if is_filled && !has_model { UNKNOWN } else { key.model };
        Key { requested, model, ..key }
    }

    fn has(&self, name: &str) -> bool {
        self.prices.get(name).is_some()
    }
}

/// The key of everything that there is no more room for: how it ended, and nothing else of it.
pub(crate) fn other(key: Key<'_>) -> Key<'static> {
    Key {
        caller: Caller::Other,
        subject: key.subject,
        ending: key.ending,
        status: key.ending.failure().map_or(key.status, |kind| status_of(kind).as_u16()),
        route: OTHER,
        requested: OTHER,
        group: OTHER,
        deployment: OTHER,
        provider: OTHER,
        model: OTHER,
    }
}

/// The class of an exception that LiteLLM raises for the like.
pub(crate) fn class(kind: ErrorKind, status: u16) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest
        | ErrorKind::MissingParameter
        | ErrorKind::UnknownModel
        | ErrorKind::UnsupportedOperation
        | ErrorKind::UnsupportedEncoding
        | ErrorKind::HeadersTooLarge
        | ErrorKind::BodyTooLarge
        | ErrorKind::MethodNotAllowed
        | ErrorKind::UpgradeUnsupported
        | ErrorKind::Conflict
        | ErrorKind::UpstreamInvalidRequest => "BadRequestError",
        ErrorKind::BodyTimeout | ErrorKind::UpstreamTimeout => "Timeout",
        ErrorKind::Unauthenticated
        | ErrorKind::KeyExpired
        | ErrorKind::CredentialMissing
        | ErrorKind::CredentialUnusable
        | ErrorKind::UpstreamCredential
        | ErrorKind::UpstreamQuotaExceeded => "AuthenticationError",
        ErrorKind::PermissionDenied | ErrorKind::ModelForbidden | ErrorKind::UpstreamForbidden => {
            "PermissionDeniedError"
        }
        ErrorKind::BudgetExceeded => "BudgetExceededError",
        ErrorKind::NotFound | ErrorKind::UpstreamNotFound => "NotFoundError",
        ErrorKind::RateLimited
        | ErrorKind::Overloaded
        | ErrorKind::NoDeployment
        | ErrorKind::UpstreamRateLimited => "RateLimitError",
        ErrorKind::ContextWindowExceeded => "ContextWindowExceededError",
        ErrorKind::ContentPolicy => "ContentPolicyViolationError",
        ErrorKind::UpstreamUnreachable | ErrorKind::ShuttingDown | ErrorKind::StoreUnavailable => {
            "ServiceUnavailableError"
        }
        ErrorKind::UpstreamFailed => match status {
            502 => "BadGatewayError",
            503 => "ServiceUnavailableError",
            _ => "InternalServerError",
        },
        ErrorKind::UpstreamProtocol
        | ErrorKind::UpstreamCut
        | ErrorKind::Configuration
        | ErrorKind::Internal => "InternalServerError",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Ending, Subject};

    fn check(
        asked_group: Option<&str>,
        requested: &str,
        (group, model): (&str, &str),
        expected: (&str, &str),
    ) {
        let key = Key {
            caller: Caller::Nobody,
            subject: Subject::Request,
            ending: Ending::Completed,
            status: 200,
            route: "/v1/chat/completions",
            requested,
            group,
            deployment: "d",
            provider: "openai",
            model,
        };
        let folded = Names::new(Prices::bundled()).folded(key, asked_group);
        assert_eq!((folded.requested, folded.model), expected, "{requested} in {asked_group:?}");
    }

    #[test]
    fn what_is_configured_or_priced_is_a_label_and_the_rest_is_not() {
        check(Some("m"), "an-alias", ("m", "my-model"), ("an-alias", "my-model"));
        check(None, "", ("", ""), ("", ""));
        check(None, "invented", ("", ""), (UNKNOWN, ""));
        check(Some("openai/*"), "openai/gpt-4o", ("openai/*", "gpt-4o"), ("openai/gpt-4o", "gpt-4o"));
        check(Some("my/*"), "my/gpt-4o", ("my/*", "gpt-4o"), ("my/gpt-4o", "gpt-4o"));
        check(Some("openai/*"), "openai/invented", ("openai/*", "invented"), (UNKNOWN, UNKNOWN));
        check(Some("openai/*"), "openai/invented", ("openai/*", ""), (UNKNOWN, ""));
    }

    #[test]
    fn an_invented_name_stays_one_after_a_fallback() {
        check(Some("*"), "invented", ("m", "gpt-4o"), (UNKNOWN, "gpt-4o"));
        check(Some("m"), "m", ("openai/*", "gpt-4o"), ("m", "gpt-4o"));
    }
}
