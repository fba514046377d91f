//! Customers: end users, on whose behalf callers ask.

use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object, ObjectQuery, Order};

use crate::asked::Query;
use crate::budgets;
use crate::counters::Counters;
use crate::desk::Desk;
use crate::draft::Draft;
use crate::{Asked, Reply, fields, request, tables};

/// `POST /customer/new`
pub(crate) async fn create(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = request::read(asked.body.clone(), &tables::CUSTOMERS)?;
    let user_id = fields.required("user_id")?;
    if desk.find(Kind::Customer, user_id).await?.is_some() {
        let message =
            format!("Customer already exists, passed user_id={user_id}. Please pass a new user_id.");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("user_id"));
    }
    let mut customer = Object::new(Kind::Customer, user_id, Desk::now());
    fields.apply(&mut customer);
    check(desk, &customer).await?;
    let customer = desk.write_one(asked.actor, Draft::created(customer)).await?;
    Ok(Reply::ok(row(desk, &customer).await?))
}

/// `GET /customer/info`
pub(crate) async fn info(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(asked.query, &["end_user_id"])?;
    let id = query.text("end_user_id").ok_or_else(|| {
        Error::new(ErrorKind::MissingParameter, "`end_user_id` is missing").with_param("end_user_id")
    })?;
    let customer = find(desk, id).await?;
    Ok(Reply::ok(row(desk, &customer).await?))
}

/// `POST /customer/update`
pub(crate) async fn update(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = request::read(asked.body.clone(), &tables::CUSTOMERS)?;
    let before = find(desk, fields.required("user_id")?).await?;
    let mut after = before.clone();
    fields.apply(&mut after);
    check(desk, &after).await?;
    let customer = desk.write_one(asked.actor, Draft::changed(before, after, "updated")).await?;
    Ok(Reply::ok(row(desk, &customer).await?))
}

/// `POST /customer/delete`: all that are named, or none.
pub(crate) async fn delete(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::NAMED_USERS.read(asked.body.clone())?;
    let ids = fields.required_texts("user_ids")?;
    let customers = desk.find_all(Kind::Customer, &ids).await?;
    let missing: Vec<&str> =
        ids.iter().filter(|id| !customers.iter().any(|one| one.id == **id)).map(String::as_str).collect();
    if !missing.is_empty() {
        let message = format!("End User Id(s)={} do not exist in db", missing.join(", "));
        return Err(Error::new(ErrorKind::NotFound, message).with_param("user_ids"));
    }
    desk.write(asked.actor, customers.into_iter().map(Draft::deleted).collect()).await?;
    Ok(Reply::ok(json!({
        "deleted_customers": ids.len(),
        "message": format!("Successfully deleted customers with ids: {}", ids.join(", ")),
    })))
}

/// `GET /customer/list`
pub(crate) async fn list(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    Query::read(asked.query, &[])?;
    let wanted = ObjectQuery { order: Order::Oldest, ..ObjectQuery::default() };
    let customers = desk.every(Kind::Customer, &wanted).await?;
    Ok(Reply::ok(rows(desk, &customers).await?))
}

/// `POST /customer/block` and `POST /customer/unblock`. Whoever is not known yet is blocked from its first request on.
pub(crate) async fn block(desk: &Desk, asked: &Asked<'_>, blocked: bool) -> Result<Reply, Error> {
    let fields = tables::NAMED_USERS.read(asked.body.clone())?;
    let ids = fields.required_texts("user_ids")?;
    let known = desk.find_all(Kind::Customer, &ids).await?;
    let mut drafts = Vec::new();
    for id in &ids {
        let before = known.iter().find(|customer| customer.id == *id).cloned();
        let mut after =
            before.clone().unwrap_or_else(|| Object::new(Kind::Customer, id.as_str(), Desk::now()));
        after.settings.insert("blocked".to_owned(), Value::Bool(blocked));
        let action = if blocked { "blocked" } else { "unblocked" };
        match before {
            Some(before) => drafts.push(Draft::changed(before, after, action)),
            None if blocked => drafts.push(Draft::created(after)),
            None => {}
        }
    }
    let written = desk.write(asked.actor, drafts).await?;
    Ok(Reply::ok(json!({ "blocked_users": rows(desk, &written).await? })))
}

async fn find(desk: &Desk, id: &str) -> Result<Object, Error> {
    desk.find(Kind::Customer, id).await?.ok_or_else(|| {
        let message = format!("End User Id={id} does not exist in db");
        Error::new(ErrorKind::NotFound, message).with_param("user_id")
    })
}

async fn check(desk: &Desk, customer: &Object) -> Result<(), Error> {
    fields::check_budgets(customer)?;
    budgets::check_reference(desk, customer).await
}

async fn row(desk: &Desk, customer: &Object) -> Result<Map<String, Value>, Error> {
    let mut rows = rows(desk, std::slice::from_ref(customer)).await?;
    Ok(rows.pop().and_then(|row| row.as_object().cloned()).unwrap_or_default())
}

async fn rows(desk: &Desk, customers: &[Object]) -> Result<Vec<Value>, Error> {
    let counters = Counters::read(desk, customers).await?;
    let budgets = budgets::of(desk, customers).await?;
    let shown = customers.iter().map(|customer| {
        let mut row = fields::row(&tables::CUSTOMERS, customer);
        row.insert("user_id".to_owned(), Value::from(customer.id.as_str()));
        counters.show(&budgets.counted(customer), &mut row);
        row.insert("litellm_budget_table".to_owned(), budgets.shown(customer));
        Value::Object(row)
    });
    Ok(shown.collect())
}
