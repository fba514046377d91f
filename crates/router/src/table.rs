//! The lookup: from a name to the deployments of its group, in order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::Deployment;
use crate::pattern::Pattern;

/// Everything that a name can lead to. Immutable once built.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) groups: BTreeMap<String, Vec<Arc<Deployment>>>,
    pub(crate) aliases: BTreeMap<String, Alias>,
    ids: HashMap<String, Arc<Deployment>>,
    /// The most specific first.
    wildcards: Vec<(Pattern, Vec<Arc<Deployment>>)>,
    by_model: HashMap<String, Vec<Arc<Deployment>>>,
}

/// Another name of a model group.
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    pub(crate) group: String,
    pub(crate) hidden: bool,
}

/// What a name led to.
#[derive(Debug)]
pub(crate) struct Found<'t, 'n> {
    pub(crate) deployments: &'t [Arc<Deployment>],
    pub(crate) captures: Vec<&'n str>,
}

impl Table {
    pub(crate) fn new(deployments: Vec<Arc<Deployment>>, aliases: BTreeMap<String, Alias>) -> Self {
        let mut table = Self { aliases, ..Self::default() };
        for deployment in deployments {
            table.ids.insert(deployment.id.clone(), Arc::clone(&deployment));
            table.by_model.entry(deployment.model.clone()).or_default().push(Arc::clone(&deployment));
            table.groups.entry(deployment.group.clone()).or_default().push(deployment);
        }
        let by_order = |group: &mut Vec<Arc<Deployment>>| group.sort_by_key(|deployment| deployment.order);
        table.groups.values_mut().for_each(by_order);
        table.by_model.values_mut().for_each(by_order);
        table.wildcards = table
            .groups
            .iter()
            .filter_map(|(name, group)| Some((Pattern::new(name)?, group.clone())))
            .collect();
        table.wildcards.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.specificity()));
        table
    }

    /// The deployments behind a name: id, alias, group, wildcard, the deployments' own model strings.
    pub(crate) fn find<'t, 'n>(&'t self, name: &'n str) -> Option<Found<'t, 'n>>
    where
        't: 'n,
    {
        let plain = |deployments: &'t [Arc<Deployment>]| Found { deployments, captures: Vec::new() };
        if let Some(deployment) = self.ids.get(name) {
            return Some(plain(std::slice::from_ref(deployment)));
        }
        let name = self.aliases.get(name).map_or(name, |alias| alias.group.as_str());
        if let Some(group) = self.groups.get(name) {
            return Some(plain(group));
        }
        let wildcard = self.wildcards.iter().find_map(|(pattern, group)| {
            Some(Found { deployments: group, captures: pattern.captures(name)? })
        });
        wildcard.or_else(|| self.by_model.get(name).map(|group| plain(group)))
    }

    /// The names that a caller can be shown: groups and visible aliases, wildcards left out.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let groups = self.groups.keys().map(String::as_str).filter(|name| !name.contains('*'));
        let aliases = self.aliases.iter().filter(|(_, alias)| !alias.hidden).map(|(name, _)| name.as_str());
        groups.chain(aliases)
    }
}
