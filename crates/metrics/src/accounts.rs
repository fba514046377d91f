//! What is left of the budgets of keys, teams, users and end users, and what waits for the store.

use std::fmt;
use std::sync::Arc;

use rust_decimal::Decimal;
use rustc_hash::FxHashSet;
use trunkline_core::SubjectKind;
use trunkline_keys::{Identity, Keys};
use trunkline_ledger::Ledger;
use trunkline_limits::{Account, BudgetLeft, Clock};

use crate::{Gauge, GaugeKind, Source, Value};

const HOUR_MS: f64 = 3_600_000.0;

/// The budgets of keys that are in memory, with those of their teams and users, of end users, and the backlog of the ledger.
///
/// A key or an end user whom nobody has named since the start is not in memory, and is not told of.
pub struct AccountGauges {
    keys: Arc<Keys>,
    ledger: Ledger,
    clock: Clock,
    budgets_max: usize,
}

impl AccountGauges {
    /// The gauges of these keys and this ledger. Of keys, teams, users and end users each, `budgets_max` budgets are told,
    /// always of the same ones as long as no others come; the rest is left out and counted.
    pub fn new(keys: Arc<Keys>, ledger: Ledger, budgets_max: usize) -> Self {
        Self { keys, ledger, clock: Clock::system(), budgets_max }
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
        let mut left_out = 0;
        let mut tell = |whose: &Whose, budgets: Budgets| {
            left_out += budgets.left_out as u64;
            gauges.extend(whose.gauges(&budgets.told, now_ms));
        };
        for (whose, kind, labels) in [
            (KEYS, SubjectKind::Key, labels_of_key as LabelsOf),
            (TEAMS, SubjectKind::Team, labels_of_team),
            (USERS, SubjectKind::User, labels_of_user),
        ] {
            tell(&whose, budgets(of_owners(&known, kind), labels, self.budgets_max));
        }
        let customers = self.keys.known_customers();
        let with_budget = customers.iter().filter(|customer| customer.accounts.has_budget);
        let of_customers = with_budget.flat_map(|customer| &customer.accounts.always);
        let of_customers = of_customers.map(|account| (account, &*account.subject().id));
        let labels = |id: &str| vec![("end_user", id.to_owned())];
        tell(&CUSTOMERS, budgets(of_customers, labels, self.budgets_max));
        gauges.push(one(
            "trunkline_metrics_budgets_left_out",
            "Budgets that are not told, for want of room",
            GaugeKind::Gauge,
            left_out,
        ));
        gauges.extend(backlog(&self.ledger));
        gauges.extend(answers(&self.keys));
        gauges
    }
}

/// The families of one kind of subject, with LiteLLM's names.
struct Whose {
    remaining: &'static str,
    max: &'static str,
    hours: &'static str,
}

