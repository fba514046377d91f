//! How deployments stand, as whoever watches is told.

use std::time::Duration;

use trunkline_core::ErrorKind;
use trunkline_router::{DeploymentSpec, Routing, Service};

use crate::world::{Script, World, spec};

/// The state of each deployment by its model, and how often it rested after too many requests.
fn told(world: &World) -> Vec<(String, Service, u64)> {
    let standings = world.router.standings().map(|standing| {
        let limited =
            standing.rests.iter().filter(|(rested, _)| rested.failure == ErrorKind::UpstreamRateLimited);
        (standing.deployment.model.to_string(), standing.service, limited.map(|(_, count)| count).sum())
    });
    standings.collect()
}

#[tokio::test(start_paused = true)]
async fn a_rest_is_an_outage_and_its_end_a_trial() {
    let rows = [
        DeploymentSpec { order: 1, ..spec("m", "one/a") },
        DeploymentSpec { order: 2, ..spec("m", "two/b") },
    ];
    let world = World::new(Routing::default(), rows);
    let a_is = |service, rests| {
        vec![("one/a".to_owned(), service, rests), ("two/b".to_owned(), Service::Healthy, 0)]
    };
    assert_eq!(told(&world), a_is(Service::Healthy, 0));
    world.script_once("a", [Script::RateLimited(Some(Duration::from_secs(60)))]);
    assert!(world.ask("m").await.is_ok());
    assert_eq!(told(&world), a_is(Service::Outage, 1));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(told(&world), a_is(Service::Partial, 1));
    assert!(world.ask("m").await.is_ok());
    assert_eq!(told(&world), a_is(Service::Healthy, 1));
}

#[tokio::test(start_paused = true)]
async fn a_wildcard_with_a_model_at_rest_is_in_service_for_the_others() {
    let rows = [
        DeploymentSpec { order: 1, ..spec("*", "one/*") },
        DeploymentSpec { order: 2, ..spec("*", "two/*") },
    ];
    let world = World::new(Routing::default(), rows);
    world.script_once("a", [Script::RateLimited(Some(Duration::from_secs(60)))]);
    assert!(world.ask("a").await.is_ok());
    assert_eq!(told(&world)[0], ("one/*".to_owned(), Service::Partial, 1));
}
