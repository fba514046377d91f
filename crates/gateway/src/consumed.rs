//! The members of a body that are meant for the gateway: read here, and taken out before sending.
//!
//! WHEN ADDING A MEMBER: add its row, and the one in `docs/http-api.md`, which a test compares.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use trunkline_core::{Body, Dialect, Document, Error, ErrorKind, Form, Secret, json};
use trunkline_router::{Fallback, MockFailure};

/// What becomes of a member that the gateway takes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It steers this request.
    Honoured,
    /// It asks for what Trunkline does anyway, or for what there is nothing to do about.
    Moot,
    /// It is refused with 400, unless the deployment or a setting allows it.
    Refused,
}

/// A member that is meant for the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Consumed {
    /// Its name; a name that ends in `*` stands for all that begin so.
    pub name: &'static str,
    /// What becomes of it.
    pub effect: Effect,
    /// Why, in the words of the docs.
    pub why: &'static str,
    /// The dialect in which a member of this name is the upstream's own, and goes there.
    pub own_of: Option<Dialect>,
}

const fn row(name: &'static str, effect: Effect, why: &'static str) -> Consumed {
    Consumed { name, effect, why, own_of: None }
}

/// Every member that is meant for the gateway. Whatever is not named here goes upstream untouched.
pub static CONSUMED: &[Consumed] = &[
    row("api_key", Effect::Refused, "a caller's own credential, where the deployment or a setting allows it"),
    row("api_base", Effect::Refused, "a caller's own base URL, where the deployment or a setting allows it"),
    row("base_url", Effect::Refused, "the same as `api_base`"),
    row("user_config", Effect::Refused, "routing that a caller brings along is not supported"),
    row("timeout", Effect::Honoured, "seconds for the whole call"),
    row("stream_timeout", Effect::Honoured, "seconds until the first event of a stream"),
    row("fallbacks", Effect::Honoured, "models to ask when this one fails: names, or objects with a `model`"),
    row("context_window_fallbacks", Effect::Honoured, "the same for an input that is too long"),
    row("content_policy_fallbacks", Effect::Honoured, "the same for a refusal of the content"),
    row("disable_fallbacks", Effect::Honoured, "asks no other model, whatever is configured"),
    row("num_retries", Effect::Honoured, "attempts at a model after the first one"),
    row("drop_params", Effect::Moot, "no parameter is ever refused"),
    row("additional_drop_params", Effect::Honoured, "names of members that are taken out before sending"),
    row("allowed_openai_params", Effect::Moot, "every parameter goes upstream"),
    row("cache", Effect::Moot, "there is no cache of replies"),
    row("tags", Effect::Honoured, "tags by which deployments are reached, as those in `metadata`"),
    row("guardrails", Effect::Refused, "content checks that are not there must not be believed in"),
    row("weights", Effect::Moot, "deployments are drawn by the weights that are configured"),
    Consumed {
        own_of: Some(Dialect::Cohere),
        ..row(
            "priority",
            Effect::Moot,
            "requests do not queue; in rerank it is Cohere's own, and goes upstream",
        )
    },
    row("litellm_*", Effect::Moot, "settings of LiteLLM's own, such as `litellm_metadata`"),
    row("mock_testing_fallbacks", Effect::Refused, "a test switch, where a setting allows it"),
    row("mock_testing_context_fallbacks", Effect::Refused, "the same"),
    row("mock_testing_content_policy_fallbacks", Effect::Refused, "the same"),
    row("mock_testing_rate_limit_error", Effect::Refused, "the same"),
    row("mock_testing_*", Effect::Refused, "no test switch of this name is known"),
    row("mock_timeout", Effect::Refused, "a test switch, where a setting allows it"),
    row("mock_delay", Effect::Refused, "seconds before the first attempt, where a setting allows it"),
    row("mock_*", Effect::Moot, "canned answers are the operator's to set, in `litellm_params`"),
];

/// How the names of [`CONSUMED`] begin: each has three letters at least.
static BEGINNINGS: LazyLock<Vec<[u8; 3]>> = LazyLock::new(|| {
    let mut beginnings: Vec<[u8; 3]> =
        CONSUMED.iter().filter_map(|row| row.name.as_bytes().first_chunk().copied()).collect();
    beginnings.sort_unstable();
    beginnings.dedup();
    beginnings
});

