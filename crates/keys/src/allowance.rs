//! What an object's settings allow: limits and budgets, in LiteLLM's words.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use trunkline_core::cost;
use trunkline_limits::{Budget, Limits, Period, SoftBudget};

/// What somebody may use: of all models together, and of some by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) whole: Limits,
    pub(crate) by_model: BTreeMap<String, Limits>,
    /// When it is another without anybody changing it, in milliseconds since 1970: a raise for a time ends.
    pub(crate) ends_at: Option<i64>,
}

/// What the settings are called, which differs between a member of a team and everybody else.
struct Names {
    max_budget: &'static str,
    budget_duration: &'static str,
    /// Whether the duration may stand elsewhere than the figure.
    duration_is_shared: bool,
}

const USUAL: Names =
    Names { max_budget: "max_budget", budget_duration: "budget_duration", duration_is_shared: false };
const OF_MEMBER: Names =
    Names { max_budget: "max_budget_in_team", budget_duration: "budget_duration", duration_is_shared: true };

impl Allowance {
    /// What an object may use by its own settings, and where they say nothing by the budget that it refers to.
    ///
    /// `now_ms` is for budgets that are larger for a time.
    pub(crate) fn read(
        settings: &Map<String, Value>,
        budget: Option<&Map<String, Value>>,
        now_ms: i64,
    ) -> Self {
        Self::named(settings, budget, &USUAL, now_ms)
    }

    /// What a user may use in one team: by what is said of the member, else by what the team says of all of them.
    pub(crate) fn of_member(
        member: Option<&Map<String, Value>>,
        team: &Map<String, Value>,
        now_ms: i64,
    ) -> Self {
        let of_all: Map<String, Value> = [
            ("team_member_budget", OF_MEMBER.max_budget),
            ("team_member_budget_duration", OF_MEMBER.budget_duration),
            ("team_member_rpm_limit", "rpm_limit"),
            ("team_member_tpm_limit", "tpm_limit"),
        ]
        .into_iter()
        .filter_map(|(name, own)| Some((own.to_owned(), team.get(name)?.clone())))
        .collect();
        Self::named(member.unwrap_or(&Map::new()), Some(&of_all), &OF_MEMBER, now_ms)
    }

    fn named(
        settings: &Map<String, Value>,
        budget: Option<&Map<String, Value>>,
        names: &Names,
        now_ms: i64,
    ) -> Self {
        let found = |name: &str| {
            let own = settings.get(name).filter(|value| !value.is_null());
            own.or_else(|| budget.and_then(|budget| budget.get(name)))
        };
        // A duration belongs to the figure beside it, not to one that stands elsewhere. Where a member's figure has none
        // beside it, the team says how long it lasts.
        let source = if is_there(settings, names.max_budget) { Some(settings) } else { budget };
        let amount_of = |name| found(name).and_then(amount);
        let raise = raise(settings, now_ms);
        let mut budgets = Vec::new();
        if let Some(max) = amount_of(names.max_budget) {
            let beside = source.and_then(|source| source.get(names.budget_duration));
            let shared = found(names.budget_duration).filter(|_| names.duration_is_shared);
            let duration = beside.filter(|value| !value.is_null()).or(shared);
            let more = raise.as_ref().map(|raise| raise.amount).unwrap_or_default();
            budgets.push(Budget::new(max.saturating_add(more), duration.and_then(period)));
        }
        budgets.extend(
            found("budget_limits").and_then(Value::as_array).into_iter().flatten().filter_map(listed),
        );
        let soft_budget = amount_of("soft_budget").map(|amount| {
            let source = if is_there(settings, "soft_budget") { Some(settings) } else { budget };
            let beside = source.and_then(|source| source.get(names.budget_duration));
            SoftBudget { amount, period: beside.and_then(period) }
        });
        let whole = Limits {
            requests_per_minute: found("rpm_limit").and_then(Value::as_u64),
            tokens_per_minute: found("tpm_limit").and_then(Value::as_u64),
            parallel: found("max_parallel_requests").and_then(Value::as_u64),
            budgets,
            soft_budget,
        };
        Self { whole, by_model: by_model(&found), ends_at: raise.map(|raise| raise.ends_at) }
    }

    /// Whether there is a budget, of any model.
    pub(crate) fn has_budget(&self) -> bool {
        !self.whole.budgets.is_empty() || self.by_model.values().any(|limits| !limits.budgets.is_empty())
    }
}

