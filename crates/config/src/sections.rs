//! The sections besides `model_list`: what of them is supported, read into settings.

use std::time::Duration;

use http::HeaderName;
use trunkline_core::{Environment, Secret};

use crate::diagnostic::Report;
use crate::groups::Groups;
use crate::keys::Section;
use crate::node::{Member, Node, Value};
use crate::reader::{Reader, section};
use crate::settings::{GeneralSettings, Settings, UpstreamSettings};
use crate::trunkline_settings::TrunklineSettings;
use crate::{Location, accounts, aliases, cache, callbacks, coerce, redis, routing};

/// Keys that stand in public documentation, and therefore protect nothing.
const PUBLIC_MASTER_KEYS: [&str; 1] = ["sk-1234"];

const MASTER_KEY: &str = "master_key";
const MASTER_KEY_VARIABLE: &str = "LITELLM_MASTER_KEY";
const PERMIT_WEAK: &str = "dangerously_permit_weak_or_unset_master_key";
const PERMIT_WEAK_VARIABLE: &str = "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY";
const TIMEOUT_VARIABLE: &str = "REQUEST_TIMEOUT";

const BYTES_PER_MB: u64 = 1024 * 1024;

/// The silence after which a stream of Messages gets a `ping`, where nothing is said.
const MESSAGES_PING: Duration = Duration::from_secs(15);

/// Reads `litellm_settings`, `router_settings` and `general_settings`.
pub(crate) fn read(
    members: &[Member],
    environment: &Environment,
    settings: &mut Settings,
    report: &mut Report,
) {
    let quiet = &mut Report::default();
    let litellm = section(members, Section::LitellmSettings, quiet);
    let router = section(members, Section::RouterSettings, quiet);
    let general = section(members, Section::GeneralSettings, quiet);

    let mut reader = Reader::section(litellm, "litellm_settings", report);
    settings.json_logs = reader.boolean("json_logs").unwrap_or(false);
    let named = callbacks::read(&mut reader, environment);
    (settings.metrics, settings.exports) = (named.metrics, named.exports);
    settings.metrics_open = reader.boolean("require_auth_for_metrics_endpoint") == Some(false);
    settings.keepalive = reader.seconds("sse_keepalive_ping_interval_seconds");
    let ping = reader.seconds("anthropic_sse_ping_interval_seconds").unwrap_or(MESSAGES_PING);
    settings.messages_keepalive = Some(ping).filter(|every| !every.is_zero());
    accounts::read_litellm(&mut reader, &mut settings.accounts);
    settings.cache = cache::read(&mut reader, environment);
    settings.upstream = UpstreamSettings {
        timeout: reader.seconds("request_timeout"),
        stream_timeout: None,
        verify_certificates: reader.boolean("ssl_verify").unwrap_or(true),
        http2: reader.boolean("http2").unwrap_or(false),
    };

    let mut reader = Reader::section(router, "router_settings", report);
    let of_router = redis::read(&mut reader, &redis::OF_ROUTER, environment);
    let is_of_router =
        [redis::OF_ROUTER.url, redis::OF_ROUTER.host].iter().any(|key| reader.node(key).is_some());
    settings.redis = if is_of_router { of_router } else { settings.cache.redis.clone() };
    let timeout = reader.seconds("timeout");
    settings.upstream.timeout = settings.upstream.timeout.or(timeout);
    settings.upstream.stream_timeout = reader.seconds("stream_timeout");
    let groups = Groups::new(&settings.deployments, reader.members(aliases::KEY));
    settings.aliases = aliases::read(&mut reader, &groups);
    settings.routing = routing::read(router, litellm, &groups, report);

    if settings.upstream.timeout.is_none() {
        settings.upstream.timeout =
            variable(TIMEOUT_VARIABLE, environment, coerce::seconds, report).flatten();
    }
    let mut reader = Reader::section(general, "general_settings", report);
    settings.general = read_general(&mut reader, environment);
    accounts::read_general(&mut reader, environment, &mut settings.accounts);
}

fn read_general(reader: &mut Reader<'_, '_>, environment: &Environment) -> GeneralSettings {
    let permit = reader.boolean(PERMIT_WEAK).unwrap_or(false)
        || variable(PERMIT_WEAK_VARIABLE, environment, coerce::boolean, reader.report).unwrap_or(false);
    let master_key = master_key(reader, environment, permit);
    let mut is_on = |key| reader.boolean(key).unwrap_or(false);
    GeneralSettings {
        master_key,
        permit_weak_or_unset_master_key: permit,
        forward_client_headers: is_on("forward_client_headers_to_llm_api"),
        forward_openai_organization: is_on("forward_openai_org_id"),
        client_side_credentials: is_on("allow_client_side_credentials"),
        always_include_stream_usage: is_on("always_include_stream_usage"),
        return_wildcard_routes: is_on("return_wildcard_routes"),
        enforce_user_param: is_on("enforce_user_param"),
        background_health_checks: is_on("background_health_checks"),
        allow_mock_testing_params: is_on("dangerously_allow_mock_testing_request_params"),
        key_header_name: header(reader, "litellm_key_header_name"),
        global_max_parallel_requests: reader
            .integer("global_max_parallel_requests")
            .filter(|limit| *limit > 0),
        completion_model: reader.text("completion_model"),
        user_headers: user_headers(reader),
        health_check_details: reader.boolean("health_check_details").unwrap_or(true),
        health_check_interval: reader
            .seconds("health_check_interval")
            .unwrap_or(GeneralSettings::default().health_check_interval),
        health_check_concurrency: reader.integer("health_check_concurrency").filter(|limit| *limit > 0),
    }
}

