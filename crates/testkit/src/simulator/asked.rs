//! What the bill and the scripts read of a request's body, whatever its endpoint is.

use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;

use super::multipart;
use super::script::Scripts;

/// The header with the script of one request, for callers whose headers come through.
const SCRIPT_HEADER: &str = "x-sim-script";

/// The members that concern everybody. What is of another type than here is not there.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) model: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) streamed: bool,
    /// The service tier that is wanted.
    pub(crate) tier: Option<String>,
    /// What the request says is to become of it, or why that cannot be read.
    pub(crate) scripts: Option<Result<Scripts, String>>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    model: serde_json::Value,
    #[serde(default)]
    user: serde_json::Value,
    #[serde(default)]
    stream: serde_json::Value,
    #[serde(default)]
    service_tier: serde_json::Value,
    #[serde(default, rename = "providerOptions")]
    provider_options: serde_json::Value,
}

impl Asked {
    pub(crate) fn read(headers: &HeaderMap, body: &Bytes) -> Self {
        let mut asked = match multipart::boundary(headers) {
            Some(boundary) => {
                let form = multipart::Form::read(&boundary, body).ok();
                let model = form.and_then(|form| form.text("model").map(str::to_owned));
                Self { model, ..Self::default() }
            }
            None => serde_json::from_slice::<Body>(body).map(|body| Self::of_body(&body)).unwrap_or_default(),
        };
        if let Some(script) = headers.get(SCRIPT_HEADER) {
            let script = serde_json::from_slice::<serde_json::Value>(script.as_bytes());
            let script = script.and_then(serde_json::from_value::<Scripts>);
            asked.scripts = Some(script.map_err(|error| error.to_string()));
        }
        asked
    }

    fn of_body(body: &Body) -> Self {
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let gateway = &body.provider_options["gateway"];
        let tags = gateway["tags"].as_array().into_iter().flatten();
        let scripts = Some(&body.provider_options["sim"]).filter(|scripts| !scripts.is_null());
        Self {
            model: text(&body.model),
            user: text(&body.user).or_else(|| text(&gateway["user"])),
            tags: tags.filter_map(text).collect(),
            streamed: body.stream == true,
            tier: text(&gateway["serviceTier"]).or_else(|| text(&body.service_tier)),
            scripts: scripts.map(|scripts| Scripts::deserialize(scripts).map_err(|error| error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_wherever_they_stand() {
        let body = r#"{"model":"a/b","stream":true,"service_tier":"flex","providerOptions":{"gateway":{"user":"u","tags":["x",1,"y"]},
            "sim":[{"text_events":2},{"faults":["unavailable"]}]}}"#;
        let asked = Asked::read(&HeaderMap::new(), &Bytes::from_static(body.as_bytes()));
        assert_eq!((asked.model.as_deref(), asked.user.as_deref()), (Some("a/b"), Some("u")));
        assert_eq!((asked.tags, asked.streamed), (vec!["x".to_owned(), "y".to_owned()], true));
        assert_eq!(asked.tier.as_deref(), Some("flex"));
        assert_eq!(asked.scripts.unwrap().unwrap().of_call(0).text_events, Some(2));
    }

    #[test]
    fn a_header_wins_and_nonsense_is_told() {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static(SCRIPT_HEADER),
            http::HeaderValue::from_static(r#"{"text_event":2}"#),
        )]);
        let body = Bytes::from_static(br#"{"model":7,"providerOptions":{"sim":{}}}"#);
        let asked = Asked::read(&headers, &body);
        assert_eq!(asked.model, None);
        assert!(asked.scripts.is_some_and(|scripts| scripts.is_err()));
    }
}
