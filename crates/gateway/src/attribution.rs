//! To whom a body has the Vercel AI Gateway book a call, and what of it a key may say.

use serde_json::json;
use trunkline_core::{Body as CallBody, Error, ErrorKind, json as raw_json};

use crate::authentication::Caller;
use crate::settings::Attribution;

/// Where a body has options for a gateway.
const OPTIONS: &str = "providerOptions";
/// How deep options in a form may be.
const DEPTH_MAX: usize = 64;
/// Members of `providerOptions.gateway` that say who is billed.
const MEMBERS: [&str; 4] = ["user", "tags", "quotaEntityId", "byok"];

/// Sees to it that a key books nothing to somebody else. Administrators may.
///
/// # Errors
///
/// `PermissionDenied`, naming a member that a key may not send.
pub(crate) fn check(
    policy: Attribution,
    caller: &Caller,
    body: &mut CallBody,
    tags: &[String],
) -> Result<(), Error> {
    if policy == Attribution::Allow || caller.is_administrator() {
        return Ok(());
    }
    let (Some(identity), Some(options)) = (caller.identity(), options(body)) else { return Ok(()) };
    let Some(said) = said(&options) else { return Ok(()) };
    if policy == Attribution::Refuse {
        let message = format!("`providerOptions.gateway.{said}` is for administrators to set");
        return Err(Error::new(ErrorKind::PermissionDenied, message).with_param(OPTIONS));
    }
    let user = identity.user_id.as_deref().or(identity.team_id.as_deref()).unwrap_or(&identity.name);
    let stamped = stamped(&options, user, tags);
    match body {
        CallBody::Document(document) => document.set_raw(OPTIONS, stamped.into_bytes()),
        CallBody::Form(form) => form.set(OPTIONS, &stamped),
        CallBody::Empty => {}
    }
    Ok(())
}

/// The options of a body; of a form, where they are JSON.
fn options(body: &CallBody) -> Option<Vec<u8>> {
    match body {
        CallBody::Document(document) => document.raw(OPTIONS).map(<[u8]>::to_vec),
        CallBody::Form(form) => {
            let text = form.text(OPTIONS)?.trim().as_bytes();
            raw_json::validate(text, DEPTH_MAX).ok().map(|()| text.to_vec())
        }
        CallBody::Empty => None,
    }
}

/// The first of the members that options have.
fn said(options: &[u8]) -> Option<&'static str> {
    let gateways = raw_json::members(options).filter(|member| member.is_named("gateway"));
    let names = gateways.flat_map(|gateway| raw_json::members(&options[gateway.value]));
    names.into_iter().find_map(|member| MEMBERS.into_iter().find(|name| member.is_named(name)))
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