/// The key of the file, else that of the environment. A key that protects nothing is refused.
fn master_key(reader: &mut Reader<'_, '_>, environment: &Environment, permit: bool) -> Option<Secret> {
    let weak = |key: &Secret| key.is_empty() || PUBLIC_MASTER_KEYS.contains(&key.expose());
    let why = |key: &Secret| {
        if key.is_empty() { "is empty" } else { "is a key that everybody knows" }
    };
    let advice = "choose one of your own, as `openssl rand -hex 32` makes them";
    if let Some(node) = reader.node(MASTER_KEY) {
        let Ok(key) = coerce::text(node).map(Secret::from) else {
            reader.misfit(MASTER_KEY, node, "text");
            return None;
        };
        if weak(&key) && !permit {
            reader.refuse(MASTER_KEY, &node.location, format!("{}; {advice}", why(&key)));
            return None;
        }
        return Some(key).filter(|key| !key.is_empty());
    }
    let key = environment.secret(MASTER_KEY_VARIABLE)?;
    if weak(&key) && !permit {
        let location = Location::whole("environment");
        reader.report.fatal(&location, MASTER_KEY_VARIABLE, format!("{}; {advice}", why(&key)));
        return None;
    }
    Some(key)
}

/// The headers that name the end user. LiteLLM takes one mapping or a list of them; only those for customers
/// can be followed, since there are no other users.
fn user_headers(reader: &mut Reader<'_, '_>) -> Vec<HeaderName> {
    const MAPPINGS: &str = "user_header_mappings";
    let mut headers: Vec<HeaderName> = header(reader, "user_header_name").into_iter().collect();
    let Some(node) = reader.node(MAPPINGS) else {
        return headers;
    };
    let single = std::slice::from_ref(node);
    let mappings = if matches!(node.value, Value::Map(_)) { single } else { reader.items(MAPPINGS) };
    for (index, mapping) in mappings.iter().enumerate() {
        let path = format!("general_settings.{MAPPINGS}[{index}]");
        let Some(members) = mapping.members() else {
            reader.misfit(MAPPINGS, mapping, "a list of mappings");
            continue;
        };
        let mut part = Reader::section(members, &path, reader.report);
        let role = part.text("litellm_user_role").unwrap_or_else(|| "customer".to_owned());
        if role == "customer" {
            headers.extend(header(&mut part, "header_name"));
        } else {
            let message = "is not supported: only `customer` can be named by a header";
            part.report.warn(&mapping.location, format!("{path}.litellm_user_role"), message);
        }
    }
    headers
}

/// The name of a header, in lower case.
fn header(reader: &mut Reader<'_, '_>, key: &str) -> Option<HeaderName> {
    if let Ok(name) = HeaderName::try_from(reader.text(key)?) {
        return Some(name);
    }
    let location = reader.node(key)?.location.clone();
    reader.refuse(key, &location, "must be the name of a header");
    None
}

/// Lets LiteLLM's two size limits lower ours.
pub(crate) fn lower_body_limits(members: &[Member], settings: &mut TrunklineSettings, report: &mut Report) {
    let general = section(members, Section::GeneralSettings, &mut Report::default());
    let mut reader = Reader::section(general, "general_settings", report);
    let mut bytes =
        |key| reader.integer(key).filter(|size| *size > 0).map(|size| size.saturating_mul(BYTES_PER_MB));
    if let Some(limit) = bytes("max_request_size_mb") {
        settings.body_bytes_max = settings.body_bytes_max.min(limit);
        settings.body_inflated_bytes_max = settings.body_inflated_bytes_max.min(limit);
    }
    if let Some(limit) = bytes("max_response_size_mb") {
        settings.reply_bytes_max = settings.reply_bytes_max.min(limit);
    }
}

/// The value of a variable that has a LiteLLM name.
fn variable<T>(
    name: &str,
    environment: &Environment,
    coerce: fn(&Node) -> Result<T, coerce::Wanted>,
    report: &mut Report,
) -> Option<T> {
    let location = Location::whole("environment");
    let node = Node { value: Value::Text(environment.get(name)?.to_owned()), location };
    coerce(&node).map_err(|wanted| report.fatal(&node.location, name, format!("must be {wanted}"))).ok()
}
