//! What is told of a request before it is sent, over the same scripted providers.

use std::time::Duration;

use trunkline_router::{
    DeploymentSpec, Explanation, Fallbacks, Follower, Policy, Resolved, Routing, Skip, StrategyKind, Wishes,
};

use crate::world::{Script, World, spec};

#[tokio::test(start_paused = true)]
async fn what_would_become_of_a_request_is_told_and_nothing_happens() {
    let mut fallbacks = Fallbacks { default: vec!["nowhere".into(), "n".into()], ..Fallbacks::default() };
    fallbacks.context_window.insert("m".into(), vec!["long".into()]);
    let limited = DeploymentSpec { requests_per_minute_max: Some(1), ..spec("n", "one/c") };
    let heavy = DeploymentSpec { weight: Some(3.0), ..spec("m", "one/a") };
    let light = DeploymentSpec { weight: Some(1.0), ..spec("m", "two/b") };
    let specs = [heavy, light, limited, spec("long", "one/long")];
    let world = World::new(Routing { fallbacks, ..Routing::default() }, specs);
    let explained = world.explain("m", &Wishes::default());
    let told: Vec<(&str, f64, bool)> = explained
        .candidates
        .iter()
        .map(|told| (&*told.upstream_model, told.share, told.skip.is_none()))
        .collect();
    assert_eq!(told, [("a", 0.75, true), ("b", 0.25, true)]);
    assert_eq!(
        (&explained.resolved, explained.next.as_deref()),
        (&Resolved::Group, Some(&*explained.candidates[0].deployment))
    );
    let led = |followers: &[Follower]| -> Vec<(String, Option<&'static str>)> {
        followers.iter().map(|told| (told.model.clone(), told.passed_by)).collect()
    };
    let nowhere = ("nowhere".to_owned(), Some("leads nowhere"));
    assert_eq!(led(&explained.fallbacks.general), [nowhere, ("n".to_owned(), None)]);
    assert_eq!(led(&explained.fallbacks.context_window), [("long".to_owned(), None)]);
    for _ in 0..3 {
        assert!(world.explain("n", &Wishes::default()).next.is_some(), "nothing is used up");
    }
    assert_eq!(world.asked(), 0);

    world.script("a", Script::RateLimited(None));
    for _ in 0..10 {
        assert!(world.ask("m").await.is_ok());
    }
    assert!(world.ask("n").await.is_ok());
    let text = world.explain("m", &Wishes::default()).to_string();
    assert!(text.contains("a at one, passed by: it failed, and rests for 5 s"), "{text}");
    assert!(text.contains("if the input is too long: long"), "{text}");
    let explained = world.explain("n", &Wishes::default());
    assert_eq!(explained.next, None);
    assert!(explained.refusal.as_deref().is_some_and(|why| why.contains("rpm or tpm")), "{explained}");
    assert_eq!(explained.to_json()["candidates"][0]["passed_by"], "rpm or tpm is used up for 60 s");
}

#[tokio::test(start_paused = true)]
async fn an_explanation_holds_nobody_up() {
    let busy = DeploymentSpec { parallel_calls_max: Some(1), ..spec("m", "one/a") };
    let limited = DeploymentSpec { requests_per_minute_max: Some(1), ..spec("n", "one/b") };
    let world = World::new(Routing::default(), [busy, limited, spec("r", "one/c"), spec("r", "one/d")]);
    let explained = world.explain("n", &Wishes::default());
    assert_eq!((explained.candidates[0].chance, explained.candidates[0].used), (1.0, (Some(0), None)));
    tokio::time::advance(Duration::from_secs(50)).await;
    assert!(world.ask("n").await.is_ok());
    tokio::time::advance(Duration::from_secs(50)).await;
    assert!(world.ask("n").await.is_err(), "the minute began with the request and not with the question");
    let answer = world.ask("m").await.expect("an answer");
    let explained = world.explain("m", &Wishes::default());
    assert_eq!(explained.candidates[0].skip, Some(Skip::Full));
    assert_eq!((explained.candidates[0].in_flight, explained.candidates[0].in_flight_max), (1, Some(1)));
    drop(answer);

    world.script("c", Script::RateLimited(None));
    for _ in 0..10 {
        assert!(world.ask("r").await.is_ok());
    }
    tokio::time::advance(Duration::from_secs(6)).await;
    let told = world.explain("r", &Wishes::default());
    let rest: Vec<_> =
        told.candidates.iter().map(|told| (&*told.upstream_model, told.rest, told.chance)).collect();
    assert_eq!(rest, [("c", Some(Duration::ZERO), 0.5), ("d", None, 0.5)]);
    assert!(world.explain("r", &Wishes::default()).to_string().contains("finds out whether it is back"));
}

#[tokio::test(start_paused = true)]
async fn an_explanation_follows_the_strategy_and_not_the_weights_alone() {
    let policy = Policy { strategy: StrategyKind::LeastBusy, ..Policy::default() };
    let weighted = |model: &str, weight| DeploymentSpec { weight: Some(weight), ..spec("m", model) };
    let specs = [weighted("one/a", 3.0), weighted("one/b", 1.0), weighted("two/c", 1.0)];
    let world = World::new(Routing { policy, ..Routing::default() }, specs);
    let chances =
        |told: &Explanation| -> Vec<f64> { told.candidates.iter().map(|told| told.chance).collect() };
    let held = world.ask("m").await.expect("an answer");
    let explained = world.explain("m", &Wishes::default());
    let expected: Vec<f64> = explained
        .candidates
        .iter()
        .map(|told| if told.upstream_model == held.candidate.upstream_model { 0.0 } else { 0.5 })
        .collect();
    assert_eq!(chances(&explained), expected);

    let bound = Wishes { deployment: Some(held.candidate.deployment.id.to_string()), ..Wishes::default() };
    let explained = world.explain("m", &bound);
    assert_eq!(explained.next.as_deref(), Some(&*held.candidate.deployment.id));
    assert!(explained.fallbacks.off.is_some());
    let by_id = world.explain(&held.candidate.deployment.id, &Wishes::default());
    assert_eq!((by_id.resolved, by_id.candidates.len()), (Resolved::DeploymentId, 1));
}

#[tokio::test(start_paused = true)]
async fn of_a_large_group_a_hundred_are_told() {
    let specs = (0..250).map(|number| spec("m", &format!("one/{number}")));
    let world = World::new(Routing::default(), specs);
    let explained = world.explain("m", &Wishes::default());
    assert_eq!((explained.candidates.len(), explained.left_out), (100, 150));
    assert!(explained.to_string().contains("and 150 more"));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_alone_is_told_the_rule_for_those() {
    let world = World::new(Routing::default(), [spec("m", "one/a"), spec("n", "one/b"), spec("n", "one/c")]);
    let rule = |name: &str| {
        let words = world.explain(name, &Wishes::default()).policy_words;
        words.into_iter().find(|words| words.contains("left alone")).expect("a rule")
    };
    assert!(rule("m").contains("all of a thousand requests"), "{}", rule("m"));
    assert!(rule("n").contains("more than half of five"), "{}", rule("n"));
}
