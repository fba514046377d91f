//! The end user on whose behalf a caller asks.

use http::HeaderMap;
use trunkline_core::{Body as CallBody, Error, ErrorKind, Operation, json};

use crate::{Settings, wishes};

/// The end user: the body's `user`, or Anthropic's `metadata.user_id`, else the first of the operator's headers that
/// is there.
///
/// # Errors
///
/// `InvalidRequest` for a name that is too long.
pub(crate) fn end_user(
    settings: &Settings,
    headers: &HeaderMap,
    body: &CallBody,
) -> Result<Option<String>, Error> {
    let of_body = match body {
        CallBody::Document(document) => document.string("user").map(|user| user.into_owned()).or_else(|| {
            let metadata = document.raw("metadata")?;
            json::string(&metadata[json::member(metadata, "user_id")?]).map(|user| user.into_owned())
        }),
        CallBody::Form(form) => form.text("user").map(str::to_owned),
        CallBody::Empty => None,
    };
    let of_header =
        || settings.user_headers.iter().find_map(|name| headers.get(name)?.to_str().ok().map(str::to_owned));
    let user = of_body.or_else(of_header).filter(|user| !user.is_empty());
    user.map(|user| wishes::check_length("user", &user).map(|()| user)).transpose()
}

/// Operations whose body has a place for the end user; the others are not asked for one.
const NAMING_USERS: &[Operation] = &[
    Operation::ChatCompletions,
    Operation::Completions,
    Operation::Embeddings,
    Operation::Responses,
    Operation::Messages,
    Operation::ImageGenerations,
    Operation::ImageEdits,
];

pub(crate) fn check_user(
    settings: &Settings,
    operation: Operation,
    user: Option<&String>,
) -> Result<(), Error> {
    if !settings.enforce_user || user.is_some() || !NAMING_USERS.contains(&operation) {
        return Ok(());
    }
    let message = "Authentication Error, 'user' param not passed in. 'enforce_user_param'=True";
    Err(Error::new(ErrorKind::Unauthenticated, message))
}
