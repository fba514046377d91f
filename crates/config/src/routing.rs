//! `router_settings`, where it steers routing, with what `litellm_settings` says instead.

use crate::diagnostic::Report;
use crate::fallbacks;
use crate::groups::Groups;
use crate::keys::{self, Section};
use crate::node::{Member, member};
use crate::policies;
use crate::reader::Reader;
use crate::routing_settings::{RetryPolicy, RoutingSettings, RoutingStrategy, StrategyArgs};
use crate::spelling;

/// LiteLLM's first strategy by usage, which its second replaced.
const USAGE_BASED_V1: &str = "usage-based-routing";

/// Reads what steers routing. A key of `router_settings` goes before that of `litellm_settings`.
pub(crate) fn read(
    router: &[Member],
    litellm: &[Member],
    groups: &Groups<'_>,
    report: &mut Report,
) -> RoutingSettings {
    let mut layers = Layers { router, litellm, report };
    let defaults = RoutingSettings::default();
    let mut lists = |key| fallbacks::lists(&mut layers.reader(key), key, groups);
    let (fallbacks, default) = without_default(lists("fallbacks"));
    let context_window_fallbacks = lists("context_window_fallbacks");
    let content_policy_fallbacks = lists("content_policy_fallbacks");
    let mut default_fallbacks =
        fallbacks::defaults(&mut layers.reader("default_fallbacks"), "default_fallbacks", groups);
    if default_fallbacks.is_empty() {
        default_fallbacks = default;
    }

    let max_fallbacks = layers.count("max_fallbacks").unwrap_or(defaults.max_fallbacks);
    let num_retries = layers.count("num_retries");
    let allowed_fails = layers.count("allowed_fails");
    let cooldown_time =
        layers.reader("cooldown_time").duration("cooldown_time").unwrap_or(defaults.cooldown_time);

    let mut reader = Reader::section(router, Section::RouterSettings.path(), report);
    let reader = &mut reader;
    RoutingSettings {
        strategy: strategy(reader),
        strategy_args: reader.below("routing_strategy_args", strategy_args),
        num_retries,
        retry_after: reader.duration("retry_after").unwrap_or(defaults.retry_after),
        retry_policy: policies::retries(reader, "retry_policy"),
        model_group_retry_policy: reader
            .below("model_group_retry_policy", |part| retry_policies(part, groups)),
        allowed_fails,
        allowed_fails_policy: policies::allowed_fails(reader, "allowed_fails_policy"),
        cooldown_time,
        disable_cooldowns: reader.boolean("disable_cooldowns").unwrap_or(defaults.disable_cooldowns),
        fallbacks,
        context_window_fallbacks,
        content_policy_fallbacks,
        default_fallbacks,
        max_fallbacks,
        tag_filtering: reader.boolean("enable_tag_filtering").unwrap_or(defaults.tag_filtering),
        tag_match_any: reader.boolean("tag_filtering_match_any").unwrap_or(defaults.tag_match_any),
        pre_call_checks: reader.boolean("enable_pre_call_checks").unwrap_or(defaults.pre_call_checks),
    }
}

/// The two sections that say the same things.
struct Layers<'a, 'r> {
    router: &'a [Member],
    litellm: &'a [Member],
    report: &'r mut Report,
}

impl<'a> Layers<'a, '_> {
    /// A reader of the section that counts for this key.
    fn reader(&mut self, key: &str) -> Reader<'a, '_> {
        let is_set = |members| member(members, key).is_some_and(|member| !member.node.is_null());
        let section = if is_set(self.litellm)
            && !is_set(self.router)
            && keys::find(Section::LitellmSettings, key).is_some()
        {
            Section::LitellmSettings
        } else {
            Section::RouterSettings
        };
        let members = if section == Section::LitellmSettings { self.litellm } else { self.router };
        Reader::section(members, section.path(), self.report)
    }

    fn count(&mut self, key: &str) -> Option<u32> {
        self.reader(key).count(key)
    }
}

/// The lists without that of `*`, and that one.
fn without_default(mut lists: Vec<(String, Vec<String>)>) -> (Vec<(String, Vec<String>)>, Vec<String>) {
    match lists.iter().position(|(group, _)| group == fallbacks::ALL) {
        Some(index) => {
            let (_, default) = lists.remove(index);
            (lists, default)
        }
        None => (lists, Vec::new()),
    }
}

fn strategy(reader: &mut Reader<'_, '_>) -> RoutingStrategy {
    const KEY: &str = "routing_strategy";
    let default = RoutingStrategy::default();
    let (Some(name), Some(node)) = (reader.text(KEY), reader.node(KEY)) else {
        return default;
    };
    if let Some(strategy) = RoutingStrategy::ALL.into_iter().find(|strategy| strategy.name() == name) {
        return strategy;
    }
    if name == USAGE_BASED_V1 {
        let strategy = RoutingStrategy::UsageBasedV2;
        reader.warn(KEY, &node.location, format!("is taken as `{}`, which replaced it", strategy.name()));
        return strategy;
    }
    let near = spelling::nearest(&name, RoutingStrategy::ALL.into_iter().map(RoutingStrategy::name));
    let message = format!("is not supported: `{name}` is taken as `{}`", default.name());
    reader.warn(KEY, &node.location, message).suggestion = near.map(str::to_owned);
    default
}

fn strategy_args(reader: &mut Reader<'_, '_>) -> StrategyArgs {
    const BUFFER: &str = "lowest_latency_buffer";
    const TTL: &str = "ttl";
    let defaults = StrategyArgs::default();
    reader.warn_of_others(&[BUFFER, TTL]);
    StrategyArgs {
        latency_buffer: reader.number(BUFFER).unwrap_or(defaults.latency_buffer),
        ttl: reader.seconds(TTL).unwrap_or(defaults.ttl),
    }
}

fn retry_policies(reader: &mut Reader<'_, '_>, groups: &Groups<'_>) -> Vec<(String, RetryPolicy)> {
    let mut policies = Vec::new();
    for group in reader.all() {
        groups.check(reader, &group.key, &group.key, &group.location);
        policies.push((group.key.clone(), policies::retries(reader, &group.key)));
    }
    policies
}
