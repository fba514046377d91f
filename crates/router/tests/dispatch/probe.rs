//! Deployments asked whether they answer, over the same scripted providers.

use std::time::Duration;

use trunkline_router::{DeploymentSpec, Probed, Probing, Routing, Wishes};

use crate::world::{Script, World, spec};

#[tokio::test(start_paused = true)]
async fn whoever_answers_a_probe_is_back_and_whoever_fails_one_stays() {
    let world = World::new(Routing::default(), [spec("m", "one/a"), spec("m", "two/b")]);
    world.script("a", Script::RateLimited(Some(Duration::from_secs(600))));
    for _ in 0..10 {
        assert!(world.ask("m").await.is_ok());
    }
    assert_eq!(world.asked_of("a"), 1, "it rests");
    assert!(matches!(world.probe("one/a").await, Probed::Unhealthy(_)));
    world.script("a", Script::Answer);
    // What was sent before the rest began says nothing of it.
    tokio::time::advance(Duration::from_millis(10)).await;
    assert!(matches!(world.probe("one/a").await, Probed::Healthy));
    let mut seen = Vec::new();
    for _ in 0..20 {
        seen.push(world.ask("m").await.expect("an answer").candidate.upstream_model.to_string());
    }
    assert!(seen.iter().any(|model| model == "a"), "it is back");
    world.script("b", Script::Status(503));
    for _ in 0..20 {
        assert!(matches!(world.probe("two/b").await, Probed::Unhealthy(_)));
    }
    assert!(world.explain("m", &Wishes::default()).candidates[1].skip.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_credential_and_a_wildcard_s_model_are_back_as_well() {
    let keyed = |model: &str, key: &str| {
        let mut spec = spec("m", model);
        spec.target.api_key = Some(key.into());
        spec
    };
    let probing = Probing { model: Some("w".to_owned()), ..Probing::default() };
    let wildcards =
        ["one/*", "two/*"].map(|model| DeploymentSpec { probing: probing.clone(), ..spec("any/*", model) });
    let specs = [keyed("one/a", "k1"), keyed("one/b", "k2")].into_iter().chain(wildcards);
    let world = World::new(Routing::default(), specs);
    let passed_by =
        |name: &str, index: usize| world.explain(name, &Wishes::default()).candidates[index].skip.is_some();
    world.script_once("a", [Script::Credential]);
    world.script_once("w", [Script::RateLimited(None)]);
    for _ in 0..20 {
        assert!(world.ask("m").await.is_ok() && world.ask("any/w").await.is_ok());
    }
    assert!(passed_by("m", 0) && (passed_by("any/w", 0) || passed_by("any/w", 1)));
    tokio::time::advance(Duration::from_millis(10)).await;
    for model in ["one/a", "one/*", "two/*"] {
        assert!(matches!(world.probe(model).await, Probed::Healthy), "{model}");
    }
    assert!(!passed_by("m", 0) && !passed_by("any/w", 0) && !passed_by("any/w", 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_deployment_is_for_decides_what_it_is_asked() {
    let mode = |mode: &str, model: &str| {
        let mut spec = spec("m", model);
        spec.info.insert("mode".to_owned(), mode.into());
        spec
    };
    let specs = [mode("image_generation", "one/picture"), mode("chat", "one/talk"), spec("any/*", "two/*")];
    let world = World::new(Routing::default(), specs);
    assert!(matches!(world.probe("one/picture").await, Probed::NotProbed(_)));
    assert!(matches!(world.probe("two/*").await, Probed::NotProbed(_)));
    assert!(matches!(world.probe("one/talk").await, Probed::Healthy));
    assert_eq!(world.asked(), 1);
    assert!(world.bodies()[0].contains(r#""max_tokens":1"#), "{:?}", world.bodies());
}
