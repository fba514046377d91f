//! Finding a key by what callers name it by.

use trunkline_core::{Error, ErrorKind};
use trunkline_keys::Token;
use trunkline_store::{Kind, Object, ObjectQuery};

use crate::desk::Desk;

/// What a key is known by in public: the key itself was given, or that.
pub(crate) fn token(text: &str) -> Option<Token> {
    if text.starts_with("sk-") { Some(Token::of(text)) } else { Token::parse(text) }
}

/// What stands in a reply for a key that was named: its public token, so that no key comes back in one.
pub(crate) fn public(text: &str) -> String {
    token(text).map_or_else(String::new, |token| token.to_string())
}

/// The key that is named, by itself or by its public token. Deleted ones are found too.
///
/// # Errors
///
/// `NotFound`, which never repeats what was given: it may be a key.
pub(crate) async fn find_ever(desk: &Desk, text: &str) -> Result<Object, Error> {
    let found = match token(text) {
        Some(token) => desk.store().object(Kind::Key, desk.pepper().index(&token).as_str()).await?,
        None => None,
    };
    found.ok_or_else(not_found)
}

/// The live key that is named.
///
/// # Errors
///
/// As [`find_ever`].
pub(crate) async fn find(desk: &Desk, text: &str) -> Result<Object, Error> {
    let key = find_ever(desk, text).await?;
    if key.deleted { Err(not_found()) } else { Ok(key) }
}

/// The live key of that alias.
pub(crate) async fn by_alias(desk: &Desk, alias: &str) -> Result<Option<Object>, Error> {
    let query = ObjectQuery { alias: Some(alias.to_owned()), limit: 1, ..ObjectQuery::default() };
    Ok(desk.store().list(Kind::Key, &query).await?.items.into_iter().next())
}

pub(crate) fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "Key not found in database").with_param("key")
}
