//! What a key may do besides calling models.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A role, as LiteLLM has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    ProxyAdmin,
    /// Looks at everything, and changes nothing.
    ProxyAdminViewer,
    /// Makes and changes keys of its own.
    InternalUser,
    /// Looks at its own keys and spend.
    InternalUserViewer,
    /// A team's key: what its owner may, for that team.
    Team,
}

impl Role {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::ProxyAdmin, Self::ProxyAdminViewer, Self::InternalUser, Self::InternalUserViewer, Self::Team];

    /// Its name in LiteLLM's API.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProxyAdmin => "proxy_admin",
            Self::ProxyAdminViewer => "proxy_admin_viewer",
            Self::InternalUser => "internal_user",
            Self::InternalUserViewer => "internal_user_viewer",
            Self::Team => "team",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The role of a user, by the user's settings. Whoever has none there, or one that nobody knows, is an internal user.
    pub fn of_user(settings: &Map<String, Value>) -> Self {
        let named = settings.get("user_role").and_then(Value::as_str).and_then(Self::named);
        named.unwrap_or(Self::InternalUser)
    }

    /// What is left of it for a key that somebody else than its owner holds: nothing of what administrators may.
    pub(crate) fn lent(self) -> Self {
        match self {
            Self::ProxyAdmin => Self::InternalUser,
            Self::ProxyAdminViewer => Self::InternalUserViewer,
            Self::InternalUser | Self::InternalUserViewer | Self::Team => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_found_by_its_name() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
        }
        assert_eq!(Role::named("customer"), None);
    }
}
