//! The router: an immutable table, and the one way through it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use trunkline_core::{Call, Document, Error, ErrorKind, Operation, Reply};
use trunkline_prices::{Price, Prices};
use trunkline_provider::{CallContext, Registry};

use crate::candidate::Candidate;
use crate::deployment::{Known, identity, unknown_prefix};
use crate::group::Policies;
use crate::nearest::nearest;
use crate::price_list::PriceList;
use crate::random::Random;
use crate::state::States;
use crate::table::{Alias, Table};
use crate::{Deployment, DeploymentSpec, Policy, Route, Routing, Wishes};

/// Finds the deployments behind a model name, and calls them.
#[derive(Debug)]
pub struct Router {
    pub(crate) registry: Arc<Registry>,
    pub(crate) table: Table,
    /// What surrounds a call to a prefix as it is. `None` where that is not allowed.
    pub(crate) direct: Option<CallContext>,
    /// What is known of each prefix that may be called as it is.
    pub(crate) known: FxHashMap<Arc<str>, Known>,
    pub(crate) routing: Routing,
    pub(crate) policies: Policies,
    pub(crate) states: States,
    pub(crate) random: Random,
    pub(crate) price_list: PriceList,
}

/// Collects what a [`Router`] is made of.
#[derive(Debug)]
pub struct RouterBuilder {
    registry: Arc<Registry>,
    deployments: Vec<Arc<Deployment>>,
    ids: HashSet<Arc<str>>,
    /// How many rows were alike so far, by the id that they would have.
    alike: HashMap<Arc<str>, usize>,
    aliases: BTreeMap<Arc<str>, Alias>,
    direct: bool,
    routing: Routing,
    states: States,
    random: Random,
    prices: Prices,
}

impl RouterBuilder {
    /// Sets how groups are served. The default is [`Routing::default`].
    ///
    /// To be called before deployments are added: they are given their budgets then.
    #[must_use]
    pub fn routing(mut self, routing: Routing) -> Self {
        self.states = self.states.carried_over(routing.retry_budget);
        self.routing = routing;
        self
    }

    /// Goes on with what another router has learned: the health, the limits and the calls under way of deployments with
    /// the same ids. To be called before deployments are added.
    #[must_use]
    pub fn succeeding(mut self, before: &Router) -> Self {
        self.states = before.states.carried_over(self.routing.retry_budget);
        self
    }

    /// Sets what models cost whose deployments do not say so. The default is the table that comes with
    /// [`trunkline_prices`]. To be called before deployments are added.
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }

    /// Draws by chance from this seed, so that the same calls lead to the same deployments.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.random = Random::from_seed(seed);
        self
    }

    /// Adds a deployment to its model group.
    ///
    /// # Errors
    ///
    /// `UnknownModel` if its model begins with no known prefix, `Configuration` if its id is taken.
    pub fn deployment(&mut self, spec: DeploymentSpec) -> Result<(), Error> {
        let is_named = spec.id.is_some();
        let mut id: Arc<str> = spec.id.clone().unwrap_or_else(|| identity(&spec)).into();
        if is_named && self.ids.contains(&id) {
            let message = format!("two deployments have the id `{id}`");
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        if self.ids.contains(&id) {
            id = self.numbered(&id);
        }
        let deployment = Deployment::new(spec, Arc::clone(&id), &self.registry, &self.states, &self.prices)?;
        self.ids.insert(id);
        self.deployments.push(Arc::new(deployment));
        Ok(())
    }

    /// Rows that are alike are counted: some people weigh deployments by naming them twice.
    fn numbered(&mut self, alike: &Arc<str>) -> Arc<str> {
        let count = self.alike.entry(Arc::clone(alike)).or_insert(1);
        loop {
            *count += 1;
            let id: Arc<str> = format!("{alike}-{count}").into();
            if !self.ids.contains(&id) {
                return id;
            }
        }
    }

    /// Gives a model group another name. A hidden one works and is not listed.
    pub fn alias(&mut self, alias: impl Into<String>, group: impl Into<String>, hidden: bool) {
        self.aliases.insert(alias.into().into(), Alias { group: group.into().into(), hidden });
    }

    /// Lets every known prefix be called as it is: `vercel_ai_gateway/openai/gpt-4o`. Off by default.
    #[must_use]
    pub fn direct(mut self, direct: bool) -> Self {
        self.direct = direct;
        self
    }

    /// The finished router.
    pub fn build(self) -> Router {
        let policies = Policies::new(&self.routing);
        let table = Table::new(self.deployments, self.aliases, &policies);
        self.states.keep(|id| self.ids.contains(id));
        let registrations = if self.direct { self.registry.registrations() } else { Vec::new() };
        let known = registrations.iter().map(|registration| {
            let prefix = &registration.prefix;
            (Arc::clone(prefix), Known::new(prefix, &self.states))
        });
        Router {
            known: known.collect(),
            registry: self.registry,
            table,
            direct: self.direct.then(CallContext::default),
            routing: self.routing,
            policies,
            states: self.states,
            random: self.random,
            price_list: PriceList::new(self.prices),
        }
    }
}

