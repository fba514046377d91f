//! What a caller asks of the cache, in the body's `cache` or in `Cache-Control`.

use std::time::Duration;

use http::HeaderMap;
use http::header::CACHE_CONTROL;
use trunkline_core::{Error, ErrorKind, json};

/// What a caller asks of the cache for one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// `ttl`: how long the reply is kept.
    pub ttl: Option<Duration>,
    /// `s-maxage` or `s-max-age`: how old a kept reply may be.
    pub age_max: Option<Duration>,
    /// `no-cache`: no kept reply is given. The new one is kept all the same.
    pub no_cache: bool,
    /// `no-store`: the reply is not kept.
    pub no_store: bool,
    /// `use-cache`: the cache is used though the operator leaves it off where nothing is said.
    pub use_cache: bool,
    /// `namespace`: a part of the cache that is named apart.
    pub namespace: Option<String>,
}

/// Longer times count as this one: a year.
const SECONDS_MAX: u64 = 31_536_000;

const KNOWN: &str = "`ttl`, `s-maxage`, `s-max-age`, `no-cache`, `no-store`, `use-cache` and `namespace`";

impl Controls {
    /// Reads what a request asks: the body's `cache`, and of the headers `Cache-Control`. The body counts first.
    ///
    /// Of the header, `no-cache`, `no-store`, `max-age` and `s-maxage` count; the last says also how long the reply is
    /// kept, as in LiteLLM. Any other directive is passed over, as HTTP asks.
    ///
    /// # Errors
    /// `InvalidRequest` naming a member or a directive whose value cannot be read, or a member that there is not: it
    /// could have asked that something is not kept.
    pub fn read(cache: Option<&[u8]>, headers: &HeaderMap) -> Result<Self, Error> {
        let mut controls = Self::default();
        for value in headers.get_all(CACHE_CONTROL) {
            // What is no text cannot be a directive that counts.
            controls.take_header(value.to_str().unwrap_or_default())?;
        }
        if let Some(cache) = cache.filter(|cache| !json::is_null(cache)) {
            controls.take_body(cache)?;
        }
        Ok(controls)
    }

    fn take_header(&mut self, text: &str) -> Result<(), Error> {
        for directive in text.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            let seconds = || {
                let number = json::u64(value.as_bytes());
                let number = number.ok_or_else(|| {
                    invalid(
                        "Cache-Control",
                        &format!("`{name}` in the header `Cache-Control` must be a whole number of seconds"),
                    )
                })?;
                Ok(Duration::from_secs(number.min(SECONDS_MAX)))
            };
            if name.eq_ignore_ascii_case("no-cache") {
                self.no_cache = true;
            } else if name.eq_ignore_ascii_case("no-store") {
                self.no_store = true;
            } else if name.eq_ignore_ascii_case("max-age") {
                self.age_max = Some(seconds()?);
            } else if name.eq_ignore_ascii_case("s-maxage") {
                self.age_max = Some(seconds()?);
                self.ttl = self.age_max;
            }
        }
        Ok(())
    }

    fn take_body(&mut self, cache: &[u8]) -> Result<(), Error> {
        if cache.first() != Some(&b'{') {
            return Err(invalid("cache", "`cache` must be an object"));
        }
        for member in json::members(cache) {
            let value = cache.get(member.value.clone()).unwrap_or_default();
            if json::is_null(value) {
                continue;
            }
            if member.is_named("ttl") {
                self.ttl = Some(seconds("ttl", value)?);
            } else if member.is_named("s-maxage") {
                self.age_max = Some(seconds("s-maxage", value)?);
            } else if member.is_named("s-max-age") {
                self.age_max = Some(seconds("s-max-age", value)?);
            } else if member.is_named("no-cache") {
                self.no_cache = boolean("no-cache", value)?;
            } else if member.is_named("no-store") {
                self.no_store = boolean("no-store", value)?;
            } else if member.is_named("use-cache") {
                self.use_cache = boolean("use-cache", value)?;
            } else if member.is_named("namespace") {
                let text = json::string(value);
                let text = text.ok_or_else(|| in_cache("namespace", "must be a string"))?;
                self.namespace = Some(text.into_owned()).filter(|text| !text.is_empty());
            } else {
                let name = String::from_utf8_lossy(member.key);
                return Err(in_cache(&name, &format!("is not known; there are {KNOWN}")));
            }
        }
        Ok(())
    }
}

