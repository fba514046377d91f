//! How model groups are served: what is configured of strategies, attempts, cooldowns, fallbacks and hedges.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::class::{Class, PerClass};

/// How a model group is served. The defaults are LiteLLM's, where it has the setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How a deployment is drawn.
    pub strategy: StrategyKind,
    /// Attempts in the group after the first one, where neither request nor deployment say so. Default 2.
    pub retries: u32,
    /// The same for single classes of failures.
    pub retries_by_class: PerClass<u32>,
    /// The least wait before a deployment is asked again. Default 0.
    pub back_off_min: Duration,
    /// How long a deployment is left alone that failed. Default 5 s; 0 for never, whatever it says itself.
    pub cooldown: Duration,
    /// Failures within a minute that are let pass before a deployment is left alone. `None`, the default, goes by
    /// shares: more than half of five requests or more.
    pub fails_allowed: Option<u32>,
    /// The same for single classes of failures.
    pub fails_allowed_by_class: PerClass<u32>,
    /// Whether a request's tags decide which deployments it reaches. Default false.
    pub tag_filtering: bool,
    /// Whether one fitting tag is enough. Default true.
    pub tag_match_any: bool,
    /// Whether a request whose tags fit no deployment reaches all of them. Default false.
    pub tags_fail_open: bool,
    /// Whether inputs that are known to be longer than a deployment takes pass it by. Default false.
    pub pre_call_checks: bool,
    /// Whether a long conversation goes to the deployment that had its beginning. Default true.
    pub prompt_cache_affinity: bool,
    /// How long a request waits for a deployment when none can take it. Default 0: it is refused.
    pub queue_wait: Duration,
    /// When a second deployment is asked beside the first. Default: never.
    pub hedge: Option<Hedge>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            strategy: StrategyKind::SimpleShuffle,
            retries: 2,
            retries_by_class: PerClass::default(),
            back_off_min: Duration::ZERO,
            cooldown: Duration::from_secs(5),
            fails_allowed: None,
            fails_allowed_by_class: PerClass::default(),
            tag_filtering: false,
            tag_match_any: true,
            tags_fail_open: false,
            pre_call_checks: false,
            prompt_cache_affinity: true,
            queue_wait: Duration::ZERO,
            hedge: None,
        }
    }
}

impl Policy {
    /// Further attempts after failures of this class, where nobody said otherwise.
    pub(crate) fn retries_after(&self, class: Class) -> u32 {
        self.retries_by_class.get(class).unwrap_or(self.retries)
    }

    /// How long a deployment rests that has a length of its own, or was asked for one. 0 for not at all.
    pub(crate) fn rest(&self, own: Option<Duration>) -> Duration {
        if self.cooldown.is_zero() { Duration::ZERO } else { own.unwrap_or(self.cooldown) }
    }

    /// Whether somebody wants to know how fast deployments are.
    pub(crate) fn measures_speed(&self) -> bool {
        self.hedge.is_some() || matches!(self.strategy, StrategyKind::LatencyBased { .. })
    }
}

/// How a deployment is drawn from its group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum StrategyKind {
    /// By chance, in the proportion of the weights, else of `rpm`, else of `tpm`, else evenly.
    #[default]
    SimpleShuffle,
    /// The one with the fewest calls open.
    LeastBusy,
    /// The one that answers first. Those within `buffer` of the best, as a share of its time, are drawn evenly.
    LatencyBased {
        /// 0.1 for ten per cent. LiteLLM's default is 0.
        buffer: f64,
        /// How long an answer tells something. LiteLLM's default is an hour.
        time_to_live: Duration,
    },
    /// The one that has used the fewest tokens in its minute.
    UsageBased,
    /// The one with the lowest price for a token in and a token out.
    CostBased,
}

impl StrategyKind {
    /// LiteLLM's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SimpleShuffle => "simple-shuffle",
            Self::LeastBusy => "least-busy",
            Self::LatencyBased { .. } => "latency-based-routing",
            Self::UsageBased => "usage-based-routing-v2",
            Self::CostBased => "cost-based-routing",
        }
    }
}

/// When a second deployment is asked beside the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hedge {
    /// How long the first one has. `None` for the group's own 95th percentile.
    pub delay: Option<Duration>,
    /// At most so many of a hundred requests. Default 5.
    pub percent_max: u32,
}

impl Default for Hedge {
    fn default() -> Self {
        Self { delay: None, percent_max: 5 }
    }
}

/// Everything that is configured of routing.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// How groups are served.
    pub policy: Policy,
    /// Groups that are served otherwise.
    pub groups: BTreeMap<String, Policy>,
    /// Where failed requests go next.
    pub fallbacks: Fallbacks,
    /// Attempts for one request, fallbacks included. Default 8.
    pub attempts_max: u32,
    /// How long all attempts, rests and fallbacks of a request may take together, where it says nothing itself. Default
    /// 6,000 s. Each attempt has its deployment's own waits besides, and ends with the request at the latest.
    pub total: Duration,
    /// Requests that wait for a deployment at one time, for each group. Default 1,000.
    pub queue_length_max: usize,
    /// Further attempts at one origin.
    pub retry_budget: RetryBudget,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            groups: BTreeMap::new(),
            fallbacks: Fallbacks::default(),
            attempts_max: 8,
            total: Duration::from_secs(6_000),
            queue_length_max: 1_000,
            retry_budget: RetryBudget::default(),
        }
    }
}

/// How many further attempts an origin is given, so that one that is failing is not asked ever more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    /// For each hundred first attempts. Default 10. A hundred further attempts can be saved up so.
    pub percent: u32,
    /// Besides, one for each second that passes, of which so many can be saved up. Default 10.
    pub burst: u32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { percent: 10, burst: 10 }
    }
}

/// Groups that are asked next, by the group that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallbacks {
    /// After any failure.
    pub general: BTreeMap<String, Vec<String>>,
    /// After an input that is too long for the model.
    pub context_window: BTreeMap<String, Vec<String>>,
    /// After a refusal of the content.
    pub content_policy: BTreeMap<String, Vec<String>>,
    /// For groups without their own.
    pub default: Vec<String>,
    /// Groups that are asked after the first one, at most. Default 5.
    pub hops_max: u32,
}

impl Default for Fallbacks {
    fn default() -> Self {
        Self {
            general: BTreeMap::new(),
            context_window: BTreeMap::new(),
            content_policy: BTreeMap::new(),
            default: Vec::new(),
            hops_max: 5,
        }
    }
}
