//! A row of LiteLLM's as it is to be here.

use serde_json::Value;
use trunkline_core::Subject;
use trunkline_store::Object;

use crate::import::missing::{Missing, can_be_blocked};
use crate::import::spending::Spending;

/// A row as it is to be here.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    /// What people know it by.
    pub(crate) name: String,
    /// As it shall be kept.
    pub(crate) object: Object,
    /// Whose spending it is, where it is not the object's own.
    pub(crate) subject: Option<Subject>,
    pub(crate) spending: Spending,
    /// What of it is left out.
    pub(crate) missing: Vec<Missing>,
    /// Budgets whose spending stands in no table.
    pub(crate) begins_anew: Vec<&'static str>,
}

/// What becomes of a row.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Mapped(Box<Mapped>),
    /// It is not taken over.
    Skipped {
        name: String,
        reason: &'static str,
    },
}

impl Outcome {
    pub(crate) fn mapped(mapped: Mapped) -> Self {
        Self::Mapped(Box::new(mapped))
    }

    pub(crate) fn skipped(name: impl Into<String>, reason: &'static str) -> Self {
        Self::Skipped { name: name.into(), reason }
    }
}

impl Mapped {
    /// An object that is known by its id, and spends for itself.
    pub(crate) fn of(object: Object, missing: Vec<Missing>) -> Self {
        let has_budgets_of_models = object.settings.contains_key("model_max_budget");
        Self {
            name: object.id.clone(),
            subject: None,
            spending: Spending::default(),
            missing,
            begins_anew: has_budgets_of_models.then_some("model_max_budget").into_iter().collect(),
            object,
        }
    }

    /// What it must not be used without, unless that is allowed.
    pub(crate) fn restrictions<'m>(&'m self, allowed: &'m [String]) -> impl Iterator<Item = &'m Missing> {
        self.missing.iter().filter(|missing| missing.restricts && !is_allowed(&missing.name, allowed))
    }

    /// Blocks what would do without a restriction that it has at LiteLLM.
    pub(crate) fn hold_back(&mut self, allowed: &[String]) {
        if can_be_blocked(self.object.kind) && self.restrictions(allowed).next().is_some() {
            self.object.settings.insert("blocked".to_owned(), Value::Bool(true));
        }
    }
}

/// Whether a field may be left out: it is named, or what it is a part of.
fn is_allowed(name: &str, allowed: &[String]) -> bool {
    let is_part =
        |entry: &String| name.strip_prefix(entry.as_str()).is_some_and(|rest| rest.starts_with('.'));
    allowed.iter().any(|entry| entry == name || is_part(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Outcome {
        /// What it must have been mapped to.
        pub(crate) fn expect_mapped(self) -> Mapped {
            match self {
                Self::Mapped(mapped) => *mapped,
                Self::Skipped { reason, .. } => panic!("skipped: {reason}"),
            }
        }
    }
}
