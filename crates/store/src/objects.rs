//! Objects in tables, the note that each has changed, and the audit log.

use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value as Json};
use trunkline_core::{Error, ErrorKind};

use crate::failure::{refused, unreadable};
use crate::placeholders::{Placeholders, pieces};
use crate::row::Row;
use crate::session::Session;
use crate::value::Value;
use crate::{Act, Change, Kind, Object, ObjectQuery, Order, Page};

/// How many bytes an id, alias, user or team may have: what PostgreSQL's indexes have room for.
const NAME_BYTES_MAX: usize = 500;

/// The members of a team have an id of two.
const ID_BYTES_MAX: usize = 2 * NAME_BYTES_MAX + 1;

/// How many ids one statement asks for.
const IDS_MAX: usize = 128;

const COLUMNS: &str = "kind, id, alias, user_id, team_id, revision, deleted, created_at, created_by, updated_at, \
                       updated_by, settings";

pub(crate) async fn object(session: &mut Session, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
    let text = format!("SELECT {COLUMNS} FROM trunkline.objects WHERE kind = $1 AND id = $2");
    let rows = session.fetch(&text, vec![Value::text(kind.name()), Value::text(id)]).await?;
    rows.first().map(|row| read(kind, row)).transpose()
}

pub(crate) async fn objects(session: &mut Session, kind: Kind, ids: &[String]) -> Result<Vec<Object>, Error> {
    let mut objects = Vec::with_capacity(ids.len());
    for ids in pieces(ids, IDS_MAX) {
        let mut values = Placeholders::new();
        let kind_place = values.add(Value::text(kind.name()));
        let places: Vec<String> = ids.iter().map(|id| values.add(Value::text(id))).collect();
        let text = format!(
            "SELECT {COLUMNS} FROM trunkline.objects WHERE kind = {kind_place} AND id IN ({})",
            places.join(", ")
        );
        for row in session.fetch(&text, values.into_values()).await? {
            objects.push(read(kind, &row)?);
        }
    }
    Ok(objects)
}

pub(crate) async fn list(
    session: &mut Session,
    kind: Kind,
    query: &ObjectQuery,
) -> Result<Page<Object>, Error> {
    let mut values = Placeholders::new();
    let text =
        format!("SELECT COUNT(*) FROM trunkline.objects WHERE {}", condition(kind, query, &mut values));
    let counted = session.fetch(&text, values.into_values()).await?;
    let total = counted.first().map_or(Ok(0), |row| row.count(0))?;
    let (text, values) = page(kind, query);
    let rows = session.fetch(&text, values).await?;
    let items: Result<Vec<Object>, Error> = rows.iter().map(|row| read(kind, row)).collect();
    Ok(Page { items: items?, total })
}

/// The statement of a page.
pub(crate) fn page(kind: Kind, query: &ObjectQuery) -> (String, Vec<Value<'_>>) {
    let mut values = Placeholders::new();
    let condition = condition(kind, query, &mut values);
    let order = match query.order {
        Order::Newest => "created_at DESC, id DESC",
        Order::Oldest => "created_at, id",
        Order::Alias => "alias NULLS FIRST, id",
    };
    let (limit, offset) = (values.add(whole(query.limit).into()), values.add(whole(query.offset).into()));
    let text = format!(
        "SELECT {COLUMNS} FROM trunkline.objects WHERE {condition} ORDER BY {order} LIMIT {limit} OFFSET {offset}"
    );
    (text, values.into_values())
}

fn condition<'query>(kind: Kind, query: &'query ObjectQuery, values: &mut Placeholders<'query>) -> String {
    let mut conditions = vec![
        format!("kind = {}", values.add(Value::text(kind.name()))),
        format!("deleted = {}", values.add(i64::from(query.deleted).into())),
    ];
    let exact = [("user_id", &query.user_id), ("team_id", &query.team_id), ("alias", &query.alias)];
    for (column, wanted) in exact {
        if let Some(wanted) = wanted {
            conditions.push(format!("{column} = {}", values.add(Value::text(wanted))));
        }
    }
    if let Some(search) = &query.search {
        let place = values.add(Value::Text(Some(holding(search).into())));
        conditions
            .push(format!("(LOWER(id) LIKE {place} ESCAPE '\\' OR LOWER(alias) LIKE {place} ESCAPE '\\')"));
    }
    conditions.join(" AND ")
}

