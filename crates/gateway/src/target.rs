//! Where a call goes: the deployment's own target, or what a caller made of it.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use trunkline_core::{Error, ErrorKind};
use trunkline_provider::Target;
use trunkline_router::Candidate;

use crate::consumed::Asked;

static TIMEOUT: HeaderName = HeaderName::from_static("x-litellm-timeout");
static STREAM_TIMEOUT: HeaderName = HeaderName::from_static("x-litellm-stream-timeout");

/// The target with what the caller asked for. `None` if it asked for nothing.
///
/// # Errors
///
/// `InvalidRequest` for a wait that is no number, or a base that is not accepted.
pub(crate) fn asked_for(
    candidate: &Candidate,
    asked: Asked,
    request: &HeaderMap,
    streaming: bool,
) -> Result<Option<Target>, Error> {
    let total = asked.timeout.or(seconds(request, &TIMEOUT)?);
    let first_event = asked.stream_timeout.or(seconds(request, &STREAM_TIMEOUT)?);
    if total.is_none() && first_event.is_none() && asked.api_base.is_none() && asked.api_key.is_none() {
        return Ok(None);
    }
    let mut target = Target::clone(&candidate.deployment.context().target);
    if let Some(total) = total {
        target.send.waits.total = total;
    }
    if let Some(first_event) = first_event.filter(|_| streaming) {
        target.send.waits.first_event = first_event;
    }
    if let Some(base) = asked.api_base {
        check_base(&base)?;
        // The deployment's key belongs to its own base and goes nowhere else.
        target.api_base = Some(base);
        target.api_key = None;
        target.from_caller = true;
        target.extra_headers = HeaderMap::new();
        target.organization = None;
    }
    if let Some(key) = asked.api_key {
        target.api_key = Some(key);
    }
    Ok(Some(target))
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

fn seconds(request: &HeaderMap, name: &HeaderName) -> Result<Option<Duration>, Error> {
    let Some(value) = request.get(name) else {
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