/// What a request asked of the gateway itself.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) api_base: Option<String>,
    pub(crate) api_key: Option<Secret>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream_timeout: Option<Duration>,
    pub(crate) retries: Option<u32>,
    pub(crate) fallbacks: Option<Vec<Fallback>>,
    pub(crate) context_window_fallbacks: Option<Vec<Fallback>>,
    pub(crate) content_policy_fallbacks: Option<Vec<Fallback>>,
    pub(crate) no_fallbacks: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) mock_failure: Option<MockFailure>,
    pub(crate) mock_delay: Option<Duration>,
}

/// Takes the gateway's members out of a body and reads what they ask for.
///
/// `allows` says whether a caller may send this member, of those that are refused otherwise.
///
/// # Errors
///
/// `InvalidRequest` naming a member that is refused, or whose value cannot be read.
pub(crate) fn take(dialect: Dialect, body: &mut Body, allows: impl Fn(&str) -> bool) -> Result<Asked, Error> {
    match body {
        Body::Document(document) => {
            let mut asked = take_members(dialect, document, allows)?;
            if metadata_is_ours(dialect) {
                take_metadata(document, &mut asked);
            }
            Ok(asked)
        }
        Body::Form(form) => take_parts(dialect, form),
        Body::Empty => Ok(Asked::default()),
    }
}

/// A form asks for waits alone; what else is meant for the gateway is left out of it, or refused.
fn take_parts(dialect: Dialect, form: &mut Form) -> Result<Asked, Error> {
    let row = |name: &str| row_of(dialect, name);
    let refused_row = |name: &&str| {
        row(name).is_some_and(|row| row.effect == Effect::Refused) && form.text(name) != Some("")
    };
    if let Some(name) = form.names().find(refused_row)
        && let Some(row) = row(name)
    {
        return Err(refused(row, name));
    }
    let wait = |name: &str| {
        form.text(name).filter(|text| !text.is_empty()).map_or(Ok(None), |text| {
            let seconds: f64 = text.trim().parse().map_err(|error| invalid(name, error))?;
            Duration::try_from_secs_f64(seconds).map(Some).map_err(|error| invalid(name, error))
        })
    };
    let asked =
        Asked { timeout: wait("timeout")?, stream_timeout: wait("stream_timeout")?, ..Asked::default() };
    form.retain(|name| row(name).is_none() && name != "metadata");
    Ok(asked)
}

fn take_members(
    dialect: Dialect,
    document: &mut Document,
    allows: impl Fn(&str) -> bool,
) -> Result<Asked, Error> {
    let own = document.names().filter_map(|name| Some((row_of(dialect, &name)?, name.into_owned())));
    let meant: Vec<(&Consumed, String)> = own.collect();
    if meant.is_empty() {
        return Ok(Asked::default());
    }
    let mut asked = Asked::default();
    let mut dropped: HashSet<String> = HashSet::new();
    for (consumed, name) in meant {
        let may_be_allowed = !matches!(consumed.name, "user_config" | "guardrails" | "mock_testing_*");
        if consumed.effect == Effect::Refused
            && !(may_be_allowed && allows(&name))
            && !is_nothing(document, &name)
        {
            return Err(refused(consumed, &name));
        }
        match consumed.name {
            "api_key" => asked.api_key = document.string(&name).map(Secret::new),
            "api_base" | "base_url" => asked.api_base = document.string(&name).map(|base| base.into_owned()),
            "timeout" => asked.timeout = seconds(document, &name)?,
            "stream_timeout" => asked.stream_timeout = seconds(document, &name)?,
            "num_retries" => {
                asked.retries =
                    document.get::<Option<u32>>(&name).map_err(|error| invalid(&name, error))?.flatten();
            }
            "fallbacks" => asked.fallbacks = fallbacks(document, &name)?,
            "context_window_fallbacks" => asked.context_window_fallbacks = fallbacks(document, &name)?,
            "content_policy_fallbacks" => asked.content_policy_fallbacks = fallbacks(document, &name)?,
            "disable_fallbacks" => asked.no_fallbacks = document.is_true(&name),
            "tags" => add_tags(&mut asked, document.raw(&name)),
            "litellm_*" if name == "litellm_metadata" => add_tags_of(&mut asked, document.raw(&name)),
            "mock_delay" => asked.mock_delay = seconds(document, &name)?,
            mock if document.is_true(&name) && mock_failure(mock).is_some() => {
                asked.mock_failure = mock_failure(mock);
            }
            "additional_drop_params" => {
                dropped = document.get(&name).map_err(|error| invalid(&name, error))?.unwrap_or_default();
            }
            _ => {}
        }
    }
    document.retain(|name| row_of(dialect, name).is_none() && !dropped.contains(name));
    let stored = document.is_true("store");
    let lists =
        [&mut asked.fallbacks, &mut asked.context_window_fallbacks, &mut asked.content_policy_fallbacks];
    for changes in lists.into_iter().flatten().flatten().filter_map(|fallback| fallback.changes.as_mut()) {
        clean(dialect, changes, &dropped, stored)?;
    }
    Ok(asked)
}

