//! What administrators make: a key, a user, a team, a budget.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A virtual key. Its id is the index that is kept in the place of the key.
    Key,
    /// A user of the gateway.
    User,
    /// A team.
    Team,
    /// What one user is in one team; see [`member_id`].
    Member,
    /// An end user, on whose behalf callers ask.
    Customer,
    /// A budget that others refer to.
    Budget,
    /// A tag with a budget of its own.
    Tag,
    /// A deployment that was added while the gateway ran.
    Model,
    /// What stands on counters. It is no object: it is found among changes, with a [`corrected`](crate::corrected)
    /// subject as its id, and in the audit log.
    Ledger,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::Key,
        Self::User,
        Self::Team,
        Self::Member,
        Self::Customer,
        Self::Budget,
        Self::Tag,
        Self::Model,
        Self::Ledger,
    ];

    /// Its name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::User => "user",
            Self::Team => "team",
            Self::Member => "member",
            Self::Customer => "customer",
            Self::Budget => "budget",
            Self::Tag => "tag",
            Self::Model => "model",
            Self::Ledger => "ledger",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One object: the columns that it is found by, and its settings.
///
/// Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// What it is known by among its kind.
    pub id: String,
    /// The name that people gave it. Not unique.
    pub alias: Option<String>,
    /// The user whom it belongs to.
    pub user_id: Option<String>,
    /// The team that it belongs to.
    pub team_id: Option<String>,
    /// How often it has been written. A write must name the revision that it was made from.
    pub revision: i64,
    /// Whether it has been deleted. Deleted objects stay, for what refers to them, and are not found unless asked for.
    pub deleted: bool,
    /// When it was made.
    pub created_at: i64,
    /// Who made it.
    pub created_by: Option<String>,
    /// When it was written last.
    pub updated_at: i64,
    /// Who wrote it last.
    pub updated_by: Option<String>,
    /// Everything else, as its kind has it. What a version does not know it keeps.
    pub settings: Map<String, Value>,
}

impl Object {
    /// A new object without settings, as revision 0: [`Store::write`](crate::Store::write) makes it 1.
    pub fn new(kind: Kind, id: impl Into<String>, now: i64) -> Self {
        Self {
            kind,
            id: id.into(),
            alias: None,
            user_id: None,
            team_id: None,
            revision: 0,
            deleted: false,
            created_at: now,
            created_by: None,
            updated_at: now,
            updated_by: None,
            settings: Map::new(),
        }
    }
}

/// The id of what a user is in a team. The separator is a control character, which ids must not hold.
pub fn member_id(team_id: &str, user_id: &str) -> String {
    format!("{team_id}\u{1f}{user_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        assert_eq!(Kind::named("organisation"), None);
    }

    #[test]
    fn members_of_teams_whose_names_run_into_each_other_differ() {
        assert_ne!(member_id("a/b", "c"), member_id("a", "b/c"));
    }
}
