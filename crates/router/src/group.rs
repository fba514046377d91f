//! Deployments that answer to one name, with what a request needs of them made in advance.

use std::collections::HashSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::candidate::Candidate;
use crate::deployment::{Deployment, Upstream};
use crate::pattern::Pattern;

/// Deployments in the order in which they are to be tried; never none. What is here is shared by all requests.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: Arc<str>,
    /// The name with its stars, where it has some.
    pub(crate) pattern: Option<Pattern>,
    pub(crate) deployments: Box<[Arc<Deployment>]>,
    /// One for each deployment. None at all where they depend on the name that is asked for.
    pub(crate) ready: Box<[Candidate]>,
    /// The first place of each provider and model that differ: what one of a kind can do, all of it can.
    pub(crate) kinds: Box<[usize]>,
    /// The first place of each model whose provider the asked-for name decides.
    pub(crate) by_name: Box<[usize]>,
    /// Empty where there is one deployment.
    places: FxHashMap<Arc<str>, usize>,
}

impl Group {
    /// `pattern` is what the name means, where its stars are to be filled.
    pub(crate) fn new(name: Arc<str>, pattern: Option<Pattern>, deployments: Vec<Arc<Deployment>>) -> Self {
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
        Self { name, pattern, deployments: deployments.into(), ready, kinds, by_name, places }
    }

    /// Where the deployment with this id stands.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        match &*self.deployments {
            [only] => (*only.id == *id).then_some(0),
            _ => self.places.get(id).copied(),
        }
    }
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
