//! That an object has changed: what other replicas look for, to forget what they keep of it.

use crate::Kind;

/// One change of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it stands among all changes. Later ones have larger numbers.
    pub number: i64,
    /// What has changed.
    pub kind: Kind,
    /// Its id.
    pub id: String,
}