fn seconds(name: &str, value: &[u8]) -> Result<Duration, Error> {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok());
    let duration = number.and_then(|number| {
        let largest = Duration::from_secs(SECONDS_MAX);
        let number = number.min(largest.as_secs_f64());
        Duration::try_from_secs_f64(number).ok()
    });
    duration.ok_or_else(|| in_cache(name, "must be a number of seconds, from 0"))
}

fn boolean(name: &str, value: &[u8]) -> Result<bool, Error> {
    match value {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => Err(in_cache(name, "must be true or false")),
    }
}

fn in_cache(name: &str, why: &str) -> Error {
    invalid(&format!("cache.{name}"), &format!("`cache.{name}` {why}"))
}

fn invalid(param: &str, message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).with_param(param)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cache: Option<&str>, header: Option<&str>) -> Result<Controls, Error> {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(CACHE_CONTROL, header.parse().expect("a header"));
        }
        Controls::read(cache.map(str::as_bytes), &headers)
    }

    fn check(cache: Option<&str>, header: Option<&str>, expected: &Controls) {
        assert_eq!(&read(cache, header).expect("it can be read"), expected, "{cache:?} {header:?}");
    }

    fn check_refused(cache: Option<&str>, header: Option<&str>, param: &str, message: &str) {
        let error = read(cache, header).expect_err("it cannot be read");
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert_eq!((error.param(), error.message()), (Some(param), message));
    }

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn nothing_said_is_nothing_asked() {
        check(None, None, &Controls::default());
        check(Some("null"), Some("no-transform, stale-if-error=x"), &Controls::default());
        check(Some(r#"{"ttl": null, "namespace": ""}"#), None, &Controls::default());
    }

    #[test]
    fn every_control_is_read_from_the_body() {
        check(
            Some(
                r#"{"ttl": 1.5, "s-maxage": 30, "no-cache": true, "no-store": true, "use-cache": true,
                    "n\u0061mespace": "a\u00e9"}"#,
            ),
            None,
            &Controls {
                ttl: Some(Duration::from_millis(1500)),
                age_max: seconds(30),
                no_cache: true,
                no_store: true,
                use_cache: true,
                namespace: Some("aé".to_owned()),
            },
        );
        check(Some(r#"{"s-max-age":7}"#), None, &Controls { age_max: seconds(7), ..Controls::default() });
        check(Some(r#"{"ttl":1e300}"#), None, &Controls { ttl: seconds(SECONDS_MAX), ..Controls::default() });
    }

    #[test]
    fn the_header_is_read_as_http_and_litellm_do() {
        check(
            None,
            Some("No-Cache, no-store"),
            &Controls { no_cache: true, no_store: true, ..Controls::default() },
        );
        check(None, Some("max-age=0"), &Controls { age_max: seconds(0), ..Controls::default() });
        check(
            None,
            Some("public , s-maxage = \"60\""),
            &Controls { age_max: seconds(60), ttl: seconds(60), ..Controls::default() },
        );
    }

    #[test]
    fn the_body_counts_before_the_header() {
        let expected = Controls { age_max: seconds(60), ttl: seconds(5), ..Controls::default() };
        check(Some(r#"{"ttl":5,"no-cache":false}"#), Some("s-maxage=60, no-cache"), &expected);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        check_refused(Some("true"), None, "cache", "`cache` must be an object");
        let text = "`cache.ttl` must be a number of seconds, from 0";
        for value in ["-1", "\"5\"", "true", "[]"] {
            check_refused(Some(&format!("{{\"ttl\":{value}}}")), None, "cache.ttl", text);
        }
        check_refused(
            Some(r#"{"no-store":1}"#),
            None,
            "cache.no-store",
            "`cache.no-store` must be true or false",
        );
        check_refused(
            Some(r#"{"namespace":1}"#),
            None,
            "cache.namespace",
            "`cache.namespace` must be a string",
        );
        let header = "`s-maxage` in the header `Cache-Control` must be a whole number of seconds";
        check_refused(None, Some("s-maxage=soon"), "Cache-Control", header);
    }

    #[test]
    fn a_control_that_is_misspelt_is_not_passed_over() {
        let error = read(Some(r#"{"no_store":true}"#), None).expect_err("there is no such member");
        assert_eq!(error.param(), Some("cache.no_store"));
        assert!(error.message().contains("`no-store`"), "{error}");
    }
}
