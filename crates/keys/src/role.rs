//! What a key may do besides calling models.

use serde::{Deserialize, Serialize};

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
