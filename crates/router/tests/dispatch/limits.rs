//! What a deployment has used of its minute, with limits and without.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use trunkline_core::ErrorKind;
use trunkline_router::{DeploymentSpec, Policy, Routing, StrategyKind};

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