fn is_there(settings: &Map<String, Value>, name: &str) -> bool {
    settings.get(name).is_some_and(|value| !value.is_null())
}

fn by_model<'s>(found: &impl Fn(&str) -> Option<&'s Value>) -> BTreeMap<String, Limits> {
    let map = |name: &str| found(name).and_then(Value::as_object);
    let (requests, tokens) = (map("model_rpm_limit"), map("model_tpm_limit"));
    let (parallel, budgets) = (map("model_max_parallel_requests"), map("model_max_budget"));
    let names: BTreeSet<&String> =
        [requests, tokens, parallel, budgets].into_iter().flatten().flat_map(Map::keys).collect();
    let figure = |map: Option<&Map<String, Value>>, name: &str| map.and_then(|map| map.get(name)?.as_u64());
    names
        .into_iter()
        .map(|name| {
            let limits = Limits {
                requests_per_minute: figure(requests, name),
                tokens_per_minute: figure(tokens, name),
                parallel: figure(parallel, name),
                budgets: budgets.and_then(|map| map.get(name)).and_then(of_model).into_iter().collect(),
                soft_budget: None,
            };
            (name.clone(), limits)
        })
        .collect()
}

/// A model's budget: a figure, or an object with a figure and a time, under either of LiteLLM's names.
fn of_model(value: &Value) -> Option<Budget> {
    let Some(members) = value.as_object() else { return Some(Budget::new(amount(value)?, None)) };
    let either = |names: [&str; 2]| names.into_iter().find_map(|name| members.get(name));
    let max = amount(either(["budget_limit", "max_budget"])?)?;
    Some(Budget::new(max, either(["time_period", "budget_duration"]).and_then(period)))
}

fn listed(value: &Value) -> Option<Budget> {
    let max = amount(value.get("max_budget")?)?;
    Some(Budget::listed(max, period(value.get("budget_duration")?)?))
}

fn period(value: &Value) -> Option<Period> {
    value.as_str().map(Period::parse)
}

/// What an administrator has added for a time.
struct Raise {
    amount: Decimal,
    ends_at: i64,
}

/// `temp_budget_increase` until `temp_budget_expiry`, in the metadata. `None` if there is none, or it is over.
fn raise(settings: &Map<String, Value>, now_ms: i64) -> Option<Raise> {
    let metadata = settings.get("metadata").and_then(Value::as_object);
    let set = |name: &str| metadata.and_then(|metadata| metadata.get(name)).or_else(|| settings.get(name));
    let until: jiff::Timestamp = set("temp_budget_expiry")?.as_str()?.parse().ok()?;
    let ends_at = until.as_millisecond();
    let amount = set("temp_budget_increase").and_then(amount)?;
    (ends_at > now_ms).then_some(Raise { amount, ends_at })
}