impl Router {
    /// An empty table over the providers that are known.
    pub fn builder(registry: Arc<Registry>) -> RouterBuilder {
        RouterBuilder {
            registry,
            deployments: Vec::new(),
            ids: HashSet::new(),
            alike: HashMap::new(),
            aliases: BTreeMap::new(),
            direct: false,
            states: States::new(Routing::default().retry_budget),
            routing: Routing::default(),
            random: Random::from_process(),
            prices: Prices::bundled(),
        }
    }

    /// The providers that are known.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Every deployment, by model group.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.table.groups.values().flat_map(|group| &group.deployments)
    }

    /// Whether no name leads anywhere: no deployment, and no prefix that may be called as it is.
    pub fn is_empty(&self) -> bool {
        self.table.groups.is_empty() && self.direct.is_none()
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
        match (self.table.find(name), &self.direct) {
            (Some(members), _) => Route::new(members, &self.registry),
            (None, Some(context)) => self.resolve_directly(name, context),
            (None, None) => Err(self.unknown_model(name)),
        }
    }

    /// A route made for one name: the prefix decides, nothing is configured.
    fn resolve_directly(&self, name: &str, context: &CallContext) -> Result<Route, Error> {
        let Some((registration, model)) = self.registry.find(name) else {
            // A slip in a configured name is likelier than a prefix that nobody knows.
            let near = nearest(name, self.table.names());
            return Err(if near.is_empty() {
                unknown_prefix(name, &self.registry)
            } else {
                self.unknown_model(name)
            });
        };
        let known =
            self.known.get(&registration.prefix).expect("every prefix is known where it may be called");
        let deployment = Arc::new(Deployment::direct(name, registration, model, context.clone(), known));
        Ok(Route::direct(Candidate::new(&deployment, None, &self.registry)?))
    }

    fn unknown_model(&self, name: &str) -> Error {
        let mut message = format!(
            "Invalid model name passed in model={name}. Call `/v1/models` to view available models for your key."
        );
        let near = nearest(name, self.table.names());
        if !near.is_empty() {
            message.push_str(&format!(" The nearest names are: {}.", near.join(", ")));
        }
        const NAMES_MAX: usize = 10;
        let known = self.table.groups.keys().map(|name| &**name);
        let shown: Vec<&str> = known.take(NAMES_MAX).collect();
        let more = if self.table.groups.len() > NAMES_MAX { ", …" } else { "" };
        if shown.is_empty() {
            message.push_str(" No model is configured.");
        } else {
            message.push_str(&format!(" Configured: {}{more}.", shown.join(", ")));
        }
        Error::new(ErrorKind::UnknownModel, message).with_param("model")
    }

    /// What a model costs, called as a provider's own spelling has it. `None` if nothing is known of it.
    pub fn price(&self, prefix: &str, upstream_model: &str) -> Option<Arc<Price>> {
        self.price_list.get(&format!("{prefix}/{upstream_model}"))
    }

    /// What calls to a candidate cost: its deployment's own price, else its model's.
    pub fn price_of(&self, candidate: &Candidate) -> Option<Arc<Price>> {
        let of_model = || self.price(&candidate.prefix, &candidate.upstream_model);
        candidate.deployment.price.clone().or_else(of_model)
    }

    /// How a route's group is served.
    pub(crate) fn policy_of<'r>(&'r self, route: &'r Route) -> &'r Arc<Policy> {
        route.members().map_or(self.policies.general(), |members| &members.group.policy)
    }

    /// Asks what a route leads to, and gives the reply alone: what was reserved for it is held until it ends.
    ///
    /// # Errors
    ///
    /// As [`Router::dispatch`].
    pub async fn call(&self, route: &Route, mut call: Call, wishes: &Wishes) -> Result<Reply, Error> {
        let answer = self.dispatch(route, &mut call, wishes).await.map_err(|failed| failed.error)?;
        Ok(answer.into_reply())
    }

    /// Resolves a name and asks what it leads to: what an embedder needs in one step.
    ///
    /// # Errors
    ///
    /// As [`Router::resolve`] and [`Router::dispatch`].
    pub async fn send(&self, name: &str, operation: Operation, body: Document) -> Result<Reply, Error> {
        let route = self.resolve(name)?;
        let model = Arc::clone(&route.first().upstream_model);
        self.call(&route, Call::new(operation, model, body), &Wishes::default()).await
    }
}
