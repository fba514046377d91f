//! What steers routing: each key, its default, and what is said of a value that does not fit.

use std::time::Duration;

use trunkline_config::{
    AliasSettings, AllowedFailsPolicy, RetryPolicy, RoutingSettings, RoutingStrategy, StrategyArgs,
};

use crate::{check, read_clean};

/// The router's settings out of one line of `router_settings`.
#[track_caller]
fn routing(members: &str) -> RoutingSettings {
    read_clean(&format!("router_settings: {{{members}}}"), &[]).settings.routing
}

#[test]
fn the_defaults_are_litellms() {
    let routing = read_clean("", &[]).settings.routing;
    assert_eq!(routing, RoutingSettings::default());
    assert_eq!(routing.strategy, RoutingStrategy::SimpleShuffle);
    assert_eq!(routing.strategy_args, StrategyArgs { latency_buffer: 0.0, ttl: Duration::from_secs(3600) });
    assert_eq!((routing.num_retries, routing.allowed_fails), (None, None));
    assert_eq!((routing.retry_after, routing.cooldown_time), (Duration::ZERO, Duration::from_secs(5)));
    assert!(routing.retry_policy == RetryPolicy::default() && routing.model_group_retry_policy.is_empty());
    assert_eq!(routing.allowed_fails_policy, AllowedFailsPolicy::default());
    assert!(routing.fallbacks.is_empty() && routing.default_fallbacks.is_empty());
    assert!(routing.context_window_fallbacks.is_empty() && routing.content_policy_fallbacks.is_empty());
    assert_eq!(routing.max_fallbacks, 5);
    assert!(routing.tag_match_any);
    assert!(!routing.disable_cooldowns && !routing.tag_filtering && !routing.pre_call_checks);
}

#[test]
fn every_strategy_has_its_name() {
    for (name, strategy) in [
        ("simple-shuffle", RoutingStrategy::SimpleShuffle),
        ("least-busy", RoutingStrategy::LeastBusy),
        ("latency-based-routing", RoutingStrategy::LatencyBased),
        ("usage-based-routing-v2", RoutingStrategy::UsageBasedV2),
        ("cost-based-routing", RoutingStrategy::CostBased),
    ] {
        assert_eq!(routing(&format!("routing_strategy: {name}")).strategy, strategy);
        assert_eq!(strategy.name(), name);
    }
    let check = |name: &str, expected: &str, strategy| {
        let loaded = check(
            &format!("router_settings: {{routing_strategy: {name}}}"),
            &[&format!("config.yaml:1:37: warning: router_settings.routing_strategy {expected}")],
        );
        assert_eq!(loaded.settings.routing.strategy, strategy);
    };
    check(
        "usage-based-routing",
        "is taken as `usage-based-routing-v2`, which replaced it",
        RoutingStrategy::UsageBasedV2,
    );
    let shuffle = RoutingStrategy::SimpleShuffle;
    check("lar1", "is not supported: `lar1` is taken as `simple-shuffle`", shuffle);
    check(
        "least_busy",
        "is not supported: `least_busy` is taken as `simple-shuffle`; did you mean least-busy?",
        shuffle,
    );
}

#[test]
fn settings_of_the_strategy() {
    let args = routing("routing_strategy_args: {lowest_latency_buffer: '0.1', ttl: 60}").strategy_args;
    assert_eq!(args, StrategyArgs { latency_buffer: 0.1, ttl: Duration::from_secs(60) });
    assert_eq!(routing("routing_strategy_args: {ttl: }").strategy_args, StrategyArgs::default());
    check(
        "router_settings:
  routing_strategy_args:
    lowest_latency_buffer: -1
    ttl: soon
    lowest_latency_bufer: 1
    max_latency_list_size: 10
",
        &[
            "!config.yaml:3:28: error: router_settings.routing_strategy_args.lowest_latency_buffer must be a number from 0",
            "!config.yaml:4:10: error: router_settings.routing_strategy_args.ttl must be a number of seconds, from 0 to a year",
            "config.yaml:5:5: warning: router_settings.routing_strategy_args.lowest_latency_bufer is not a key that Trunkline knows; did you mean lowest_latency_buffer?",
            "config.yaml:6:5: warning: router_settings.routing_strategy_args.max_latency_list_size is not a key that Trunkline knows",
        ],
    );
}

