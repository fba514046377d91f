//! That a soft budget was passed, as LiteLLM's webhook for alerts tells it.

use serde::Serialize;
use trunkline_core::SubjectKind;
use trunkline_keys::SoftBudgetPassed;

use crate::money::Money;

/// An event. WHEN ADDING A FIELD: `docs/export.md` has a row for each.
#[derive(Serialize)]
pub(crate) struct Event<'p> {
    event: &'static str,
    event_group: &'static str,
    event_message: String,
    spend: Money,
    soft_budget: Money,
    max_budget: Option<Money>,
    token: Option<String>,
    key_alias: Option<&'p str>,
    user_id: Option<&'p str>,
    team_id: Option<&'p str>,
    team_alias: Option<&'p str>,
    customer_id: Option<&'p str>,
    trunkline: Own<'p>,
}

/// What LiteLLM has no name for.
#[derive(Serialize)]
struct Own<'p> {
    tag: Option<&'p str>,
    budget_duration: Option<String>,
    /// In seconds since 1970.
    budget_reset_at: Option<f64>,
}

impl<'p> Event<'p> {
    pub(crate) fn of(passed: &'p SoftBudgetPassed) -> Self {
        Self {
            event: "soft_budget_crossed",
            event_group: group(passed.kind),
            event_message: passed.to_string(),
            spend: Money(passed.spent),
            soft_budget: Money(passed.soft_budget),
            max_budget: passed.max_budget.map(Money),
            token: passed.token.map(|token| token.to_string()),
            key_alias: passed.key_alias.as_deref(),
            user_id: passed.user_id.as_deref(),
            team_id: passed.team_id.as_deref(),
            team_alias: passed.team_alias.as_deref(),
            customer_id: passed.customer.as_deref(),
            trunkline: Own {
                tag: passed.tag.as_deref(),
                budget_duration: passed.period.map(|period| period.to_string()),
                budget_reset_at: passed.resets_at_ms.map(|at| at as f64 / 1e3),
            },
        }
    }
}

/// LiteLLM's word for whom it is about.
fn group(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Key => "key",
        SubjectKind::User => "user",
        SubjectKind::Team => "team",
        SubjectKind::Member => "team_member",
        SubjectKind::Customer => "end_user",
        SubjectKind::Tag => "tag",
        SubjectKind::Global => "proxy",
    }
}