/// Takes out of a fallback's changes what would not go upstream from the top of the body either. What is refused there
/// is always refused here: a caller's credentials are for the model that it asks for.
fn clean(
    dialect: Dialect,
    changes: &mut Document,
    dropped: &HashSet<String>,
    stored: bool,
) -> Result<(), Error> {
    let refused_row = |name: &str| row_of(dialect, name).filter(|row| row.effect == Effect::Refused);
    for name in changes.names() {
        if let Some(row) = refused_row(&name)
            && !is_nothing(changes, &name)
        {
            let message = format!("`{name}` is not accepted in a fallback: {}", row.why);
            return Err(Error::new(ErrorKind::InvalidRequest, message).with_param(&*name));
        }
    }
    changes.retain(|name| row_of(dialect, name).is_none() && !dropped.contains(name));
    if metadata_is_ours(dialect) {
        let stored = if changes.contains("store") { changes.is_true("store") } else { stored };
        keep_metadata_if(stored, changes);
    }
    Ok(())
}

/// `metadata` is LiteLLM's place for tags and trace ids, and OpenAI's for stored completions. It goes upstream
/// only where it is the latter: all values are texts, and `store` is true.
fn take_metadata(document: &mut Document, asked: &mut Asked) {
    if !document.contains("metadata") {
        return;
    }
    add_tags_of(asked, document.raw("metadata"));
    keep_metadata_if(document.is_true("store"), document);
}

fn keep_metadata_if(stored: bool, document: &mut Document) {
    let all_texts = document.raw("metadata").is_some_and(|raw| {
        json::members(raw).all(|member| raw.get(member.value).is_some_and(|value| value.starts_with(b"\"")))
    });
    if !(all_texts && stored) {
        document.remove("metadata");
    }
}

/// Whether `metadata` is LiteLLM's place. Elsewhere it is the upstream's own, and LiteLLM's is `litellm_metadata`.
fn metadata_is_ours(dialect: Dialect) -> bool {
    match dialect {
        Dialect::OpenAi | Dialect::Cohere => true,
        Dialect::Responses | Dialect::Anthropic => false,
    }
}

/// Adds the tags that metadata hold.
fn add_tags_of(asked: &mut Asked, metadata: Option<&[u8]>) {
    let metadata = metadata.unwrap_or_default();
    add_tags(asked, json::member(metadata, "tags").and_then(|span| metadata.get(span)));
}

fn add_tags(asked: &mut Asked, tags: Option<&[u8]>) {
    let tags = tags.unwrap_or_default();
    let texts = json::elements(tags).filter_map(|span| json::string(tags.get(span)?));
    asked.tags.extend(texts.map(std::borrow::Cow::into_owned));
}

