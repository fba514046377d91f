//! What a request asks of the gateway itself: read from its body, and taken out before sending.

use std::collections::HashSet;
use std::time::Duration;

use trunkline_core::{Body, Dialect, Document, Error, ErrorKind, Form, Secret, json};
use trunkline_router::{Fallback, MockFailure};

use crate::consumed::{Consumed, Effect, row_of};
use crate::metadata;

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
    /// What the body says of the cache, as JSON.
    pub(crate) cache: Option<Vec<u8>>,
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
            if metadata::is_ours(dialect) {
                asked.tags.extend(metadata::take(document));
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
            "cache" => asked.cache = document.raw(&name).map(<[u8]>::to_vec),
            "disable_fallbacks" => asked.no_fallbacks = document.is_true(&name),
            "tags" => asked.tags.extend(metadata::texts(document.raw(&name))),
            "litellm_*" if name == "litellm_metadata" => {
                asked.tags.extend(metadata::tags(document.raw(&name)));
            }
            "mock_delay" => asked.mock_delay = seconds(document, &name)?,
            "additional_drop_params" => {
                dropped = document.get(&name).map_err(|error| invalid(&name, error))?.unwrap_or_default();
            }
            mock if asked.mock_failure.is_none() && document.is_true(&name) => {
                asked.mock_failure = mock_failure(mock);
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
    if metadata::is_ours(dialect) {
        let stored = if changes.contains("store") { changes.is_true("store") } else { stored };
        metadata::keep_if(stored, changes);
    }
    Ok(())
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
            return Ok::<_, Error>(Fallback { model: model.into_owned(), changes: None });
        }
        let mut changes = Document::parse(element.to_vec()).map_err(|error| invalid(name, error))?;
        let model = changes.string("model").map(|model| model.into_owned());
        let model = model.ok_or_else(|| refused("an object must name a `model`"))?;
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
mod tests;
