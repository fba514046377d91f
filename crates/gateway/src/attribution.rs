//! To whom a body has the Vercel AI Gateway book a call, and what of it a key may say.

use std::borrow::Cow;

use serde_json::json;
use trunkline_core::{Body as CallBody, Document, Error, ErrorKind, Form, json as raw_json};
use trunkline_keys::Identity;
use trunkline_router::Wishes;

use crate::authentication::Caller;
use crate::offered::every;
use crate::settings::Attribution;

/// Where a body has options for a gateway.
const OPTIONS: &str = "providerOptions";
/// How deep options in a form may be.
const DEPTH_MAX: usize = 64;
/// Members of `providerOptions.gateway` that say who is billed.
const MEMBERS: [&str; 4] = ["user", "tags", "quotaEntityId", "byok"];

/// Sees to it that a key books nothing to somebody else, by the body or by what its own fallbacks make of it. Administrators
/// may.
///
/// # Errors
///
/// `PermissionDenied`, naming a member that a key may not send; `InvalidRequest` for a form whose options nobody can read.
pub(crate) fn check(
    policy: Attribution,
    caller: &Caller,
    body: &mut CallBody,
    wishes: &mut Wishes,
) -> Result<(), Error> {
    if policy == Attribution::Allow || caller.is_administrator() {
        return Ok(());
    }
    let Some(identity) = caller.identity() else { return Ok(()) };
    let stamp = Stamp { policy, user: user(identity), tags: &wishes.tags };
    match body {
        CallBody::Document(document) => stamp.document(document)?,
        CallBody::Form(form) => stamp.form(form)?,
        CallBody::Empty => {}
    }
    let lists =
        [&mut wishes.fallbacks, &mut wishes.context_window_fallbacks, &mut wishes.content_policy_fallbacks];
    for fallback in lists.into_iter().flatten().flatten() {
        if let Some(changes) = &mut fallback.changes {
            stamp.document(changes)?;
        }
    }
    Ok(())
}

/// Whom a key's calls are booked to: its user, else its team, else the name that people gave it, else its token.
fn user(identity: &Identity) -> Cow<'_, str> {
    let named = [&identity.user_id, &identity.team_id, &identity.alias].into_iter().flatten().next();
    named.map_or_else(|| Cow::Owned(identity.token.to_string()), |named| Cow::Borrowed(&**named))
}

/// What stands in the place of what a key says.
struct Stamp<'a> {
    policy: Attribution,
    user: Cow<'a, str>,
    tags: &'a [String],
}

impl Stamp<'_> {
    fn document(&self, document: &mut Document) -> Result<(), Error> {
        let stamped = document.raw(OPTIONS).map_or(Ok(None), |options| self.options(options))?;
        if let Some(stamped) = stamped {
            document.set_raw(OPTIONS, stamped.into_bytes());
        }
        Ok(())
    }

    fn form(&self, form: &mut Form) -> Result<(), Error> {
        if !form.contains(OPTIONS) {
            return Ok(());
        }
        // A reader that takes another of several parts, or more than is JSON, would see what nobody looked at.
        let is_one = form.names().filter(|name| *name == OPTIONS).count() == 1;
        let text = form.text(OPTIONS).map(|text| text.trim().as_bytes());
        let text = text.filter(|text| is_one && raw_json::validate(text, DEPTH_MAX).is_ok());
        let options = text.ok_or_else(|| {
            let message = format!("`{OPTIONS}` must be one part with a JSON object in it");
            Error::new(ErrorKind::InvalidRequest, message).with_param(OPTIONS)
        })?;
        if let Some(stamped) = self.options(options)? {
            form.set(OPTIONS, &stamped);
        }
        Ok(())
    }

    /// What is to stand in the place of options. `None` if they can stay.
    fn options(&self, options: &[u8]) -> Result<Option<String>, Error> {
        let Some(said) = said(options) else { return Ok(None) };
        if self.policy == Attribution::Refuse {
            let message = format!("`{OPTIONS}.gateway.{said}` is for administrators to set");
            return Err(Error::new(ErrorKind::PermissionDenied, message).with_param(OPTIONS));
        }
        Ok(Some(stamped(options, &self.user, self.tags)))
    }
}

/// The first of the members that options have.
fn said(options: &[u8]) -> Option<&'static str> {
    let mut names = every(options, "gateway").flat_map(raw_json::members);
    names.find_map(|member| MEMBERS.into_iter().find(|name| member.is_named(name)))
}

/// The options with who asks in the place of what they say of it; all else is as it was.
fn stamped(options: &[u8], user: &str, tags: &[String]) -> String {
    let own = [("user", json!(user)), ("tags", json!(tags))];
    let mut parts = Vec::new();
    for member in raw_json::members(options) {
        let value = &options[member.value.clone()];
        let value = if member.is_named("gateway") && value.starts_with(b"{") {
            let kept =
                raw_json::members(value).filter(|member| !MEMBERS.iter().any(|name| member.is_named(name)));
            let kept = kept.map(|kept| written(kept.key, &value[kept.value]));
            let own = own.iter().map(|(name, own)| written(name.as_bytes(), own.to_string().as_bytes()));
            object(kept.chain(own))
        } else {
            String::from_utf8_lossy(value).into_owned()
        };
        parts.push(written(member.key, value.as_bytes()));
    }
    object(parts.into_iter())
}

fn written(key: &[u8], value: &[u8]) -> String {
    format!("\"{}\":{}", String::from_utf8_lossy(key), String::from_utf8_lossy(value))
}

fn object(members: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_others_is_found_however_it_is_written() {
        assert_eq!(said(br#"{"gateway":{"only":["a"],"tags":["x"]},"openai":{"user":"u"}}"#), Some("tags"));
        assert_eq!(said(br#"{"gateway":{"only":["a"]},"gateway":{"byok":{}}}"#), Some("byok"));
        assert_eq!(said(br#"{"gateway":{"only":["user"]},"openai":{"user":"u"}}"#), None);
        assert_eq!(said(br#"{"gateway":["user"]}"#), None);
    }

    #[test]
    fn who_asks_stands_in_the_place_of_what_was_said_and_all_else_stays() {
        let options = r#"{"gateway":{"user":"bob", "order":[ "a" ],"us\u0065r":"bob","quotaEntityId":1.0},"x":{"a":1e2}}"#;
        let expected = r#"{"gateway":{"order":[ "a" ],"user":"a \"n\"","tags":["t"]},"x":{"a":1e2}}"#;
        assert_eq!(stamped(options.as_bytes(), "a \"n\"", &["t".to_owned()]), expected);
    }
}