/// Names of models, or objects that name a `model` and members that take the place of the body's.
fn fallbacks(document: &Document, name: &str) -> Result<Option<Vec<Fallback>>, Error> {
    const FALLBACKS_MAX: usize = 20;
    let refused = |why: &str| {
        Error::new(ErrorKind::InvalidRequest, format!("`{name}` cannot be read: {why}")).with_param(name)
    };
    let Some(list) = document.raw(name).filter(|raw| !json::is_null(raw)) else {
        return Ok(None);
    };
    if list.first() != Some(&b'[') {
        return Err(refused("it must be a list"));
    }
    let fallback = |element: &[u8]| {
        if let Some(model) = json::string(element) {
            return Ok(Fallback { model: model.into_owned(), changes: None });
        }
        let changes = Document::parse(element.to_vec()).map_err(|error| invalid(name, error))?;
        let model = changes.string("model").map(|model| model.into_owned());
        let model = model.ok_or_else(|| refused("an object must name a `model`"))?;
        let mut changes = changes;
        changes.remove("model");
        Ok(Fallback { model, changes: Some(changes) })
    };
    let elements = json::elements(list).filter_map(|span| list.get(span));
    let fallbacks: Vec<Fallback> = elements.take(FALLBACKS_MAX).map(fallback).collect::<Result<_, _>>()?;
    Ok(Some(fallbacks))
}

fn mock_failure(name: &str) -> Option<MockFailure> {
    match name {
        "mock_testing_fallbacks" => Some(MockFailure::Any),
        "mock_testing_context_fallbacks" => Some(MockFailure::ContextWindow),
        "mock_testing_content_policy_fallbacks" => Some(MockFailure::ContentPolicy),
        "mock_testing_rate_limit_error" => Some(MockFailure::RateLimit),
        "mock_timeout" => Some(MockFailure::Timeout),
        _ => None,
    }
}

/// The row of a member that is meant for the gateway. `None` if it is the upstream's.
fn row_of(dialect: Dialect, name: &str) -> Option<&'static Consumed> {
    // Most members are the upstream's, and few begin as one that is meant.
    if !name.as_bytes().first_chunk().is_some_and(|start| BEGINNINGS.contains(start)) {
        return None;
    }
    // Forms write lists so.
    let name = name.strip_suffix("[]").unwrap_or(name);
    CONSUMED.iter().find(|row| is_meant(row.name, name) && row.own_of != Some(dialect))
}

fn is_meant(row: &str, name: &str) -> bool {
    row.strip_suffix('*').map_or(row == name, |start| name.starts_with(start))
}

fn is_nothing(document: &Document, name: &str) -> bool {
    matches!(document.raw(name), Some(b"null" | b"false" | b"\"\"" | b"[]" | b"{}"))
}

fn refused(consumed: &Consumed, name: &str) -> Error {
    let message = format!("`{name}` is not accepted from callers: {}", consumed.why);
    Error::new(ErrorKind::InvalidRequest, message).with_param(name)
}

fn seconds(document: &Document, name: &str) -> Result<Option<Duration>, Error> {
    let seconds: Option<f64> =
        document.get::<Option<f64>>(name).map_err(|error| invalid(name, error))?.flatten();
    let Some(seconds) = seconds else { return Ok(None) };
    Duration::try_from_secs_f64(seconds).map(Some).map_err(|error| invalid(name, error))
}

