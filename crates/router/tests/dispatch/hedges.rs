//! A second deployment beside a slow one, and what the slow one cost.

use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::Cost;
use trunkline_prices::{Price, Rates};
use trunkline_router::{DeploymentSpec, Hedge, Policy, Routing};

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
