//! From settings to how groups are served.

use std::time::Duration;

use trunkline_config::{AllowedFailsPolicy, DeploymentSettings, RetryPolicy, RoutingStrategy, Settings};
use trunkline_router::{Class, Fallbacks, Hedge, PerClass, Policy, RetryBudget, Routing, StrategyKind};

/// What the settings, and deployments that stand in no file, say of routing.
pub(crate) fn routing(settings: &Settings, stored: &[DeploymentSettings]) -> Routing {
    let (routing, own) = (&settings.routing, &settings.trunkline);
    let policy = policy(settings);
    let mut of_groups: std::collections::BTreeMap<String, Policy> = routing
        .model_group_retry_policy
        .iter()
        .map(|(group, retries)| {
            let mut own = policy.clone();
            set_retries(&mut own, retries);
            (group.clone(), own)
        })
        .collect();
    for row in settings.deployments.iter().chain(stored) {
        let said = &row.group_overrides;
        if *said == Default::default() {
            continue;
        }
        let own = of_groups.entry(row.group.clone()).or_insert_with(|| policy.clone());
        own.fails_allowed = said.allowed_fails.or(own.fails_allowed);
        add_fails(&mut own.fails_allowed_by_class, &said.allowed_fails_policy);
        if !routing.disable_cooldowns {
            own.cooldown = said.cooldown_time.unwrap_or(own.cooldown);
        }
        own.tag_filtering = said.enable_tag_filtering.unwrap_or(own.tag_filtering);
        own.tags_fail_open = said.allow_fail_open.unwrap_or(own.tags_fail_open);
    }
    let lists = |lists: &[(String, Vec<String>)]| lists.iter().cloned().collect();
    Routing {
        policy,
        groups: of_groups,
        fallbacks: Fallbacks {
            general: lists(&routing.fallbacks),
            context_window: lists(&routing.context_window_fallbacks),
            content_policy: lists(&routing.content_policy_fallbacks),
            default: routing.default_fallbacks.clone(),
            hops_max: routing.max_fallbacks,
        },
        attempts_max: narrow(own.attempts_max),
        total: Duration::from_millis(own.total_timeout_ms),
        queue_length_max: usize::try_from(own.queue_length_max).unwrap_or(usize::MAX),
        retry_budget: RetryBudget {
            percent: narrow(own.retry_budget_percent),
            burst: narrow(own.retry_budget_burst),
        },
    }
}

fn policy(settings: &Settings) -> Policy {
    let (routing, own) = (&settings.routing, &settings.trunkline);
    let delay = Duration::from_millis(own.hedge_delay_ms);
    let hedge = own.hedging.then(|| Hedge {
        delay: Some(delay).filter(|delay| !delay.is_zero()),
        percent_max: narrow(own.hedge_percent_max),
    });
    let mut policy = Policy {
        strategy: match routing.strategy {
            RoutingStrategy::SimpleShuffle => StrategyKind::SimpleShuffle,
            RoutingStrategy::LeastBusy => StrategyKind::LeastBusy,
            RoutingStrategy::LatencyBased => StrategyKind::LatencyBased {
                buffer: routing.strategy_args.latency_buffer,
                time_to_live: routing.strategy_args.ttl,
            },
            RoutingStrategy::UsageBasedV2 => StrategyKind::UsageBased,
            RoutingStrategy::CostBased => StrategyKind::CostBased,
        },
        back_off_min: routing.retry_after,
        cooldown: if routing.disable_cooldowns { Duration::ZERO } else { routing.cooldown_time },
        fails_allowed: routing.allowed_fails,
        tag_filtering: routing.tag_filtering,
        tag_match_any: routing.tag_match_any,
        pre_call_checks: routing.pre_call_checks,
        prompt_cache_affinity: own.prompt_cache_affinity,
        queue_wait: Duration::from_millis(own.queue_wait_ms),
        hedge,
        ..Policy::default()
    };
    policy.retries = routing.num_retries.unwrap_or(policy.retries);
    set_retries(&mut policy, &routing.retry_policy);
    add_fails(&mut policy.fails_allowed_by_class, &routing.allowed_fails_policy);
    policy
}

#[rustfmt::skip] // Two to a line, as the classes are alike.
fn set_retries(policy: &mut Policy, said: &RetryPolicy) {
    policy.retries = said.default.unwrap_or(policy.retries);
    add(&mut policy.retries_by_class, &[
        (Class::BadRequest, said.bad_request), (Class::Authentication, said.authentication),
        (Class::Timeout, said.timeout), (Class::RateLimit, said.rate_limit),
        (Class::ContentPolicy, said.content_policy), (Class::InternalServer, said.internal_server),
        (Class::ServiceUnavailable, said.service_unavailable), (Class::NotFound, said.not_found),
    ]);
}

#[rustfmt::skip]
fn add_fails(by_class: &mut PerClass<u32>, said: &AllowedFailsPolicy) {
    add(by_class, &[
        (Class::BadRequest, said.bad_request), (Class::Authentication, said.authentication),
        (Class::Timeout, said.timeout), (Class::RateLimit, said.rate_limit),
        (Class::ContentPolicy, said.content_policy), (Class::InternalServer, said.internal_server),
        (Class::ServiceUnavailable, said.service_unavailable), (Class::BadGateway, said.bad_gateway),
        (Class::NotFound, said.not_found),
    ]);
}

fn add(by_class: &mut PerClass<u32>, figures: &[(Class, Option<u32>)]) {
    let given = figures.iter().filter_map(|(class, figure)| Some((*class, (*figure)?)));
    given.for_each(|(class, figure)| by_class.set(class, figure));
}

fn narrow(figure: u64) -> u32 {
    u32::try_from(figure).unwrap_or(u32::MAX)
}
