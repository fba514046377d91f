//! From settings to the parts that serve: providers, router, gateway.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use trunkline_config::{DeploymentSettings, Members, TrunklineSettings};
use trunkline_core::{Error, ErrorKind, TokenPrices};
use trunkline_gateway::Settings;
use trunkline_provider::{Limits, Provider, Registry, SendOptions, Target, Waits};
use trunkline_router::{DeploymentSpec, Router};
use trunkline_transport::{HttpTransport, TransportOptions};

use crate::sources::{Origin, Sources};

/// Every provider that this server knows.
///
/// WHEN ADDING A PROVIDER: register it here and in `crates/trunkline/src/providers.rs`.
fn registry(sources: &Sources) -> Result<Registry, Error> {
    let own = &sources.loaded.settings.trunkline;
    let environment = sources.loaded.environment.clone();
    let mut options = TransportOptions::from_environment(&environment);
    options.inflated_bytes_max = size(own.reply_bytes_max);
    let limits = Limits {
        reply_bytes_max: size(own.reply_bytes_max),
        event_bytes_max: size(own.event_bytes_max),
        ..Limits::default()
    };
    let mut registry = Registry::new(Arc::new(HttpTransport::new(options)?), environment, limits);
    let catalogue = Duration::from_secs(own.model_catalogue_ttl_seconds);
    trunkline_openai::register(&mut registry);
    trunkline_vercel_ai_gateway::register_with(&mut registry, catalogue);
    trunkline_echo::register(&mut registry);
    Ok(registry)
}

/// The router for what the sources say. A deployment that cannot be used is left out, and said so.
pub(crate) fn router(sources: &Sources) -> Result<Router, Error> {
    let mut builder = Router::builder(Arc::new(registry(sources)?));
    let send = send_options(sources);
    match &sources.origin {
        Origin::File(_) => {
            for deployment in &sources.loaded.settings.deployments {
                if let Some(disabled) = &deployment.disabled {
                    tracing::error!(
                        model.name = deployment.group,
                        "{} is out of service: {disabled}",
                        deployment.location
                    );
                    continue;
                }
                let spec = spec(deployment, &send)?;
                if let Err(error) = builder.deployment(spec) {
                    tracing::error!(
                        model.name = deployment.group,
                        "{} is left out: {error}",
                        deployment.location
                    );
                }
            }
        }
        Origin::Model { model, alias, api_base } => {
            let target = Target { api_base: api_base.clone(), send, ..Target::default() };
            let group = alias.clone().unwrap_or_else(|| model.clone());
            builder.deployment(DeploymentSpec {
                group,
                model: model.clone(),
                target,
                ..DeploymentSpec::default()
            })?;
        }
        Origin::Vercel(_) => builder.every_vercel_model(&send)?,
        Origin::Nothing => {
            // Its models are known and refused with the variables to set, rather than not known at all.
            builder.every_vercel_model(&send)?;
            builder.deployment(wildcard("echo/*", "echo/*", &send))?;
        }
    }
    for alias in &sources.loaded.settings.aliases {
        builder.alias(&alias.alias, &alias.group, alias.hidden);
    }
    Ok(builder.build())
}

/// What a router needs to serve the Vercel AI Gateway without a file.
trait EveryVercelModel {
    /// Every model under its own id, and under its prefix.
    fn every_vercel_model(&mut self, send: &SendOptions) -> Result<(), Error>;
}

impl EveryVercelModel for trunkline_router::RouterBuilder {
    fn every_vercel_model(&mut self, send: &SendOptions) -> Result<(), Error> {
        self.deployment(wildcard("vercel_ai_gateway/*", "vercel_ai_gateway/*", send))?;
        self.deployment(wildcard("*", "vercel_ai_gateway/*", send))
    }
}

fn wildcard(group: &str, model: &str, send: &SendOptions) -> DeploymentSpec {
    let target = Target { send: send.clone(), ..Target::default() };
    DeploymentSpec { group: group.to_owned(), model: model.to_owned(), target, ..DeploymentSpec::default() }
}

fn send_options(sources: &Sources) -> SendOptions {
    let settings = &sources.loaded.settings;
    let own = &settings.trunkline;
    let upstream = &settings.upstream;
    let milliseconds = Duration::from_millis;
    SendOptions {
        waits: Waits {
            connect: milliseconds(own.connect_timeout_ms),
            first_event: upstream.stream_timeout.unwrap_or(milliseconds(own.first_event_timeout_ms)),
            idle: milliseconds(own.idle_timeout_ms),
            total: sources.request_timeout.or(upstream.timeout).unwrap_or(milliseconds(own.total_timeout_ms)),
        },
        http2: upstream.http2,
        accept_invalid_certificates: !upstream.verify_certificates,
    }
}

/// What a file says that only shows when its parts are put together.
pub(crate) fn problems(sources: &Sources) -> Vec<String> {
    let mut problems = Vec::new();
    match registry(sources) {
        Err(error) => problems.push(format!("error: {error}")),
        Ok(registry) => {
            let mut builder = Router::builder(Arc::new(registry));
            for deployment in &sources.loaded.settings.deployments {
                let added =
                    spec(deployment, &SendOptions::default()).and_then(|spec| builder.deployment(spec));
                if let Err(error) = added {
                    problems.push(format!("{}: error: {error}", deployment.location));
                }
            }
        }
    }
    if let Err(error) = gateway_settings(sources, 0) {
        problems.push(format!("error: {error}"));
    }
    problems
}

