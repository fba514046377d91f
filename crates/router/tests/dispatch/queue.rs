//! Who waits behind whom, and who does not wait at all.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use trunkline_core::ErrorKind;
use trunkline_router::{DeploymentSpec, Fallbacks, Policy, Routing, Wishes};

use crate::world::{Script, World, passing, spec};

const SECOND: Duration = Duration::from_secs(1);

fn waiting(mut policy: Policy) -> Routing {
    policy.queue_wait = 20 * SECOND;
    Routing { policy, ..Routing::default() }
}

fn with_id(id: &str, spec: DeploymentSpec) -> DeploymentSpec {
    DeploymentSpec { id: Some(id.into()), ..spec }
}

/// One call at a time.
fn single(spec: DeploymentSpec) -> DeploymentSpec {
    DeploymentSpec { parallel_calls_max: Some(1), ..spec }
}

fn tagged(tag: &str) -> Wishes {
    Wishes { tags: vec![tag.into()], ..Wishes::default() }
}

fn bound(id: &str) -> Wishes {
    Wishes { deployment: Some(id.into()), ..Wishes::default() }
}

/// When it was answered, in seconds from `began`. `None` if it was refused.
async fn answered(world: &World, name: &str, wishes: Wishes, began: Instant) -> Option<u64> {
    world.ask_with(name, &wishes).await.ok().map(|_| began.elapsed().as_secs())
}

