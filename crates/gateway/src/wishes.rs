//! What a request asks of the router, read from its body and its headers.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use http::HeaderName;
use trunkline_core::{Error, ErrorKind};
use trunkline_router::{OwnTarget, Router, Wishes};
use trunkline_store::TAGS_MAX;

use crate::asked::Asked;
use crate::authentication::Caller;
use crate::body::MODEL_NAME_BYTES_MAX;
use crate::reach;
use crate::steering::Steering;

static TIMEOUT: HeaderName = HeaderName::from_static("x-litellm-timeout");
static STREAM_TIMEOUT: HeaderName = HeaderName::from_static("x-litellm-stream-timeout");
static CONNECT_TIMEOUT: HeaderName = HeaderName::from_static("x-trunkline-connect-timeout-ms");
static IDLE_TIMEOUT: HeaderName = HeaderName::from_static("x-trunkline-idle-timeout-ms");
static RETRIES: HeaderName = HeaderName::from_static("x-litellm-num-retries");
static TAGS: HeaderName = HeaderName::from_static("x-litellm-tags");

/// What a request asks of the router: its body goes before its headers.
///
/// # Errors
///
/// `InvalidRequest` for a header that is no number, a base that is not accepted, a tag that is too long, or too many of them.
pub(crate) fn of(
    asked: Asked,
    steering: Steering<'_>,
    caller: &Caller,
    deployment: Option<String>,
    begin_within: Option<Duration>,
) -> Result<Wishes, Error> {
    let Asked { api_base, api_key, timeout, stream_timeout, mut tags, retries, .. } = asked;
    let own_target = if api_base.is_some() || api_key.is_some() {
        api_base.as_deref().map(check_base).transpose()?;
        Some(OwnTarget { api_base, api_key })
    } else {
        None
    };
    if let Some(text) = steering.get(&TAGS).and_then(|value| value.to_str().ok()) {
        tags.extend(text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned));
    }
    tags.iter().try_for_each(|tag| check_length("tags", tag))?;
    let of_key = caller.identity().map_or(&[][..], |identity| &identity.tags);
    // The key's come first: no number of others keeps their budgets from being looked at.
    tags.splice(..0, of_key.iter().cloned());
    once(&mut tags);
    check_count(&tags, of_key.len())?;
    Ok(Wishes {
        retries: retries.or(number(steering, &RETRIES)?),
        timeout: timeout.or(seconds(steering, &TIMEOUT)?),
        first_event_timeout: stream_timeout.or(seconds(steering, &STREAM_TIMEOUT)?),
        connect_timeout: milliseconds(steering, &CONNECT_TIMEOUT)?,
        idle_timeout: milliseconds(steering, &IDLE_TIMEOUT)?,
        fallbacks: asked.fallbacks,
        context_window_fallbacks: asked.context_window_fallbacks,
        content_policy_fallbacks: asked.content_policy_fallbacks,
        no_fallbacks: asked.no_fallbacks,
        tags,
        reach: reach::of(caller),
        tenant: caller.tenant_hash(),
        deployment,
        own_target,
        begin_within,
        mock_failure: asked.mock_failure,
        mock_delay: asked.mock_delay,
    })
}

/// The longest name of a tag or an end user, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// Refuses names that are too long to be kept: of each there are limits in memory, and it stands in rows and logs. One that
/// is cut would be another's.
pub(crate) fn check_length(param: &str, name: &str) -> Result<(), Error> {
    if name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    let message = format!("a name in `{param}` must not be longer than {NAME_BYTES_MAX} bytes.");
    Err(Error::new(ErrorKind::InvalidRequest, message).with_param(param))
}

/// Refuses more tags than are looked at for budgets and have their sums: each costs a look and a sum. What a key has too
/// many of itself is not the request's to change.
fn check_count(tags: &[String], of_key: usize) -> Result<(), Error> {
    if tags.len() <= TAGS_MAX.max(of_key) {
        return Ok(());
    }
    let message = format!(
        "a request must not bear more than {TAGS_MAX} tags: those of its key, of `tags`, of metadata and of the header \
         {TAGS} count together, each once."
    );
    Err(Error::new(ErrorKind::InvalidRequest, message).with_param("tags"))
}

/// Leaves the first of each: a tag that is named twice is charged once.
fn once(tags: &mut Vec<String>) {
    if tags.len() > 1 {
        let mut seen = HashSet::new();
        tags.retain(|tag| seen.insert(tag.clone()));
    }
}

