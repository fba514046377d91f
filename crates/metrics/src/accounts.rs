//! What is left of the budgets of keys, teams and users, and what waits for the store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rust_decimal::Decimal;
use trunkline_core::SubjectKind;
use trunkline_keys::{Identity, Keys};
use trunkline_ledger::Ledger;
use trunkline_limits::{BudgetLeft, Clock};

use crate::{Gauge, GaugeKind, Source, Value};

const HOUR_MS: f64 = 3_600_000.0;

/// The budgets of keys that are in memory, with those of their teams and users, and the backlog of the ledger.
///
/// A key that nobody has used since the start is not in memory, and is not told of.
pub struct AccountGauges {
    keys: Arc<Keys>,
    ledger: Ledger,
    clock: Clock,
}

impl AccountGauges {
    /// The gauges of these keys and this ledger.
    pub fn new(keys: Arc<Keys>, ledger: Ledger) -> Self {
        Self { keys, ledger, clock: Clock::system() }
    }
}

impl fmt::Debug for AccountGauges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AccountGauges").finish_non_exhaustive()
    }
}

impl Source for AccountGauges {
    fn gauges(&self) -> Vec<Gauge> {
        let known = self.keys.known();
        let now_ms = self.clock.now_ms();
        let mut gauges = Vec::new();
        for whose in [KEYS, TEAMS, USERS] {
            gauges.extend(whose.gauges(&known, now_ms));
        }
        gauges.extend(backlog(&self.ledger));
        gauges
    }
}

/// The families of one kind of subject, with LiteLLM's names.
struct Whose {
    kind: SubjectKind,
    remaining: &'static str,
    max: &'static str,
    hours: &'static str,
    labels: fn(&Identity) -> Vec<(&'static str, String)>,
}

const KEYS: Whose = Whose {
    kind: SubjectKind::Key,
    remaining: "litellm_remaining_api_key_budget_metric",
    max: "litellm_api_key_max_budget_metric",
    hours: "litellm_api_key_budget_remaining_hours_metric",
    labels: |identity| {
        let alias = identity.alias.as_deref().unwrap_or_default();
        vec![("hashed_api_key", identity.token.to_string()), ("api_key_alias", alias.to_owned())]
    },
};

const TEAMS: Whose = Whose {
    kind: SubjectKind::Team,
    remaining: "litellm_remaining_team_budget_metric",
    max: "litellm_team_max_budget_metric",
    hours: "litellm_team_budget_remaining_hours_metric",
    labels: |identity| {
        let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
        vec![("team", text(&identity.team_id)), ("team_alias", text(&identity.team_alias))]
    },
};

const USERS: Whose = Whose {
    kind: SubjectKind::User,
    remaining: "litellm_remaining_user_budget_metric",
    max: "litellm_user_max_budget_metric",
    hours: "litellm_user_budget_remaining_hours_metric",
    labels: |identity| vec![("user", identity.user_id.as_deref().unwrap_or_default().to_owned())],
};

impl Whose {
    fn gauges(&self, known: &[Arc<Identity>], now_ms: i64) -> [Gauge; 3] {
        // A team has many keys, and one budget.
        let mut budgets: BTreeMap<Vec<(&'static str, String)>, BudgetLeft> = BTreeMap::new();
        for identity in known {
            let accounts = identity.accounts.always.iter();
            let mut own =
                accounts.filter(|account| account.subject().kind == self.kind && account.is_limited());
            if let Some(budget) = own.next().and_then(|account| account.standing().budgets.first().copied()) {
                budgets.insert((self.labels)(identity), budget);
            }
        }
        let gauge = |name, meaning, value: &dyn Fn(&BudgetLeft) -> Option<Value>| Gauge {
            name,
            meaning,
            kind: GaugeKind::Gauge,
            samples: budgets
                .iter()
                .filter_map(|(labels, budget)| Some((labels.clone(), value(budget)?)))
                .collect(),
        };
        [
            gauge(self.remaining, "US dollars that are left of a budget", &|budget| {
                Some(Value::Exact((budget.max - budget.spent).max(Decimal::ZERO).normalize()))
            }),
            gauge(self.max, "US dollars of a budget", &|budget| Some(Value::Exact(budget.max.normalize()))),
            gauge(self.hours, "Hours until a budget begins anew", &|budget| {
                let left_ms = budget.resets_at_ms?.saturating_sub(now_ms).max(0);
                Some(Value::Float(left_ms as f64 / HOUR_MS))
            }),
        ]
    }
}

fn backlog(ledger: &Ledger) -> Vec<Gauge> {
    let backlog = ledger.state();
    let one = |name, meaning, kind, value: u64| Gauge {
        name,
        meaning,
        kind,
        samples: vec![(Vec::new(), Value::Whole(value))],
    };
    vec![
        one("trunkline_ledger_backlog_rows", "Rows that wait for the store", GaugeKind::Gauge, backlog.rows),
        one(
            "trunkline_ledger_journal_bytes",
            "Bytes that the journal takes",
            GaugeKind::Gauge,
            backlog.bytes,
        ),
        one(
            "trunkline_ledger_store_failing",
            "Whether the store refuses rows",
            GaugeKind::Gauge,
            u64::from(backlog.failing_since.is_some()),
        ),
        one(
            "trunkline_ledger_delivered_rows",
            "Rows that the store took",
            GaugeKind::Counter,
            backlog.delivered,
        ),
        one("trunkline_ledger_lost_rows", "Requests that left no row", GaugeKind::Counter, backlog.lost),
    ]
}
