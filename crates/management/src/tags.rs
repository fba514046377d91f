//! Tags with budgets of their own.

use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object, ObjectQuery, Order};

use crate::asked::Query;
use crate::budgets;
use crate::counters::Counters;
use crate::desk::Desk;
use crate::draft::Draft;
use crate::{Asked, Reply, fields, tables};

/// `POST /tag/new`
pub(crate) async fn create(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::TAGS.read(asked.body.clone())?;
    let name = fields.required("name")?;
    if desk.find(Kind::Tag, name).await?.is_some() {
        let message = format!("Tag {name} already exists");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("name"));
    }
    let mut tag = Object::new(Kind::Tag, name, Desk::now());
    fields.apply(&mut tag);
    check(desk, &tag).await?;
    let tag = desk.write_one(asked.actor, Draft::created(tag)).await?;
    said(desk, &tag, "created").await
}

/// `POST /tag/update`
pub(crate) async fn update(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::TAGS.read(asked.body.clone())?;
    let before = find(desk, fields.required("name")?).await?;
    let mut after = before.clone();
    fields.apply(&mut after);
    check(desk, &after).await?;
    let tag = desk.write_one(asked.actor, Draft::changed(before, after, "updated")).await?;
    said(desk, &tag, "updated").await
}

/// `POST /tag/info`: those that are there, of those that are named.
pub(crate) async fn info(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::NAMED_TAGS.read(asked.body.clone())?;
    let tags = desk.find_all(Kind::Tag, &fields.required_texts("names")?).await?;
    let rows = rows(desk, &tags).await?;
    let shown: Map<String, Value> = tags.iter().map(|tag| tag.id.clone()).zip(rows).collect();
    Ok(Reply::ok(shown))
}

/// `GET /tag/list`
pub(crate) async fn list(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    Query::read(asked.query, &[])?;
    let wanted = ObjectQuery { order: Order::Oldest, ..ObjectQuery::default() };
    Ok(Reply::ok(rows(desk, &desk.every(Kind::Tag, &wanted).await?).await?))
}

/// `POST /tag/delete`
pub(crate) async fn delete(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::NAMED_TAGS.read(asked.body.clone())?;
    let tag = find(desk, fields.required("name")?).await?;
    let tag = desk.write_one(asked.actor, Draft::deleted(tag)).await?;
    Ok(Reply::ok(json!({ "message": format!("Tag {} deleted successfully", tag.id) })))
}

async fn find(desk: &Desk, name: &str) -> Result<Object, Error> {
    desk.find(Kind::Tag, name)
        .await?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("Tag {name} not found")).with_param("name"))
}

async fn check(desk: &Desk, tag: &Object) -> Result<(), Error> {
    fields::check_budgets(tag)?;
    budgets::check_reference(desk, tag).await
}

async fn said(desk: &Desk, tag: &Object, what: &str) -> Result<Reply, Error> {
    let row = rows(desk, std::slice::from_ref(tag)).await?.pop();
    Ok(Reply::ok(json!({ "message": format!("Tag {} {what} successfully", tag.id), "tag": row })))
}

async fn rows(desk: &Desk, tags: &[Object]) -> Result<Vec<Value>, Error> {
    let counters = Counters::read(desk, tags).await?;
    let budgets = budgets::of(desk, tags).await?;
    let shown = tags.iter().map(|tag| {
        let mut row = fields::row(&tables::TAGS, tag);
        row.insert("name".to_owned(), Value::from(tag.id.as_str()));
        counters.show(&budgets.counted(tag), &mut row);
        row.insert("litellm_budget_table".to_owned(), budgets.shown(tag));
        Value::Object(row)
    });
    Ok(shown.collect())
}
