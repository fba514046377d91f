//! A second deployment beside a slow one, and what the slow one cost.

use std::time::Duration;

use futures_util::future::join3;
use tokio::time::Instant;
use trunkline_core::{Call, Cost, Document, ErrorKind, Operation};
use trunkline_prices::{Price, Rates};
use trunkline_router::{Course, DeploymentSpec, Hedge, Policy, RetryBudget, Routing, Wishes};

use crate::world::{Script, World, spec};

#[tokio::test(start_paused = true)]
async fn a_slow_deployment_gets_one_beside_it_and_no_more_than_its_share() {
    let hedge = Hedge { delay: Some(Duration::from_millis(200)), percent_max: 5 };
    let policy = Policy { hedge: Some(hedge), ..Policy::default() };
    let world =
        World::new(Routing { policy, ..Routing::default() }, [spec("m", "one/a"), spec("m", "two/b")]);
    for _ in 0..100 {
        assert!(world.ask("m").await.is_ok());
    }
    assert_eq!(world.asked(), 100, "fast ones are asked alone");
    world.script("a", Script::Slow(Duration::from_secs(5)));
    let mut hedged = 0;
    for _ in 0..40 {
        let began = Instant::now();
        let answer = world.ask("m").await.expect("an answer");
        if answer.course.failed.len() == 1 {
            hedged += 1;
            assert_eq!(&*answer.candidate.upstream_model, "b");
            assert_eq!((answer.course.failed[0].failure, began.elapsed().as_millis()), (None, 200));
        }
    }
    assert!((1..=7).contains(&hedged), "{hedged}: five of a hundred, of 140");
    assert_eq!(world.open(), 0, "the slow ones were given up");
}

#[tokio::test(start_paused = true)]
async fn what_was_overtaken_costs_the_input_that_it_had_read() {
    let hedge = Hedge { delay: Some(Duration::from_millis(200)), percent_max: 100 };
    let policy = Policy { hedge: Some(hedge), ..Policy::default() };
    let rates = Rates { input: "0.001".parse().ok(), output: "0.01".parse().ok(), ..Rates::default() };
    let price = Some(Price { rates, ..Price::default() });
    let slow = DeploymentSpec { order: 1, price, ..spec("m", "one/a") };
    let fast = DeploymentSpec { order: 2, ..spec("m", "two/b") };
    let world = World::new(Routing { policy, ..Routing::default() }, [slow, fast]);
    world.script("a", Script::Slow(Duration::from_secs(5)));
    let body = r#"{"messages":[{"role":"user","content":"Which is the faster of the two?"}]}"#;
    let answer = world.ask_about("m", body).await.expect("an answer");
    let [overtaken] = &answer.course.failed[..] else { panic!("{:?}", answer.course) };
    let tokens = overtaken.usage.as_ref().expect("an estimate").uncached_input;
    assert!((1..100).contains(&tokens), "{tokens}");
    assert_eq!(overtaken.cost, Some(Cost::Computed(format!("0.{tokens:03}").parse().expect("a decimal"))));
}

/// Hedges after 200 ms.
fn hedging(percent_max: u32) -> Routing {
    let hedge = Hedge { delay: Some(Duration::from_millis(200)), percent_max };
    Routing { policy: Policy { hedge: Some(hedge), ..Policy::default() }, ..Routing::default() }
}

/// Deployments of one group that are asked in this order.
fn in_order(models: &[&str]) -> Vec<DeploymentSpec> {
    let orders = (1..).zip(models);
    orders.map(|(order, model)| DeploymentSpec { order, ..spec("m", model) }).collect()
}

#[tokio::test(start_paused = true)]
async fn one_slow_deployment_of_ten_is_not_felt_by_95_of_a_hundred() {
    let mut percentiles = Vec::new();
    for routing in [Routing::default(), hedging(20)] {
        let world = World::new(routing, (0..10).map(|number| spec("m", &format!("one/{number}"))));
        for number in 1..10 {
            world.script(&number.to_string(), Script::Takes(Duration::from_millis(100), 200));
        }
        world.script("0", Script::Slow(Duration::from_secs(5)));
        let mut took = Vec::new();
        for _ in 0..500 {
            let began = Instant::now();
            assert!(world.ask("m").await.is_ok());
            took.push(began.elapsed().as_millis());
        }
        took.sort_unstable();
        percentiles.push(took[took.len() * 95 / 100]);
    }
    assert_eq!(percentiles, [5_000, 300]);
}