type Labels = Vec<(&'static str, String)>;
type LabelsOf = fn(&Identity) -> Labels;

const KEYS: Whose = Whose {
    remaining: "litellm_remaining_api_key_budget_metric",
    max: "litellm_api_key_max_budget_metric",
    hours: "litellm_api_key_budget_remaining_hours_metric",
};

fn labels_of_key(identity: &Identity) -> Labels {
    let alias = identity.alias.as_deref().unwrap_or_default();
    vec![("hashed_api_key", identity.token.to_string()), ("api_key_alias", alias.to_owned())]
}

const TEAMS: Whose = Whose {
    remaining: "litellm_remaining_team_budget_metric",
    max: "litellm_team_max_budget_metric",
    hours: "litellm_team_budget_remaining_hours_metric",
};

fn labels_of_team(identity: &Identity) -> Labels {
    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
    vec![("team", text(&identity.team_id)), ("team_alias", text(&identity.team_alias))]
}

const USERS: Whose = Whose {
    remaining: "litellm_remaining_user_budget_metric",
    max: "litellm_user_max_budget_metric",
    hours: "litellm_user_budget_remaining_hours_metric",
};

fn labels_of_user(identity: &Identity) -> Labels {
    vec![("user", identity.user_id.as_deref().unwrap_or_default().to_owned())]
}

const CUSTOMERS: Whose = Whose {
    remaining: "litellm_remaining_customer_budget_metric",
    max: "litellm_customer_max_budget_metric",
    hours: "litellm_customer_budget_remaining_hours_metric",
};

/// What is told of one kind of subject.
#[derive(Debug, Default)]
struct Budgets {
    told: Vec<(Labels, BudgetLeft)>,
    left_out: usize,
}

/// The accounts of one kind that keys have which may have a budget.
fn of_owners(known: &[Arc<Identity>], kind: SubjectKind) -> impl Iterator<Item = (&Arc<Account>, &Identity)> {
    let limited = known.iter().filter(|identity| identity.accounts.has_budget);
    limited.filter_map(move |identity| {
        let own = identity.accounts.always.iter().find(|account| account.subject().kind == kind)?;
        Some((own, &**identity))
    })
}

/// The budgets of accounts, each once: a team has many keys, and one budget. An account is locked for a moment when it is
/// told, and only then.
fn budgets<'a, O>(
    accounts: impl Iterator<Item = (&'a Arc<Account>, O)>,
    labels: impl Fn(O) -> Labels,
    budgets_max: usize,
) -> Budgets {
    let mut seen: FxHashSet<*const Account> = FxHashSet::default();
    let mut is_new = |account: &Arc<Account>| account.is_limited() && seen.insert(Arc::as_ptr(account));
    let mut accounts: Vec<(&Arc<Account>, O)> = accounts.filter(|(account, _)| is_new(account)).collect();
    // What is told of today is told of at the next scrape.
    accounts.sort_unstable_by_key(|(account, _)| &account.subject().id);
    let count = accounts.len();
    let mut budgets = Budgets::default();
    for (place, (account, owner)) in accounts.into_iter().enumerate() {
        if budgets.told.len() >= budgets_max {
            budgets.left_out = count - place;
            break;
        }
        if let Some(budget) = account.standing().budgets.first() {
            budgets.told.push((labels(owner), *budget));
        }
    }
    budgets
}

impl Whose {
    fn gauges(&self, told: &[(Labels, BudgetLeft)], now_ms: i64) -> [Gauge; 3] {
        let gauge = |name, meaning, value: &dyn Fn(&BudgetLeft) -> Option<Value>| Gauge {
            name,
            meaning,
            kind: GaugeKind::Gauge,
            samples: told
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

/// A family of one figure.
fn one(name: &'static str, meaning: &'static str, kind: GaugeKind, value: u64) -> Gauge {
    Gauge { name, meaning, kind, samples: vec![(Vec::new(), Value::Whole(value))] }
}

/// Who answers of those that keys and limits lean on.
fn answers(keys: &Keys) -> Vec<Gauge> {
    let gauge = |name, meaning, answers| one(name, meaning, GaugeKind::Gauge, u64::from(answers));
    let of_keys = gauge(
        "trunkline_store_answering",
        "Whether the store of keys answered those requests that asked it last",
        keys.store_answers(),
    );
    let of_limits = keys.book().shared_store_answers().map(|answers| {
        gauge("trunkline_limits_answering", "Whether it answers where replicas share limits", answers)
    });
    std::iter::once(of_keys).chain(of_limits).collect()
}

fn backlog(ledger: &Ledger) -> Vec<Gauge> {
    let backlog = ledger.state();
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

#[cfg(test)]
mod tests {
    use trunkline_core::Secret;
    use trunkline_keys::{KeysOptions, Pepper, Token};
    use trunkline_store::{Kind, Object, SqliteStore, Store, Write};

    use super::*;

    const MANY: usize = 5;

    /// The identities of five keys of ann in the team `red`; all of them have a budget, but for the first key.
    async fn known() -> Vec<Arc<Identity>> {
        let pepper = Arc::new(Pepper::new(&Secret::new("a pepper for tests alone")));
        let limited = |mut object: Object| {
            object.settings.insert("max_budget".to_owned(), 5.into());
            object
        };
        let of_key = |number: usize| {
            let index = pepper.index(&Token::of(&format!("sk-{number}")));
            Object {
                user_id: Some("ann".to_owned()),
                team_id: Some("red".to_owned()),
                ..Object::new(Kind::Key, index.as_str(), 0)
            }
        };
        let owners = [limited(Object::new(Kind::Team, "red", 0)), limited(Object::new(Kind::User, "ann", 0))];
        let keys = (1..MANY).map(|number| limited(of_key(number)));
        let objects = owners.into_iter().chain([of_key(0)]).chain(keys).collect();
        let store = Arc::new(SqliteStore::in_memory().await.expect("a store"));
        store.write(Write { objects, ..Write::default() }).await.expect("written");
        let keys = Keys::new(store, Arc::clone(&pepper), KeysOptions::default());
        for number in 0..MANY {
            keys.find(&format!("sk-{number}")).await.expect("the store answers").expect("it is there");
        }
        keys.known()
    }

    fn told(budgets: &Budgets) -> Vec<&str> {
        budgets.told.iter().map(|(labels, _)| labels[0].1.as_str()).collect()
    }

    #[tokio::test]
    async fn a_budget_is_told_once_and_no_more_of_them_than_there_is_room_for() {
        let mut known = known().await;
        assert_eq!(known.len(), MANY);
        for (kind, labels, expected) in [
            (SubjectKind::Team, labels_of_team as LabelsOf, "red"),
            (SubjectKind::User, labels_of_user, "ann"),
        ] {
            let budgets = budgets(of_owners(&known, kind), labels, 10);
            assert_eq!((told(&budgets), budgets.left_out), (vec![expected], 0));
        }
        let of_keys = |known: &[Arc<Identity>], budgets_max| {
            budgets(of_owners(known, SubjectKind::Key), labels_of_key, budgets_max)
        };
        let all = of_keys(&known, 10);
        assert_eq!((all.told.len(), all.left_out), (MANY - 1, 0));
        let some = of_keys(&known, 3);
        assert_eq!((told(&some), some.left_out), (told(&all)[..3].to_vec(), 1));
        // In whatever order they are in memory, the same ones are told.
        known.reverse();
        assert_eq!(told(&of_keys(&known, 3)), told(&some));
        let [remaining, max, _] = KEYS.gauges(&some.told, 0);
        assert_eq!((remaining.samples.len(), max.samples[0].1), (3, Value::Exact(5.into())));
    }
}
