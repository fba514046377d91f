//! Who a limit or a budget is for.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// All callers together.
    Global,
    /// A team.
    Team,
    /// One user within one team.
    Member,
    /// A user, in all keys that are of no team.
    User,
    /// A virtual key.
    Key,
    /// An end user, on whose behalf callers ask.
    Customer,
    /// All requests that bear a tag.
    Tag,
}

impl SubjectKind {
    /// All there are, the widest first.
    pub const ALL: [Self; 7] =
        [Self::Global, Self::Team, Self::Member, Self::User, Self::Key, Self::Customer, Self::Tag];

    /// Its name in stores and refusals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Team => "team",
            Self::Member => "member",
            Self::User => "user",
            Self::Key => "key",
            Self::Customer => "customer",
            Self::Tag => "tag",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Who a limit or a budget is for: somebody, and perhaps one model of theirs alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// What it is known by; empty for all callers together.
    pub id: Arc<str>,
    /// The model group that it is limited to. `None` is all models.
    pub model: Option<Arc<str>>,
}

impl Subject {
    /// Somebody, with all models.
    pub fn new(kind: SubjectKind, id: impl Into<Arc<str>>) -> Self {
        Self { kind, id: id.into(), model: None }
    }

    /// All callers together.
    pub fn global() -> Self {
        Self::new(SubjectKind::Global, "")
    }

    /// The same, with one model group alone.
    #[must_use]
    pub fn with_model(&self, model: impl Into<Arc<str>>) -> Self {
        Self { model: Some(model.into()), ..self.clone() }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.kind.name())?;
        if !self.id.is_empty() {
            write!(formatter, " {}", self.id)?;
        }
        self.model.as_ref().map_or(Ok(()), |model| write!(formatter, " with model {model}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_found_by_its_name() {
        for kind in SubjectKind::ALL {
            assert_eq!(SubjectKind::named(kind.name()), Some(kind));
        }
    }

    #[test]
    fn a_subject_reads_as_who_it_is() {
        assert_eq!(Subject::global().to_string(), "global");
        let team = Subject::new(SubjectKind::Team, "red");
        assert_eq!(team.to_string(), "team red");
        assert_eq!(team.with_model("gpt-4o").to_string(), "team red with model gpt-4o");
    }
}
