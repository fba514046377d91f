//! What a configuration says of routing: strategies, retries, fallbacks, cooldowns, tags.

use std::time::Duration;

/// `router_settings`, where it steers how a call finds its deployment, and what follows if it fails. A key that
/// `litellm_settings` has as well is taken from there if `router_settings` is silent.
#[derive(Clone, Debug, PartialEq)]
pub struct RoutingSettings {
    /// `routing_strategy`: how a deployment is drawn from its group.
    pub strategy: RoutingStrategy,
    /// `routing_strategy_args`.
    pub strategy_args: StrategyArgs,
    /// `num_retries`: further attempts after the first. Without it, the router's own default.
    pub num_retries: Option<u32>,
    /// `retry_after`: the shortest wait before a further attempt. Default 0.
    pub retry_after: Duration,
    /// `retry_policy`: further attempts by kind of failure.
    pub retry_policy: RetryPolicy,
    /// `model_group_retry_policy`: the same by group, in the order of the file.
    pub model_group_retry_policy: Vec<(String, RetryPolicy)>,
    /// `allowed_fails`: failures in a minute before a deployment is benched.
    pub allowed_fails: Option<u32>,
    /// `allowed_fails_policy`: the same by kind of failure.
    pub allowed_fails_policy: AllowedFailsPolicy,
    /// `cooldown_time`: how long a deployment stays on the bench. Default 5 s; 0 benches none.
    pub cooldown_time: Duration,
    /// `disable_cooldowns`: benches no deployment. Default false.
    pub disable_cooldowns: bool,
    /// `fallbacks`: for each group those to try next, in the order of the file. `*` is not among them: it stands in
    /// [`Self::default_fallbacks`].
    pub fallbacks: Vec<(String, Vec<String>)>,
    /// `context_window_fallbacks`: the same for what is too long. The group may be `*`, for all that are not named.
    pub context_window_fallbacks: Vec<(String, Vec<String>)>,
    /// `content_policy_fallbacks`: the same for what was refused. The group may be `*`, for all that are not named.
    pub content_policy_fallbacks: Vec<(String, Vec<String>)>,
    /// `default_fallbacks`, else the `*` of `fallbacks`: the groups to try for groups that [`Self::fallbacks`] does
    /// not name.
    pub default_fallbacks: Vec<String>,
    /// `max_fallbacks`: how many groups are tried after the first. Default 5.
    pub max_fallbacks: u32,
    /// `enable_tag_filtering`: calls reach deployments by their tags. Default false.
    pub tag_filtering: bool,
    /// `tag_filtering_match_any`: one fitting tag is enough, else all must fit. Default true.
    pub tag_match_any: bool,
    /// `enable_pre_call_checks`: a call that a context window cannot hold is not sent there. Default false.
    pub pre_call_checks: bool,
}

impl Default for RoutingSettings {
    fn default() -> Self {
        Self {
            strategy: RoutingStrategy::SimpleShuffle,
            strategy_args: StrategyArgs::default(),
            num_retries: None,
            retry_after: Duration::ZERO,
            retry_policy: RetryPolicy::default(),
            model_group_retry_policy: Vec::new(),
            allowed_fails: None,
            allowed_fails_policy: AllowedFailsPolicy::default(),
            cooldown_time: Duration::from_secs(5),
            disable_cooldowns: false,
            fallbacks: Vec::new(),
            context_window_fallbacks: Vec::new(),
            content_policy_fallbacks: Vec::new(),
            default_fallbacks: Vec::new(),
            max_fallbacks: 5,
            tag_filtering: false,
            tag_match_any: true,
            pre_call_checks: false,
        }
    }
}

/// How a deployment is drawn from its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoutingStrategy {
    /// At random, by `weight`, else `rpm`, else `tpm`, else alike.
    #[default]
    SimpleShuffle,
    /// The one with the fewest open calls.
    LeastBusy,
    /// The one that has answered soonest.
    LatencyBased,
    /// The one with the fewest tokens in this minute, of those under their limits. `usage-based-routing`, its
    /// forerunner, counts as the same.
    UsageBasedV2,
    /// The cheapest.
    CostBased,
}

impl RoutingStrategy {
    pub(crate) const ALL: [RoutingStrategy; 5] = [
        RoutingStrategy::SimpleShuffle,
        RoutingStrategy::LeastBusy,
        RoutingStrategy::LatencyBased,
        RoutingStrategy::UsageBasedV2,
        RoutingStrategy::CostBased,
    ];

    /// The name that it has in a file.
    pub fn name(self) -> &'static str {
        match self {
            RoutingStrategy::SimpleShuffle => "simple-shuffle",
            RoutingStrategy::LeastBusy => "least-busy",
            RoutingStrategy::LatencyBased => "latency-based-routing",
            RoutingStrategy::UsageBasedV2 => "usage-based-routing-v2",
            RoutingStrategy::CostBased => "cost-based-routing",
        }
    }
}

/// `routing_strategy_args`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrategyArgs {
    /// `lowest_latency_buffer`: deployments that are slower than the fastest by this share of its time count as
    /// equally fast; 0.1 is a tenth. Default 0.
    pub latency_buffer: f64,
    /// `ttl`: how long a measured time counts. Default 3,600 s.
    pub ttl: Duration,
}

impl Default for StrategyArgs {
    fn default() -> Self {
        Self { latency_buffer: 0.0, ttl: Duration::from_secs(3_600) }
    }
}

/// Further attempts by kind of failure. For a kind without a number, what else is said of retries counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryPolicy {
    /// `BadRequestErrorRetries`.
    pub bad_request: Option<u32>,
    /// `AuthenticationErrorRetries`.
    pub authentication: Option<u32>,
    /// `TimeoutErrorRetries`.
    pub timeout: Option<u32>,
    /// `RateLimitErrorRetries`.
    pub rate_limit: Option<u32>,
    /// `ContentPolicyViolationErrorRetries`.
    pub content_policy: Option<u32>,
    /// `InternalServerErrorRetries`.
    pub internal_server: Option<u32>,
    /// `ServiceUnavailableErrorRetries`.
    pub service_unavailable: Option<u32>,
    /// `NotFoundErrorRetries`.
    pub not_found: Option<u32>,
    /// `DefaultRetries`: for every other kind.
    pub default: Option<u32>,
}

/// Failures in a minute before a deployment is benched, by kind. For a kind without a number, what else is said of
/// `allowed_fails` counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedFailsPolicy {
    /// `BadRequestErrorAllowedFails`.
    pub bad_request: Option<u32>,
    /// `AuthenticationErrorAllowedFails`.
    pub authentication: Option<u32>,
    /// `TimeoutErrorAllowedFails`.
    pub timeout: Option<u32>,
    /// `RateLimitErrorAllowedFails`.
    pub rate_limit: Option<u32>,
    /// `ContentPolicyViolationErrorAllowedFails`.
    pub content_policy: Option<u32>,
    /// `InternalServerErrorAllowedFails`.
    pub internal_server: Option<u32>,
    /// `ServiceUnavailableErrorAllowedFails`.
    pub service_unavailable: Option<u32>,
    /// `BadGatewayErrorAllowedFails`.
    pub bad_gateway: Option<u32>,
    /// `NotFoundErrorAllowedFails`.
    pub not_found: Option<u32>,
}
