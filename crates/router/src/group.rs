//! Deployments that answer to one name, with what a request needs of them made in advance.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use trunkline_prices::Price;

use crate::candidate::Candidate;
use crate::deployment::{Deployment, Upstream};
use crate::distinct;
use crate::hedge::Hedges;
use crate::pattern::Pattern;
use crate::queue::Queue;
use crate::speed::Recent;
use crate::strategy::Weights;
use crate::tags::{Wanted, is_default};
use crate::{Policy, Routing};

/// Deployments in the order in which they are to be tried; never none. What is here is shared by all requests.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: Arc<str>,
    /// The name with its stars, where it has some.
    pub(crate) pattern: Option<Pattern>,
    pub(crate) deployments: Box<[Arc<Deployment>]>,
    /// One for each deployment. None at all where they depend on the name that is asked for.
    pub(crate) ready: Box<[Candidate]>,
    /// What its deployments cost, each price once.
    pub(crate) prices: Box<[Option<Arc<Price>>]>,
    /// Those of its deployments that add something to a body, one of each kind.
    pub(crate) adding: Box<[Arc<Deployment>]>,
    /// The first place of each provider and model that differ: what one of a kind can do, all of it can.
    pub(crate) kinds: Box<[usize]>,
    /// The first place of each model whose provider the asked-for name decides.
    pub(crate) by_name: Box<[usize]>,
    /// Empty where there is one deployment.
    places: FxHashMap<Arc<str>, usize>,
    /// Deployments of one `order`, the first ones first.
    pub(crate) levels: Box<[Level]>,
    pub(crate) policy: Arc<Policy>,
    /// Whether a deployment serves requests without tags before others do.
    pub(crate) any_default_tag: bool,
    pub(crate) queue: Queue,
    pub(crate) recent: Recent,
    pub(crate) hedges: Hedges,
}

/// The deployments of a group that are asked before those of the next level.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) places: Range<usize>,
    pub(crate) weights: Weights,
}

impl Group {
    /// `pattern` is what the name means, where its stars are to be filled.
    pub(crate) fn new(
        name: Arc<str>,
        pattern: Option<Pattern>,
        deployments: Vec<Arc<Deployment>>,
        policies: &Policies,
    ) -> Self {
        let ready = if pattern.is_none() {
            deployments.iter().map(Candidate::ready).collect::<Option<_>>().unwrap_or_default()
        } else {
            Box::default()
        };
        let kinds = first_of_each_kind(&deployments);
        let is_by_name = |place: &usize| matches!(deployments[*place].upstream, Upstream::ByName);
        let by_name = kinds.iter().copied().filter(is_by_name).collect();
        let places = if deployments.len() > 1 {
            let place = |(place, deployment): (usize, &Arc<Deployment>)| (Arc::clone(&deployment.id), place);
            deployments.iter().enumerate().map(place).collect()
        } else {
            FxHashMap::default()
        };
        let any_default_tag = deployments.iter().any(|deployment| is_default(&deployment.tags));
        Self {
            policy: policies.of(&name),
            queue: Queue::new(policies.queue_length_max),
            levels: levels(&deployments),
            any_default_tag,
            name,
            pattern,
            prices: distinct::prices(&deployments),
            adding: distinct::adding(&deployments),
            deployments: deployments.into(),
            ready,
            kinds,
            by_name,
            places,
            recent: Recent::default(),
            hedges: Hedges::default(),
        }
    }

    /// Whether the tags reach any deployment.
    pub(crate) fn any_fits(&self, wanted: &Wanted<'_>, policy: &Policy) -> bool {
        self.deployments.iter().any(|deployment| wanted.fits(policy, &deployment.tags, self.any_default_tag))
    }

    /// Where the deployment with this id stands.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        match &*self.deployments {
            [only] => (*only.id == *id).then_some(0),
            _ => self.places.get(id).copied(),
        }
    }
}

/// The policies of all groups.
#[derive(Debug)]
pub(crate) struct Policies {
    general: Arc<Policy>,
    of_groups: FxHashMap<String, Arc<Policy>>,
    queue_length_max: usize,
}

impl Policies {
    pub(crate) fn new(routing: &Routing) -> Self {
        let of_groups = routing.groups.iter();
        Self {
            general: Arc::new(routing.policy.clone()),
            of_groups: of_groups.map(|(name, policy)| (name.clone(), Arc::new(policy.clone()))).collect(),
            queue_length_max: routing.queue_length_max,
        }
    }

    pub(crate) fn general(&self) -> &Arc<Policy> {
        &self.general
    }

    fn of(&self, group: &str) -> Arc<Policy> {
        Arc::clone(self.of_groups.get(group).unwrap_or(&self.general))
    }
}

/// Runs of one `order`: the deployments stand in that order already.
fn levels(deployments: &[Arc<Deployment>]) -> Box<[Level]> {
    let mut start = 0;
    let level = |run: &[Arc<Deployment>]| {
        let places = start..start + run.len();
        start = places.end;
        Level { places, weights: Weights::new(run) }
    };
    deployments.chunk_by(|one, next| one.order == next.order).map(level).collect()
}

fn first_of_each_kind(deployments: &[Arc<Deployment>]) -> Box<[usize]> {
    let mut seen = HashSet::new();
    let mut is_new = |deployment: &Deployment| {
        seen.insert(match &deployment.upstream {
            Upstream::Fixed { provider, model } => (Arc::as_ptr(provider).cast::<()>(), Arc::clone(model)),
            Upstream::ByName => (std::ptr::null(), Arc::clone(&deployment.model)),
        })
    };
    (0..deployments.len()).filter(|&place| is_new(&deployments[place])).collect()
}
