//! From settings to the parts that serve: providers, router, gateway.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use trunkline_agents::Origin;
use trunkline_cache::Policy;
use trunkline_config::{CachePlace, DeploymentSettings, Location};
use trunkline_core::Error;
use trunkline_export::{Destination, ExportOptions, Exporter};
use trunkline_gateway::{Gateway, Probes, Recorder, ReplyCache, Settings, UnknownPrice};
use trunkline_metrics::{AccountGauges, Metrics};
use trunkline_prices::{Price, Prices, Rates};
use trunkline_provider::{Limits, Provider, Registry, SendOptions, Target, Waits};
use trunkline_redis::Writer;
use trunkline_router::{DeploymentSpec, Probing, Router};
use trunkline_transport::{HttpTransport, TransportOptions};

use crate::accounts::Accounts;
use crate::routing::routing;
use crate::shared;
use crate::sources::Sources;

/// Every provider that this server knows.
///
/// WHEN ADDING A PROVIDER: register it here and in `crates/trunkline/src/providers.rs`.
pub(crate) fn registry(sources: &Sources) -> Result<Registry, Error> {
    let own = &sources.loaded.settings.trunkline;
    let environment = sources.loaded.environment.clone();
    let mut options = TransportOptions::from_environment(&environment);
    options.inflated_bytes_max = size(own.reply_bytes_max);
    let limits = Limits {
        reply_bytes_max: size(own.reply_bytes_max),
        event_bytes_max: size(own.event_bytes_max),
        stream_buffer_total_bytes: size(own.stream_buffer_total_bytes),
        ..Limits::default()
    };
    let mut registry = Registry::new(Arc::new(HttpTransport::new(options)?), environment, limits);
    let refresh = Some(own.catalogue_prices_refresh_seconds).filter(|seconds| *seconds > 0);
    // Prices are as new as they are asked for, whatever the list is kept for.
    let kept = refresh
        .map_or(own.model_catalogue_ttl_seconds, |refresh| refresh.min(own.model_catalogue_ttl_seconds));
    let catalogue = Duration::from_secs(kept);
    trunkline_openai::register(&mut registry);
    trunkline_anthropic::register(&mut registry);
    trunkline_vercel_ai_gateway::register_with(&mut registry, catalogue);
    trunkline_echo::register(&mut registry);
    Ok(registry)
}

