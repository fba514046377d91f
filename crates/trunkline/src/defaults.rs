//! What a client sets for a provider: key, base URL, waits, wherever a call brings none of its own.

use std::sync::Arc;

use async_trait::async_trait;
use trunkline_core::{Call, Error, ModelInfo, Reply, Secret};
use trunkline_provider::{CallContext, Capabilities, Provider, Registry, Target, Waits};

/// What holds where neither a deployment nor a call says otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) api_key: Option<Secret>,
    pub(crate) api_base: Option<String>,
    pub(crate) waits: Option<Waits>,
}

/// A provider whose calls are completed.
///
/// They are completed here, below the router, so that a key or a wait never changes where a name leads.
#[derive(Debug)]
struct Completed {
    provider: Arc<dyn Provider>,
    defaults: Defaults,
}

impl Defaults {
    /// Lets the provider under `prefix` have these, if there is one.
    pub(crate) fn apply(self, prefix: &str, registry: &mut Registry) {
        let Some(registration) = registry.by_prefix(prefix).cloned() else { return };
        let mut about = registration.about;
        about.has_credential |= self.api_key.is_some();
        let completed = Completed { provider: registration.provider, defaults: self };
        registry.register(prefix, Arc::new(completed), about);
    }

    fn complete(&self, target: &Target) -> Target {
        let mut target = target.clone();
        // A key belongs to the base that it was given for: whoever names another base brings its own.
        if target.api_base.is_none() {
            target.api_base.clone_from(&self.api_base);
            target.api_key = target.api_key.or_else(|| self.api_key.clone());
        }
        if let Some(waits) = self.waits {
            target.send.waits = completed(target.send.waits, waits);
        }
        target
    }
}

/// The waits with `ours` for those that stand at their default, which is how a wait that nobody set looks.
fn completed(waits: Waits, ours: Waits) -> Waits {
    let unset = Waits::default();
    let either = |theirs, unset, ours| if theirs == unset { ours } else { theirs };
    Waits {
        connect: either(waits.connect, unset.connect, ours.connect),
        first_event: either(waits.first_event, unset.first_event, ours.first_event),
        idle: either(waits.idle, unset.idle, ours.idle),
        total: either(waits.total, unset.total, ours.total),
    }
}

impl Completed {
    fn context(&self, context: &CallContext) -> CallContext {
        let mut context = context.clone();
        context.target = Arc::new(self.defaults.complete(&context.target));
        context
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Provider for Completed {
    fn capabilities(&self, model: &str) -> Capabilities {
        self.provider.capabilities(model)
    }

    async fn call(&self, context: &CallContext, call: &Call) -> Result<Reply, Error> {
        self.provider.call(&self.context(context), call).await
    }

    async fn models(&self, context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        self.provider.models(&self.context(context)).await
    }
}
