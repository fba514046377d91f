//! From rows to the router that serves them: those of the file, and those that stand in the store.

use std::sync::Arc;
use std::time::Duration;

use trunkline_agents::Origin;
use trunkline_config::{DeploymentSettings, Location, ServicePrices};
use trunkline_core::{Error, ServiceTier};
use trunkline_prices::{Price, Prices, Rates};
use trunkline_provider::{Provider, Registry, SendOptions, Target, Waits};
use trunkline_router::{DeploymentSpec, Probing, Router};

use crate::routing::routing;
use crate::sources::Sources;

/// The router for what the sources say and for what is `stored` besides, and the deployments that are left out of it, with
/// the reasons. It goes on with what the one `before` has learned, and takes `prices` where deployments state none.
pub(crate) fn router(
    sources: &Sources,
    registry: &Arc<Registry>,
    (before, prices): (Option<&Router>, Prices),
    stored: &[DeploymentSettings],
) -> Result<(Router, Vec<(Location, Error)>), Error> {
    let routing = routing(&sources.loaded.settings, stored);
    let mut builder = Router::builder(Arc::clone(registry)).routing(routing).prices(prices);
    if let Some(before) = before {
        builder = builder.succeeding(before);
    }
    let send = send_options(sources);
    let mut left_out = Vec::new();
    match &sources.origin {
        Origin::File(_) => {
            // What is disabled has been told of with the file's other findings.
            let rows = sources.loaded.settings.deployments.iter().filter(|row| row.disabled.is_none());
            for row in rows {
                let send = send_options_of(row, &send, sources);
                if let Err(error) = builder.deployment(spec(row, send, false)) {
                    left_out.push((row.location.clone(), error));
                }
            }
        }
        Origin::Model { model, alias, api_base } => {
            let mut spec = bare_spec(alias.as_ref().unwrap_or(model), model, &send);
            spec.target.api_base.clone_from(api_base);
            builder.deployment(spec)?;
        }
        Origin::Vercel(_) | Origin::Nothing => {
            // Without a credential its models are refused with the variables to set, rather than not known.
            builder.deployment(bare_spec("vercel_ai_gateway/*", "vercel_ai_gateway/*", &send))?;
            builder.deployment(bare_spec("*", "vercel_ai_gateway/*", &send))?;
            if matches!(sources.origin, Origin::Nothing) {
                builder.deployment(bare_spec("echo/*", "echo/*", &send))?;
            }
        }
    }
    for row in stored.iter().filter(|row| row.disabled.is_none()) {
        let send = send_options_of(row, &send, sources);
        if let Err(error) = builder.deployment(spec(row, send, true)) {
            left_out.push((row.location.clone(), error));
        }
    }
    for alias in &sources.loaded.settings.aliases {
        builder.alias(&alias.alias, &alias.group, alias.hidden);
    }
    Ok((builder.build(), left_out))
}

/// Whether a deployment that is to be stored could be served.
pub(crate) fn try_deployment(
    row: &DeploymentSettings,
    sources: &Sources,
    registry: &Arc<Registry>,
) -> Result<(), Error> {
    let send = send_options_of(row, &send_options(sources), sources);
    Router::builder(Arc::clone(registry)).deployment(spec(row, send, true))
}

/// Logs which deployments are out of service.
pub(crate) fn tell_left_out(left_out: &[(Location, Error)]) {
    for (location, why) in left_out {
        tracing::error!("{location}: the deployment is out of service: {why}");
    }
}

/// Logs which deployments are out of service, and which have no key.
pub(crate) fn tell(sources: &Sources, registry: &Registry, left_out: &[(Location, Error)]) {
    tell_left_out(left_out);
    for (location, why) in without_key(sources, registry) {
        tracing::warn!("{location}: {why}");
    }
}

