//! The router: an immutable table, and the one way through it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use trunkline_core::{Call, Document, Error, ErrorKind, Operation, Reply, ReplyBody};
use trunkline_provider::{CallContext, Capabilities, Provider, Registry, Target};

use crate::deployment::{Upstream, unknown_prefix};
use crate::nearest::nearest;
use crate::pattern::filled;
use crate::table::{Alias, Table};
use crate::{Deployment, DeploymentSpec};

/// Finds the deployments behind a model name, and calls them.
#[derive(Debug)]
pub struct Router {
    registry: Arc<Registry>,
    table: Table,
    direct: bool,
}

/// Collects what a [`Router`] is made of.
#[derive(Debug)]
pub struct RouterBuilder {
    registry: Arc<Registry>,
    deployments: Vec<Arc<Deployment>>,
    ids: HashSet<String>,
    aliases: BTreeMap<String, Alias>,
    direct: bool,
}

/// Where a model name leads: deployments in the order in which they are to be tried, never empty.
#[derive(Clone, Debug)]
pub struct Route {
    /// The model group.
    pub group: String,
    /// Who can answer.
    pub candidates: Vec<Candidate>,
}

/// A deployment that can answer, with its stars filled.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The deployment.
    pub deployment: Arc<Deployment>,
    /// The provider that it calls.
    pub provider: Arc<dyn Provider>,
    /// The provider's prefix.
    pub prefix: String,
    /// The model, in the upstream's own spelling.
    pub upstream_model: String,
}

impl RouterBuilder {
    /// Adds a deployment to its model group.
    ///
    /// # Errors
    ///
    /// `UnknownModel` if its model begins with no known prefix, `Configuration` if its id is taken.
    pub fn deployment(&mut self, spec: DeploymentSpec) -> Result<(), Error> {
        let named = spec.id.is_some();
        let mut deployment = Deployment::new(spec, &self.registry)?;
        if named && self.ids.contains(&deployment.id) {
            let message = format!("two deployments have the id `{}`", deployment.id);
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        // Rows that are alike are counted: some people weigh deployments by naming them twice.
        let alike = deployment.id.clone();
        let mut count = 1;
        while !self.ids.insert(deployment.id.clone()) {
            count += 1;
            deployment.id = format!("{alike}-{count}");
        }
        self.deployments.push(Arc::new(deployment));
        Ok(())
    }

    /// Gives a model group another name. A hidden one works and is not listed.
    pub fn alias(&mut self, alias: impl Into<String>, group: impl Into<String>, hidden: bool) {
        self.aliases.insert(alias.into(), Alias { group: group.into(), hidden });
    }

    /// Lets every known prefix be called as it is: `vercel_ai_gateway/openai/gpt-4o`. Off by default.
    #[must_use]
    pub fn direct(mut self, direct: bool) -> Self {
        self.direct = direct;
        self
    }

    /// The finished router.
    pub fn build(self) -> Router {
        let table = Table::new(self.deployments, self.aliases);
        Router { registry: self.registry, table, direct: self.direct }
    }
}

impl Router {
    /// An empty table over the providers that are known.
    pub fn builder(registry: Arc<Registry>) -> RouterBuilder {
        RouterBuilder {
            registry,
            deployments: Vec::new(),
            ids: HashSet::new(),
            aliases: BTreeMap::new(),
            direct: false,
        }
    }

    /// The providers that are known.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Every deployment, by model group.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.table.groups.values().flatten()
    }

