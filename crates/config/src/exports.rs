//! Where finished requests are told of: the callbacks that send, and the variables that steer them.

use trunkline_core::{Environment, Secret};

use crate::Location;
use crate::diagnostic::Report;

/// What OpenTelemetry calls the service, where nothing is said.
const SERVICE_NAME: &str = "trunkline";

/// Names of OTLP over HTTP, LiteLLM's and the standard's. All stand for protobuf, as in LiteLLM.
const HTTP: [&str; 4] = ["otlp_http", "http/protobuf", "http/json", "http"];

/// Where finished requests are told of, besides the log and `/metrics`.
#[derive(Clone, Debug, Default)]
pub struct ExportSettings {
    /// The callback `generic_api`, where it has an address.
    pub webhook: Option<WebhookSettings>,
    /// The callback `otel`, where it has an address.
    pub traces: Option<TraceSettings>,
}

/// A webhook that takes rows as JSON.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// `GENERIC_LOGGER_ENDPOINT`.
    pub endpoint: Secret,
    /// `GENERIC_LOGGER_HEADERS`: `name=value`, with commas between them.
    pub headers: Vec<(String, Secret)>,
}

/// A collector that takes traces by OTLP over HTTP.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, else `OTEL_ENDPOINT`.
    pub endpoint: Secret,
    /// `OTEL_EXPORTER_OTLP_HEADERS`, else `OTEL_HEADERS`: `name=value`, with commas between them, values in percent
    /// encoding.
    pub headers: Vec<(String, Secret)>,
    /// `OTEL_SERVICE_NAME`. Default `trunkline`.
    pub service_name: String,
}

impl ExportSettings {
    /// Whether the others send anything elsewhere, or otherwise. Secrets are compared by what they say.
    pub(crate) fn differs(&self, others: &Self) -> bool {
        self.exposed() != others.exposed()
    }

    /// All that is said, a text behind the other; the form keeps them apart.
    fn exposed(&self) -> String {
        let pairs = |headers: &[(String, Secret)]| -> Vec<(String, String)> {
            headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
        };
        let webhook = self.webhook.as_ref().map(|to| (to.endpoint.expose(), pairs(&to.headers)));
        let traces =
            self.traces.as_ref().map(|to| (to.endpoint.expose(), pairs(&to.headers), &to.service_name));
        format!("{webhook:?} {traces:?}")
    }
}

/// The webhook of the environment. What it lacks is told of at `location`, as what keeps `key` from having an effect.
pub(crate) fn webhook(
    environment: &Environment,
    location: &Location,
    key: &str,
    report: &mut Report,
) -> Option<WebhookSettings> {
    let Some(endpoint) = first(environment, &["GENERIC_LOGGER_ENDPOINT"]) else {
        report.warn(location, key, "`generic_api` sends nothing: set GENERIC_LOGGER_ENDPOINT");
        return None;
    };
    let headers = headers(environment, &["GENERIC_LOGGER_HEADERS"], str::to_owned, report);
    Some(WebhookSettings { endpoint: Secret::new(endpoint.1), headers })
}

/// The collector of the environment. What it lacks is told of at `location`, as what keeps `key` from having an effect.
pub(crate) fn traces(
    environment: &Environment,
    location: &Location,
    key: &str,
    report: &mut Report,
) -> Option<TraceSettings> {
    if let Some((name, protocol)) = first(environment, &["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER"])
        && !HTTP.contains(&protocol)
    {
        let message = format!(
            "`otel` sends nothing: {name} is `{protocol}`, and traces go by OTLP over HTTP alone; \
             `otlp_http` is its name"
        );
        report.warn(location, key, message);
        return None;
    }
    let Some(endpoint) = first(environment, &["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_ENDPOINT"]) else {
        let message = "`otel` sends nothing: set OTEL_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT";
        report.warn(location, key, message);
        return None;
    };
    let variables = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_HEADERS"];
    let service_name = first(environment, &["OTEL_SERVICE_NAME"]).map_or(SERVICE_NAME, |(_, name)| name);
    Some(TraceSettings {
        endpoint: Secret::new(endpoint.1),
        headers: headers(environment, &variables, percent_decoded, report),
        service_name: service_name.to_owned(),
    })
}

/// The first of these variables that says anything, and its name.
fn first<'e, 'n>(environment: &'e Environment, names: &[&'n str]) -> Option<(&'n str, &'e str)> {
    let said = |name: &&'n str| environment.get(name).map(|text| (*name, text.trim()));
    names.iter().filter_map(said).find(|(_, text)| !text.is_empty())
}

fn headers(
    environment: &Environment,
    variables: &[&str],
    decoded: fn(&str) -> String,
    report: &mut Report,
) -> Vec<(String, Secret)> {
    let Some((name, text)) = first(environment, variables) else { return Vec::new() };
    let mut found = Vec::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        if let Some((header, value)) = pair.split_once('=') {
            found.push((header.trim().to_owned(), Secret::new(decoded(value.trim()))));
        } else {
            // It is not shown: it may be half of a value that holds a comma.
            let message = "holds something that is not `name=value`, which is left out";
            report.warn(&Location::whole("environment"), name, message);
        }
    }
    found
}

/// `%20` and its like undone. What is no such thing stays as it is.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
        let escaped = (bytes[at] == b'%').then(|| Some(digit(at + 1)? * 16 + digit(at + 2)?)).flatten();
        if let Some(byte) = escaped.and_then(|byte| u8::try_from(byte).ok()) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_undone_where_they_mean_something() {
        for (text, expected) in [
            ("Bearer%20a%3Db", "Bearer a=b"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%C3%A4", "\u{e4}"),
            ("%ff", "%ff"),
        ] {
            assert_eq!(percent_decoded(text), expected, "{text}");
        }
    }

    #[test]
    fn another_secret_is_another_setting() {
        let with = |value: &str| ExportSettings {
            webhook: Some(WebhookSettings {
                endpoint: Secret::new("http://host"),
                headers: vec![("key".to_owned(), Secret::new(value))],
            }),
            traces: None,
        };
        assert!(!with("a").differs(&with("a")) && with("a").differs(&with("b")));
        assert!(with("a").differs(&ExportSettings::default()));
        assert!(!format!("{:?}", with("hidden")).contains("hidden"));
    }
}
