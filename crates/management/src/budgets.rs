//! Budgets that keys, customers and tags refer to.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object, ObjectQuery, Order};

use crate::asked::Query;
use crate::desk::Desk;
use crate::draft::Draft;
use crate::{Asked, Reply, fields, numbers, tables};

/// `POST /budget/new`
pub(crate) async fn create(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::BUDGETS.read(asked.body.clone())?;
    let id = match fields.text("budget_id") {
        Some(id) => id.to_owned(),
        None => desk.new_id()?,
    };
    if desk.find(Kind::Budget, &id).await?.is_some() {
        let message = format!("Budget with id '{id}' already exists.");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("budget_id"));
    }
    let mut budget = Object::new(Kind::Budget, id, Desk::now());
    fields.apply(&mut budget);
    fields::check_budgets(&budget)?;
    let budget = desk.write_one(asked.actor, Draft::created(budget)).await?;
    Ok(Reply::ok(row(&budget)))
}

/// `POST /budget/info`
pub(crate) async fn info(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::NAMED_BUDGETS.read(asked.body.clone())?;
    let budgets = desk.find_all(Kind::Budget, &fields.required_texts("budgets")?).await?;
    Ok(Reply::ok(rows(&budgets)))
}

/// `POST /budget/update`: it holds for whoever refers to it from then on.
pub(crate) async fn update(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::BUDGETS.read(asked.body.clone())?;
    let before = find(desk, fields.required("budget_id")?).await?;
    let mut after = before.clone();
    fields.apply(&mut after);
    fields::check_budgets(&after)?;
    let budget = desk.write_one(asked.actor, Draft::changed(before, after, "updated")).await?;
    Ok(Reply::ok(row(&budget)))
}

/// `POST /budget/delete`: nothing can refer to it any more; for what does already it holds on.
pub(crate) async fn delete(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::NAMED_BUDGETS.read(asked.body.clone())?;
    let budget = find(desk, fields.required("id")?).await?;
    let budget = desk.write_one(asked.actor, Draft::deleted(budget)).await?;
    Ok(Reply::ok(row(&budget)))
}

/// `GET /budget/list`
pub(crate) async fn list(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    Query::read(asked.query, &[])?;
    let wanted = ObjectQuery { order: Order::Oldest, ..ObjectQuery::default() };
    Ok(Reply::ok(rows(&desk.every(Kind::Budget, &wanted).await?)))
}

/// `GET /budget/settings`: the fields of a budget, what each is for, and what it holds.
pub(crate) async fn settings(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    const FIELDS: [(&str, &str, &str); 7] = [
        ("max_budget", "Float", "US dollars that may be spent, in a window or ever"),
        ("soft_budget", "Float", "US dollars from which on it is told"),
        ("max_parallel_requests", "Integer", "requests at one time"),
        ("tpm_limit", "Integer", "tokens a minute"),
        ("rpm_limit", "Integer", "requests a minute"),
        ("budget_duration", "String", "the window: 1d, 30d"),
        ("model_max_budget", "Object", "budgets of single models"),
    ];
    let query = Query::read(asked.query, &["budget_id"])?;
    let id = query.text("budget_id").ok_or_else(|| {
        Error::new(ErrorKind::MissingParameter, "`budget_id` is missing").with_param("budget_id")
    })?;
    let budget = find(desk, id).await?;
    let shown = FIELDS.iter().map(|(name, kind, words)| {
        json!({
            "field_name": name,
            "field_type": kind,
            "field_description": words,
            "field_value": budget.settings.get(*name),
            "stored_in_db": true,
            "field_default_value": null,
        })
    });
    Ok(Reply::ok(shown.collect::<Vec<_>>()))
}

async fn find(desk: &Desk, id: &str) -> Result<Object, Error> {
    desk.find(Kind::Budget, id).await?.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("Budget with id '{id}' not found")).with_param("budget_id")
    })
}

fn row(budget: &Object) -> Map<String, Value> {
    let mut row = fields::row(&tables::BUDGETS, budget);
    row.insert("budget_id".to_owned(), Value::from(budget.id.as_str()));
    row
}

fn rows(budgets: &[Object]) -> Vec<Value> {
    budgets.iter().map(|budget| Value::Object(row(budget))).collect()
}

/// The budget that an object refers to must be there: one that there is not bounds nothing.
///
/// # Errors
///
/// `InvalidRequest`.
pub(crate) async fn check_reference(desk: &Desk, object: &Object) -> Result<(), Error> {
    let Some(id) = budget_id(object) else { return Ok(()) };
    if desk.find(Kind::Budget, id).await?.is_some() {
        return Ok(());
    }
    let message = format!("Budget={id} does not exist");
    Err(Error::new(ErrorKind::InvalidRequest, message).with_param("budget_id"))
}

fn budget_id(object: &Object) -> Option<&str> {
    object.settings.get("budget_id").and_then(Value::as_str)
}

/// The budgets that some objects refer to. Deleted ones are among them: they hold on.
#[derive(Debug)]
pub(crate) struct Budgets(HashMap<String, Object>);

/// Reads the budgets that these objects refer to.
pub(crate) async fn of(desk: &Desk, objects: &[Object]) -> Result<Budgets, Error> {
    let mut ids: Vec<String> = objects.iter().filter_map(budget_id).map(str::to_owned).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Budgets(HashMap::new()));
    }
    let budgets = desk.store().objects(Kind::Budget, &ids).await?;
    Ok(Budgets(budgets.into_iter().map(|budget| (budget.id.clone(), budget)).collect()))
}

impl Budgets {
    fn of(&self, object: &Object) -> Option<&Object> {
        budget_id(object).and_then(|id| self.0.get(id))
    }

    /// The budget that an object refers to, as replies show it.
    pub(crate) fn shown(&self, object: &Object) -> Value {
        self.of(object).map_or(Value::Null, |budget| Value::Object(row(budget)))
    }

    /// The object with the window that its spend is counted in: its own, or that of the budget that it refers to.
    pub(crate) fn counted(&self, object: &Object) -> Object {
        let mut counted = object.clone();
        let window = self.of(object).and_then(|budget| budget.settings.get("budget_duration"));
        if let Some(window) = window.filter(|_| !object.settings.contains_key("max_budget")) {
            counted.settings.entry("budget_duration").or_insert_with(|| window.clone());
        }
        counted
    }

    /// The most that an object may spend, by itself or by the budget that it refers to.
    pub(crate) fn max_budget(&self, object: &Object) -> Option<rust_decimal::Decimal> {
        let of = |object: &Object| object.settings.get("max_budget").and_then(numbers::money);
        of(object).or_else(|| self.of(object).and_then(of))
    }
}