/// The pattern of texts that hold this one, in lower case: both databases know the letters of ASCII alone.
fn holding(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}

pub(crate) async fn write(
    session: &mut Session,
    mut objects: Vec<Object>,
    acts: &[Act],
) -> Result<Vec<Object>, Error> {
    lock_writers(session).await?;
    for object in &mut objects {
        check_names(object)?;
        object.revision = put(session, object).await?;
        note_change(session, object.kind, &object.id).await?;
    }
    for act in acts {
        add_act(session, act).await?;
    }
    tell_of_changes(session).await?;
    Ok(objects)
}

/// Waits until nobody else notes changes. Numbers are given out before a transaction ends: one writer at a time, or a
/// reader could see the later number first and never ask for the earlier one again.
pub(crate) async fn lock_writers(session: &mut Session) -> Result<(), Error> {
    session.execute_in_postgres("SELECT pg_advisory_xact_lock($1)", vec![WRITERS_LOCK.into()]).await
}

/// Tells those who listen that there are changes, once they are committed.
pub(crate) async fn tell_of_changes(session: &mut Session) -> Result<(), Error> {
    session.execute_in_postgres("SELECT pg_notify('trunkline_changes', '')", Vec::new()).await
}

/// The advisory lock of those who write objects: the first bytes of `trunkline`, so that nobody else has the number.
const WRITERS_LOCK: i64 = i64::from_be_bytes(*b"trunkli\x01");

/// Puts one object down, and gives its new revision.
async fn put(session: &mut Session, object: &Object) -> Result<i64, Error> {
    let settings = serde_json::to_string(&object.settings).map_err(|error| unreadable("settings", error))?;
    let mut values = vec![
        Value::text(object.kind.name()),
        Value::text(&object.id),
        Value::optional(object.alias.as_deref()),
        Value::optional(object.user_id.as_deref()),
        Value::optional(object.team_id.as_deref()),
        i64::from(object.deleted).into(),
        object.created_at.into(),
        Value::optional(object.created_by.as_deref()),
        object.updated_at.into(),
        Value::optional(object.updated_by.as_deref()),
        Value::Text(Some(settings.into())),
    ];
    let text = if object.revision == 0 {
        "INSERT INTO trunkline.objects AS held (kind, id, alias, user_id, team_id, revision, deleted, created_at,
            created_by, updated_at, updated_by, settings)
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (kind, id) DO UPDATE SET alias = excluded.alias, user_id = excluded.user_id,
            team_id = excluded.team_id, revision = held.revision + 1, deleted = excluded.deleted,
            created_at = excluded.created_at, created_by = excluded.created_by, updated_at = excluded.updated_at,
            updated_by = excluded.updated_by, settings = excluded.settings
         WHERE held.deleted = 1
         RETURNING revision"
    } else {
        values.push(object.revision.into());
        "UPDATE trunkline.objects SET alias = $3, user_id = $4, team_id = $5, revision = revision + 1, deleted = $6,
            created_at = $7, created_by = $8, updated_at = $9, updated_by = $10, settings = $11
         WHERE kind = $1 AND id = $2 AND revision = $12
         RETURNING revision"
    };
    let rows = session.fetch(text, values).await?;
    rows.first().map_or_else(|| Err(conflict(object)), |row| row.integer(0))
}

fn conflict(object: &Object) -> Error {
    let kind = object.kind.name();
    let message = if object.revision == 0 {
        format!("there is a {kind} of that id already")
    } else {
        format!("the {kind} has been changed by somebody else meanwhile")
    };
    Error::new(ErrorKind::Conflict, message)
}

fn check_names(object: &Object) -> Result<(), Error> {
    let kind = object.kind.name();
    if object.id.len() > ID_BYTES_MAX {
        return Err(refused(format!("the id of a {kind} may have at most {ID_BYTES_MAX} bytes")));
    }
    let names = [("alias", &object.alias), ("user_id", &object.user_id), ("team_id", &object.team_id)];
    for (field, name) in names {
        if name.as_ref().is_some_and(|name| name.len() > NAME_BYTES_MAX) {
            let message = format!("{field} of a {kind} may have at most {NAME_BYTES_MAX} bytes");
            return Err(refused(message).with_param(field));
        }
    }
    Ok(())
}

