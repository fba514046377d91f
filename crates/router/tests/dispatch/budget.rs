//! Who pays for a further attempt, and when.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use trunkline_router::{DeploymentSpec, OwnTarget, Policy, RetryBudget, Routing, Wishes};

use crate::world::{Script, World, passing, spec};

#[tokio::test(start_paused = true)]
async fn a_dying_origin_is_asked_a_tenth_more_and_the_burst() {
    let world = World::new(Routing::default(), [spec("m", "one/a"), spec("m", "one/b")]);
    world.script("a", Script::Status(503));
    world.script("b", Script::Status(503));
    let requests = 2_000;
    for _ in 0..requests {
        let failed = world.ask("m").await.expect_err("no answer");
        assert!(failed.course.failed.len() <= 3);
    }
    let (asked, most) = (world.asked(), requests * 11 / 10 + 10);
    assert!(asked <= most, "{asked} of {requests}");
}

#[tokio::test(start_paused = true)]
async fn full_speed_costs_a_tenth_more_whatever_the_group() {
    const REQUESTS: usize = 5_000;
    let alone = vec![spec("m", "one/a")];
    let two = vec![spec("m", "one/a"), spec("m", "one/b")];
    for specs in [alone, two] {
        // Nobody rests, so that the budget alone holds them back.
        let policy = Policy { cooldown: Duration::ZERO, ..Policy::default() };
        let world = World::new(Routing { policy, ..Routing::default() }, specs);
        for model in ["a", "b"] {
            world.script(model, Script::Takes(Duration::from_millis(100), 503));
        }
        let began = Instant::now();
        // Fifty callers, each at once again.
        let caller = async |_| {
            for _ in 0..REQUESTS / 50 {
                assert!(world.ask("m").await.is_err());
            }
        };
        join_all((0..50).map(caller)).await;
        let took = began.elapsed();
        assert!((10..=40).contains(&took.as_secs()), "{took:?}");
        let by_time = 11 + usize::try_from(took.as_secs()).expect("some seconds");
        let (least, asked) = (REQUESTS * 11 / 10, world.asked());
        assert!((least..=least + by_time).contains(&asked), "{asked} of {REQUESTS}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_to_be_left_alone_is_not_asked_again_before_and_then_by_few() {
    let world = World::new(Routing::default(), [spec("m", "one/a")]);
    world.script("a", Script::RateLimited(Some(Duration::from_secs(5))));
    let asked = join_all((0..200).map(|_| world.ask("m")));
    let meanwhile = async {
        passing(Duration::from_millis(4_900)).await;
        world.asked()
    };
    let (failed, meanwhile) = tokio::join!(asked, meanwhile);
    assert!(failed.iter().all(Result::is_err));
    assert_eq!(meanwhile, 200, "each once");
    // A tenth of the first attempts, the burst, and one a second of those that are tried twice more.
    let further = world.asked() - 200;
    assert!((30..=40).contains(&further), "{further}");
}

#[tokio::test(start_paused = true)]
async fn another_origin_costs_nothing() {
    let budget = RetryBudget { percent: 0, burst: 0 };
    let policy = Policy { cooldown: Duration::ZERO, ..Policy::default() };
    let routing = Routing { retry_budget: budget, policy, ..Routing::default() };
    let world = World::new(routing, [spec("m", "one/a"), spec("m", "two/b")]);
    world.script("a", Script::Status(503));
    for _ in 0..50 {
        assert!(world.ask("m").await.is_ok());
    }
    world.script("b", Script::Status(503));
    let failed = world.ask("m").await.expect_err("no answer");
    assert_eq!(failed.course.failed.len(), 2, "each origin once");
    assert!(failed.course.is_budget_spent);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_attempt_that_nothing_pays_for() {
    let nothing = RetryBudget { percent: 0, burst: 0 };
    let world = World::new(Routing { retry_budget: nothing, ..Routing::default() }, [spec("m", "one/a")]);
    for script in [Script::Status(503), Script::RateLimited(Some(Duration::from_secs(30)))] {
        world.script("a", script);
        let (before, began) = (world.asked(), Instant::now());
        let failed = world.ask("m").await.expect_err("no answer");
        assert!(failed.course.is_budget_spent);
        assert_eq!((world.asked() - before, began.elapsed()), (1, Duration::ZERO), "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_paid_for_is_made() {
    let little = RetryBudget { percent: 0, burst: 1 };
    let world = World::new(Routing { retry_budget: little, ..Routing::default() }, [spec("m", "one/a")]);
    world.script("a", Script::Status(503));
    let asked = join_all((0..5).map(|_| world.ask("m"))).await;
    assert!(asked.iter().all(Result::is_err));
    assert_eq!(world.asked(), 6, "one of five is tried again");
    let attempts: u32 =
        asked.iter().filter_map(|asked| asked.as_ref().err()).map(|failed| failed.course.attempts).sum();
    assert_eq!(attempts, 6);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_asked_for_want_of_pay_uses_up_no_limit() {
    let nothing = RetryBudget { percent: 0, burst: 0 };
    let limited = DeploymentSpec { requests_per_minute_max: Some(2), order: 2, ..spec("m", "one/b") };
    let first = DeploymentSpec { order: 1, ..spec("m", "one/a") };
    let world = World::new(Routing { retry_budget: nothing, ..Routing::default() }, [first, limited]);
    world.script("a", Script::Status(503));
    for _ in 0..4 {
        assert!(world.ask("m").await.expect_err("no answer").course.is_budget_spent);
    }
    assert_eq!(world.asked_of("b"), 0, "it is at the origin that failed");
    world.script("a", Script::Status(404));
    for _ in 0..2 {
        assert!(world.ask("m").await.is_ok(), "`b` has its whole minute left");
    }
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_nothing_pays_for_does_not_hide_another() {
    let nothing = RetryBudget { percent: 0, burst: 0 };
    let policy = Policy { cooldown: Duration::ZERO, ..Policy::default() };
    let routing = Routing { retry_budget: nothing, policy, ..Routing::default() };
    let at = |model: &str, order| DeploymentSpec { order, ..spec("m", model) };
    let world = World::new(routing, [at("one/a", 1), at("one/b", 2), at("one/c", 2), at("two/d", 3)]);
    world.script("a", Script::Status(503));
    for asked in 1..20 {
        let answer = world.ask("m").await.expect("an answer");
        assert_eq!((&*answer.candidate.upstream_model, answer.course.attempts), ("d", 2));
        assert!(!answer.course.is_budget_spent);
        assert_eq!(world.asked(), asked * 2, "`b` and `c` are where `a` is");
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_origin_was_paid_for_is_asked_of_it() {
    let half = RetryBudget { percent: 50, burst: 0 };
    let policy = Policy { cooldown: Duration::ZERO, ..Policy::default() };
    let routing = Routing { retry_budget: half, policy, ..Routing::default() };
    let at = |model: &str, order| DeploymentSpec { order, ..spec("m", model) };
    let world = World::new(routing, [at("two/b", 1), at("one/a", 2), spec("n", "one/c")]);
    assert!(world.ask("n").await.is_ok());
    world.script("a", Script::Status(503));
    world.script("b", Script::Status(503));
    // Now one origin has earned a further attempt, and the other, which is drawn first, half of one.
    assert!(world.ask("m").await.is_err());
    assert_eq!((world.asked_of("b"), world.asked_of("a")), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_paid_for_an_attempt_that_is_not_made_goes_back() {
    let little = RetryBudget { percent: 0, burst: 1 };
    let policy = Policy { retries: 1, ..Policy::default() };
    let routing = Routing { retry_budget: little, policy, ..Routing::default() };
    let world = World::new(routing, [spec("m", "one/a")]);
    world.script("a", Script::Status(503));
    for _ in 0..3 {
        let left = tokio::time::timeout(Duration::from_millis(1), world.ask("m")).await;
        assert!(left.is_err(), "the caller left before the second attempt");
    }
    let before = world.asked();
    assert!(world.ask("m").await.is_err());
    assert_eq!(world.asked() - before, 2);
}

#[tokio::test(start_paused = true)]
async fn what_callers_bring_about_is_paid_on_their_account() {
    const REQUESTS: usize = 40;
    let world = World::new(Routing::default(), [spec("m", "one/a")]);
    world.script("a", Script::Status(503));
    let own_target =
        OwnTarget { api_base: Some("http://127.0.0.1:1".into()), api_key: Some("sk-own".into()) };
    let own_target = Wishes { own_target: Some(own_target), retries: Some(7), ..Wishes::default() };
    let began = Instant::now();
    let failed = join_all((0..REQUESTS).map(|_| world.ask_with("m", &own_target))).await;
    assert!(failed.iter().all(Result::is_err));
    let by_time = 11 + usize::try_from(began.elapsed().as_secs()).expect("some seconds");
    let asked = world.asked();
    assert!(asked <= REQUESTS * 11 / 10 + by_time, "theirs is bounded too: {asked}");
    assert!(
        failed.iter().flat_map(|failed| failed.as_ref().err()).any(|failed| failed.course.is_budget_spent)
    );
    let failed = world.ask("m").await.expect_err("no answer");
    assert_eq!((failed.course.failed.len(), failed.course.is_budget_spent), (3, false));
}
