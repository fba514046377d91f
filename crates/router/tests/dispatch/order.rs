//! Levels of a group: the lowest `order` first, the next one when it has nothing left to give.

use std::time::Duration;

use trunkline_router::{DeploymentSpec, Policy, Routing, Wishes};

use crate::world::{Script, World, spec};

#[tokio::test(start_paused = true)]
async fn lower_orders_go_first_and_the_next_follow_when_they_fail() {
    let first = DeploymentSpec { order: 1, ..spec("m", "one/a") };
    let second = DeploymentSpec { order: 2, ..spec("m", "two/b") };
    let world = World::new(Routing::default(), [second, first]);
    for _ in 0..10 {
        assert_eq!(&*world.ask("m").await.expect("an answer").candidate.upstream_model, "a");
    }
    world.script("a", Script::Status(500));
    for _ in 0..10 {
        assert_eq!(&*world.ask("m").await.expect("an answer").candidate.upstream_model, "b");
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_order_is_asked_when_the_one_before_is_exhausted() {
    let at = |order, model: &str| DeploymentSpec { order, ..spec("m", model) };
    let specs = || [at(1, "one/a"), at(1, "one/b"), at(2, "two/c"), at(2, "two/d"), at(3, "three/e")];
    let asked = |retries| {
        let policy = Policy { retries, cooldown: Duration::ZERO, ..Policy::default() };
        World::new(Routing { policy, ..Routing::default() }, specs())
    };
    // Without a further attempt there is one at each level; with one, two of them fail before the next is asked.
    for (retries, attempts) in [(0, 3), (1, 5)] {
        let world = asked(retries);
        for model in ["a", "b", "c", "d"] {
            world.script(model, Script::Status(500));
        }
        let answer = world.ask("m").await.expect("an answer");
        assert_eq!((&*answer.candidate.upstream_model, answer.course.attempts), ("e", attempts));
        assert_eq!((answer.course.retries, answer.course.fallbacks), (0, 0));
        // A bound on all attempts is one on these.
        let none = Wishes { no_fallbacks: true, ..Wishes::default() };
        let failed = world.ask_with("m", &none).await.expect_err("no answer");
        assert_eq!(failed.course.attempts, retries + 1);
    }
    // A refusal that no other of the level could mend is one of the next level's, unless it has lists of its own.
    let world = asked(2);
    for (script, attempts) in [(Script::Status(400), 2), (Script::Refused, 1)] {
        world.script("a", script);
        world.script("b", script);
        let (Ok(course) | Err(course)) =
            world.ask("m").await.map(|answer| answer.course).map_err(|failed| failed.course);
        assert_eq!(course.attempts, attempts, "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_order_is_asked_when_the_one_before_rests_or_is_full() {
    let full = DeploymentSpec { order: 1, parallel_calls_max: Some(1), ..spec("m", "one/a") };
    let next = DeploymentSpec { order: 2, ..spec("m", "two/b") };
    let world = World::new(Routing::default(), [full, next]);
    let held = world.ask("m").await.expect("an answer");
    assert_eq!(&*held.candidate.upstream_model, "a");
    assert_eq!(&*world.ask("m").await.expect("an answer").candidate.upstream_model, "b", "the first is full");
    drop(held);
    world.script("a", Script::RateLimited(None));
    assert_eq!(&*world.ask("m").await.expect("an answer").candidate.upstream_model, "b");
    let before = world.asked_of("a");
    assert_eq!(&*world.ask("m").await.expect("an answer").candidate.upstream_model, "b", "the first rests");
    assert_eq!(world.asked_of("a"), before);
}
