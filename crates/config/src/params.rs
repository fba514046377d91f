//! `litellm_params`: where a row's calls go, and with what.

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use trunkline_core::Secret;

use crate::deployment_settings::DeploymentSettings;
use crate::keys::{self, Section};
use crate::members::Members;
use crate::node::Member;
use crate::reader::Reader;
use crate::review::is_sent_upstream;
use crate::{Location, coerce, prices};

/// Reads `litellm_params`, all but what the row alone can say.
pub(crate) fn read(reader: &mut Reader<'_, '_>, location: &Location) -> DeploymentSettings {
    let max_retries = reader.count("max_retries");
    let mut deployment = DeploymentSettings {
        custom_llm_provider: reader.text("custom_llm_provider"),
        api_key: api_key(reader),
        api_base: api_base(reader),
        organization: reader.text("organization"),
        extra_headers: extra_headers(reader),
        extra_body: reader.members("extra_body").iter().map(as_json).collect(),
        defaults: defaults(reader),
        timeout: reader.seconds("timeout"),
        stream_timeout: reader.seconds("stream_timeout"),
        order: reader.signed("order"),
        max_parallel_requests: reader.integer("max_parallel_requests"),
        rpm: limit(reader, "rpm"),
        tpm: limit(reader, "tpm"),
        weight: reader.number("weight"),
        tags: reader.texts("tags"),
        num_retries: reader.count("num_retries").or(max_retries),
        cooldown_time: reader.duration("cooldown_time"),
        mock_response: reader.text("mock_response"),
        configurable_clientside_auth_params: clientside_params(reader),
        location: location.clone(),
        ..DeploymentSettings::default()
    };
    prices::fill(&mut deployment, reader);
    deployment
}

/// A key that goes out in a header. One that none can hold would fail every call.
fn api_key(reader: &mut Reader<'_, '_>) -> Option<Secret> {
    const KEY: &str = "api_key";
    let key = reader.text(KEY)?;
    if HeaderValue::from_str(key.trim()).is_err()
        && let Some(node) = reader.node(KEY)
    {
        reader.refuse(KEY, &node.location, "holds characters that no HTTP header may hold");
    }
    Some(Secret::from(key))
}

/// A limit of a minute, which at 0 lets nothing through.
fn limit(reader: &mut Reader<'_, '_>, key: &str) -> Option<u64> {
    let limit = reader.integer(key)?;
    if limit == 0
        && let Some(node) = reader.node(key)
    {
        reader.warn(key, &node.location, "lets no request through");
    }
    Some(limit)
}

/// A base URL, which says how it is spoken to: without a scheme every call to it would fail.
fn api_base(reader: &mut Reader<'_, '_>) -> Option<String> {
    const KEY: &str = "api_base";
    let base = reader.text(KEY)?;
    if !is_base(&base)
        && let Some(node) = reader.node(KEY)
    {
        reader.refuse(KEY, &node.location, "must be a URL that begins with http:// or https:// and names a host, with a port from 1 to 65535 if any");
    }
    Some(base)
}

/// Whether a text can be a base URL: `http://` or `https://`, and a host.
pub fn is_base(text: &str) -> bool {
    let Ok(uri) = text.trim().parse::<Uri>() else { return false };
    let is_http = uri.scheme().is_some_and(|scheme| matches!(scheme.as_str(), "http" | "https"));
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    // A port that is none is not left out: somebody else may listen at the usual one.
    let host_and_port = uri.authority().map_or("", |authority| authority.as_str());
    let after_host = host_and_port.rsplit(['@', ']']).next().unwrap_or_default();
    let port = after_host.split_once(':').map(|(_, port)| port);
    is_http && has_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn extra_headers(reader: &mut Reader<'_, '_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for key in ["headers", "extra_headers"] {
        for header in reader.members(key) {
            if header.node.is_null() {
                continue;
            }
            let value =
                coerce::text(&header.node).ok().and_then(|text| HeaderValue::try_from(text.trim()).ok());
            match (HeaderName::try_from(header.key.as_str()), value) {
                (Ok(name), Some(mut value)) => {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
                (_, None) => {
                    let wanted = "text that a header can hold";
                    reader.misfit(&format!("{key}.{}", header.key), &header.node, wanted);
                }
                (Err(_), Some(_)) => {
                    let message = format!("`{}` is no name of a header", header.key);
                    reader.refuse(key, &header.node.location, message);
                }
            }
        }
    }
    headers
}

/// What callers may bring themselves. LiteLLM also takes mappings with a pattern for the value.
fn clientside_params(reader: &mut Reader<'_, '_>) -> Vec<String> {
    const KEY: &str = "configurable_clientside_auth_params";
    let mut params = Vec::new();
    for item in reader.items(KEY) {
        match coerce::text(item).as_deref() {
            Ok(param @ ("api_key" | "api_base")) => params.push(param.to_owned()),
            Ok(_) | Err(_) => {
                let message = "may hold `api_key` and `api_base` alone, without a pattern";
                reader.refuse(KEY, &item.location, message);
            }
        }
    }
    params
}

/// Parameters of calls, and what else goes upstream as it stands.
fn defaults(reader: &Reader<'_, '_>) -> Members {
    let is_default = |member: &&Member| {
        !member.node.is_null()
            && match keys::find(Section::LitellmParams, &member.key) {
                Some(row) => keys::is_parameter(row.key),
                None => is_sent_upstream(&member.key),
            }
    };
    reader.all().iter().filter(is_default).map(as_json).collect()
}

fn as_json(member: &Member) -> (String, String) {
    (member.key.clone(), member.node.to_json())
}