/// The router for what the sources say, and the deployments that are left out of it, with the reasons. It goes on with
/// what the one `before` has learned.
pub(crate) fn router(
    sources: &Sources,
    registry: &Arc<Registry>,
    before: Option<&Router>,
) -> Result<(Router, Vec<(Location, Error)>), Error> {
    let mut builder = Router::builder(Arc::clone(registry)).routing(routing(&sources.loaded.settings));
    if let Some(before) = before {
        builder = builder.succeeding(before).prices(before.prices().clone());
    }
    let send = send_options(sources);
    let mut left_out = Vec::new();
    match &sources.origin {
        Origin::File(_) => {
            // What is disabled has been told of with the file's other findings.
            let rows = sources.loaded.settings.deployments.iter().filter(|row| row.disabled.is_none());
            for row in rows {
                let send = send_options_of(row, &send, sources);
                if let Err(error) = builder.deployment(spec(row, send)) {
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
    for alias in &sources.loaded.settings.aliases {
        builder.alias(&alias.alias, &alias.group, alias.hidden);
    }
    Ok((builder.build(), left_out))
}

/// Logs which deployments are out of service, and which have no key.
pub(crate) fn tell(sources: &Sources, registry: &Registry, left_out: &[(Location, Error)]) {
    for (location, why) in left_out {
        tracing::error!("{location}: the deployment is out of service: {why}");
    }
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

fn spec(row: &DeploymentSettings, send: SendOptions) -> DeploymentSpec {
    let canned = row.mock_response.as_ref();
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
        info: row.model_info.to_map(),
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
    price.is_known().then_some(price)
}

/// The gateway. It counts what it does where the sources ask for metrics.
pub(crate) fn gateway(
    router: Router,
    settings: Settings,
    recorder: Arc<dyn Recorder>,
    sources: &Sources,
    (accounts, replies): (Option<&Accounts>, Option<ReplyCache>),
) -> Arc<Gateway> {
    let (mut gateway, asked) = (Gateway::new(Arc::new(router), settings), &sources.loaded.settings);
    if let Some(replies) = replies {
        gateway = gateway.with_replies(replies);
    }
    if let Some(accounts) = accounts {
        gateway = gateway
            .with_keys(Arc::clone(&accounts.keys))
            .with_ledger(accounts.ledger.clone())
            .with_extension(Arc::<crate::managed::Managed>::clone(&accounts.managed));
    }
    Arc::new(if asked.metrics || asked.trunkline.metrics {
        let tallies_max = size(asked.trunkline.metrics_tallies_max);
        let mut metrics = Metrics::new(recorder, Prices::bundled(), tallies_max);
        if let Some(accounts) = accounts {
            let gauges = AccountGauges::new(Arc::clone(&accounts.keys), accounts.ledger.clone(), tallies_max);
            metrics = metrics.with_source(Arc::new(gauges));
        }
        let metrics = Arc::new(metrics);
        gateway.with_recorder(Arc::<Metrics>::clone(&metrics)).with_exposition(metrics)
    } else {
        gateway.with_recorder(recorder)
    })
}

/// What sends rows and traces to others, in front of the recorder that was there. `None` where nobody asks for it.
pub(crate) fn exporter(
    sources: &Sources,
    recorder: &Arc<dyn Recorder>,
) -> Result<Option<Arc<Exporter>>, Error> {
    let asked = &sources.loaded.settings.exports;
    let webhook = asked.webhook.as_ref().map(|to| Destination::webhook(&to.endpoint, &to.headers));
    let traces =
        asked.traces.as_ref().map(|to| Destination::otlp(&to.endpoint, &to.headers, &to.service_name));
    let destinations: Vec<Destination> = webhook.into_iter().chain(traces).collect::<Result<_, _>>()?;
    if destinations.is_empty() {
        return Ok(None);
    }
    let transport = HttpTransport::new(TransportOptions::from_environment(&sources.loaded.environment))?;
    let (next, options) = (Arc::clone(recorder), ExportOptions::default());
    Ok(Some(Arc::new(Exporter::new(next, Arc::new(transport), destinations, &options))))
}

/// The cache of replies, if one is asked for, and what writes to it where it is not in memory.
pub(crate) fn replies(sources: &Sources) -> Result<(Option<ReplyCache>, Option<Writer>), Error> {
    let (asked, own) = (&sources.loaded.settings.cache, &sources.loaded.settings.trunkline);
    if !asked.is_on {
        return Ok((None, None));
    }
    let policy = Policy::default();
    let options = trunkline_cache::Options {
        bytes_max: own.cache_bytes_max,
        entry_bytes_max: size(own.cache_entry_bytes_max),
        deadline: match asked.place {
            CachePlace::Memory => trunkline_cache::Options::default().deadline,
            CachePlace::Redis => Duration::from_millis(own.redis_timeout_ms),
        },
    };
    let (cache, writer) = shared::cache(sources, options)?;
    let replies = ReplyCache {
        cache,
        policy: Policy {
            on_by_default: asked.on_by_default,
            ttl: asked.ttl.unwrap_or(policy.ttl),
            messages_max: asked.messages_max.map(size),
            operations: asked.operations.clone().unwrap_or(policy.operations),
        },
        namespace: asked.namespace.clone(),
        wait: Duration::from_millis(own.cache_wait_ms),
        is_shared: own.cache_shared,
    };
    Ok((Some(replies), writer))
}

/// The gateway's settings. `files` is the limit on open files, half of which callers' connections may take.
pub(crate) fn gateway_settings(sources: &Sources, files: u64) -> Settings {
    let settings = &sources.loaded.settings;
    let (general, own) = (&settings.general, &settings.trunkline);
    let connections = if own.connections_max == 0 { files / 2 } else { own.connections_max };
    Settings {
        master_key: general.master_key.clone(),
        salt_key: sources.loaded.environment.secret("LITELLM_SALT_KEY"),
        open_to_all: general.permit_weak_or_unset_master_key,
        key_header: general.key_header_name.clone(),
        cors_origins: own.cors_origins.clone(),
        parallel_requests_max: general.global_max_parallel_requests.map(size),
        reasoning_content: own.reasoning_content,
        forward_client_headers: general.forward_client_headers,
        forward_openai_organization: general.forward_openai_organization,
        client_side_credentials: general.client_side_credentials,
        mock_failures: general.allow_mock_testing_params,
        trace_for_keys: own.trace_for_keys,
        always_include_stream_usage: general.always_include_stream_usage,
        return_wildcard_routes: general.return_wildcard_routes,
        health_details: general.health_check_details,
        probes: Probes {
            every: general.background_health_checks.then_some(general.health_check_interval),
            concurrency: general.health_check_concurrency.map(size),
        },
        prices_every: Some(Duration::from_secs(own.catalogue_prices_refresh_seconds))
            .filter(|every| !every.is_zero()),
        keepalive: settings.keepalive,
        messages_keepalive: settings.messages_keepalive,
        metrics_open: settings.metrics_open,
        enforce_user: general.enforce_user_param,
        user_headers: general.user_headers.clone(),
        completion_model: general.completion_model.clone(),
        reserve_output_tokens: own.reserve_output_tokens,
        // One batch may have gone out just before, so that two are waited for.
        limit_wait: Duration::from_millis(own.redis_timeout_ms.saturating_mul(2)),
        budget_wait: Duration::from_millis(own.budget_wait_ms),
        budget_exceeded_status: settings
            .accounts
            .budget_exceeded_status
            .and_then(|status| StatusCode::from_u16(status).ok()),
        unknown_price: match own.unknown_price {
            trunkline_config::UnknownPrice::Allow => UnknownPrice::Allow,
            trunkline_config::UnknownPrice::Deny => UnknownPrice::Deny,
            trunkline_config::UnknownPrice::DenyWithBudget => UnknownPrice::DenyWithBudget,
        },
        echo_only: matches!(sources.origin, Origin::Nothing),
        limits: trunkline_gateway::Limits {
            body_bytes_max: size(own.body_bytes_max),
            body_inflated_bytes_max: size(own.body_inflated_bytes_max),
            json_depth_max: size(own.json_depth_max),
            header_bytes_max: size(own.header_bytes_max),
            connections_max: size(connections),
        },
        waits: trunkline_gateway::Waits {
            header: sources.keepalive_timeout.unwrap_or(Duration::from_millis(own.header_timeout_ms)),
            body_idle: Duration::from_millis(own.body_idle_timeout_ms),
            downstream_write: Duration::from_millis(own.downstream_write_timeout_ms),
            shutdown_delay: Duration::from_secs(own.shutdown_delay_seconds),
            shutdown_grace: Duration::from_secs(own.shutdown_grace_seconds),
        },
    }
}

fn size(figure: u64) -> usize {
    usize::try_from(figure).unwrap_or(usize::MAX)
}
