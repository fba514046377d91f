//! Who asks: the administrator, or whoever holds a virtual key.

use std::sync::Arc;

use trunkline_keys::{Identity, Role};

/// Who asks. Whoever made it has found out that it is so.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Whoever holds the master key: an administrator.
    Master,
    /// Whoever is on this machine where there is no key: an administrator.
    Local,
    /// Whoever holds a virtual key that is good.
    Key(Arc<Identity>),
}

impl Actor {
    /// What it may do.
    pub fn role(&self) -> Role {
        match self {
            Self::Master | Self::Local => Role::ProxyAdmin,
            Self::Key(identity) => identity.role,
        }
    }

    /// Whether it may do everything.
    pub fn is_administrator(&self) -> bool {
        self.role() == Role::ProxyAdmin
    }

    /// Whether it may look at everything.
    pub fn sees_everything(&self) -> bool {
        matches!(self.role(), Role::ProxyAdmin | Role::ProxyAdminViewer)
    }

    /// Its name in the audit log: `master`, `local`, or the public token of its key.
    pub fn name(&self) -> String {
        match self {
            Self::Master => "master".to_owned(),
            Self::Local => "local".to_owned(),
            Self::Key(identity) => identity.token.to_string(),
        }
    }

    /// The virtual key that was shown.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        match self {
            Self::Master | Self::Local => None,
            Self::Key(identity) => Some(identity),
        }
    }

    /// The user that it is.
    pub fn user_id(&self) -> Option<&str> {
        self.identity()?.user_id.as_deref()
    }

    /// What an object says of who made it: the user if there is one.
    pub(crate) fn author(&self) -> String {
        self.user_id().map_or_else(|| self.name(), str::to_owned)
    }
}
