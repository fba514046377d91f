//! Where one model name leads: a handle on what the table holds.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use trunkline_core::{Error, Operation};
use trunkline_provider::Registry;

use crate::candidate::Candidate;
use crate::group::Group;

/// Where a model name leads: deployments in the order in which they are to be tried, never none.
///
/// It is a handle on the router's table: to make one costs the same for one deployment as for ten thousand.
/// Candidates stand in the table already, and are lent. Behind a wildcard they depend on the name that was asked for:
/// each is made when it is asked for, so ask for as many as are needed.
#[derive(Clone)]
pub struct Route {
    way: Way,
}

#[derive(Clone)]
enum Way {
    /// Candidates that the table holds.
    Ready(Members),
    /// Candidates that depend on the name. The first is nearly always asked for, and tells whether the name leads
    /// to a provider.
    Filled { members: Members, first: Candidate, registry: Arc<Registry> },
    /// A deployment that was made for the name, and is all there is.
    Direct(Candidate),
}

/// Some deployments of a group, and what its stars stand for.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) group: Arc<Group>,
    /// All places of the group, or the one of an id.
    pub(crate) places: Range<usize>,
    /// Without it, stars stand for nothing.
    pub(crate) stars: Option<Stars>,
}

/// A name that matched a group's pattern.
#[derive(Clone, Debug)]
pub(crate) struct Stars {
    /// The name that was asked for.
    pub(crate) asked: Arc<str>,
    /// What matched: the same, or what it is an alias of.
    pub(crate) matched: Arc<str>,
}

impl Members {
    /// All deployments of a group.
    pub(crate) fn all(group: &Arc<Group>, stars: Option<Stars>) -> Self {
        Self { group: Arc::clone(group), places: 0..group.deployments.len(), stars }
    }

    /// The deployment at one place.
    pub(crate) fn one(group: &Arc<Group>, place: usize) -> Self {
        Self { group: Arc::clone(group), places: place..place + 1, stars: None }
    }

    /// The candidate at a place of the group, made anew.
    fn fill(&self, place: usize, registry: &Registry) -> Result<Candidate, Error> {
        let pattern = self.group.pattern.as_ref();
        let captures = self.stars.as_ref().and_then(|stars| pattern?.captures(&stars.matched));
        Candidate::new(&self.group.deployments[place], captures, registry)
    }
}

impl Route {
    /// # Errors
    ///
    /// `UnknownModel` where the asked-for name decides on the provider, and leads to none.
    pub(crate) fn new(members: Members, registry: &Arc<Registry>) -> Result<Self, Error> {
        if !members.group.ready.is_empty() {
            return Ok(Self { way: Way::Ready(members) });
        }
        let first = members.fill(members.places.start, registry)?;
        // All that can fail, so that whatever is asked for later can be had.
        for &place in &members.group.by_name {
            if place != members.places.start && members.places.contains(&place) {
                members.fill(place, registry)?;
            }
        }
        Ok(Self { way: Way::Filled { members, first, registry: Arc::clone(registry) } })
    }

    pub(crate) fn direct(candidate: Candidate) -> Self {
        Self { way: Way::Direct(candidate) }
    }

    /// The model group. Behind a wildcard it is what was asked for: each name is a group of its own.
    pub fn group(&self) -> &Arc<str> {
        match self.members() {
            Some(Members { stars: Some(stars), .. }) => &stars.asked,
            Some(members) => &members.group.name,
            None => &self.first().deployment.group,
        }
    }

    /// How many candidates there are; never none.
    pub fn count(&self) -> usize {
        self.members().map_or(1, |members| members.places.len())
    }

    /// The candidate that is to be tried first.
    pub fn first(&self) -> &Candidate {
        match &self.way {
            Way::Ready(members) => &members.group.ready[members.places.start],
            Way::Filled { first, .. } | Way::Direct(first) => first,
        }
    }

    /// The candidate that is to be tried after `index` others. `None` past the last.
    pub fn get(&self, index: usize) -> Option<Cow<'_, Candidate>> {
        match self.members() {
            Some(members) => self.at(members.places.clone().nth(index)?),
            None => (index == 0).then(|| Cow::Borrowed(self.first())),
        }
    }

    /// All candidates in their order, each made when it is its turn.
    pub fn candidates(&self) -> impl Iterator<Item = Cow<'_, Candidate>> {
        (0..self.count()).map_while(|index| self.get(index))
    }

    /// The candidate whose deployment has this id, without a look at the others.
    pub fn by_id(&self, id: &str) -> Option<Cow<'_, Candidate>> {
        match self.members() {
            Some(members) => {
                self.at(members.group.place(id).filter(|place| members.places.contains(place))?)
            }
            None => (*self.first().deployment.id == *id).then(|| Cow::Borrowed(self.first())),
        }
    }

    /// The first candidate that has the operation. Of those that share provider and model one is asked.
    pub fn supporting(&self, operation: Operation) -> Option<Cow<'_, Candidate>> {
        let has_it = |candidate: &Cow<'_, Candidate>| candidate.capabilities().supports(operation);
        let first = Some(Cow::Borrowed(self.first())).filter(has_it);
        if first.is_some() || self.count() == 1 {
            return first;
        }
        // The first of a whole group is also the first of its kinds.
        let others = self.members()?.group.kinds.iter().skip(1);
        others.filter_map(|&place| self.at(place)).find(has_it)
    }

    pub(crate) fn members(&self) -> Option<&Members> {
        match &self.way {
            Way::Ready(members) | Way::Filled { members, .. } => Some(members),
            Way::Direct(_) => None,
        }
    }

    /// The candidate at a place of the group.
    pub(crate) fn at(&self, place: usize) -> Option<Cow<'_, Candidate>> {
        match &self.way {
            Way::Ready(members) => members.group.ready.get(place).map(Cow::Borrowed),
            Way::Filled { members, first, .. } if place == members.places.start => Some(Cow::Borrowed(first)),
            // It fails for no place: what can fail was tried when the route was made.
            Way::Filled { members, registry, .. } => members.fill(place, registry).ok().map(Cow::Owned),
            Way::Direct(candidate) => Some(Cow::Borrowed(candidate)),
        }
    }
}

// There may be ten thousand candidates.
impl fmt::Debug for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Route")
            .field("group", self.group())
            .field("count", &self.count())
            .field("first", self.first())
            .finish_non_exhaustive()
    }
}
