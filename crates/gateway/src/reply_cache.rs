//! The cache of a gateway: where replies are kept, and which requests use it.

use std::time::Duration;

use trunkline_cache::{Cache, Policy};

/// The cache of a gateway, and who may use it.
#[derive(Clone, Debug)]
pub struct ReplyCache {
    /// Where replies are kept.
    pub cache: Cache,
    /// Which requests use it.
    pub policy: Policy,
    /// Keeps the replies of several gateways apart.
    pub namespace: Option<String>,
    /// How long a request waits for an equal one that is on its way, before it goes on by itself.
    pub wait: Duration,
    /// Whether all tenants share what is kept.
    pub is_shared: bool,
}