#[tokio::test(start_paused = true)]
async fn whoever_failed_beside_another_is_not_asked_again() {
    let world = World::new(hedging(100), in_order(&["one/a", "two/b", "two/c"]));
    world.script("a", Script::Takes(Duration::from_secs(1), 503));
    world.script("b", Script::Status(503));
    let began = Instant::now();
    let answer = world.ask("m").await.expect("an answer");
    assert_eq!(&*answer.candidate.upstream_model, "c");
    let failed: Vec<&str> = answer.course.failed.iter().map(|attempt| &*attempt.upstream_model).collect();
    assert_eq!((failed, answer.course.attempts), (vec!["b", "a"], 3));
    let took = answer.course.failed[0].duration;
    assert!(took < Duration::from_millis(10), "it failed at once, and is noted so: {took:?}");
    assert_eq!(began.elapsed(), Duration::from_secs(1), "nobody rests where there is another");
}

#[tokio::test(start_paused = true)]
async fn when_both_have_failed_a_further_attempt_follows_after_a_rest() {
    let world = World::new(hedging(100), in_order(&["one/a", "two/b"]));
    world.script_once("a", [Script::Takes(Duration::from_millis(300), 503)]);
    world.script_once("b", [Script::Takes(Duration::from_secs(1), 503)]);
    let began = Instant::now();
    let answer = world.ask("m").await.expect("an answer");
    let failed: Vec<_> = answer.course.failed.iter().map(|attempt| attempt.failure).collect();
    assert_eq!(failed, [Some(ErrorKind::UpstreamFailed); 2]);
    assert_eq!((world.asked_of("a"), world.asked_of("b")), (2, 1));
    assert!(
        began.elapsed() > Duration::from_millis(1_500),
        "the last failed after 1.2 s, and a rest followed"
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_beside_another_is_paid_for_where_one_failed_and_earns_nothing() {
    let routing = |percent| {
        let retry_budget = RetryBudget { percent, burst: 0 };
        let mut routing = Routing { retry_budget, ..hedging(100) };
        routing.policy.cooldown = Duration::ZERO;
        routing
    };
    // `a` has failed, and with it the origin of `c`, which is not asked beside `b`.
    let world = World::new(routing(0), in_order(&["one/a", "two/b", "one/c"]));
    world.script("a", Script::Status(503));
    world.script("b", Script::Slow(Duration::from_secs(5)));
    assert_eq!(&*world.ask("m").await.expect("an answer").candidate.upstream_model, "b");
    assert_eq!(world.asked_of("c"), 0);
    // `two` is asked beside `one` alone, so that no attempt there was a first one.
    let world = World::new(routing(100), in_order(&["one/a", "two/b"]));
    world.script("a", Script::Takes(Duration::from_millis(300), 400));
    for _ in 0..5 {
        assert_eq!(&*world.ask("m").await.expect("an answer").candidate.upstream_model, "b");
    }
    world.script("a", Script::Status(400));
    let alone = Wishes { no_fallbacks: true, ..Wishes::default() };
    assert!(world.ask_with("m", &alone).await.is_err());
    let world = world.reloaded(routing(100), [spec("n", "two/d")]);
    world.script("d", Script::Status(503));
    assert!(world.ask("n").await.is_err());
    assert_eq!(world.asked_of("d"), 2, "once, and once more for that");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_tried_twice_counts_once() {
    let world = World::new(hedging(40), in_order(&["one/a", "two/b"]));
    world.script_once("a", [Script::Status(503), Script::Slow(Duration::from_secs(5))]);
    assert_eq!(world.ask("m").await.expect("an answer").course.attempts, 2);
    let answer = world.ask("m").await.expect("an answer");
    assert_eq!(
        (&*answer.candidate.upstream_model, answer.course.attempts),
        ("a", 1),
        "80 of 100 are no hedge"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_led_to_the_next_level_counts_once() {
    let mut routing = hedging(40);
    routing.policy.retries = 0;
    let world = World::new(routing, in_order(&["one/a", "two/b"]));
    world.script_once("a", [Script::Status(503), Script::Slow(Duration::from_secs(5))]);
    assert_eq!(world.ask("m").await.expect("an answer").course.attempts, 2);
    let answer = world.ask("m").await.expect("an answer");
    let given = (&*answer.candidate.upstream_model, answer.course.attempts);
    assert_eq!(given, ("a", 1), "80 of 100 are no hedge");
}

#[tokio::test(start_paused = true)]
async fn a_second_one_takes_no_place_that_somebody_waits_for() {
    let single = |id: &str, model| DeploymentSpec {
        id: Some(id.into()),
        parallel_calls_max: Some(1),
        ..spec("m", model)
    };
    let mut routing = hedging(100);
    routing.policy.queue_wait = Duration::from_secs(20);
    let world = World::new(routing, [single("a", "one/a"), single("b", "two/b")]);
    world.script("a", Script::Slow(Duration::from_secs(5)));
    // The place comes free just when the second one would be asked.
    world.script_once("b", [Script::Slow(Duration::from_millis(200)), Script::Slow(Duration::from_secs(1))]);
    let (any, to_b) = (Wishes::default(), Wishes { deployment: Some("b".into()), ..Wishes::default() });
    let began = Instant::now();
    let ask = async |wishes: &Wishes| {
        let answer = world.ask_with("m", wishes).await.expect("an answer");
        (answer.course.attempts, began.elapsed().as_millis())
    };
    let (first, hedged, waits) = join3(ask(&to_b), ask(&any), ask(&to_b)).await;
    assert_eq!((first, hedged, waits), ((1, 200), (1, 5_000), (1, 1_200)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_says_nothing_does_not_win() {
    let world = World::new(hedging(100), in_order(&["one/a", "two/b"]));
    let wishes = Wishes { begin_within: Some(Duration::from_millis(250)), ..Wishes::default() };
    world.script("a", Script::Quiet(Duration::from_secs(5)));
    for (b, expected, took) in [
        (Script::Slow(Duration::from_millis(200)), "b", 400),
        (Script::Status(503), "a", 250),
        (Script::Quiet(Duration::from_secs(6)), "a", 450),
        (Script::Slow(Duration::from_secs(6)), "a", 500),
    ] {
        world.script("b", b);
        let began = Instant::now();
        let answer = world.stream_with("m", &wishes).await.expect("an answer");
        assert_eq!(&*answer.candidate.upstream_model, expected, "{b:?}");
        assert_eq!(answer.first.is_some(), expected == "b", "{b:?}");
        assert_eq!(began.elapsed().as_millis(), took, "{b:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_keeps_both_that_were_asked() {
    let world = World::new(hedging(100), in_order(&["one/a", "two/b"]));
    world.script("a", Script::Slow(Duration::from_secs(600)));
    world.script("b", Script::Slow(Duration::from_secs(600)));
    let mut course = Course::default();
    let route = world.router.resolve("m").expect("a known name");
    let mut call = Call::new(Operation::ChatCompletions, "", Document::empty());
    let wishes = Wishes::default();
    let asking = world.router.dispatch_noting(&route, &mut call, &wishes, &mut course);
    assert!(tokio::time::timeout(Duration::from_secs(60), asking).await.is_err(), "nobody says anything");
    let tried: Vec<_> =
        course.failed.iter().map(|attempt| (&*attempt.upstream_model, attempt.failure)).collect();
    assert_eq!(tried, [("b", None), ("a", None)]);
    assert!(course.failed.iter().all(|attempt| attempt.usage.is_some()), "each has read the input");
    assert!(course.failed[0].duration < course.failed[1].duration);
}