/// An amount in US dollars, digit by digit.
pub(crate) fn amount(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => cost::decimal(number.to_string().as_bytes()),
        Value::String(text) => cost::decimal(text.as_bytes()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(members) = value else { panic!("an object") };
        members
    }

    fn dollars(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn limits_are_read_and_a_budget_fills_what_is_not_said() {
        let settings = object(json!({
            "rpm_limit": 10, "max_budget": 0.000_001, "budget_duration": "30d", "tpm_limit": null,
        }));
        let budget =
            object(json!({ "tpm_limit": 99, "rpm_limit": 5, "max_budget": 7, "max_parallel_requests": 3 }));
        let allowance = Allowance::read(&settings, Some(&budget), 0);
        assert_eq!(
            allowance.whole,
            Limits {
                requests_per_minute: Some(10),
                tokens_per_minute: Some(99),
                parallel: Some(3),
                budgets: vec![Budget::new(dollars("0.000001"), Some(Period::parse("30d")))],
                soft_budget: None,
            }
        );
        assert_eq!(Allowance::read(&Map::new(), None, 0), Allowance::default());
        assert!(!Allowance::default().has_budget());
    }

    #[test]
    fn a_soft_budget_has_the_window_of_the_one_beside_it() {
        let own = object(json!({ "soft_budget": 1, "max_budget": 2, "budget_duration": "1d" }));
        let budget = object(json!({ "soft_budget": 7, "budget_duration": "30d" }));
        let of = |settings: &Map<String, Value>| Allowance::read(settings, Some(&budget), 0);
        let soft = |amount, period| {
            Some(SoftBudget { amount: dollars(amount), period: Some(Period::parse(period)) })
        };
        assert_eq!(of(&own).whole.soft_budget, soft("1", "1d"));
        assert_eq!(of(&Map::new()).whole.soft_budget, soft("7", "30d"));
        assert!(!of(&Map::new()).has_budget(), "nothing has to be paid out of it");
    }

    #[test]
    fn a_duration_stays_with_its_figure() {
        let own = object(json!({ "max_budget": "2.5" }));
        let budget = object(json!({ "max_budget": 7, "budget_duration": "1d" }));
        let of = |settings: &Map<String, Value>| Allowance::read(settings, Some(&budget), 0).whole.budgets;
        assert_eq!(of(&Map::new()), [Budget::new(dollars("7"), Some(Period::DAILY))]);
        assert_eq!(of(&own), [Budget::new(dollars("2.5"), None)]);
    }

    #[test]
    fn models_have_limits_and_budgets_of_their_own() {
        let settings = object(json!({
            "model_rpm_limit": { "a": 1 }, "model_tpm_limit": { "a": 2, "b": 3 },
            "model_max_parallel_requests": { "b": 4, "e": 5 },
            "model_max_budget": {
                "b": { "budget_limit": 0.5, "time_period": "1d" },
                "c": { "max_budget": "1", "budget_duration": "7d" },
                "d": 4,
            },
        }));
        let allowance = Allowance::read(&settings, None, 0);
        let of = |name: &str| allowance.by_model[name].clone();
        assert_eq!((of("a").requests_per_minute, of("a").tokens_per_minute), (Some(1), Some(2)));
        assert_eq!((of("a").parallel, of("b").parallel, of("e").parallel), (None, Some(4), Some(5)));
        assert_eq!(of("b").budgets, [Budget::new(dollars("0.5"), Some(Period::DAILY))]);
        assert_eq!(of("c").budgets, [Budget::new(dollars("1"), Some(Period::parse("7d")))]);
        assert_eq!(of("d").budgets, [Budget::new(dollars("4"), None)]);
        assert!(allowance.has_budget());
    }

    #[test]
    fn several_windows_and_a_raise_for_a_time() {
        let settings = object(json!({
            "max_budget": 1,
            "metadata": { "temp_budget_increase": 0.5, "temp_budget_expiry": "2026-11-27T10:00:00Z" },
            "budget_limits": [{ "max_budget": 0.1, "budget_duration": "1h" }, { "max_budget": 2 }],
        }));
        let until: jiff::Timestamp = "2026-11-27T10:00:00Z".parse().expect("a time");
        let at = |now_ms| Allowance::read(&settings, None, now_ms).whole.budgets;
        let hourly = Budget::listed(dollars("0.1"), Period::parse("1h"));
        assert_eq!(at(until.as_millisecond() - 1), [Budget::new(dollars("1.5"), None), hourly.clone()]);
        assert_eq!(at(until.as_millisecond()), [Budget::new(dollars("1"), None), hourly]);
    }

    #[test]
    fn a_raise_that_no_decimal_holds_is_the_largest_there_is() {
        let settings = object(json!({
            "max_budget": Decimal::MAX.to_string(),
            "temp_budget_increase": Decimal::MAX.to_string(), "temp_budget_expiry": "2026-11-27T10:00:00Z",
        }));
        let budgets = Allowance::read(&settings, None, 0).whole.budgets;
        assert_eq!(budgets, [Budget::new(Decimal::MAX, None)]);
    }

    #[test]
    fn a_member_has_what_the_team_gives_all_unless_more_is_said() {
        let team = object(json!({
            "team_member_budget": 3, "team_member_budget_duration": "1d", "team_member_rpm_limit": 9,
        }));
        let member = object(json!({ "max_budget_in_team": 1 }));
        let of = |member| Allowance::of_member(member, &team, 0).whole;
        assert_eq!(of(None).budgets, [Budget::new(dollars("3"), Some(Period::DAILY))]);
        assert_eq!(of(Some(&member)).budgets, [Budget::new(dollars("1"), Some(Period::DAILY))]);
        assert_eq!(of(Some(&member)).requests_per_minute, Some(9));
    }
}
