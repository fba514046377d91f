//! What the log is told of deployments: attempts that failed, rests, and returns.

use std::time::Duration;

use trunkline_core::{Error, ErrorKind, Fault};

use crate::Deployment;
use crate::health::milliseconds;

/// A deployment, and the model that was asked for where that is not always the same.
#[derive(Clone, Copy)]
pub(crate) struct Whom<'d> {
    pub(crate) deployment: &'d Deployment,
    pub(crate) model: Option<&'d str>,
}

/// An event with the fields by which a deployment is known, in front of its own.
macro_rules! tell {
    ($level:ident, $whom:expr, $($rest:tt)+) => {
        tracing::$level!(
            model.group = &*$whom.deployment.group,
            deployment.id = &*$whom.deployment.id,
            provider.name = $whom.provider(),
            model.upstream = $whom.model(),
            upstream.origin = $whom.deployment.shown_origin(),
            $($rest)+
        )
    };
}

impl<'d> Whom<'d> {
    fn provider(self) -> Option<&'d str> {
        Some(&*self.deployment.prefix).filter(|prefix| !prefix.is_empty())
    }

    fn model(self) -> Option<&'d str> {
        self.model.or(self.deployment.only_model())
    }

    /// An attempt that failed: loud where the deployment is at fault, and so seldom that one which is down floods no
    /// log.
    #[cold]
    pub(crate) fn failed(self, error: &Error, took: Duration, is_caller_s: bool) {
        let is_missing = error.kind() == ErrorKind::UpstreamNotFound && self.model.is_none();
        let is_its_own =
            (error.fault() != Fault::Caller || is_missing) && error.kind() != ErrorKind::ShuttingDown;
        let told = if is_its_own && !is_caller_s { self.deployment.state.failures.count() } else { None };
        let status = error.upstream_status().map(|status| status.as_u16());
        let took = milliseconds(took);
        macro_rules! attempt {
            ($level:ident) => {
                tell!(
                    $level,
                    self,
                    status,
                    error.kind = ?error.kind(),
                    error = error.message(),
                    error.source = error.causes(),
                    took_ms = took,
                    attempts.untold = told.filter(|untold| *untold > 0),
                    "attempt failed"
                )
            };
        }
        if told.is_some() { attempt!(warn) } else { attempt!(debug) }
    }

    /// The deployment, or its model, is left alone from now on; or for longer.
    #[cold]
    pub(crate) fn rests(self, error: &Error, rest: Duration, has_rested: bool) {
        let (rest, kind) = (milliseconds(rest), error.kind());
        if has_rested {
            tell!(debug, self, error.kind = ?kind, rest_ms = rest, "deployment rests for longer");
        } else if error.is_credential_fault() {
            tell!(warn, self, error.kind = ?kind, rest_ms = rest, "credential rests");
        } else {
            tell!(warn, self, error.kind = ?kind, rest_ms = rest, "deployment rests");
        }
    }

    /// It answers again.
    #[cold]
    pub(crate) fn is_back(self) {
        tell!(info, self, "deployment is back");
    }

    /// Its credential is accepted again.
    #[cold]
    pub(crate) fn credential_is_back(self) {
        tell!(info, self, "credential is back");
    }
}
