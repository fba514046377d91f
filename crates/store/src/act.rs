//! What an administrator did: a line of the audit log, which is only ever added to.

use serde_json::{Map, Value};

use crate::Kind;

/// One administrative act.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// Where it stands in the log. The store gives it out.
    pub number: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Who did it: `master`, `local`, the public token of a key, or `command` where it was done beside the gateway.
    pub by: String,
    /// What was done: `created`, `updated`, `deleted`, `blocked`, `unblocked`, `regenerated`, `spend_reset`, `imported`,
    /// `reconciled`.
    pub action: String,
    /// What it was done to.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// The settings before, `None` of what is new. Secrets are taken out by whoever writes it.
    pub before: Option<Map<String, Value>>,
    /// The settings after, `None` of what is gone.
    pub after: Option<Map<String, Value>>,
}
