//! The lookup: from a name to the deployments behind it, in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::Deployment;
use crate::explanation::Resolved;
use crate::group::{Group, Policies};
use crate::pattern::Pattern;
use crate::route::{Members, Route, Stars};
use crate::wildcards::Wildcards;

/// Everything that a name can lead to. Immutable once built.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// All of them, in the order in which they were added.
    pub(crate) deployments: Vec<Arc<Deployment>>,
    pub(crate) groups: BTreeMap<Arc<str>, Arc<Group>>,
    pub(crate) aliases: BTreeMap<Arc<str>, Alias>,
    /// Every name that is known as it is: id, alias, group or model string. One lookup finds the one that goes first.
    ///
    /// Callers choose what is looked up and never what is in here, so that the hash need not be a secret one.
    names: FxHashMap<Arc<str>, Leads>,
    wildcards: Wildcards,
}

/// Another name of a model group.
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    pub(crate) group: Arc<str>,
    pub(crate) hidden: bool,
}

#[derive(Clone, Debug)]
enum Leads {
    To(Members),
    /// An alias of what does not exist: it hides a group of its name all the same.
    Nowhere,
}

impl Table {
    pub(crate) fn new(
        deployments: Vec<Arc<Deployment>>,
        aliases: BTreeMap<Arc<str>, Alias>,
        policies: &Policies,
    ) -> Self {
        let mut groups: BTreeMap<Arc<str>, Vec<Arc<Deployment>>> = BTreeMap::new();
        let mut models: BTreeMap<Arc<str>, Vec<Arc<Deployment>>> = BTreeMap::new();
        for deployment in deployments.iter().map(Arc::clone) {
            models.entry(Arc::clone(&deployment.model)).or_default().push(Arc::clone(&deployment));
            groups.entry(Arc::clone(&deployment.group)).or_default().push(deployment);
        }
        let by_order = |group: &mut Vec<Arc<Deployment>>| group.sort_by_key(|deployment| deployment.order);
        groups.values_mut().for_each(by_order);
        models.values_mut().for_each(by_order);
        let group = |(name, deployments): (Arc<str>, Vec<Arc<Deployment>>)| {
            let pattern = Pattern::new(&name);
            (Arc::clone(&name), Arc::new(Group::new(name, pattern, deployments, policies)))
        };
        let groups: BTreeMap<Arc<str>, Arc<Group>> = groups.into_iter().map(group).collect();
        let wildcards = Wildcards::new(groups.values());
        let mut table = Self { deployments, groups, aliases, names: FxHashMap::default(), wildcards };
        table.add_names(models, policies);
        table
    }

    /// The names in the reverse of their order: what is added later goes first.
    fn add_names(&mut self, models: BTreeMap<Arc<str>, Vec<Arc<Deployment>>>, policies: &Policies) {
        for (model, deployments) in models {
            // Wildcards go before model strings.
            if self.wildcards.find(&model).is_none() {
                let name = Arc::clone(&deployments[0].group);
                let group = Arc::new(Group::new(name, None, deployments, policies));
                self.names.insert(model, Leads::To(Members::all(&group, None)));
            }
        }
        for (name, group) in &self.groups {
            self.names.insert(Arc::clone(name), Leads::To(Members::all(group, None)));
        }
        // An alias leads to a group, a wildcard or a model string, and not to another alias.
        let leads = |(alias, Alias { group, .. }): (&Arc<str>, &Alias)| {
            let leads = self.names.get(group).cloned().or_else(|| {
                let stars = Stars { asked: Arc::clone(alias), matched: Arc::clone(group) };
                Some(Leads::To(Members::all(self.wildcards.find(group)?, Some(stars))))
            });
            (Arc::clone(alias), leads.unwrap_or(Leads::Nowhere))
        };
        let aliases: Vec<(Arc<str>, Leads)> = self.aliases.iter().map(leads).collect();
        self.names.extend(aliases);
        for group in self.groups.values() {
            for (place, deployment) in group.deployments.iter().enumerate() {
                self.names.insert(Arc::clone(&deployment.id), Leads::To(Members::one(group, place)));
            }
        }
    }

    /// The deployments behind a name: id, alias, group, wildcard, the deployments' own model strings.
    pub(crate) fn find(&self, name: &str) -> Option<Members> {
        match self.names.get(name) {
            Some(Leads::To(members)) => Some(members.clone()),
            Some(Leads::Nowhere) => None,
            None => {
                let group = self.wildcards.find(name)?;
                let asked: Arc<str> = name.into();
                let stars = Stars { matched: Arc::clone(&asked), asked };
                Some(Members::all(group, Some(stars)))
            }
        }
    }

    /// How the name of a route was found.
    pub(crate) fn way(&self, name: &str, route: &Route) -> Resolved {
        let Some(members) = route.members() else {
            return Resolved::Prefix;
        };
        if members.group.place(name).is_some() {
            return Resolved::DeploymentId;
        }
        if let Some(alias) = self.aliases.get(name) {
            return Resolved::Alias(alias.group.to_string());
        }
        match (&members.stars, self.groups.contains_key(name)) {
            (Some(_), _) => Resolved::Wildcard(members.group.name.to_string()),
            (None, true) => Resolved::Group,
            (None, false) => Resolved::ModelString,
        }
    }

    /// The names that a caller can be shown: groups and visible aliases, wildcards left out.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let groups = self.groups.keys().map(|name| &**name).filter(|name| !name.contains('*'));
        let aliases = self.aliases.iter().filter(|(_, alias)| !alias.hidden).map(|(name, _)| &**name);
        groups.chain(aliases)
    }
}