fn spec(deployment: &DeploymentSettings, send: &SendOptions) -> Result<DeploymentSpec, Error> {
    let mut send = send.clone();
    send.waits.total = deployment.timeout.unwrap_or(send.waits.total);
    send.waits.first_event = deployment.stream_timeout.unwrap_or(send.waits.first_event);
    let mut extra_headers = HeaderMap::new();
    for (name, value) in &deployment.extra_headers {
        let (name, value) = header(name, value.expose()).ok_or_else(|| {
            let message =
                format!("{}: extra_headers.{name} is no header that can be sent", deployment.location);
            Error::new(ErrorKind::Configuration, message)
        })?;
        extra_headers.insert(name, value);
    }
    let prices = TokenPrices {
        input: deployment.input_cost_per_token,
        output: deployment.output_cost_per_token,
        ..TokenPrices::default()
    };
    let canned = deployment
        .mock_response
        .as_ref()
        .map(|text| -> Arc<dyn Provider> { Arc::new(trunkline_echo::Canned::new(text)) });
    let members = |members: &Members| {
        members.iter().map(|(name, json)| (name.to_owned(), json.to_owned().into_bytes().into())).collect()
    };
    Ok(DeploymentSpec {
        group: deployment.group.clone(),
        model: deployment.model.clone(),
        provider_prefix: deployment.custom_llm_provider.clone(),
        provider: canned,
        id: deployment.id.clone(),
        target: Target {
            api_base: deployment.api_base.clone(),
            api_key: deployment.api_key.clone(),
            from_caller: false,
            organization: deployment.organization.clone(),
            extra_headers,
            send,
        },
        defaults: members(&deployment.defaults),
        overrides: members(&deployment.extra_body),
        client_side_fields: deployment.configurable_clientside_auth_params.clone(),
        parallel_calls_max: deployment.max_parallel_requests.map(size),
        order: deployment.order.unwrap_or(i64::MAX),
        info: match serde_json::from_str(&deployment.model_info.to_json()) {
            Ok(Value::Object(info)) => info,
            Ok(_) | Err(_) => serde_json::Map::new(),
        },
        prices: (prices != TokenPrices::default()).then_some(prices),
    })
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::try_from(name).ok()?, value))
}

/// The gateway's settings. `files` is the limit on open files, half of which callers' connections may take.
pub(crate) fn gateway_settings(sources: &Sources, files: u64) -> Result<Settings, Error> {
    let settings = &sources.loaded.settings;
    let general = &settings.general;
    let key_header =
        general.key_header_name.as_deref().map(HeaderName::try_from).transpose().map_err(|error| {
            let message = "general_settings.litellm_key_header_name is no name of a header";
            Error::new(ErrorKind::Configuration, message).with_source(error)
        })?;
    Ok(Settings {
        master_key: general.master_key.clone(),
        open_to_all: general.permit_weak_or_unset_master_key,
        key_header,
        cors_origins: settings.trunkline.cors_origins.clone(),
        parallel_requests_max: general.global_max_parallel_requests.map(size),
        reasoning_content: settings.trunkline.reasoning_content,
        forward_client_headers: general.forward_client_headers,
        forward_openai_organization: general.forward_openai_organization,
        client_side_credentials: general.client_side_credentials,
        always_include_stream_usage: general.always_include_stream_usage,
        return_wildcard_routes: general.return_wildcard_routes,
        health_details: general.health_check_details,
        keepalive: settings.keepalive,
        enforce_user: general.enforce_user_param,
        user_headers: general.user_headers.clone(),
        completion_model: general.completion_model.clone(),
        echo_only: matches!(sources.origin, Origin::Nothing),
        limits: limits(&settings.trunkline, files),
        waits: waits(&settings.trunkline, sources.keepalive_timeout),
    })
}

fn limits(own: &TrunklineSettings, files: u64) -> trunkline_gateway::Limits {
    let connections =
        if own.connections_max == 0 { files.saturating_sub(64) / 2 } else { own.connections_max };
    trunkline_gateway::Limits {
        body_bytes_max: size(own.body_bytes_max),
        body_inflated_bytes_max: size(own.body_inflated_bytes_max),
        json_depth_max: size(own.json_depth_max),
        header_bytes_max: size(own.header_bytes_max),
        connections_max: size(connections.max(1)).min(tokio_permits_max()),
    }
}

/// More than this a semaphore cannot count.
fn tokio_permits_max() -> usize {
    usize::MAX >> 4
}

fn waits(own: &TrunklineSettings, keepalive: Option<Duration>) -> trunkline_gateway::Waits {
    trunkline_gateway::Waits {
        header: keepalive.unwrap_or(Duration::from_millis(own.header_timeout_ms)),
        body_idle: Duration::from_millis(own.body_idle_timeout_ms),
        downstream_write: Duration::from_millis(own.downstream_write_timeout_ms),
        shutdown_delay: Duration::from_secs(own.shutdown_delay_seconds),
        shutdown_grace: Duration::from_secs(own.shutdown_grace_seconds),
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