#[test]
fn numbers_waits_and_switches() {
    let routing = routing(
        "num_retries: '3', retry_after: 0.5, allowed_fails: 0, cooldown_time: 0, disable_cooldowns: yes, max_fallbacks: 0, \
         enable_tag_filtering: 'true', tag_filtering_match_any: off, enable_pre_call_checks: 1",
    );
    assert_eq!((routing.num_retries, routing.allowed_fails), (Some(3), Some(0)));
    assert_eq!((routing.retry_after, routing.cooldown_time), (Duration::from_millis(500), Duration::ZERO));
    assert_eq!(routing.max_fallbacks, 0);
    assert!(routing.disable_cooldowns && routing.tag_filtering && routing.pre_call_checks);
    assert!(!routing.tag_match_any);
}

#[test]
fn what_does_not_fit_names_its_place() {
    let check = |key: &str, value: &str, expected: &str| {
        let column = format!("router_settings: {{{key}: ").len() + 1;
        check(
            &format!("router_settings: {{{key}: {value}}}"),
            &[&format!("!config.yaml:1:{column}: error: router_settings.{key} must be {expected}")],
        );
    };
    let count = "a whole number from 0";
    let seconds = "a number of seconds, from 0 to a year";
    let switch = "true or false";
    for (key, value, expected) in [
        ("routing_strategy", "[least-busy]", "text, not a list"),
        ("routing_strategy_args", "fast", "a mapping"),
        ("num_retries", "-1", count),
        ("num_retries", "4294967296", "a whole number from 0 to 4294967295"),
        ("retry_after", "-0.5", seconds),
        ("retry_policy", "3", "a mapping"),
        ("model_group_retry_policy", "[]", "a mapping, not a list"),
        ("allowed_fails", "many", count),
        ("allowed_fails_policy", "3", "a mapping"),
        ("cooldown_time", "{}", "a number of seconds, from 0 to a year, not a mapping"),
        ("disable_cooldowns", "2", switch),
        ("max_fallbacks", "0.5", count),
        ("enable_tag_filtering", "maybe", switch),
        ("tag_filtering_match_any", "all", switch),
        ("enable_pre_call_checks", "[]", "true or false, not a list"),
    ] {
        check(key, value, expected);
    }
}

#[test]
fn policies_give_a_number_for_each_kind() {
    let routing = routing(
        "retry_policy: {BadRequestErrorRetries: 1, AuthenticationErrorRetries: 2, TimeoutErrorRetries: 3, RateLimitErrorRetries: '4', \
         ContentPolicyViolationErrorRetries: 5, InternalServerErrorRetries: 6, ServiceUnavailableErrorRetries: 7, NotFoundErrorRetries: 8, \
         DefaultRetries: 9}, allowed_fails_policy: {BadRequestErrorAllowedFails: 1, AuthenticationErrorAllowedFails: 2, \
         TimeoutErrorAllowedFails: 3, RateLimitErrorAllowedFails: 4, ContentPolicyViolationErrorAllowedFails: 5, \
         InternalServerErrorAllowedFails: 6, ServiceUnavailableErrorAllowedFails: 7, BadGatewayErrorAllowedFails: 8, \
         NotFoundErrorAllowedFails: '9'}",
    );
    let retries = RetryPolicy {
        bad_request: Some(1),
        authentication: Some(2),
        timeout: Some(3),
        rate_limit: Some(4),
        content_policy: Some(5),
        internal_server: Some(6),
        service_unavailable: Some(7),
        not_found: Some(8),
        default: Some(9),
    };
    assert_eq!(routing.retry_policy, retries);
    let fails = AllowedFailsPolicy {
        bad_request: Some(1),
        authentication: Some(2),
        timeout: Some(3),
        rate_limit: Some(4),
        content_policy: Some(5),
        internal_server: Some(6),
        service_unavailable: Some(7),
        bad_gateway: Some(8),
        not_found: Some(9),
    };
    assert_eq!(routing.allowed_fails_policy, fails);
    check(
        "router_settings:
  retry_policy: {RateLimitErorRetries: 1, TimeoutErrorRetries: often}
  allowed_fails_policy: {RateLimitErrorRetries: 1}
",
        &[
            "config.yaml:2:18: warning: router_settings.retry_policy.RateLimitErorRetries is not a key that Trunkline knows; did you mean RateLimitErrorRetries?",
            "!config.yaml:2:64: error: router_settings.retry_policy.TimeoutErrorRetries must be a whole number from 0",
            "config.yaml:3:26: warning: router_settings.allowed_fails_policy.RateLimitErrorRetries is not a key that Trunkline knows",
        ],
    );
}