    /// Whether no name leads anywhere: no deployment, and no prefix that may be called as it is.
    pub fn is_empty(&self) -> bool {
        self.table.groups.is_empty() && !self.direct
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Finds out where a model name leads.
    ///
    /// # Errors
    ///
    /// `UnknownModel`, with the names that are nearest and the prefixes that are known.
    pub fn resolve(&self, name: &str) -> Result<Route, Error> {
        if let Some(found) = self.table.find(name) {
            let candidates: Result<Vec<Candidate>, Error> = found
                .deployments
                .iter()
                .map(|deployment| self.candidate(deployment, &found.captures))
                .collect();
            // Behind a wildcard the group is what was asked for: each name is a group of its own.
            let group = if found.captures.is_empty() { found.deployments[0].group.as_str() } else { name };
            return Ok(Route { group: group.to_owned(), candidates: candidates? });
        }
        if self.direct {
            return self.resolve_directly(name);
        }
        Err(self.unknown_model(name))
    }

    fn candidate(&self, deployment: &Arc<Deployment>, captures: &[&str]) -> Result<Candidate, Error> {
        let (provider, prefix, upstream_model) = match &deployment.upstream {
            Upstream::Fixed { provider, model } => {
                (Arc::clone(provider), deployment.prefix.clone(), filled(model, captures))
            }
            Upstream::ByName => {
                let model = filled(&deployment.model, captures);
                let found = self.registry.find(&model);
                let (registration, rest) = found.ok_or_else(|| unknown_prefix(&model, &self.registry))?;
                (Arc::clone(&registration.provider), registration.prefix.clone(), rest.to_owned())
            }
        };
        Ok(Candidate { deployment: Arc::clone(deployment), provider, prefix, upstream_model })
    }

    /// A route made for one name: the prefix decides, nothing is configured.
    fn resolve_directly(&self, name: &str) -> Result<Route, Error> {
        if self.registry.find(name).is_none() {
            // A slip in a configured name is likelier than a prefix that nobody knows.
            let near = nearest(name, self.table.names());
            return Err(if near.is_empty() {
                unknown_prefix(name, &self.registry)
            } else {
                self.unknown_model(name)
            });
        }
        let spec = DeploymentSpec {
            group: name.to_owned(),
            model: name.to_owned(),
            id: Some(name.to_owned()),
            ..DeploymentSpec::default()
        };
        let deployment = Arc::new(Deployment::new(spec, &self.registry)?);
        let candidate = self.candidate(&deployment, &[])?;
        Ok(Route { group: name.to_owned(), candidates: vec![candidate] })
    }

    fn unknown_model(&self, name: &str) -> Error {
        let mut message = format!(
            "Invalid model name passed in model={name}. Call `/v1/models` to view available models for your key."
        );
        let near = nearest(name, self.table.names());
        if !near.is_empty() {
            message.push_str(&format!(" The nearest names are: {}.", near.join(", ")));
        }
        let known = self.table.groups.keys().map(String::as_str);
        const NAMES_MAX: usize = 10;
        let (shown, more): (Vec<&str>, bool) =
            (known.clone().take(NAMES_MAX).collect(), known.clone().count() > NAMES_MAX);
        if shown.is_empty() {
            message.push_str(" No model is configured.");
        } else {
            message.push_str(&format!(" Configured: {}{}.", shown.join(", "), if more { ", …" } else { "" }));
        }
        Error::new(ErrorKind::UnknownModel, message).with_param("model")
    }

    /// Calls the first deployment of a route.
    ///
    /// # Errors
    ///
    /// As [`Provider::call`].
    pub async fn call(&self, route: &Route, call: Call) -> Result<Reply, Error> {
        let candidate = &route.candidates[0];
        candidate.call(call).await
    }

    /// Resolves a name and calls what it leads to: what an embedder needs in one step.
    ///
    /// # Errors
    ///
    /// As [`Router::resolve`] and [`Provider::call`].
    pub async fn send(&self, name: &str, operation: Operation, body: Document) -> Result<Reply, Error> {
        let route = self.resolve(name)?;
        self.call(&route, Call::new(operation, String::new(), body)).await
    }
}

impl Candidate {
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
        call.model.clone_from(&self.upstream_model);
        let own = target.map(|target| CallContext::new(Arc::new(target)));
        let context = own.as_ref().unwrap_or(&self.deployment.context);
        let Some(parallel) = &self.deployment.parallel else {
            return self.provider.call(context, call).await;
        };
        let began = Instant::now();
        let place = self.place(parallel, context).await?;
        let mut target = Target::clone(&context.target);
        target.send.waits.total = target.send.waits.total.saturating_sub(began.elapsed());
        let reply = self.provider.call(&CallContext::new(Arc::new(target)), call).await?;
        Ok(holding(place, reply))
    }

    /// Waits for one of the deployment's places, no longer than the call itself may take.
    async fn place(
        &self,
        parallel: &Arc<Semaphore>,
        context: &CallContext,
    ) -> Result<OwnedSemaphorePermit, Error> {
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
