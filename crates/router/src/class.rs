//! LiteLLM's classes of failures, by which its policies count.

use trunkline_core::{Error, ErrorKind};

/// What a failure counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// `BadRequestError`: the upstream refused the request as such.
    BadRequest,
    /// `AuthenticationError`: it refused the credential.
    Authentication,
    /// `Timeout`: it did not answer in time.
    Timeout,
    /// `RateLimitError`: it had too many requests.
    RateLimit,
    /// `ContentPolicyViolationError`: it refused the content.
    ContentPolicy,
    /// `InternalServerError`: it failed, or its answer was none.
    InternalServer,
    /// `ServiceUnavailableError`: it is out of service, or cannot be reached.
    ServiceUnavailable,
    /// `BadGatewayError`: what stands before it failed.
    BadGateway,
    /// `NotFoundError`: it does not know the model.
    NotFound,
}

const COUNT: usize = 9;

impl Class {
    /// Every class, in the order of this enum.
    pub const ALL: [Self; COUNT] = [
        Self::BadRequest,
        Self::Authentication,
        Self::Timeout,
        Self::RateLimit,
        Self::ContentPolicy,
        Self::InternalServer,
        Self::ServiceUnavailable,
        Self::BadGateway,
        Self::NotFound,
    ];

    /// LiteLLM's name for it, with which its keys begin.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequestError",
            Self::Authentication => "AuthenticationError",
            Self::Timeout => "TimeoutError",
            Self::RateLimit => "RateLimitError",
            Self::ContentPolicy => "ContentPolicyViolationError",
            Self::InternalServer => "InternalServerError",
            Self::ServiceUnavailable => "ServiceUnavailableError",
            Self::BadGateway => "BadGatewayError",
            Self::NotFound => "NotFoundError",
        }
    }

    /// What an error counts as.
    pub fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::UpstreamCredential
            | ErrorKind::UpstreamForbidden
            | ErrorKind::UpstreamQuotaExceeded
            | ErrorKind::CredentialMissing
            | ErrorKind::CredentialUnusable => Self::Authentication,
            ErrorKind::UpstreamTimeout => Self::Timeout,
            ErrorKind::UpstreamRateLimited | ErrorKind::Overloaded | ErrorKind::NoDeployment => {
                Self::RateLimit
            }
            ErrorKind::ContentPolicy => Self::ContentPolicy,
            ErrorKind::UpstreamNotFound => Self::NotFound,
            ErrorKind::UpstreamUnreachable => Self::ServiceUnavailable,
            ErrorKind::UpstreamFailed | ErrorKind::UpstreamProtocol | ErrorKind::UpstreamCut => {
                match error.upstream_status().map(|status| status.as_u16()) {
                    Some(503) => Self::ServiceUnavailable,
                    Some(502) => Self::BadGateway,
                    Some(_) | None => Self::InternalServer,
                }
            }
            _ => Self::BadRequest,
        }
    }
}

/// Whether an error says something about whoever was asked, and not about the request or the credential.
pub(crate) fn is_failure(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UpstreamRateLimited
            | ErrorKind::UpstreamTimeout
            | ErrorKind::UpstreamUnreachable
            | ErrorKind::UpstreamFailed
            | ErrorKind::UpstreamProtocol
            | ErrorKind::UpstreamCut
    )
}

/// A figure for some of the classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerClass<T>([Option<T>; COUNT]);

impl<T: Copy> PerClass<T> {
    /// Sets the figure of a class.
    pub fn set(&mut self, class: Class, figure: T) {
        self.0[class as usize] = Some(figure);
    }

    /// The figure of a class, if it has one.
    pub fn get(&self, class: Class) -> Option<T> {
        self.0[class as usize]
    }

    /// Whether no class has one.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

impl<T> Default for PerClass<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| None))
    }
}
