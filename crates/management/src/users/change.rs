//! Changing users.

use serde_json::json;
use trunkline_core::{Error, ErrorKind};
use trunkline_store::Object;

use crate::counters::Counters;
use crate::desk::Desk;
use crate::draft::Draft;
use crate::fields::{self, Fields};
use crate::users::lookup;
use crate::{Asked, Reply, request, tables};

/// `POST /user/update`
pub(crate) async fn update(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = request::read(asked.body.clone(), &tables::USERS)?;
    let _held = desk.hold_names().await;
    let before = named(desk, &fields).await?;
    let mut after = before.clone();
    fields.apply(&mut after);
    fields::check_budgets(&after)?;
    if let Some(email) = after.alias.as_deref().filter(|_| after.alias != before.alias)
        && lookup::by_email(desk, email).await?.is_some()
    {
        let message = format!("User with email {email} already exists");
        return Err(Error::new(ErrorKind::Conflict, message).with_param("user_email"));
    }
    let user = desk.write_one(asked.actor, Draft::changed(before, after, "updated")).await?;
    let counters = Counters::read(desk, std::slice::from_ref(&user)).await?;
    let teams = lookup::team_ids(desk, &user.id).await?;
    Ok(Reply::ok(json!({ "user_id": user.id, "data": lookup::row(&user, &counters, teams) })))
}

async fn named(desk: &Desk, fields: &Fields) -> Result<Object, Error> {
    match (fields.text("user_id"), fields.text("user_email")) {
        (Some(user_id), _) => lookup::find(desk, user_id).await,
        (None, Some(email)) => lookup::by_email(desk, email).await?.ok_or_else(|| {
            let message = format!("User not found, passed user_email={email}");
            Error::new(ErrorKind::NotFound, message).with_param("user_email")
        }),
        (None, None) => {
            let message = "Either user id or user email must be provided";
            Err(Error::new(ErrorKind::MissingParameter, message).with_param("user_id"))
        }
    }
}
