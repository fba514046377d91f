//! A deployment that can answer, and the calls to it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use trunkline_core::{Call, Error, ErrorKind, Reply, ReplyBody};
use trunkline_provider::{CallContext, Capabilities, Provider, Registry, Target};

use crate::Deployment;
use crate::deployment::{Upstream, unknown_prefix};
use crate::pattern::{Captures, filled};

/// A deployment that can answer, with its stars filled.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The deployment.
    pub deployment: Arc<Deployment>,
    /// The provider that it calls.
    pub provider: Arc<dyn Provider>,
    /// The provider's prefix.
    pub prefix: Arc<str>,
    /// The model, in the upstream's own spelling.
    pub upstream_model: Arc<str>,
}

impl Candidate {
    /// A deployment with its stars filled, by nothing where nothing was captured.
    ///
    /// # Errors
    ///
    /// `UnknownModel` where the asked-for name decides on the provider, and begins with no known prefix.
    pub(crate) fn new(
        deployment: &Arc<Deployment>,
        captures: Option<Captures<'_, '_>>,
        registry: &Registry,
    ) -> Result<Self, Error> {
        match &deployment.upstream {
            Upstream::Fixed { provider, model } => Ok(Self::fixed(deployment, provider, model, captures)),
            Upstream::ByName => {
                let model = filled(&deployment.model, captures.into_iter().flatten());
                let found = registry.find(&model);
                let (registration, rest) = found.ok_or_else(|| unknown_prefix(&model, registry))?;
                Ok(Self {
                    deployment: Arc::clone(deployment),
                    provider: Arc::clone(&registration.provider),
                    prefix: Arc::clone(&registration.prefix),
                    upstream_model: rest.into(),
                })
            }
        }
    }

    /// A deployment with nothing to fill its stars. `None` where the asked-for name decides on the provider.
    pub(crate) fn ready(deployment: &Arc<Deployment>) -> Option<Self> {
        match &deployment.upstream {
            Upstream::Fixed { provider, model } => Some(Self::fixed(deployment, provider, model, None)),
            Upstream::ByName => None,
        }
    }

    fn fixed(
        deployment: &Arc<Deployment>,
        provider: &Arc<dyn Provider>,
        model: &Arc<str>,
        captures: Option<Captures<'_, '_>>,
    ) -> Self {
        let upstream_model = if model.contains('*') {
            filled(model, captures.into_iter().flatten())
        } else {
            Arc::clone(model)
        };
        Self {
            deployment: Arc::clone(deployment),
            provider: Arc::clone(provider),
            prefix: Arc::clone(&deployment.prefix),
            upstream_model,
        }
    }

    /// What the provider can do with the model.
    pub fn capabilities(&self) -> Capabilities {
        self.provider.capabilities(&self.upstream_model)
    }

    /// Calls it: the model in the upstream's spelling, what the deployment adds put in.
    ///
    /// # Errors
    ///
    /// As [`Provider::call`].
    pub async fn call(&self, mut call: Call) -> Result<Reply, Error> {
        self.deployment.complete(call.operation, &mut call.body);
        self.send(call, None).await
    }

    /// Calls it at another target than the deployment's own: a caller's base and key, where that is allowed.
    ///
    /// # Errors
    ///
    /// As [`Provider::call`].
    pub async fn call_with_target(&self, target: Target, mut call: Call) -> Result<Reply, Error> {
        // What the deployment adds may hold keys, which no base of a caller's gets.
        if !target.from_caller {
            self.deployment.complete(call.operation, &mut call.body);
        }
        self.send(call, Some(target)).await
    }

    /// Calls it with the body as it is: whoever asks has put in already what the deployment adds
    /// ([`Deployment::complete`]).
    ///
    /// # Errors
    ///
    /// As [`Provider::call`].
    pub async fn send(&self, mut call: Call, target: Option<Target>) -> Result<Reply, Error> {
        call.model = Arc::clone(&self.upstream_model);
        let own = target.map(|target| CallContext::new(Arc::new(target)));
        let context = own.as_ref().unwrap_or(&self.deployment.context);
        let Some(parallel) = &self.deployment.parallel else {
            return self.provider.call(context, call).await;
        };
        // Whoever waits gets the next free place, so that a place that is free here is nobody's.
        if let Ok(place) = Arc::clone(parallel).try_acquire_owned() {
            return Ok(holding(place, self.provider.call(context, call).await?));
        }
        let began = Instant::now();
        let place = place(parallel, context).await?;
        let mut target = Target::clone(&context.target);
        target.send.waits.total = target.send.waits.total.saturating_sub(began.elapsed());
        let reply = self.provider.call(&CallContext::new(Arc::new(target)), call).await?;
        Ok(holding(place, reply))
    }
}

/// Waits for one of a deployment's places, no longer than the call itself may take.
async fn place(parallel: &Arc<Semaphore>, context: &CallContext) -> Result<OwnedSemaphorePermit, Error> {
    let wait = context.target.send.waits.total;
    match tokio::time::timeout(wait, Arc::clone(parallel).acquire_owned()).await {
        Ok(place) => Ok(place.expect("the semaphore is never closed")),
        Err(_) => {
            let message =
                "no place came free within the call's time: max_parallel_requests of the deployment";
            Err(Error::new(ErrorKind::Overloaded, message))
        }
    }
}

/// A reply that keeps its place until it ends, or is dropped.
fn holding(place: OwnedSemaphorePermit, reply: Reply) -> Reply {
    let body = match reply.body {
        ReplyBody::Document(..) => return reply,
        ReplyBody::Events(mut events) => {
            ReplyBody::Events(Box::pin(futures_util::stream::poll_fn(move |context| {
                let _held = &place;
                events.as_mut().poll_next(context)
            })))
        }
        ReplyBody::Raw { content_type, mut bytes } => {
            let bytes = Box::pin(futures_util::stream::poll_fn(move |context| {
                let _held = &place;
                bytes.as_mut().poll_next(context)
            }));
            ReplyBody::Raw { content_type, bytes }
        }
    };
    Reply { body, ..reply }
}