fn invalid(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("`{name}` cannot be read: {error}")).with_param(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Result<&str, &str>) {
        check_in(Dialect::OpenAi, body, expected);
    }

    fn check_in(dialect: Dialect, body: &str, expected: Result<&str, &str>) {
        let mut document = Body::Document(Document::parse(body.to_owned()).expect("a document"));
        let outcome = take(dialect, &mut document, |_| false).map_err(|error| error.message().to_owned());
        let left = String::from_utf8(document.segments().into_bytes().to_vec()).expect("text");
        match expected {
            Ok(expected) => assert_eq!(outcome.map(|_| left), Ok(expected.to_owned()), "{body}"),
            Err(expected) => assert!(outcome.is_err_and(|message| message.contains(expected)), "{body}"),
        }
    }

    #[test]
    fn every_name_begins_with_three_letters_to_be_told_by() {
        for row in CONSUMED {
            assert!(row.name.as_bytes().iter().take(3).filter(|byte| byte.is_ascii_lowercase()).count() == 3);
            assert!(
                row_of(Dialect::Anthropic, &row.name.replace('*', "x")).is_some() || row.own_of.is_some()
            );
        }
    }

    #[test]
    fn what_is_meant_for_the_gateway_stays_here() {
        check(
            r#"{"model":"m", "num_retries": 3,"tags":["a"],"litellm_metadata":{},"mock_response":"x","n":1}"#,
            Ok(r#"{"model":"m","n":1}"#),
        );
        check(r#"{"additional_drop_params":["seed"],"seed":1,"n":1}"#, Ok(r#"{"n":1}"#));
    }

    #[test]
    fn what_is_not_known_goes_on_untouched() {
        let body =
            r#"{"model":"m","providerOptions":{"gateway":{"order":["a"]}},"invented_next_year": 1.50}"#;
        check(body, Ok(body));
    }

    #[test]
    fn metadata_goes_upstream_only_as_openai_means_it() {
        let stored = r#"{"store":true,"metadata":{"a":"b"}}"#;
        check(stored, Ok(stored));
        check(r#"{"metadata":{"a":"b"}}"#, Ok("{}"));
        check(r#"{"store":true,"metadata":{"tags":["b"]}}"#, Ok(r#"{"store":true}"#));
    }

    #[test]
    fn other_dialects_keep_their_own_metadata() {
        let anthropic = r#"{"metadata":{"user_id":"u"},"cache_control":{"type":"ephemeral"}}"#;
        check_in(Dialect::Anthropic, anthropic, Ok(anthropic));
        let rerank = r#"{"priority":3,"tags":[]}"#;
        check_in(Dialect::Cohere, rerank, Ok(r#"{"priority":3}"#));
        let responses = r#"{"metadata":{"n":"1"},"litellm_metadata":{}}"#;
        check_in(Dialect::Responses, responses, Ok(r#"{"metadata":{"n":"1"}}"#));
    }

    #[test]
    fn a_form_asks_for_waits_and_is_refused_the_same() {
        let form = |name: &str, value: &str| {
            let text = format!(
                "--b\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n--b--\r\n"
            );
            let kind = http::HeaderValue::from_static("multipart/form-data; boundary=b");
            Body::Form(Form::parse(text, kind).expect("a form"))
        };
        let mut waiting = form("timeout", "2.5");
        let asked = take(Dialect::OpenAi, &mut waiting, |_| false).expect("nothing refused");
        assert_eq!(asked.timeout, Some(Duration::from_millis(2500)));
        let left = waiting.segments().into_bytes();
        assert_eq!(left, "--b\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--b--\r\n");
        let refused = |name: &str, value: &str| {
            take(Dialect::OpenAi, &mut form(name, value), |_| false).map(|_| ()).map_err(|error| error.kind())
        };
        assert_eq!(refused("api_key", "sk-x"), Err(ErrorKind::InvalidRequest));
        assert_eq!(refused("timeout", "soon"), Err(ErrorKind::InvalidRequest));
        assert_eq!(refused("response_format", "text"), Ok(()));
    }

    #[test]
    fn credentials_and_promises_that_cannot_be_kept_are_refused() {
        check(r#"{"api_key":"sk-x"}"#, Err("`api_key` is not accepted"));
        check(r#"{"base_url":"http://x"}"#, Err("`base_url` is not accepted"));
        check(r#"{"guardrails":["pii"]}"#, Err("`guardrails` is not accepted"));
        check(r#"{"guardrails":[],"mock_testing_fallbacks":false}"#, Ok("{}"));
        check(r#"{"mock_testing_fallbacks":true}"#, Err("`mock_testing_fallbacks` is not accepted"));
        check(r#"{"timeout":"soon"}"#, Err("`timeout` cannot be read"));
    }

    #[test]
    fn a_fallback_s_changes_are_looked_through_as_the_body_is() {
        let changes = |dialect, list: &str, more: &str, changes: &str| {
            let body = format!(r#"{{"{list}":[{{"model":"n",{changes}}}]{more}}}"#);
            let mut body = Body::Document(Document::parse(body).expect("a document"));
            let asked = take(dialect, &mut body, |_| true).map_err(|error| error.message().to_owned())?;
            let lists = [asked.fallbacks, asked.context_window_fallbacks, asked.content_policy_fallbacks];
            let fallback = lists.into_iter().flatten().flatten().next().expect("a fallback");
            let left = fallback.changes.expect("an object").segments().into_bytes();
            Ok::<_, String>(String::from_utf8(left.to_vec()).expect("text"))
        };
        let check = |given: &str, expected: Result<&str, &str>| {
            for list in ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"] {
                let outcome = changes(Dialect::OpenAi, list, "", given);
                match expected {
                    Ok(expected) => assert_eq!(outcome.as_deref(), Ok(expected), "{given}"),
                    Err(expected) => assert!(outcome.is_err_and(|told| told.contains(expected)), "{given}"),
                }
            }
        };
        for name in
            ["api_key", "api_base", "base_url", "user_config", "mock_testing_fallbacks", "mock_timeout"]
        {
            // Not even where the body itself may have it.
            check(&format!(r#""{name}":"x""#), Err(&format!("`{name}` is not accepted in a fallback")));
        }
        check(r#""api\u005fkey":"x""#, Err("`api_key` is not accepted in a fallback"));
        check(r#""guardrails":["pii"]"#, Err("`guardrails` is not accepted in a fallback"));
        check(
            r#""api_key":null,"timeout":1,"fallbacks":["o"],"mock_response":"x","litellm_metadata":{},"tags":[],"metadata":{"a":"b"},"n":1"#,
            Ok(r#"{"n":1}"#),
        );
        check(r#""store":true,"metadata":{"a":"b"}"#, Ok(r#"{"store":true,"metadata":{"a":"b"}}"#));
        check(r#""store":true,"metadata":{"tags":["b"]}"#, Ok(r#"{"store":true}"#));
        let openai = |more: &str, given: &str| changes(Dialect::OpenAi, "fallbacks", more, given);
        assert_eq!(
            openai(r#","additional_drop_params":["seed"]"#, r#""seed":1,"n":1"#).as_deref(),
            Ok(r#"{"n":1}"#)
        );
        assert_eq!(
            openai(r#","store":true"#, r#""metadata":{"a":"b"}"#).as_deref(),
            Ok(r#"{"metadata":{"a":"b"}}"#)
        );
        let own = changes(Dialect::Anthropic, "fallbacks", "", r#""metadata":{"user_id":"u"}"#);
        assert_eq!(own.as_deref(), Ok(r#"{"metadata":{"user_id":"u"}}"#));
    }

    #[test]
    fn test_switches_are_known_by_name() {
        let allowed = |body: &str| {
            let mut body = Body::Document(Document::parse(body.to_owned()).expect("a document"));
            take(Dialect::OpenAi, &mut body, |_| true).map_err(|error| error.message().to_owned())
        };
        for (name, failure) in [
            ("mock_testing_fallbacks", MockFailure::Any),
            ("mock_testing_context_fallbacks", MockFailure::ContextWindow),
            ("mock_testing_content_policy_fallbacks", MockFailure::ContentPolicy),
            ("mock_testing_rate_limit_error", MockFailure::RateLimit),
            ("mock_timeout", MockFailure::Timeout),
        ] {
            let asked = allowed(&format!(r#"{{"{name}":true,"mock_delay":0.25}}"#)).expect("allowed");
            assert_eq!(asked.mock_failure, Some(failure));
            assert_eq!(asked.mock_delay, Some(Duration::from_millis(250)));
            check(&format!(r#"{{"{name}":true}}"#), Err(&format!("`{name}` is not accepted")));
        }
        // One that is not known would be believed in, and test nothing.
        let unknown = allowed(r#"{"mock_testing_fallback":true}"#).expect_err("not known");
        assert!(unknown.contains("no test switch of this name"), "{unknown}");
        check(r#"{"mock_delay":1}"#, Err("`mock_delay` is not accepted"));
        assert!(allowed(r#"{"mock_delay":"soon"}"#).is_err());
    }

    #[test]
    fn waits_are_read() {
        let document = Document::parse(&br#"{"timeout":1.5,"stream_timeout":null}"#[..]).expect("a document");
        let asked = take(Dialect::OpenAi, &mut Body::Document(document), |_| false).expect("nothing refused");
        assert_eq!(asked.timeout, Some(Duration::from_millis(1500)));
        assert_eq!(asked.stream_timeout, None);
    }
}
