//! What a deployment has used of its minute, with limits and without.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::time::Instant;
use trunkline_core::{ErrorKind, ReplyBody};
use trunkline_prices::Price;
use trunkline_router::{DeploymentSpec, Policy, Routing, StrategyKind, Wishes};

use crate::world::{Script, World, spec};

/// The input is some ten tokens; the answer fifty at most, twice.
const BODY: &str = r#"{"messages":[{"role":"user","content":"hi"}],"max_tokens":50,"n":2}"#;

fn per_minute(tokens: u64) -> DeploymentSpec {
    DeploymentSpec { tokens_per_minute_max: Some(tokens), ..spec("m", "one/a") }
}

#[tokio::test(start_paused = true)]
async fn usage_is_counted_without_limits_where_the_least_used_is_asked() {
    let policy = Policy { strategy: StrategyKind::UsageBased, ..Policy::default() };
    let specs = [spec("m", "one/a"), spec("m", "one/b"), spec("m", "two/c")];
    let world = World::new(Routing { policy, ..Routing::default() }, specs);
    // The first one is dear: it is not asked again until the others have used as much.
    let mut first = world.ask("m").await.expect("an answer");
    first.permit.used(1_000);
    for _ in 0..20 {
        let mut answer = world.ask("m").await.expect("an answer");
        answer.permit.used(100);
    }
    assert_eq!(world.asked_of(&first.candidate.upstream_model), 1);
    let mut asked: Vec<usize> = ["a", "b", "c"].map(|model| world.asked_of(model)).into();
    asked.sort_unstable();
    assert_eq!(asked, [1, 10, 10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_at_once_use_no_more_than_tpm_when_each_takes_all_that_it_may() {
    let world = Arc::new(World::new(Routing::default(), [per_minute(10_000)]));
    let asked = (0..1_000).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.ask_about("m", BODY).await })
    });
    // Nobody says what it used before all have asked.
    let asked = join_all(asked).await;
    let answers: Vec<_> = asked.into_iter().filter_map(|asked| asked.expect("no panic").ok()).collect();
    let used = answers.len() * 100;
    assert!((8_000..=10_000).contains(&used), "{used} of 10,000");
    assert_eq!(world.asked(), answers.len(), "the others reached nobody");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_used_serves_others_at_once() {
    let policy = Policy { queue_wait: Duration::from_secs(30), ..Policy::default() };
    let world = World::new(Routing { policy, ..Routing::default() }, [per_minute(1_000)]);
    world.script("a", Script::Slow(Duration::from_secs(1)));
    let began = Instant::now();
    let ask = |_| async {
        let mut answer = world.ask_about("m", BODY).await.expect("an answer");
        answer.permit.used(20);
    };
    join_all((0..40).map(ask)).await;
    assert!(began.elapsed() <= Duration::from_secs(10), "{:?}: nobody waits for a minute", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_limit_takes_what_is_usual() {
    // What the deployment puts into the body is what may come back.
    let added = vec![("max_tokens".to_owned(), "990".into())];
    for (defaults, expected) in [(Vec::new(), 4), (added, 20)] {
        let world = World::new(Routing::default(), [DeploymentSpec { defaults, ..per_minute(20_000) }]);
        let asked = join_all((0..100).map(|_| world.ask_about("m", r#"{"messages":[]}"#))).await;
        assert_eq!(asked.iter().filter(|asked| asked.is_ok()).count(), expected);
        let refused = asked.into_iter().find_map(Result::err).expect("the others are refused");
        assert_eq!(refused.error.kind(), ErrorKind::NoDeployment);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_may_take_more_than_the_whole_limit_goes_alone_while_something_is_left() {
    const LARGE: &str = r#"{"messages":[{"role":"user","content":"hi"}],"max_tokens":32000}"#;
    let world = World::new(Routing::default(), [per_minute(1_000)]);
    let at_once = join_all((0..10).map(|_| world.ask_about("m", LARGE))).await;
    let mut answers = at_once.into_iter().filter_map(Result::ok);
    let mut alone = answers.next().expect("an answer");
    assert!(answers.next().is_none(), "one at a time");
    alone.permit.used(100);
    drop(alone);
    for _ in 1..10 {
        world.ask_about("m", LARGE).await.expect("it takes far less than it may").permit.used(100);
    }
    let refused = world.ask_about("m", LARGE).await.expect_err("the minute is used up");
    assert_eq!(refused.error.retry_after(), Some(Duration::from_secs(60)));
}

/// What comes of a request that may take far more than the whole limit, and is given up.
const ENDLESS: &str = r#"{"messages":[{"role":"user","content":"hi"}],"max_tokens":1000000000}"#;

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_does_not_use_up_the_minute_of_the_others() {
    let world = World::new(Routing::default(), [per_minute(100_000)]);
    world.script_once("a", [Script::Slow(Duration::from_secs(600))]);
    let left = tokio::time::timeout(Duration::from_millis(50), world.ask_about("m", ENDLESS)).await;
    assert!(left.is_err(), "it left before there was an answer");
    let others = join_all((0..900).map(|_| world.ask_about("m", BODY))).await;
    assert!(others.iter().all(Result::is_ok), "all but its input is there for the others");
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_the_caller_s_own_does_not_use_up_the_minute_of_the_others() {
    let world = World::new(Routing::default(), [per_minute(100_000)]);
    world.script_once("a", [Script::Takes(Duration::from_secs(600), 200)]);
    let wishes = Wishes { timeout: Some(Duration::from_millis(10)), retries: Some(0), ..Wishes::default() };
    let late = world.ask_about_with("m", ENDLESS, &wishes).await.expect_err("too late");
    assert_eq!(late.error.kind(), ErrorKind::UpstreamTimeout);
    let others = join_all((0..900).map(|_| world.ask_about("m", BODY))).await;
    assert!(others.iter().all(Result::is_ok), "all but its input is there for the others");
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_was_given_up_keeps_what_it_gave() {
    let world = World::new(Routing::default(), [per_minute(1_000)]);
    // With input and ten tokens of output each, a window has room for more than ten, and for fewer than a hundred.
    let mut given_up = 0;
    while let Ok(mut answer) = world.ask_about("m", ENDLESS).await {
        answer.permit.gave(10);
        given_up += 1;
    }
    assert!((11..=100).contains(&given_up), "{given_up}");
    let silent = World::new(Routing::default(), [per_minute(1_000)]);
    drop(silent.ask_about("m", ENDLESS).await.expect("an answer"));
    assert!(silent.ask_about("m", BODY).await.is_err(), "nobody says what it gave: it may have been all");
}

#[tokio::test(start_paused = true)]
async fn no_more_is_reserved_than_the_model_can_give() {
    let price = Price { output_tokens_max: Some(400), ..Price::default() };
    let world = World::new(Routing::default(), [DeploymentSpec { price: Some(price), ..per_minute(1_000) }]);
    let asked = join_all((0..10).map(|_| world.ask_about("m", ENDLESS))).await;
    assert_eq!(asked.iter().filter(|asked| asked.is_ok()).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_lowered_holds_while_more_calls_are_open() {
    let of = |max| [DeploymentSpec { parallel_calls_max: Some(max), ..spec("m", "one/a") }];
    let world = World::new(Routing::default(), of(10));
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(world.ask("m").await.expect("a place"));
    }
    let world = world.reloaded(Routing::default(), of(5));
    while open.len() >= 5 {
        assert!(world.ask("m").await.is_err(), "{} are open", open.len());
        open.pop();
    }
    open.push(world.ask("m").await.expect("four are open"));
    assert!(world.ask("m").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_or_left_keeps_what_it_gave() {
    const STREAM: &str =
        r#"{"messages":[{"role":"user","content":"hi"}],"max_tokens":1000000000,"stream":true}"#;
    let world = World::new(Routing::default(), [per_minute(1_000)]);
    world.script("a", Script::EventsThenCut(3));
    for reads_on in [true, false] {
        let reply = world.ask_about("m", STREAM).await.expect("an answer").into_reply();
        let ReplyBody::Events(mut events) = reply.body else { panic!("a stream") };
        assert!(events.next().await.is_some_and(|event| event.is_ok()));
        while reads_on && events.next().await.is_some() {}
    }
    let used = world.explain("m", &Wishes::default()).candidates[0].used.1;
    assert!(used.is_some_and(|used| (6..100).contains(&used)), "{used:?}");
    assert!(world.ask_about("m", BODY).await.is_ok(), "some forty tokens are used");
}
