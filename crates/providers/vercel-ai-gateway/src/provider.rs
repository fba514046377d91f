//! The provider: calls go over HTTP, the list of models is kept.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use trunkline_core::{Body, Call, Error, ModelInfo, Reply, json};
use trunkline_provider::{CallContext, Capabilities, HttpProvider, Provider, Registry, Target};

use crate::catalogue::{Catalogue, FIRST_WAIT};
use crate::clock::Clock;
use crate::codec::VercelCodec;
use crate::credentials::VercelCredentials;

/// The Vercel AI Gateway.
///
/// Its list of models is fetched when it is first asked for, without any credential, and kept for a time to
/// live. No call waits for it.
#[derive(Debug)]
pub struct VercelProvider {
    calls: HttpProvider<VercelCodec>,
    /// For calls that bring credentials or a quota of their own.
    own_credentials: HttpProvider<VercelCodec>,
    codec: VercelCodec,
    catalogue: Catalogue,
}

impl VercelProvider {
    /// A provider over the registry's transport, with the credentials of its environment.
    pub fn new(registry: &Registry, catalogue_ttl: Duration) -> Self {
        let codec = VercelCodec::new(registry.environment());
        let credentials = Arc::new(VercelCredentials::new(registry.environment()));
        Self {
            calls: HttpProvider::new(codec.clone(), credentials.clone(), registry),
            own_credentials: HttpProvider::new(codec.blaming_nobody(), credentials, registry),
            codec,
            catalogue: Catalogue::new(catalogue_ttl, Clock::system()),
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Provider for VercelProvider {
    fn capabilities(&self, model: &str) -> Capabilities {
        self.calls.capabilities(model)
    }

    async fn call(&self, context: &CallContext, call: &Call) -> Result<Reply, Error> {
        let calls = if brings_own_credentials(call) { &self.own_credentials } else { &self.calls };
        calls.call(context, call).await
    }

    async fn models(&self, context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        let target = &context.target;
        if target.from_caller {
            // Addresses that callers give are without number, and their lists are nobody else's.
            return self.calls.models(&within(target, FIRST_WAIT)).await;
        }
        let base = self.codec.base(target);
        let fetch = |wait| async move { self.calls.models(&within(target, wait)).await };
        self.catalogue.models(&base, fetch).await
    }
}

/// Whether the request holds credentials or names a quota, so that a refusal may be about those
/// (`providerOptions.gateway.byok` and `.quotaEntityId`; every dialect has them in the same place).
fn brings_own_credentials(call: &Call) -> bool {
    let options = match &call.body {
        Body::Document(document) => document.raw("providerOptions"),
        Body::Form(form) => form.text("providerOptions").map(str::as_bytes),
        Body::Empty => None,
    };
    let Some(options) = options else {
        return false;
    };
    ["byok", "quotaEntityId"].iter().any(|name| {
        json::path(options, &["gateway", name]).is_some_and(|value| !json::is_null(&options[value]))
    })
}

/// The same target, with less patience.
fn within(target: &Target, wait: Duration) -> CallContext {
    let mut target = target.clone();
    target.send.waits.total = target.send.waits.total.min(wait);
    CallContext::new(Arc::new(target))
}
