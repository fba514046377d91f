//! Whose fault an error of each kind is, and whether trying again can help.

use std::time::Duration;

use super::{ErrorKind, Fault, Retry};

impl ErrorKind {
    /// Who can mend an error of this kind.
    pub const fn fault(self) -> Fault {
        match self {
            Self::InvalidRequest
            | Self::MissingParameter
            | Self::UnknownModel
            | Self::UnsupportedOperation
            | Self::UnsupportedEncoding
            | Self::HeadersTooLarge
            | Self::BodyTooLarge
            | Self::BodyTimeout
            | Self::Unauthenticated
            | Self::KeyExpired
            | Self::PermissionDenied
            | Self::ModelForbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::UpgradeUnsupported
            | Self::Conflict
            | Self::RateLimited
            | Self::BudgetExceeded
            | Self::UpstreamInvalidRequest
            | Self::ContextWindowExceeded
            | Self::ContentPolicy
            | Self::UpstreamNotFound => Fault::Caller,
            Self::Overloaded
            | Self::NoDeployment
            | Self::CredentialMissing
            | Self::CredentialUnusable
            | Self::ShuttingDown
            | Self::StoreUnavailable
            | Self::Configuration
            | Self::Internal => Fault::Gateway,
            Self::UpstreamCredential
            | Self::UpstreamForbidden
            | Self::UpstreamRateLimited
            | Self::UpstreamQuotaExceeded
            | Self::UpstreamTimeout
            | Self::UpstreamUnreachable
            | Self::UpstreamFailed
            | Self::UpstreamProtocol
            | Self::UpstreamCut => Fault::Upstream,
        }
    }

    pub(super) const fn retry(self, retry_after: Option<Duration>) -> Retry {
        match self {
            Self::InvalidRequest
            | Self::MissingParameter
            | Self::UnknownModel
            | Self::UnsupportedEncoding
            | Self::HeadersTooLarge
            | Self::BodyTooLarge
            | Self::BodyTimeout
            | Self::Unauthenticated
            | Self::KeyExpired
            | Self::PermissionDenied
            | Self::ModelForbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::UpgradeUnsupported
            | Self::Conflict
            | Self::RateLimited
            | Self::BudgetExceeded
            | Self::UpstreamInvalidRequest
            | Self::ContentPolicy
            | Self::NoDeployment
            | Self::Overloaded
            | Self::ShuttingDown
            | Self::StoreUnavailable
            | Self::Configuration
            | Self::Internal
            | Self::UpstreamCut => Retry::Never,
            Self::UnsupportedOperation
            | Self::ContextWindowExceeded
            | Self::CredentialMissing
            | Self::CredentialUnusable
            | Self::UpstreamCredential
            | Self::UpstreamForbidden
            | Self::UpstreamNotFound
            | Self::UpstreamQuotaExceeded => Retry::NextTarget,
            Self::UpstreamRateLimited
            | Self::UpstreamTimeout
            | Self::UpstreamUnreachable
            | Self::UpstreamFailed
            | Self::UpstreamProtocol => match retry_after {
                Some(wait) => Retry::After(wait),
                None => Retry::SameTarget,
            },
        }
    }
}
