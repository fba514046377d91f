//! The objects that say who somebody is and what they may do.

use std::collections::BTreeMap;

use trunkline_store::Object;

/// The objects that make an identity.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) key: Object,
    pub(crate) user: Option<Object>,
    pub(crate) team: Option<Object>,
    pub(crate) member: Option<Object>,
    /// The budgets that they refer to, by id.
    pub(crate) budgets: BTreeMap<String, Object>,
}

/// The objects that limit an end user or a tag.
#[derive(Clone, Debug)]
pub(crate) struct LimitedOrigin {
    pub(crate) object: Object,
    pub(crate) budget: Option<Object>,
}

impl Origin {
    /// A key alone.
    pub(crate) fn of(key: Object) -> Self {
        Self { key, user: None, team: None, member: None, budgets: BTreeMap::new() }
    }

    /// All of them.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        let owners = [&self.user, &self.team, &self.member].into_iter().flatten();
        std::iter::once(&self.key).chain(owners).chain(self.budgets.values())
    }
}

impl LimitedOrigin {
    /// All of them.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        std::iter::once(&self.object).chain(&self.budget)
    }
}
