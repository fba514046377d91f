//! What an object has at LiteLLM that there is not here.

use std::fmt;

use trunkline_store::Kind;

/// Something that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Missing {
    /// The field, by LiteLLM's name for it.
    pub(crate) name: String,
    /// Whose it is, where it is not the object's own.
    pub(crate) of: Option<String>,
    /// Whether somebody may more without it than with it.
    pub(crate) restricts: bool,
}

impl Missing {
    /// A field without which somebody may more.
    pub(crate) fn restriction(name: impl Into<String>) -> Self {
        Self { name: name.into(), of: None, restricts: true }
    }

    /// A field without which nobody may more.
    pub(crate) fn harmless(name: impl Into<String>) -> Self {
        Self { name: name.into(), of: None, restricts: false }
    }

    /// Those without which somebody may more.
    pub(crate) fn restrictions(missing: &[Self]) -> Vec<Self> {
        missing.iter().filter(|missing| missing.restricts).cloned().collect()
    }

    /// The same, of somebody or something that the object belongs to.
    pub(crate) fn of(&self, kind: &str, id: &str) -> Self {
        Self { of: Some(format!("{kind} {id}")), ..self.clone() }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        self.of.as_ref().map_or(Ok(()), |of| write!(formatter, " of {}", of.escape_debug()))
    }
}

/// Whether an object of that kind can be blocked, so that nobody does with it what nobody may.
pub(crate) fn can_be_blocked(kind: Kind) -> bool {
    match kind {
        Kind::Key | Kind::Team | Kind::Customer => true,
        Kind::User | Kind::Member | Kind::Budget | Kind::Tag | Kind::Model | Kind::Ledger => false,
    }
}