/// Refuses fallbacks of the request's own that lead nowhere: whoever names one counts on it.
///
/// # Errors
///
/// `InvalidRequest` naming the first of them, or for a name that is too long to be one; `ModelForbidden` for a caller who
/// may not know which there are.
pub(crate) fn check_fallbacks(caller: &Caller, router: &Router, wishes: &Wishes) -> Result<(), Error> {
    let lists = [
        ("fallbacks", &wishes.fallbacks),
        ("context_window_fallbacks", &wishes.context_window_fallbacks),
        ("content_policy_fallbacks", &wishes.content_policy_fallbacks),
    ];
    for (list, fallbacks) in lists {
        for fallback in fallbacks.iter().flatten() {
            if fallback.model.len() > MODEL_NAME_BYTES_MAX {
                let message =
                    format!("a model of `{list}` must not be longer than {MODEL_NAME_BYTES_MAX} bytes.");
                return Err(Error::new(ErrorKind::InvalidRequest, message).with_param(list));
            }
            if let Err(error) = router.resolve(&fallback.model) {
                let model = &fallback.model;
                let error = reach::unknown(caller, model, error);
                if error.kind() == ErrorKind::ModelForbidden {
                    return Err(error);
                }
                let message = format!("`{list}` names `{model}`, which leads nowhere: {}", error.message());
                return Err(Error::new(ErrorKind::InvalidRequest, message).with_param(list));
            }
        }
    }
    Ok(())
}

fn number(steering: Steering<'_>, name: &HeaderName) -> Result<Option<u32>, Error> {
    let Some(value) = steering.get(name) else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| {
        let message = format!("the header {name} must be a whole number from 0");
        Error::new(ErrorKind::InvalidRequest, message).with_param(name.as_str())
    })
}

fn milliseconds(steering: Steering<'_>, name: &HeaderName) -> Result<Option<Duration>, Error> {
    Ok(number(steering, name)?.map(|figure| Duration::from_millis(figure.into())))
}

/// Refuses a caller's base URL that is no web address, or that names this network by number.
fn check_base(base: &str) -> Result<(), Error> {
    let refused = |why: &str| {
        let message = format!("`api_base` is not accepted: {why}");
        Err(Error::new(ErrorKind::InvalidRequest, message).with_param("api_base"))
    };
    let Ok(uri) = base.parse::<http::Uri>() else {
        return refused("it is no URL");
    };
    if !matches!(uri.scheme_str(), Some("https"))
        || uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
    {
        return refused("it must be a plain https URL");
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    // A name without a dot is one of this network.
    if !host.contains('.') && !host.contains(':') || host.ends_with(".localhost") || host.ends_with(".local")
    {
        return refused("it must name a public host");
    }
    // A number in any notation (127.1, 0x7f000001) is read as an address by some resolvers.
    let looks_numeric =
        host.rsplit('.').next().is_some_and(|last| last.starts_with(|first: char| first.is_ascii_digit()));
    if host.parse::<IpAddr>().is_ok() || looks_numeric {
        return refused("it must name a host and not an address");
    }
    Ok(())
}

fn seconds(steering: Steering<'_>, name: &HeaderName) -> Result<Option<Duration>, Error> {
    let Some(value) = steering.get(name) else {
        return Ok(None);
    };
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(wait) => Ok(Some(wait)),
        None => {
            let message = format!("the header {name} must be a number of seconds");
            Err(Error::new(ErrorKind::InvalidRequest, message).with_param(name.as_str()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_counts_once() {
        let mut tags = ["b", "a", "b", "c", "a"].map(str::to_owned).to_vec();
        once(&mut tags);
        assert_eq!(tags, ["b", "a", "c"]);
    }

    #[test]
    fn a_request_brings_no_more_tags_than_are_looked_at() {
        let check = |of_key: usize, all: usize| {
            let tags: Vec<String> = (0..all).map(|tag| tag.to_string()).collect();
            check_count(&tags, of_key).map_err(|error| (error.kind(), error.param().map(str::to_owned)))
        };
        let refused = Err((ErrorKind::InvalidRequest, Some("tags".to_owned())));
        assert_eq!(check(0, TAGS_MAX), Ok(()));
        assert_eq!(check(0, TAGS_MAX + 1), refused);
        assert_eq!(check(3, TAGS_MAX + 1), refused);
        // A key that has more itself is served, and brings no further ones.
        assert_eq!(check(TAGS_MAX + 5, TAGS_MAX + 5), Ok(()));
        assert_eq!(check(TAGS_MAX + 5, TAGS_MAX + 6), refused);
    }

    #[test]
    fn a_caller_s_base_url_names_a_public_host() {
        for base in [
            "http://api.example/v1",
            "https://127.0.0.1/v1",
            "https://[::1]/v1",
            "https://localhost:8080/v1",
            "https://user@api.example/v1",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://127.1/",
            "https://127.0.0.1.:4725/",
            "https://LOCALHOST:4725/",
            "https://metadata/",
            "file:///etc/passwd",
            "api.example",
        ] {
            assert!(check_base(base).is_err(), "{base}");
        }
        assert!(check_base("https://api.example/v1").is_ok());
    }
}
