//! Finding a user, and showing users as replies do.

use serde_json::{Map, Value};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object, ObjectQuery};

use crate::counters::Counters;
use crate::desk::Desk;
use crate::{fields, tables};

/// The live user that is named.
///
/// # Errors
///
/// `NotFound`.
pub(crate) async fn find(desk: &Desk, user_id: &str) -> Result<Object, Error> {
    let found = desk.find(Kind::User, user_id).await?;
    found.ok_or_else(|| {
        let message = format!("User not found, passed user_id={user_id}");
        Error::new(ErrorKind::NotFound, message).with_param("user_id")
    })
}

/// The live user of that address.
///
/// # Errors
///
/// `InvalidRequest` if there are several.
pub(crate) async fn by_email(desk: &Desk, email: &str) -> Result<Option<Object>, Error> {
    let query = ObjectQuery { alias: Some(email.to_owned()), limit: 2, ..ObjectQuery::default() };
    let found = desk.store().list(Kind::User, &query).await?.items;
    if found.len() > 1 {
        let message = format!("Multiple users found with email '{email}'. Please use 'user_id' instead.");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("user_email"));
    }
    Ok(found.into_iter().next())
}

/// A user with all that may be shown of it.
pub(crate) fn row(user: &Object, counters: &Counters, teams: Vec<String>) -> Map<String, Value> {
    let mut row = fields::row(&tables::USERS, user);
    row.insert("user_id".to_owned(), Value::from(user.id.as_str()));
    row.insert("teams".to_owned(), Value::from(teams));
    counters.show(user, &mut row);
    row
}

/// The teams that a user is in.
pub(crate) async fn team_ids(desk: &Desk, user_id: &str) -> Result<Vec<String>, Error> {
    let members = desk.of_user(Kind::Member, user_id).await?;
    Ok(members.into_iter().filter_map(|member| member.team_id).collect())
}