/// An object stands among the changes once, with its newest number, so that they never outgrow the objects.
pub(crate) async fn note_change(session: &mut Session, kind: Kind, id: &str) -> Result<(), Error> {
    let names = || vec![Value::text(kind.name()), Value::text(id)];
    session.execute("DELETE FROM trunkline.changes WHERE kind = $1 AND id = $2", names()).await?;
    session.execute("INSERT INTO trunkline.changes (kind, id) VALUES ($1, $2)", names()).await?;
    Ok(())
}

pub(crate) async fn add_act(session: &mut Session, act: &Act) -> Result<(), Error> {
    let text = "INSERT INTO trunkline.acts (at, done_by, action, kind, id, before_it, after_it)
                VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = vec![
        act.at.into(),
        Value::text(&act.by),
        Value::text(&act.action),
        Value::text(act.kind.name()),
        Value::text(&act.id),
        Value::Text(json(act.before.as_ref())?.map(Into::into)),
        Value::Text(json(act.after.as_ref())?.map(Into::into)),
    ];
    session.execute(text, values).await?;
    Ok(())
}

pub(crate) async fn changes(session: &mut Session, after: i64, limit: u64) -> Result<Vec<Change>, Error> {
    let text = format!(
        "SELECT number, kind, id FROM trunkline.changes WHERE number > $1 AND {} ORDER BY number LIMIT $2",
        known_kinds()
    );
    let rows = session.fetch(&text, vec![after.into(), whole(limit).into()]).await?;
    rows.iter()
        .map(|row| Ok(Change { number: row.integer(0)?, kind: kind(&row.text(1)?)?, id: row.text(2)? }))
        .collect()
}

pub(crate) async fn newest_change(session: &mut Session) -> Result<i64, Error> {
    let rows = session.fetch("SELECT COALESCE(MAX(number), 0) FROM trunkline.changes", Vec::new()).await?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}

pub(crate) async fn acts(session: &mut Session, before: Option<i64>, limit: u64) -> Result<Vec<Act>, Error> {
    let text = format!(
        "SELECT number, at, done_by, action, kind, id, before_it, after_it FROM trunkline.acts
         WHERE number < $1 AND {} ORDER BY number DESC LIMIT $2",
        known_kinds()
    );
    let rows = session.fetch(&text, vec![before.unwrap_or(i64::MAX).into(), whole(limit).into()]).await?;
    rows.iter().map(read_act).collect()
}

fn read_act(row: &Row) -> Result<Act, Error> {
    Ok(Act {
        number: row.integer(0)?,
        at: row.integer(1)?,
        by: row.text(2)?,
        action: row.text(3)?,
        kind: kind(&row.text(4)?)?,
        id: row.text(5)?,
        before: row.optional_text(6)?.map(|text| settings(&text)).transpose()?,
        after: row.optional_text(7)?.map(|text| settings(&text)).transpose()?,
    })
}

fn read(kind: Kind, row: &Row) -> Result<Object, Error> {
    Ok(Object {
        kind,
        id: row.text(1)?,
        alias: row.optional_text(2)?,
        user_id: row.optional_text(3)?,
        team_id: row.optional_text(4)?,
        revision: row.integer(5)?,
        deleted: row.integer(6)? != 0,
        created_at: row.integer(7)?,
        created_by: row.optional_text(8)?,
        updated_at: row.integer(9)?,
        updated_by: row.optional_text(10)?,
        settings: settings(&row.text(11)?)?,
    })
}

fn settings(text: &str) -> Result<Map<String, Json>, Error> {
    serde_json::from_str(text).map_err(|error| unreadable("settings", error))
}

fn json(settings: Option<&Map<String, Json>>) -> Result<Option<String>, Error> {
    settings.map(serde_json::to_string).transpose().map_err(|error| unreadable("settings", error))
}

/// A later version of the program may know kinds that this one does not; it passes over them.
fn known_kinds() -> String {
    let names: Vec<String> = Kind::ALL.iter().map(|kind| format!("'{}'", kind.name())).collect();
    format!("kind IN ({})", names.join(", "))
}

fn kind(name: &str) -> Result<Kind, Error> {
    Kind::named(name)
        .ok_or_else(|| Error::new(ErrorKind::StoreUnavailable, format!("the store keeps a kind {name}")))
}

/// A number as databases count: what is too large for them is as good as no limit.
pub(crate) fn whole(number: u64) -> i64 {
    number.to_i64().unwrap_or(i64::MAX)
}