/// The deployments of the file that have no key, and the variables that one could stand in.
pub(crate) fn without_key(sources: &Sources, registry: &Registry) -> Vec<(Location, String)> {
    let settings = &sources.loaded.settings;
    let is_own = |row: &&DeploymentSettings| {
        // Who names another base may need none, and a caller may bring one.
        let is_elsewhere = row.api_base.is_some() || row.mock_response.is_some();
        let of_caller = settings.general.client_side_credentials
            || row.configurable_clientside_auth_params.iter().any(|field| field == "api_key");
        row.disabled.is_none() && row.api_key.is_none() && !is_elsewhere && !of_caller
    };
    let rows = settings.deployments.iter().filter(is_own).filter_map(|row| {
        let registration = match &row.custom_llm_provider {
            Some(prefix) => registry.by_prefix(prefix),
            None => registry.find(&row.model).map(|(registration, _)| registration),
        };
        let about = &registration?.about;
        let variables = about.key_variables.join(" or ");
        let is_without = !about.has_credential && !about.is_open && !variables.is_empty();
        let told = || format!("`{}` has no key: set {variables}, or api_key in its row", row.group);
        is_without.then(|| (row.location.clone(), told()))
    });
    rows.collect()
}

fn bare_spec(group: &str, model: &str, send: &SendOptions) -> DeploymentSpec {
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

/// The narrowest goes first: the deployment's own waits, its group's, those for all.
fn send_options_of(row: &DeploymentSettings, send: &SendOptions, sources: &Sources) -> SendOptions {
    let mut send = send.clone();
    let group = sources.loaded.settings.trunkline.group_waits.get(&row.group).copied().unwrap_or_default();
    let waits = &mut send.waits;
    for (wait, own, of_group) in [
        (&mut waits.connect, row.connect_timeout, group.connect_timeout_ms),
        (&mut waits.first_event, row.stream_timeout, group.first_event_timeout_ms),
        (&mut waits.idle, row.idle_timeout, group.idle_timeout_ms),
        (&mut waits.total, row.timeout, group.total_timeout_ms),
    ] {
        *wait = own.or(of_group.map(Duration::from_millis)).unwrap_or(*wait);
    }
    send
}

fn spec(row: &DeploymentSettings, send: SendOptions, is_stored: bool) -> DeploymentSpec {
    let canned = row.mock_response.as_ref();
    let mut info = row.model_info.to_map();
    info.insert("db_model".to_owned(), is_stored.into());
    DeploymentSpec {
        group: row.group.clone(),
        model: row.model.clone(),
        provider_prefix: row.custom_llm_provider.clone(),
        provider: canned.map(|text| -> Arc<dyn Provider> { Arc::new(trunkline_echo::Canned::new(text)) }),
        id: row.id.clone(),
        target: Target {
            api_base: row.api_base.clone(),
            api_key: row.api_key.clone(),
            organization: row.organization.clone(),
            extra_headers: row.extra_headers.clone(),
            send,
            ..Target::default()
        },
        defaults: row.defaults.to_parts(),
        overrides: row.extra_body.to_parts(),
        client_side_fields: row.configurable_clientside_auth_params.clone(),
        parallel_calls_max: row.max_parallel_requests.map(size),
        order: row.order.unwrap_or(i64::MAX),
        info,
        price: price(row),
        requests_per_minute_max: row.rpm,
        tokens_per_minute_max: row.tpm,
        weight: row.weight,
        tags: row.tags.clone(),
        retries: row.num_retries,
        cooldown: row.cooldown_time,
        input_tokens_max: row.max_input_tokens,
        probing: Probing {
            disabled: row.health_check.disabled,
            model: row.health_check.model.clone(),
            timeout: row.health_check.timeout,
        },
    }
}

/// The price that a row states. `None` if it states none: that of its model then counts.
fn price(row: &DeploymentSettings) -> Option<Price> {
    let price = Price {
        rates: Rates {
            input: row.input_cost_per_token,
            output: row.output_cost_per_token,
            cache_read: row.cache_read_input_token_cost,
            cache_write: row.cache_creation_input_token_cost,
            reasoning: row.output_cost_per_reasoning_token,
            audio_input: row.input_cost_per_audio_token,
            audio_output: row.output_cost_per_audio_token,
            ..Rates::default()
        },
        per_request: row.input_cost_per_request,
        source: "the configuration".into(),
        ..Price::default()
    };
    if !price.is_known() {
        return None;
    }
    let services = [(ServiceTier::Flex, &row.flex), (ServiceTier::Priority, &row.priority)];
    Some(services.into_iter().fold(price, |price, (tier, told)| {
        let ServicePrices { input, output, cache_read } = *told;
        let rates = Rates { input, output, cache_read, ..Rates::default() };
        if rates.is_empty() { price } else { price.with_service(tier, &rates) }
    }))
}

fn size(figure: u64) -> usize {
    usize::try_from(figure).unwrap_or(usize::MAX)
}
