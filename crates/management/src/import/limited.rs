//! Those who are limited without a key of their own: end users, and tags.

use trunkline_store::{Kind, LitellmRow};

use crate::import::known::Known;
use crate::import::mapped::{Mapped, Outcome};
use crate::import::row::Row;
use crate::import::spending::Spending;
use crate::import::{rules, taken};

/// A row of `LiteLLM_EndUserTable`, or of `LiteLLM_TagTable`: both are limited by the budget that they refer to, and spend
/// in its window.
pub(crate) fn map(row: LitellmRow, known: &Known, now: i64, kind: Kind) -> Outcome {
    let (column, rules) =
        if kind == Kind::Tag { ("tag_name", &rules::TAGS) } else { ("user_id", &rules::CUSTOMERS) };
    let row = Row::new(row);
    let id = row.text(column).unwrap_or_default().to_owned();
    if !taken::is_id(&id) {
        return Outcome::skipped(id, taken::NO_ID);
    }
    let mut missing = known.belongings(&row);
    missing.extend(known.of_budget(&row));
    let spent = row.money("spend");
    let budget = known.budget(&row);
    let window = budget.and_then(|budget| budget.window(spent));
    let spending = Spending::of(spent, None, window.as_slice(), now);
    let mut object = taken::object(kind, id, &row, now);
    missing.extend(taken::take(row, rules, &mut object));
    Outcome::mapped(Mapped { spending, ..Mapped::of(object, missing) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::import::known::Budget;

    const NOW: i64 = 1_795_773_600_000;

    fn outcome(kind: Kind, row: &Value) -> Outcome {
        let mut known = Known::default();
        let settings = json!({ "max_budget": 5, "budget_duration": "30d" });
        let settings = settings.as_object().expect("an object").clone();
        known.budgets.insert("b".to_owned(), Budget { settings, ..Budget::default() });
        map(row.as_object().expect("an object").clone(), &known, NOW, kind)
    }

    fn mapped(kind: Kind, row: &Value) -> Mapped {
        outcome(kind, row).expect_mapped()
    }

    #[test]
    fn an_end_user_comes_with_its_budget_and_what_it_spent_of_it() {
        let row = json!({ "user_id": "c1", "alias": "C", "spend": 2, "budget_id": "b", "blocked": false, "default_model": "m" });
        let customer = mapped(Kind::Customer, &row);
        assert_eq!(customer.object.alias.as_deref(), Some("C"));
        assert_eq!(Value::Object(customer.object.settings), json!({ "budget_id": "b" }));
        assert_eq!(customer.spending.windows[0].period, "30d");
        assert!(!customer.missing[0].restricts);
    }

    #[test]
    fn an_end_user_who_may_only_ask_in_a_region_is_blocked() {
        let mut customer = mapped(Kind::Customer, &json!({ "user_id": "c1", "allowed_model_region": "eu" }));
        customer.hold_back(&[]);
        assert_eq!(Value::Object(customer.object.settings), json!({ "blocked": true }));
    }

    #[test]
    fn a_budget_of_a_model_comes_without_the_limits_beside_it_where_there_are_none_by_model() {
        let beside =
            json!({ "m": { "budget_limit": 2, "rpm_limit": 7, "tpm_limit": 8, "max_parallel_requests": 9 } });
        let customer = mapped(Kind::Customer, &json!({ "user_id": "c1", "model_max_budget": beside }));
        let expected = json!({ "model_max_budget": { "m": { "budget_limit": 2 } } });
        assert_eq!((Value::Object(customer.object.settings), customer.missing), (expected, Vec::new()));
    }

    #[test]
    fn a_tag_comes_without_the_deployments_that_it_leads_to() {
        let row = json!({ "tag_name": "t", "description": "d", "models": ["id"], "model_info": { "id": "m" }, "budget_id": "b" });
        let tag = mapped(Kind::Tag, &row);
        assert_eq!(Value::Object(tag.object.settings), json!({ "budget_id": "b", "description": "d" }));
        assert!(tag.missing.iter().all(|missing| !missing.restricts));
    }

    #[test]
    fn a_name_that_cannot_be_one_here_is_skipped() {
        for id in ["a".repeat(256), "a\u{1f}b".to_owned(), String::new()] {
            assert!(matches!(outcome(Kind::Customer, &json!({ "user_id": id })), Outcome::Skipped { .. }));
        }
    }
}
