//! What somebody may use.

use rust_decimal::Decimal;

use crate::Period;

/// What somebody may use. `None` is no limit, and zero lets nothing pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests in a window of 60 seconds that begins with the first of them.
    pub requests_per_minute: Option<u64>,
    /// Tokens in that window, input and output together.
    pub tokens_per_minute: Option<u64>,
    /// Calls at one time.
    pub parallel: Option<u64>,
    /// Money. All of them hold at once; of two with the same period the smaller one does.
    pub budgets: Vec<Budget>,
    /// From where on it is told what is spent. It keeps nobody out.
    pub soft_budget: Option<SoftBudget>,
}

/// What may be spent in a time before somebody is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftBudget {
    /// How much, in US dollars.
    pub amount: Decimal,
    /// What it begins anew with. `None` is never.
    pub period: Option<Period>,
}

/// What may be spent in a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How much, in US dollars.
    pub max: Decimal,
    /// What it begins anew with. `None` is never.
    pub period: Option<Period>,
    /// Whether it is one of a list (LiteLLM's `budget_limits`), so that refusals name it by its period.
    pub is_listed: bool,
}

impl Budget {
    /// The one budget of somebody.
    pub fn new(max: Decimal, period: Option<Period>) -> Self {
        Self { max, period, is_listed: false }
    }

    /// One of a list of budgets.
    pub fn listed(max: Decimal, period: Period) -> Self {
        Self { max, period: Some(period), is_listed: true }
    }
}