/// Lets those that are to wait take their places.
async fn settled() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_behind_one_who_wants_another_model_of_a_wildcard() {
    let policy = Policy { retries: 0, ..Policy::default() };
    let world = World::new(waiting(policy), [spec("*", "one/*"), spec("*", "two/*")]);
    world.script("tired", Script::RateLimited(Some(10 * SECOND)));
    assert!(world.ask("tired").await.is_err());
    assert!(world.ask("tired").await.is_err());
    world.script("tired", Script::Answer);
    let began = Instant::now();
    let others = async {
        settled().await;
        let ask = |number: usize| answered(&world, ["fresh", "other"][number % 2], Wishes::default(), began);
        join_all((0..20).map(ask)).await
    };
    let (tired, others) = tokio::join!(answered(&world, "tired", Wishes::default(), began), others);
    assert_eq!(others, [Some(0); 20], "they have nothing to wait for");
    assert_eq!(tired, Some(10), "it rests for ten seconds");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_behind_one_with_other_tags() {
    let with_tag = |tag: &str, spec| DeploymentSpec { tags: vec![tag.to_owned()], ..spec };
    let specs = [with_tag("paid", single(spec("m", "one/paid"))), with_tag("free", spec("m", "two/free"))];
    let world = World::new(waiting(Policy { tag_filtering: true, ..Policy::default() }), specs);
    world.script("paid", Script::Slow(5 * SECOND));
    let began = Instant::now();
    let free = async {
        settled().await;
        join_all((0..5).map(|_| answered(&world, "m", tagged("free"), began))).await
    };
    let (first, second, free) = tokio::join!(
        answered(&world, "m", tagged("paid"), began),
        answered(&world, "m", tagged("paid"), began),
        free
    );
    assert_eq!((first, second), (Some(5), Some(10)));
    assert_eq!(free, [Some(0); 5]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_behind_one_who_is_bound_to_a_deployment() {
    let specs = [with_id("a", single(spec("m", "one/a"))), with_id("b", spec("m", "two/b"))];
    let world = World::new(waiting(Policy::default()), specs);
    world.script("a", Script::Slow(5 * SECOND));
    let began = Instant::now();
    let any = async {
        settled().await;
        join_all((0..10).map(|_| answered(&world, "m", Wishes::default(), began))).await
    };
    let (first, second, any) =
        tokio::join!(answered(&world, "m", bound("a"), began), answered(&world, "m", bound("a"), began), any);
    assert_eq!((first, second), (Some(5), Some(10)));
    assert_eq!(any, [Some(0); 10], "the other one is free");
}

#[tokio::test(start_paused = true)]
async fn whoever_came_first_has_the_place_whatever_else_others_could_use() {
    let world = World::new(waiting(Policy::default()), [with_id("a", single(spec("m", "one/a")))]);
    world.script("a", Script::Slow(SECOND));
    let began = Instant::now();
    // Bound ones and others want the same place, and stand in lanes of their own.
    let wishes = |number| if number % 3 == 1 { bound("a") } else { Wishes::default() };
    let served = join_all((0..12).map(|number| answered(&world, "m", wishes(number), began))).await;
    assert_eq!(served, (1..=12).map(Some).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_take_what_one_who_waits_could_use() {
    let specs = [with_id("a", single(spec("m", "one/a"))), with_id("b", single(spec("m", "two/b")))];
    let world = World::new(waiting(Policy::default()), specs);
    world.script("a", Script::Slow(5 * SECOND));
    world.script("b", Script::Slow(7 * SECOND));
    let began = Instant::now();
    let newcomers = async {
        passing(3 * SECOND).await;
        // One who is bound to `a` came after one who takes either.
        answered(&world, "m", bound("a"), began).await
    };
    let (held, either, newcomer) = tokio::join!(
        join_all((0..2).map(|_| answered(&world, "m", Wishes::default(), began))),
        async {
            passing(SECOND).await;
            answered(&world, "m", Wishes::default(), began).await
        },
        newcomers
    );
    let mut held: Vec<u64> = held.into_iter().flatten().collect();
    held.sort_unstable();
    assert_eq!(held, [5, 7]);
    assert_eq!((either, newcomer), (Some(10), Some(15)));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_rest_that_is_longer_than_the_wait() {
    let specs = [spec("m", "one/a"), spec("m", "two/b")];
    let world = World::new(waiting(Policy { retries: 0, ..Policy::default() }), specs);
    for model in ["a", "b"] {
        world.script(model, Script::RateLimited(Some(50 * SECOND)));
    }
    assert!(world.ask("m").await.is_err());
    assert!(world.ask("m").await.is_err());
    let began = Instant::now();
    let refused = world.ask("m").await.expect_err("both rest");
    assert!(began.elapsed().is_zero(), "there is nothing to wait for");
    assert_eq!(refused.error.kind(), ErrorKind::NoDeployment);
    assert_eq!(refused.error.retry_after(), Some(50 * SECOND));
    tokio::time::advance(35 * SECOND).await;
    world.script("a", Script::Answer);
    world.script("b", Script::Answer);
    let began = Instant::now();
    assert_eq!(answered(&world, "m", Wishes::default(), began).await, Some(15), "that is short enough");
}

#[tokio::test(start_paused = true)]
async fn a_queue_of_many_wants_is_served_to_the_last() {
    let specs = [with_id("a", single(spec("*", "one/*"))), with_id("b", single(spec("*", "two/*")))];
    let world = World::new(waiting(Policy::default()), specs);
    for model in 0..10 {
        world.script(&format!("m{model}"), Script::Slow(Duration::from_millis(100)));
    }
    let began = Instant::now();
    let ask = |number: usize| {
        let wishes = match number % 7 {
            0 => bound("a"),
            1 => bound("b"),
            _ => Wishes::default(),
        };
        let world = &world;
        async move { answered(world, &format!("m{}", number % 10), wishes, began).await }
    };
    let served = join_all((0..200).map(ask)).await;
    assert!(served.iter().all(Option::is_some));
    // Two at a time, a tenth of a second each: no place stands empty while somebody could use it.
    let took = began.elapsed();
    assert!(took <= 11 * SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_once_however_often_it_is_tried() {
    let mut fallbacks = Fallbacks::default();
    fallbacks.general.insert("m".into(), vec!["n".into()]);
    let routing = Routing { fallbacks, ..waiting(Policy { retries: 0, ..Policy::default() }) };
    let world = World::new(routing, [single(spec("m", "one/a")), single(spec("n", "one/b"))]);
    world.script_once("a", [Script::Slow(15 * SECOND), Script::Status(500)]);
    world.script("b", Script::Slow(60 * SECOND));
    let began = Instant::now();
    let (first, other, tried) = tokio::join!(
        answered(&world, "m", Wishes::default(), began),
        answered(&world, "n", Wishes::default(), began),
        async {
            settled().await;
            let failed = world.ask("m").await.expect_err("no answer");
            (failed.error.kind(), failed.course.fallbacks, began.elapsed())
        }
    );
    assert_eq!((first, other), (Some(15), Some(60)));
    // Fifteen seconds for the first group, and what is left of twenty for the other.
    assert_eq!(tried, (ErrorKind::UpstreamFailed, 1, 20 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_rest_to_end_comes_after_the_one_who_finds_out() {
    let policy = Policy { retries: 0, ..Policy::default() };
    let world = World::new(waiting(policy), [spec("m", "one/a"), spec("m", "two/b")]);
    for model in ["a", "b"] {
        world.script(model, Script::RateLimited(Some(3 * SECOND)));
    }
    assert!(world.ask("m").await.is_err());
    assert!(world.ask("m").await.is_err());
    // The first that is asked again takes two seconds to say that it is back.
    for model in ["a", "b"] {
        world.script(model, Script::Slow(2 * SECOND));
    }
    let asked = join_all((0..20).map(|_| world.ask("m")));
    let looks = async {
        let mut seen = Vec::new();
        for wait in [Duration::from_millis(2_900), Duration::from_millis(200), 3 * SECOND] {
            passing(wait).await;
            seen.push(world.asked() - 2);
        }
        seen
    };
    let (asked, seen) = tokio::join!(asked, looks);
    assert_eq!(seen, [0, 2, 20], "nobody before they are due, one each to find out, then all");
    assert!(asked.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn the_next_level_is_waited_for_as_the_first_one_is() {
    let at = |order, spec| DeploymentSpec { order, ..spec };
    let specs = || [at(1, spec("m", "one/a")), at(2, single(spec("m", "two/b")))];
    let asked = async |routing, takes| {
        let world = World::new(routing, specs());
        world.script("a", Script::Status(503));
        world.script("b", Script::Slow(takes));
        let began = Instant::now();
        let served = join_all((0..3).map(|_| answered(&world, "m", Wishes::default(), began))).await;
        (served, began.elapsed())
    };
    let policy = Policy { retries: 0, ..Policy::default() };
    let (served, took) = asked(waiting(policy.clone()), 5 * SECOND).await;
    assert_eq!((served, took), (vec![Some(5), Some(10), Some(15)], 15 * SECOND));
    // No longer than the wait, and not at all where there is none.
    let (served, took) = asked(waiting(policy.clone()), 30 * SECOND).await;
    assert_eq!((served, took), (vec![Some(30), None, None], 30 * SECOND));
    let (served, took) = asked(Routing { policy, ..Routing::default() }, 5 * SECOND).await;
    assert_eq!((served, took), (vec![Some(5), None, None], 5 * SECOND));
}
