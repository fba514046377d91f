//! What was spent, as replies show it.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use trunkline_core::{Error, Subject, SubjectKind};
use trunkline_keys::counts_as;
use trunkline_limits::Period;
use trunkline_store::{Kind, Object, Spent};

use crate::desk::Desk;
use crate::{numbers, times};

/// The counters of some objects, and those of single models where they have budgets of their own.
#[derive(Debug)]
pub(crate) struct Counters {
    spent: HashMap<Subject, Vec<Spent>>,
    now: i64,
}

impl Counters {
    /// Reads the counters of these objects.
    pub(crate) async fn read(desk: &Desk, objects: &[Object]) -> Result<Self, Error> {
        let mut subjects = Vec::new();
        for object in objects {
            let Some(subject) = subject(object) else { continue };
            subjects.extend(models(object).map(|(model, _)| subject.with_model(model.as_str())));
            subjects.push(subject);
        }
        let mut spent: HashMap<Subject, Vec<Spent>> = HashMap::new();
        if !subjects.is_empty() {
            for counter in desk.store().spent(&subjects).await? {
                spent.entry(counter.subject.clone()).or_default().push(counter);
            }
        }
        Ok(Self { spent, now: Desk::now() })
    }

    /// What an object has spent: in the current window of its budget, or ever where its budget has none.
    pub(crate) fn spend(&self, object: &Object) -> Decimal {
        let window = object.settings.get("budget_duration").and_then(Value::as_str);
        subject(object).map_or(Decimal::ZERO, |subject| self.of(&subject, window))
    }

    fn of(&self, subject: &Subject, window: Option<&str>) -> Decimal {
        let counters = self.spent.get(subject).into_iter().flatten();
        let is_meant = |counter: &&Spent| match window {
            None => counter.period.is_empty(),
            Some(window) => {
                let window = Period::parse(window);
                Period::read(&counter.period) == Some(window)
                    && counter.begins_at == window.begins_at(self.now)
            }
        };
        counters.filter(is_meant).map(|counter| counter.amount).sum()
    }

    /// Adds to a row what was spent and when that begins anew, also by window and by model where there are such budgets.
    pub(crate) fn show(&self, object: &Object, row: &mut Map<String, Value>) {
        let setting = |name: &str| object.settings.get(name);
        row.insert("spend".to_owned(), numbers::sum(self.spend(object)));
        let resets_at = setting("budget_duration").and_then(Value::as_str).and_then(|window| {
            let ends_at = Period::parse(window).ends_at(self.now);
            times::text(ends_at)
        });
        row.insert("budget_reset_at".to_owned(), resets_at.map_or(Value::Null, Value::String));
        let Some(subject) = subject(object) else { return };
        let by_model: Map<String, Value> = models(object)
            .map(|(model, budget)| {
                let window = budget.get("time_period").and_then(Value::as_str);
                let spent = self.of(&subject.with_model(model.as_str()), window);
                (model.clone(), json!({ "current_spend": numbers::sum(spent) }))
            })
            .collect();
        if !by_model.is_empty() {
            row.insert("model_max_budget_usage".to_owned(), Value::Object(by_model));
        }
        let budgets = setting("budget_limits").and_then(Value::as_array).into_iter().flatten();
        let by_window: Map<String, Value> = budgets
            .filter_map(|budget| budget.get("budget_duration").and_then(Value::as_str))
            .map(|window| {
                let spent = self.of(&subject, Some(window));
                (window.to_owned(), json!({ "current_spend": numbers::sum(spent) }))
            })
            .collect();
        if !by_window.is_empty() {
            row.insert("budget_limits_usage".to_owned(), Value::Object(by_window));
        }
    }
}

/// Whom an object's spend counts against.
pub(crate) fn subject(object: &Object) -> Option<Subject> {
    let kind = match object.kind {
        Kind::Key => return Some(Subject::new(SubjectKind::Key, counts_as(object))),
        Kind::User => SubjectKind::User,
        Kind::Team => SubjectKind::Team,
        Kind::Member => SubjectKind::Member,
        Kind::Customer => SubjectKind::Customer,
        Kind::Tag => SubjectKind::Tag,
        Kind::Budget | Kind::Model | Kind::Ledger => return None,
    };
    Some(Subject::new(kind, object.id.as_str()))
}

/// The models that an object has budgets for.
fn models(object: &Object) -> impl Iterator<Item = (&String, &Value)> {
    object.settings.get("model_max_budget").and_then(Value::as_object).into_iter().flatten()
}
