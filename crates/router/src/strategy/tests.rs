//! Strategies over deployments that are made up, and a seed that is fixed.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use async_trait::async_trait;
use trunkline_core::{Body, Call, Document, Environment, Error, ErrorKind, ModelInfo, Reply, Segments};
use trunkline_prices::{Price, Rates};
use trunkline_provider::{
    About, CallContext, Capabilities, Limits, Provider, Registry, SendOptions, Transport, TransportBody,
};

use super::*;
use crate::affinity;
use crate::speed::{Speed, Until};
use crate::{DeploymentSpec, Router};

const HOUR: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Provider for Nobody {
    fn capabilities(&self, _model: &str) -> Capabilities {
        Capabilities { operations: &[], streaming: false, reports_usage: false, reports_cost: false }
    }

    async fn call(&self, _context: &CallContext, _call: &Call) -> Result<Reply, Error> {
        Err(Error::new(ErrorKind::Internal, "nobody is asked"))
    }

    async fn models(&self, _context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Transport for Nobody {
    async fn send(
        &self,
        _request: http::Request<Segments>,
        _options: &SendOptions,
    ) -> Result<http::Response<TransportBody>, Error> {
        Err(Error::new(ErrorKind::Internal, "nothing is sent"))
    }
}

/// The deployments that these specifications make.
fn deployments(specs: impl IntoIterator<Item = DeploymentSpec>) -> Vec<Arc<Deployment>> {
    let mut registry = Registry::new(Arc::new(Nobody), Environment::empty(), Limits::default());
    registry.register("one", Arc::new(Nobody), About::default());
    let mut builder = Router::builder(Arc::new(registry));
    for spec in specs {
        let spec = DeploymentSpec { group: "m".into(), model: "one/x".into(), ..spec };
        builder.deployment(spec).expect("a known prefix");
    }
    builder.build().deployments().cloned().collect()
}

/// How often each of them is drawn in 20,000 times.
fn drawn(
    kind: StrategyKind,
    deployments: &[Arc<Deployment>],
    may: &dyn Fn(usize) -> bool,
    seconds: &dyn Fn(usize) -> Option<f64>,
) -> Vec<u32> {
    let (weights, random) = (Weights::new(deployments), Random::from_seed(42));
    let among =
        Among { deployments, places: 0..deployments.len(), weights: &weights, random: &random, may, seconds };
    let mut counts = vec![0; deployments.len()];
    for _ in 0..20_000 {
        counts[choose(kind, &among).expect("one may be asked")] += 1;
    }
    counts
}

fn all(_place: usize) -> bool {
    true
}

fn never_timed(_place: usize) -> Option<f64> {
    None
}

fn weighted(weight: Option<f64>) -> DeploymentSpec {
    DeploymentSpec { weight, ..DeploymentSpec::default() }
}

/// Each count against its share, in hundredths.
fn check_shares(counts: &[u32], shares: &[u32]) {
    let sum: u32 = counts.iter().sum();
    for (count, share) in counts.iter().zip(shares) {
        let is = f64::from(*count) * 100.0 / f64::from(sum);
        // Four standard deviations of 20,000 draws are less than 1.5 hundredths.
        assert!((is - f64::from(*share)).abs() < 1.5, "{counts:?} are not {shares:?}");
    }
}

#[test]
fn weights_are_shares_whatever_stands_between() {
    let specs = [7.0, 2.0, 1.0, 0.0].map(|weight| weighted(Some(weight)));
    let four = deployments(specs);
    let shuffle = StrategyKind::SimpleShuffle;
    check_shares(&drawn(shuffle, &four, &all, &never_timed), &[70, 20, 10, 0]);
    check_shares(&drawn(shuffle, &four, &|place| place != 0, &never_timed), &[0, 67, 33, 0]);
    check_shares(&drawn(shuffle, &four, &|place| place == 3, &never_timed), &[0, 0, 0, 100]);
    check_shares(&drawn(shuffle, &deployments([None; 4].map(weighted)), &all, &never_timed), &[25; 4]);
    check_shares(
        &drawn(shuffle, &deployments([Some(1.0), None].map(weighted)), &all, &never_timed),
        &[100, 0],
    );
}

#[test]
fn limits_are_weights_where_there_are_none() {
    let rpm = |rpm| DeploymentSpec { requests_per_minute_max: rpm, ..DeploymentSpec::default() };
    let tpm = |tpm| DeploymentSpec { tokens_per_minute_max: tpm, ..DeploymentSpec::default() };
    let shuffle = StrategyKind::SimpleShuffle;
    check_shares(
        &drawn(shuffle, &deployments([Some(900), Some(100)].map(rpm)), &all, &never_timed),
        &[90, 10],
    );
    check_shares(
        &drawn(shuffle, &deployments([Some(300), Some(100)].map(tpm)), &all, &never_timed),
        &[75, 25],
    );
}

#[test]
fn one_of_very_many_is_found_though_nearly_none_may_be_asked() {
    let many = deployments((0..10_000).map(|_| DeploymentSpec::default()));
    let counts = drawn(StrategyKind::SimpleShuffle, &many[..500], &|place| place >= 498, &never_timed);
    check_shares(&counts[498..], &[50, 50]);
    let latency = StrategyKind::LatencyBased { buffer: 0.0, time_to_live: HOUR };
    for kind in [latency, StrategyKind::LeastBusy, StrategyKind::UsageBased, StrategyKind::CostBased] {
        let counts = drawn(kind, &many[..200], &|place| place >= 198, &never_timed);
        assert_eq!(counts[198..].iter().sum::<u32>(), 20_000, "{kind:?}");
    }
    for kind in [StrategyKind::LeastBusy, StrategyKind::UsageBased, StrategyKind::CostBased] {
        let counts = drawn(kind, &many, &all, &never_timed);
        assert!(counts.iter().filter(|count| **count > 0).count() > 5_000, "{kind:?} begins anywhere");
    }
}

#[test]
fn the_least_busy_the_least_used_and_the_cheapest_are_drawn() {
    let price = |price: Option<i64>| DeploymentSpec {
        price: price.map(|price| Price {
            rates: Rates { input: Some(price.into()), output: Some(price.into()), ..Rates::default() },
            ..Price::default()
        }),
        ..DeploymentSpec::default()
    };
    let three = deployments([None, Some(4), Some(3)].map(price));
    check_shares(&drawn(StrategyKind::CostBased, &three, &all, &never_timed), &[0, 0, 100]);
    check_shares(&drawn(StrategyKind::CostBased, &three, &|place| place < 2, &never_timed), &[0, 100, 0]);
    for (deployment, open) in three.iter().zip([2, 1, 1]) {
        deployment.state.in_flight.store(open, Relaxed);
    }
    check_shares(&drawn(StrategyKind::LeastBusy, &three, &all, &never_timed), &[0, 50, 50]);
}

#[tokio::test(start_paused = true)]
async fn the_one_that_used_the_fewest_tokens_is_drawn() {
    let three = deployments((0..3).map(|_| DeploymentSpec::default()));
    for (deployment, tokens) in three.iter().zip([50, 20, 30]) {
        assert!(deployment.state.window.take(crate::window::Rates::default(), tokens).is_ok());
    }
    check_shares(&drawn(StrategyKind::UsageBased, &three, &all, &never_timed), &[0, 100, 0]);
    tokio::time::advance(Duration::from_secs(60)).await;
    check_shares(&drawn(StrategyKind::UsageBased, &three, &all, &never_timed), &[33, 33, 33]);
}

#[test]
fn the_fastest_is_drawn_and_those_near_it_are_not_starved() {
    let speeds = [1.0, 1.05, 1.3].map(|seconds| {
        let speed = Speed::default();
        speed.note(Duration::from_secs_f64(seconds), Until::WholeReply);
        speed
    });
    let seconds = |place: usize| speeds.get(place).and_then(|speed| speed.seconds(HOUR, Until::WholeReply));
    let three = deployments((0..3).map(|_| DeploymentSpec::default()));
    let latency = |buffer| StrategyKind::LatencyBased { buffer, time_to_live: HOUR };
    check_shares(&drawn(latency(0.0), &three, &all, &seconds), &[100, 0, 0]);
    check_shares(&drawn(latency(0.1), &three, &all, &seconds), &[50, 50, 0]);
    check_shares(&drawn(latency(0.1), &three, &|place| place == 2, &seconds), &[0, 0, 100]);
    let four = deployments((0..4).map(|_| DeploymentSpec::default()));
    check_shares(&drawn(latency(0.1), &four, &all, &seconds), &[0, 0, 0, 100]);
}

fn conversation(system: &str, turns: usize) -> Body {
    let filler = "x".repeat(4_096);
    let mut messages = vec![
        serde_json::json!({ "role": "system", "content": format!("{system}{filler}") }),
        serde_json::json!({ "role": "user", "content": "hello" }),
    ];
    for turn in 0..turns {
        messages.push(serde_json::json!({ "role": "assistant", "content": format!("turn {turn}") }));
    }
    Body::Document(
        Document::from_serialize(&serde_json::json!({ "messages": messages })).expect("a document"),
    )
}

#[test]
fn a_conversation_is_known_by_its_beginning_and_by_who_asks() {
    let key = |tenant, system, turns| affinity::key(tenant, &conversation(system, turns));
    assert!(key(1, "a", 0).is_some());
    assert_eq!(key(1, "a", 0), key(1, "a", 9));
    assert_ne!(key(1, "a", 0), key(1, "b", 0));
    assert_ne!(key(1, "a", 0), key(2, "a", 0));
    let short = Document::parse(r#"{"messages":[{"role":"user","content":"hi"}]}"#).expect("a document");
    assert_eq!(affinity::key(1, &Body::Document(short)), None, "too short for any prompt cache");
}

#[test]
fn conversations_spread_by_weight_stay_and_move_only_when_they_must() {
    let specs = [2.0, 1.0, 1.0].map(|weight| weighted(Some(weight)));
    let three = deployments(specs);
    let weights = Weights::new(&three);
    let key = |number: u64| crate::random::mixed(number);
    let place =
        |number, may: &dyn Fn(usize) -> bool| affinity::choose(key(number), &three, 0..3, &weights, may);
    let mut counts = vec![0; 3];
    for number in 0..20_000 {
        let at = place(number, &all).expect("all may be asked");
        counts[at] += 1;
        assert_eq!(place(number, &all), Some(at));
        let without = place(number, &|place| place != 2).expect("two may be asked");
        assert!(at == 2 || without == at, "who need not move stays");
    }
    check_shares(&counts, &[50, 25, 25]);
    // Four calls are no load; a fifth beside idle ones is.
    let at = place(7, &all).expect("all may be asked");
    three[at].state.in_flight.store(3, Relaxed);
    assert_eq!(place(7, &all), Some(at));
    three[at].state.in_flight.store(4, Relaxed);
    assert_ne!(place(7, &all), Some(at));
}
