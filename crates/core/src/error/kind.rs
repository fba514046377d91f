//! The kinds of errors, and what is said of each: whose fault it is, and whether trying again can help.

use std::time::Duration;

/// What went wrong.
///
/// WHEN ADDING A KIND: the matches in `advice.rs` ask for its fault and its retry advice, and the gateway's
/// status table for its status; then add a row to `docs/http-api.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The body or a parameter is not what the operation takes.
    InvalidRequest,
    /// A parameter that the operation needs is absent.
    MissingParameter,
    /// No deployment, prefix or wildcard answers to the model's name.
    UnknownModel,
    /// The provider does not have the operation.
    UnsupportedOperation,
    /// The body's content encoding is not one that is understood.
    UnsupportedEncoding,
    /// The head of the request, its headers mostly, is larger than a limit.
    HeadersTooLarge,
    /// The body is larger than a limit, on the wire or inflated.
    BodyTooLarge,
    /// The caller took too long to send its body.
    BodyTimeout,
    /// The caller showed no key, or a wrong one.
    Unauthenticated,
    /// The caller's key was good until some time that has passed.
    KeyExpired,
    /// The caller may not do this.
    PermissionDenied,
    /// The caller may not call this model.
    ModelForbidden,
    /// There is no such endpoint or object.
    NotFound,
    /// The endpoint exists, under another method.
    MethodNotAllowed,
    /// The caller wants to leave HTTP for a protocol that is not spoken here: WebSocket.
    UpgradeUnsupported,
    /// What is to be changed has changed meanwhile, or is there already.
    Conflict,
    /// The caller has asked as often, or for as much, as a limit of its own allows.
    RateLimited,
    /// A budget of the caller's is spent.
    BudgetExceeded,
    /// The gateway has as much to do as its limits allow.
    Overloaded,
    /// Every deployment of the model group is out of service.
    NoDeployment,
    /// No credential for the upstream is configured.
    CredentialMissing,
    /// The configured credential is known to be of no use: an expired token.
    CredentialUnusable,
    /// The gateway is stopping.
    ShuttingDown,
    /// The store of keys, or the ledger, does not answer.
    StoreUnavailable,
    /// The configuration cannot be used.
    Configuration,
    /// Something that should not happen.
    Internal,
    /// The upstream refused the request as such.
    UpstreamInvalidRequest,
    /// The upstream says that the input is longer than the model's context window.
    ContextWindowExceeded,
    /// The upstream refused the content.
    ContentPolicy,
    /// The upstream refused the credential, or the account behind it.
    UpstreamCredential,
    /// The upstream accepted the credential and forbids this request.
    UpstreamForbidden,
    /// The upstream does not know the model or the object.
    UpstreamNotFound,
    /// The upstream says that there were too many requests.
    UpstreamRateLimited,
    /// A budget kept by the upstream is spent.
    UpstreamQuotaExceeded,
    /// The upstream did not answer in time.
    UpstreamTimeout,
    /// No connection to the upstream came about.
    UpstreamUnreachable,
    /// The upstream failed.
    UpstreamFailed,
    /// The upstream's answer is not what its protocol says.
    UpstreamProtocol,
    /// The upstream's stream ended before its terminal event.
    UpstreamCut,
}

impl ErrorKind {
    /// Its name as rows and exports have it: `upstream_timeout`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller, by asking differently.
    Caller,
    /// The upstream, or whoever holds the account with it.
    Upstream,
    /// Whoever runs the gateway.
    Gateway,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It would fail again everywhere.
    Never,
    /// The same target may answer the next time.
    SameTarget,
    /// This target will not answer; another one may.
    NextTarget,
    /// The same target says that it will answer after this time.
    After(Duration),
}
