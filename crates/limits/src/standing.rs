//! What is left to somebody, for headers and for those who ask.

use rust_decimal::Decimal;
use trunkline_core::Subject;

use crate::Period;

/// What is left to one subject. What is not limited is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is.
    pub subject: Subject,
    /// Requests of this minute.
    pub requests: Option<Left>,
    /// Tokens of this minute; those that are reserved are not left.
    pub tokens: Option<Left>,
    /// Calls at one time.
    pub parallel: Option<Left>,
    /// Money.
    pub budgets: Vec<BudgetLeft>,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The limit.
    pub limit: u64,
    /// What is left of it.
    pub remaining: u64,
    /// When it begins anew, in milliseconds since 1970. `None` while nothing of it is used, and for calls at one time.
    pub resets_at_ms: Option<i64>,
}

impl Left {
    pub(crate) fn of(limit: u64, used: u64, resets_at_ms: Option<i64>) -> Self {
        Self { limit, remaining: limit.saturating_sub(used), resets_at_ms }
    }
}

/// What is left of a budget, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLeft {
    /// What it begins anew with. `None` is never.
    pub period: Option<Period>,
    /// How much there is to spend.
    pub max: Decimal,
    /// How much of it is spent.
    pub spent: Decimal,
    /// How much calls that are under way may still spend.
    pub reserved: Decimal,
    /// When it began, in milliseconds since 1970; 0 if it never begins anew.
    pub begins_at_ms: i64,
    /// When it begins anew, in milliseconds since 1970.
    pub resets_at_ms: Option<i64>,
}
