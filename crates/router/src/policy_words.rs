//! How a group is served, in words.

use crate::class::Class;
use crate::explanation::{further_attempts, seconds};
use crate::{Policy, Routing, StrategyKind, Wishes};

/// One sentence for each thing that a policy decides. What is switched off is left out.
pub(crate) fn words(policy: &Policy, routing: &Routing, wishes: &Wishes, is_alone: bool) -> Vec<String> {
    let mut words = vec![draw(policy.strategy), attempts(policy, routing, wishes), rests(policy, is_alone)];
    if !policy.back_off_min.is_zero() {
        words
            .push(format!("a deployment is asked again after {} at the least", seconds(policy.back_off_min)));
    }
    if policy.prompt_cache_affinity {
        words.push("a long conversation goes to the deployment that had its beginning".to_owned());
    }
    if policy.tag_filtering {
        let how = if policy.tag_match_any { "one that fits is enough" } else { "all must fit" };
        let else_all = if policy.tags_fail_open { "; where none fits, all are reached" } else { "" };
        words.push(format!("tags decide which deployments are reached: {how}{else_all}"));
    }
    if policy.pre_call_checks {
        words.push("inputs that are too long for a deployment pass it by".to_owned());
    }
    if !policy.queue_wait.is_zero() {
        let (wait, most) = (seconds(policy.queue_wait), routing.queue_length_max);
        words.push(format!("a request waits {wait} for a deployment, with {most} others at most"));
    }
    if let Some(hedge) = &policy.hedge {
        let delay = hedge.delay.map_or_else(|| "what 95 of 100 answers took".to_owned(), seconds);
        let percent = hedge.percent_max;
        words.push(format!(
            "a second deployment is asked after {delay}, for {percent} of 100 requests at most"
        ));
    }
    words
}

fn draw(strategy: StrategyKind) -> String {
    match strategy {
        StrategyKind::SimpleShuffle => "a deployment is drawn by chance, by its weight".to_owned(),
        StrategyKind::LeastBusy => "the deployment with the fewest calls open is asked".to_owned(),
        StrategyKind::LatencyBased { buffer, .. } => {
            format!("one of those is drawn that answer within {:.0} % of the fastest", buffer * 100.0)
        }
        StrategyKind::UsageBased => "the deployment with the fewest tokens in its minute is asked".to_owned(),
        StrategyKind::CostBased => "the deployment with the lowest price is asked".to_owned(),
    }
}

fn attempts(policy: &Policy, routing: &Routing, wishes: &Wishes) -> String {
    let all = routing.attempts_max;
    if let Some(retries) = wishes.retries {
        let retries = further_attempts(retries);
        return format!("{retries} after the first, as the request asks; {all} over all groups");
    }
    let mut by_class = String::new();
    for class in Class::ALL {
        if let Some(retries) = policy.retries_by_class.get(class) {
            by_class.push_str(&format!("; {retries} after {}", class.name()));
        }
    }
    let retries = further_attempts(policy.retries);
    format!("{retries} after the first{by_class}; {all} over all groups")
}

fn rests(policy: &Policy, is_alone: bool) -> String {
    if policy.cooldown.is_zero() {
        return "a deployment that fails is never left alone".to_owned();
    }
    let mut when = match policy.fails_allowed {
        _ if is_alone => "when all of a thousand requests within a minute fail".to_owned(),
        Some(allowed) => format!("after more than {allowed} failures within a minute"),
        None => "after 429, after 404 for the model, and when more than half of five requests or more fail"
            .to_owned(),
    };
    for class in Class::ALL {
        if let Some(allowed) = policy.fails_allowed_by_class.get(class) {
            when.push_str(&format!("; more than {allowed} of {}", class.name()));
        }
    }
    format!("a deployment is left alone for {}, {when}", seconds(policy.cooldown))
}