#[test]
fn policies_of_groups_keep_their_order() {
    let yaml = "
model_list:
- {model_name: slow, litellm_params: {model: echo/slow}}
- {model_name: fast, litellm_params: {model: echo/fast}}
router_settings:
  model_group_retry_policy:
    slow: {TimeoutErrorRetries: 2}
    fast: {DefaultRetries: 0}
";
    let policies = read_clean(yaml, &[]).settings.routing.model_group_retry_policy;
    let slow = RetryPolicy { timeout: Some(2), ..RetryPolicy::default() };
    let fast = RetryPolicy { default: Some(0), ..RetryPolicy::default() };
    assert_eq!(policies, [("slow".to_owned(), slow), ("fast".to_owned(), fast)]);
    check(
        "router_settings:\n  model_group_retry_policy:\n    gone: {DefaultRetries: [1]}\n",
        &[
            "config.yaml:3:5: warning: router_settings.model_group_retry_policy.gone names `gone`, which is no group of model_list",
            "!config.yaml:3:28: error: router_settings.model_group_retry_policy.gone.DefaultRetries must be a whole number from 0, not a list",
        ],
    );
}

#[test]
fn the_router_goes_before_litellm() {
    let yaml = "
litellm_settings: {num_retries: 1, allowed_fails: 2, cooldown_time: 3, max_fallbacks: 4}
router_settings: {num_retries: 9, cooldown_time: }
";
    let routing = read_clean(yaml, &[]).settings.routing;
    assert_eq!((routing.num_retries, routing.allowed_fails, routing.max_fallbacks), (Some(9), Some(2), 4));
    assert_eq!(routing.cooldown_time, Duration::from_secs(3));
    check(
        "litellm_settings:\n  num_retries: often\n  retry_after: 5\n",
        &[
            "!config.yaml:2:16: error: litellm_settings.num_retries must be a whole number from 0",
            "config.yaml:3:3: warning: litellm_settings.retry_after is not a key that Trunkline or LiteLLM knows; did you mean router_settings.retry_after?",
        ],
    );
}

#[test]
fn an_alias_that_hides_a_group_is_told_of() {
    check(
        "model_list:
- {model_name: group, litellm_params: {model: echo/x}}
- {model_name: other, litellm_params: {model: echo/x}}
router_settings: {model_group_alias: {other: group, group: group}}
",
        &[
            "config.yaml:4:39: warning: router_settings.model_group_alias.other hides the group of this name in model_list: who asks for it gets the alias",
        ],
    );
}

#[test]
fn aliases_are_names_or_mappings() {
    let group = "model_list: [{model_name: group, litellm_params: {model: echo/a}}]\n";
    let yaml = "router_settings: {model_group_alias: {a: group, b: {model: group, hidden: true}}}";
    let alias =
        |alias: &str, hidden| AliasSettings { alias: alias.to_owned(), group: "group".to_owned(), hidden };
    let loaded = read_clean(&format!("{group}{yaml}"), &[]);
    assert_eq!(loaded.settings.aliases, [alias("a", false), alias("b", true)]);
    let loaded = check(
        &format!(
            "{group}router_settings:\n  model_group_alias:\n    c: [group]\n    d: {{hidden: true}}\n    e: c\n    f: gruop\n"
        ),
        &[
            "!config.yaml:4:8: error: router_settings.model_group_alias.c must be the name of a group, or a mapping of `model` and `hidden`",
            "!config.yaml:5:8: error: router_settings.model_group_alias.d must be the name of a group, or a mapping of `model` and `hidden`",
            "config.yaml:6:8: warning: router_settings.model_group_alias.e names `c`, which is no group of model_list",
            "config.yaml:7:8: warning: router_settings.model_group_alias.f names `gruop`, which is no group of model_list; did you mean group?",
        ],
    );
    assert_eq!(loaded.settings.aliases.len(), 2);
}
