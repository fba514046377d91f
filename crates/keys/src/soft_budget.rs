//! That somebody has passed a soft budget, by the names that people know.

use std::fmt;
use std::sync::Arc;

use rust_decimal::Decimal;
use trunkline_core::SubjectKind;
use trunkline_limits::{Passed, Period};

use crate::{Identity, Keys, Token};

/// A soft budget that somebody has passed. Its text says so in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoftBudgetPassed {
    /// Whose it is.
    pub kind: SubjectKind,
    /// The public token of the key. `None` of others, and of a key that is not in memory any more.
    pub token: Option<Token>,
    /// The name that people gave the key, else `sk-...` and its last characters.
    pub key_alias: Option<Arc<str>>,
    /// The user, or whom the key belongs to.
    pub user_id: Option<Arc<str>>,
    /// The team, or that of the key.
    pub team_id: Option<Arc<str>>,
    /// The team's name among people.
    pub team_alias: Option<Arc<str>>,
    /// The end user.
    pub customer: Option<Arc<str>>,
    /// The tag.
    pub tag: Option<Arc<str>>,
    /// What is spent, in US dollars.
    pub spent: Decimal,
    /// What there was to spend until it is told.
    pub soft_budget: Decimal,
    /// What there is to spend altogether.
    pub max_budget: Option<Decimal>,
    /// What the budget begins anew with. `None` is never.
    pub period: Option<Period>,
    /// When it begins anew, in milliseconds since 1970.
    pub resets_at_ms: Option<i64>,
}

impl Keys {
    /// The next soft budget that somebody passes. There is to be one who asks.
    pub async fn soft_budget_passed(&self) -> SoftBudgetPassed {
        let passed = self.book().passed().await;
        let counts = |identity: &Arc<Identity>| identity.accounts.charged().contains(&passed.subject);
        // Of many keys of a team any knows its name.
        let identity = self.known().into_iter().find(counts);
        SoftBudgetPassed::of(passed, identity.as_deref())
    }
}

impl SoftBudgetPassed {
    fn of(passed: Passed, identity: Option<&Identity>) -> Self {
        let Passed { subject, soft_budget, max, spent, period, resets_at_ms } = passed;
        let mut told = Self {
            kind: subject.kind,
            token: None,
            key_alias: None,
            user_id: None,
            team_id: None,
            team_alias: None,
            customer: None,
            tag: None,
            spent,
            soft_budget,
            max_budget: max,
            period,
            resets_at_ms,
        };
        match subject.kind {
            // Its id is what it is found by in the store.
            SubjectKind::Key => {
                if let Some(identity) = identity {
                    told.token = Some(identity.token);
                    told.key_alias =
                        Some(identity.alias.clone().unwrap_or_else(|| identity.name.as_str().into()));
                    told.user_id.clone_from(&identity.user_id);
                    told.team_id.clone_from(&identity.team_id);
                    told.team_alias.clone_from(&identity.team_alias);
                }
            }
            SubjectKind::Team => {
                told.team_id = Some(subject.id);
                told.team_alias = identity.and_then(|identity| identity.team_alias.clone());
            }
            SubjectKind::User => told.user_id = Some(subject.id),
            SubjectKind::Customer => told.customer = Some(subject.id),
            SubjectKind::Tag => told.tag = Some(subject.id),
            SubjectKind::Member | SubjectKind::Global => {}
        }
        told
    }
}

impl fmt::Display for SoftBudgetPassed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            SubjectKind::Key => &self.key_alias,
            SubjectKind::Team => &self.team_id,
            SubjectKind::User => &self.user_id,
            SubjectKind::Customer => &self.customer,
            SubjectKind::Tag => &self.tag,
            SubjectKind::Member | SubjectKind::Global => &None,
        };
        let (kind, spent, soft_budget) = (self.kind.name(), self.spent.normalize(), self.soft_budget);
        write!(
            formatter,
            "the {kind} {} has spent {spent} US dollars",
            name.as_deref().unwrap_or("unknown")
        )?;
        write!(formatter, ", and its soft budget is {}", soft_budget.normalize())?;
        match self.max_budget {
            Some(max) => write!(formatter, "; from {} on it is refused", max.normalize()),
            None => Ok(()),
        }
    }
}
