//! From settings to the parts that serve: providers, router, gateway.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use trunkline_agents::Origin;
use trunkline_cache::Policy;
use trunkline_config::{CachePlace, GatewayAttribution};
use trunkline_core::Error;
use trunkline_export::{Destination, ExportOptions, Exporter};
use trunkline_gateway::{Attribution, Gateway, Probes, Recorder, ReplyCache, Settings, UnknownPrice};
use trunkline_metrics::{AccountGauges, CallbackGauges, Metrics};
use trunkline_prices::Prices;
use trunkline_provider::{Limits, Registry};
use trunkline_redis::Writer;
use trunkline_router::Router;
use trunkline_transport::{HttpTransport, TransportOptions};

use crate::accounts::Accounts;
use crate::redis;
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

/// The gateway. It counts what it does where the sources ask for metrics.
pub(crate) fn gateway(
    router: Router,
    settings: Settings,
    recorder: Arc<dyn Recorder>,
    sources: &Sources,
    (accounts, replies, exporter): (Option<&Accounts>, Option<ReplyCache>, Option<&Arc<Exporter>>),
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
        if let Some(exporter) = exporter {
            metrics = metrics.with_source(Arc::new(CallbackGauges::new(Arc::clone(exporter))));
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
    let (cache, writer) = redis::cache(sources, options)?;
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
            // Without an amount the configuration was refused.
            trunkline_config::UnknownPrice::Cap => {
                own.unknown_price_cap.map_or(UnknownPrice::DenyWithBudget, UnknownPrice::Cap)
            }
        },
        attribution: match own.gateway_attribution {
            GatewayAttribution::Allow => Attribution::Allow,
            GatewayAttribution::Stamp => Attribution::Stamp,
            GatewayAttribution::Refuse => Attribution::Refuse,
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
            header: sources.flags.keepalive_timeout.unwrap_or(Duration::from_millis(own.header_timeout_ms)),
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
