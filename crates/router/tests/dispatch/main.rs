//! Attempts, fallbacks, rests, limits and hedges, over providers that answer by a script and with time paused.

mod budget;
mod dearest;
mod explain;
mod hedges;
mod limits;
mod order;
mod probe;
mod queue;
mod rests;
mod standings;
mod waits;
mod world;

use std::time::Duration;

use tokio::time::Instant;
use trunkline_core::{ErrorKind, Operation};
use trunkline_router::{
    Class, DeploymentSpec, Fallback, Fallbacks, MockFailure, PerClass, Policy, Routing, StrategyKind, Wishes,
};
use world::{Script, World, spec};

#[tokio::test(start_paused = true)]
async fn a_failure_is_made_good_by_the_next_deployment_at_once() {
    let world = World::new(Routing::default(), [spec("m", "one/a"), spec("m", "two/b")]);
    for _ in 0..20 {
        world.script("a", Script::Status(503));
        let began = Instant::now();
        let answer = world.ask("m").await.expect("an answer");
        assert_eq!(&*answer.candidate.upstream_model, "b");
        assert!(began.elapsed().is_zero(), "nobody waits where there is another");
        let failed: Vec<_> = answer.course.failed.iter().map(|attempt| attempt.failure).collect();
        assert!(failed.is_empty() || failed == [Some(ErrorKind::UpstreamFailed)]);
        assert_eq!(answer.course.retries as usize, failed.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_alone_is_asked_again_after_a_rest() {
    let world = World::new(Routing::default(), [spec("m", "one/a")]);
    world.script_once("a", [Script::Status(500), Script::Status(408), Script::Answer]);
    let began = Instant::now();
    let answer = world.ask("m").await.expect("an answer");
    assert_eq!((answer.course.retries, answer.course.retries_max), (2, 2));
    // 0.5 s and 1 s, of which chance takes a quarter at most.
    let waited = began.elapsed();
    assert!((1_125..=1_500).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_s_wish_to_be_left_alone_is_honoured_up_to_a_minute() {
    let world = World::new(Routing::default(), [spec("m", "one/a")]);
    let asked = |seconds| Script::RateLimited(Some(Duration::from_secs(seconds)));
    world.script_once("a", [asked(7), Script::Answer]);
    let began = Instant::now();
    assert!(world.ask("m").await.is_ok());
    assert_eq!(began.elapsed(), Duration::from_secs(7));
    world.script_once("a", [asked(61), Script::Answer]);
    let failed = world.ask("m").await.expect_err("too long a wait");
    assert_eq!(failed.error.retry_after(), Some(Duration::from_secs(61)));
    assert_eq!(began.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn what_fails_everywhere_is_asked_once() {
    let world = World::new(Routing::default(), [spec("m", "one/a"), spec("m", "one/b")]);
    for status in [400, 413, 422] {
        world.script("a", Script::Status(status));
        world.script("b", Script::Status(status));
        let before = world.asked();
        assert!(world.ask("m").await.is_err());
        assert_eq!(world.asked() - before, 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_is_no_reason_to_ask_the_same_deployment_again() {
    let world = World::new(Routing::default(), [spec("m", "one/a")]);
    world.script("a", Script::Credential);
    assert!(world.ask("m").await.is_err());
    assert_eq!(world.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_rests_with_all_its_models() {
    let keyed = |group: &str, model: &str, key: &str| {
        let mut spec = spec(group, model);
        spec.target.api_key = Some(key.into());
        spec
    };
    let specs = [
        keyed("m", "one/a", "k1"),
        keyed("m", "one/b", "k2"),
        keyed("n", "one/c", "k1"),
        keyed("n", "one/d", "k2"),
    ];
    let world = World::new(Routing::default(), specs);
    world.script("a", Script::Credential);
    // Whoever is drawn first, soon `a` has refused, and its key rests.
    for _ in 0..20 {
        assert_eq!(&*world.ask("m").await.expect("an answer").candidate.upstream_model, "b");
    }
    assert_eq!(world.asked_of("a"), 1);
    for _ in 0..20 {
        assert_eq!(&*world.ask("n").await.expect("an answer").candidate.upstream_model, "d");
    }
    tokio::time::advance(Duration::from_secs(6)).await;
    let mut seen = Vec::new();
    for _ in 0..20 {
        seen.push(world.ask("n").await.expect("an answer").candidate.upstream_model.to_string());
    }
    assert!(seen.iter().any(|model| model == "c"), "it is back");
}

#[tokio::test(start_paused = true)]
async fn the_policy_of_a_class_goes_before_the_general_number() {
    let mut by_class = PerClass::default();
    by_class.set(Class::RateLimit, 0);
    by_class.set(Class::InternalServer, 4);
    let policy = Policy { retries_by_class: by_class, ..Policy::default() };
    let world = World::new(Routing { policy, ..Routing::default() }, [spec("m", "one/a")]);
    for (script, asked) in
        [(Script::RateLimited(None), 1), (Script::Status(500), 5), (Script::Status(503), 3)]
    {
        world.script("a", script);
        let before = world.asked();
        assert!(world.ask("m").await.is_err());
        assert_eq!(world.asked() - before, asked, "{script:?}");
    }
    let wishes = Wishes { retries: Some(1), ..Wishes::default() };
    world.script("a", Script::Status(500));
    let before = world.asked();
    assert!(world.ask_with("m", &wishes).await.is_err());
    assert_eq!(world.asked() - before, 2, "the request's own word goes first");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_tried_again_where_the_policy_has_a_number_for_it() {
    let mut by_class = PerClass::default();
    by_class.set(Class::BadRequest, 1);
    by_class.set(Class::ContentPolicy, 3);
    let policy = Policy { retries_by_class: by_class, cooldown: Duration::ZERO, ..Policy::default() };
    let mut routing = Routing { policy, ..Routing::default() };
    routing.fallbacks.content_policy.insert("n".into(), vec!["o".into()]);
    let world = World::new(routing, [spec("m", "one/a"), spec("n", "one/b"), spec("o", "one/c")]);
    let attempts = async |group, script| {
        for model in ["a", "b"] {
            world.script(model, script);
        }
        let before = world.asked();
        let answered = world.ask(group).await.map(|answer| answer.group.to_string());
        (world.asked() - before, answered.ok())
    };
    assert_eq!(attempts("m", Script::Status(400)).await, (2, None));
    assert_eq!(attempts("m", Script::Refused).await, (4, None));
    // What is too long stays so, and what has fallbacks of its own goes there.
    assert_eq!(attempts("m", Script::TooLong).await, (1, None));
    assert_eq!(attempts("n", Script::Refused).await, (2, Some("o".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn one_deadline_stands_over_all_attempts() {
    let world = World::new(Routing::default(), [spec("m", "one/a"), spec("m", "one/b")]);
    world.script("a", Script::Takes(Duration::from_secs(3), 500));
    world.script("b", Script::Takes(Duration::from_secs(3), 500));
    let wishes = Wishes { timeout: Some(Duration::from_secs(5)), ..Wishes::default() };
    let failed = world.ask_with("m", &wishes).await.expect_err("no answer");
    let totals = world.totals();
    assert_eq!(totals[0], Duration::from_secs(5));
    assert_eq!(totals[1], Duration::from_secs(2));
    assert_eq!(failed.course.failed.len(), totals.len());
}

#[tokio::test(start_paused = true)]
async fn no_attempt_outlasts_the_request_whatever_its_deployment_says() {
    let mut patient = spec("m", "one/a");
    patient.target.send.waits.total = Duration::from_secs(600);
    let mut hasty = spec("n", "one/b");
    hasty.target.send.waits.total = Duration::from_secs(2);
    let world = World::new(Routing { total: Duration::from_secs(5), ..Routing::default() }, [patient, hasty]);
    assert!(world.ask("m").await.is_ok() && world.ask("n").await.is_ok());
    assert_eq!(world.totals(), [Duration::from_secs(5), Duration::from_secs(2)]);
}

#[tokio::test(start_paused = true)]
async fn no_request_is_tried_more_often_than_there_are_attempts() {
    let general = (0..9).map(|group| (format!("g{group}"), vec![format!("g{}", group + 1)])).collect();
    let mut chain = Fallbacks { general, ..Fallbacks::default() };
    chain.general.insert("g0".into(), (1..10).map(|group| format!("g{group}")).collect());
    let routing = Routing { fallbacks: chain, attempts_max: 4, ..Routing::default() };
    let world = World::new(routing, (0..10).map(|group| spec(&format!("g{group}"), "one/a")));
    world.script("a", Script::Status(500));
    let failed = world.ask("g0").await.expect_err("no answer");
    assert_eq!((world.asked(), failed.course.failed.len()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn groups_follow_each_other_and_no_group_comes_twice() {
    let mut fallbacks = Fallbacks::default();
    fallbacks.general.insert("m".into(), vec!["nowhere".into(), "m".into(), "n".into(), "o".into()]);
    let routing = Routing { fallbacks, ..Routing::default() };
    let world = World::new(routing, [spec("m", "one/a"), spec("n", "one/b"), spec("o", "one/c")]);
    world.script("a", Script::Status(400));
    world.script("b", Script::Status(400));
    let answer = world.ask("m").await.expect("an answer");
    assert_eq!((&*answer.group, answer.course.fallbacks), ("o", 2));
    let none = Wishes { no_fallbacks: true, ..Wishes::default() };
    let failed = world.ask_with("m", &none).await.expect_err("no answer");
    assert_eq!(failed.course.fallbacks, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_long_or_refused_goes_where_it_is_to_go() {
    let mut fallbacks = Fallbacks { default: vec!["last".into()], ..Fallbacks::default() };
    fallbacks.general.insert("m".into(), vec!["general".into()]);
    fallbacks.context_window.insert("m".into(), vec!["long".into()]);
    fallbacks.content_policy.insert("*".into(), vec!["lenient".into()]);
    let routing = Routing { fallbacks, ..Routing::default() };
    let groups = ["m", "general", "long", "lenient", "last"];
    let world = World::new(routing, groups.map(|group| spec(group, &format!("one/{group}"))));
    for (script, expected) in
        [(Script::TooLong, "long"), (Script::Refused, "lenient"), (Script::Status(404), "general")]
    {
        world.script("m", script);
        let answer = world.ask("m").await.expect("an answer");
        assert_eq!(&*answer.group, expected, "{script:?}");
    }
    world.script("general", Script::Status(404));
    assert_eq!(&*world.ask("general").await.expect("an answer").group, "last");
    world.script("general", Script::Answer);
    for (failure, expected) in [
        (MockFailure::Any, "general"),
        (MockFailure::ContextWindow, "long"),
        (MockFailure::ContentPolicy, "lenient"),
    ] {
        let wishes = Wishes { mock_failure: Some(failure), ..Wishes::default() };
        assert_eq!(&*world.ask_with("m", &wishes).await.expect("an answer").group, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mocked_delay_takes_of_the_time_that_the_request_has() {
    let world = World::new(Routing::default(), [spec("m", "one/a")]);
    let second = Duration::from_secs(1);
    let wishes = Wishes { mock_delay: Some(2 * second), timeout: Some(5 * second), ..Wishes::default() };
    let began = Instant::now();
    assert!(world.ask_with("m", &wishes).await.is_ok());
    assert_eq!((began.elapsed(), world.totals()), (2 * second, vec![3 * second]));
    let late = Wishes { mock_delay: Some(9 * second), mock_failure: Some(MockFailure::Timeout), ..wishes };
    let began = Instant::now();
    let failed = world.ask_with("m", &late).await.expect_err("mocked");
    assert_eq!((failed.error.kind(), began.elapsed()), (ErrorKind::UpstreamTimeout, 5 * second));
}

#[tokio::test(start_paused = true)]
async fn a_request_brings_fallbacks_of_its_own_with_changes_to_its_body() {
    let mut fallbacks = Fallbacks::default();
    fallbacks.general.insert("m".into(), vec!["configured".into()]);
    let routing = Routing { fallbacks, ..Routing::default() };
    let groups = ["m", "configured", "own", "other"];
    let world = World::new(routing, groups.map(|group| spec(group, &format!("one/{group}"))));
    world.script("m", Script::Status(400));
    world.script("own", Script::Status(400));
    let changes = trunkline_core::Document::parse(r#"{"n":2}"#).expect("a document");
    let own = vec![
        Fallback { model: "own".into(), changes: Some(changes) },
        Fallback { model: "other".into(), changes: None },
    ];
    let wishes = Wishes { fallbacks: Some(own), ..Wishes::default() };
    let answer = world.ask_with("m", &wishes).await.expect("an answer");
    assert_eq!(&*answer.group, "other");
    let bodies = world.bodies();
    assert_eq!(bodies[1], r#"{"n":2}"#);
    assert_eq!(bodies[2], "{}", "changes are for one model alone");
}

#[tokio::test(start_paused = true)]
async fn more_than_half_of_five_requests_bring_a_rest_and_one_finds_out() {
    let policy = Policy { retries: 0, ..Policy::default() };
    let routing = Routing { policy, ..Routing::default() };
    let world = World::new(routing, [spec("m", "one/a"), spec("m", "two/b")]);
    world.script("a", Script::Status(500));
    for _ in 0..100 {
        let _ = world.ask("m").await;
    }
    assert_eq!(world.asked_of("a"), 5, "then it rests");
    tokio::time::advance(Duration::from_secs(5)).await;
    // While one finds out, the others stay away.
    world.script("a", Script::Takes(Duration::from_secs(1), 500));
    let asked = (0..50).map(|_| world.ask("m"));
    futures_util::future::join_all(asked).await;
    assert_eq!(world.asked_of("a"), 6);
    tokio::time::advance(Duration::from_secs(5)).await;
    world.script("a", Script::Answer);
    for _ in 0..50 {
        assert!(world.ask("m").await.is_ok());
    }
    assert!(world.asked_of("a") > 10, "it is back");
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_bring_a_rest_at_once_unless_failures_are_allowed() {
    for (policy, asked) in [
        (Policy::default(), 1),
        (Policy { fails_allowed: Some(2), ..Policy::default() }, 3),
        (Policy { cooldown: Duration::ZERO, ..Policy::default() }, 0),
    ] {
        let never_rests = policy.cooldown.is_zero();
        let world =
            World::new(Routing { policy, ..Routing::default() }, [spec("m", "one/a"), spec("m", "two/b")]);
        world.script("a", Script::RateLimited(None));
        for _ in 0..60 {
            assert!(world.ask("m").await.is_ok());
        }
        if never_rests {
            assert!(world.asked_of("a") > 10);
        } else {
            assert_eq!(world.asked_of("a"), asked);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_model_of_a_wildcard_rests_alone_and_not_for_what_a_caller_invents() {
    let world = World::new(Routing::default(), [spec("*", "one/*"), spec("*", "two/*")]);
    world.script("known", Script::RateLimited(None));
    assert!(world.ask("known").await.is_err(), "both refuse");
    let failed = world.ask("known").await.expect_err("both rest");
    assert_eq!(failed.error.kind(), ErrorKind::NoDeployment);
    assert_eq!(failed.error.retry_after(), Some(Duration::from_secs(5)));
    assert!(world.ask("other").await.is_ok());
    world.script("invented", Script::Status(404));
    for _ in 0..20 {
        let failed = world.ask("invented").await.expect_err("no such model");
        assert_eq!(failed.error.kind(), ErrorKind::UpstreamNotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_of_a_thousand_reach_an_upstream_that_takes_a_hundred() {
    let limited = DeploymentSpec { requests_per_minute_max: Some(100), ..spec("m", "one/a") };
    let world = World::new(Routing::default(), [limited]);
    let asked = futures_util::future::join_all((0..1_000).map(|_| world.ask("m"))).await;
    assert_eq!((world.asked(), asked.iter().filter(|asked| asked.is_ok()).count()), (100, 100));
    let refused = asked.into_iter().find_map(Result::err).expect("refused ones");
    assert_eq!(refused.error.kind(), ErrorKind::NoDeployment);
    assert_eq!(refused.error.retry_after(), Some(Duration::from_secs(60)));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(world.ask("m").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_served_in_order_as_places_come_free() {
    let policy = Policy { queue_wait: Duration::from_secs(10), ..Policy::default() };
    let routing = Routing { policy, queue_length_max: 5, ..Routing::default() };
    let busy = DeploymentSpec { parallel_calls_max: Some(1), ..spec("m", "one/a") };
    let world = World::new(routing, [busy]);
    world.script("a", Script::Slow(Duration::from_secs(1)));
    let began = Instant::now();
    let ask = |_| async {
        let asked = world.ask("m").await;
        (asked.is_ok(), began.elapsed().as_secs())
    };
    let asked = futures_util::future::join_all((0..8).map(ask)).await;
    let served: Vec<u64> = asked.iter().filter(|(ok, _)| *ok).map(|(_, seconds)| *seconds).collect();
    assert_eq!(served, [1, 2, 3, 4, 5, 6], "one is served, five wait, in the order in which they came");
    assert_eq!(asked.iter().filter(|(ok, seconds)| !ok && *seconds == 0).count(), 2, "the queue is full");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_too_long_is_told_so() {
    let policy = Policy { queue_wait: Duration::from_secs(2), ..Policy::default() };
    let busy = DeploymentSpec { parallel_calls_max: Some(1), ..spec("m", "one/a") };
    let world = World::new(Routing { policy, ..Routing::default() }, [busy]);
    world.script("a", Script::Slow(Duration::from_secs(30)));
    let began = Instant::now();
    let (held, refused) = tokio::join!(world.ask("m"), async {
        let refused = world.ask("m").await;
        (refused.map(|_| ()).map_err(|failed| failed.error.kind()), began.elapsed())
    });
    assert!(held.is_ok());
    assert_eq!(refused, (Err(ErrorKind::NoDeployment), Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn the_first_event_is_waited_for_and_a_silent_upstream_loses() {
    let world = World::new(Routing::default(), [spec("m", "one/a"), spec("m", "two/b")]);
    for script in [Script::EventsThenCut(0), Script::ErrorEvent, Script::Status(200)] {
        world.script("a", script);
        for _ in 0..6 {
            let answer = world.stream("m").await.expect("an answer");
            let is_first = script == Script::Status(200) && &*answer.candidate.upstream_model == "a";
            assert!(is_first || &*answer.candidate.upstream_model == "b", "{script:?}");
            assert!(answer.first.is_some_and(|first| !first.is_empty()));
        }
        tokio::time::advance(Duration::from_secs(120)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tags_choose_among_deployments() {
    let tagged = |model: &str, tags: &[&str]| {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        DeploymentSpec { tags, ..spec("m", model) }
    };
    let policy = Policy { tag_filtering: true, ..Policy::default() };
    let specs = [tagged("one/free", &["free", "default"]), tagged("one/paid", &["paid"])];
    let world = World::new(Routing { policy, ..Routing::default() }, specs);
    for (tags, expected) in [(vec!["paid"], Some("paid")), (vec![], Some("free")), (vec!["other"], None)] {
        let tags = tags.into_iter().map(str::to_owned).collect();
        let answered = world.ask_with("m", &Wishes { tags, ..Wishes::default() }).await;
        match expected {
            Some(model) => assert_eq!(&*answered.expect("an answer").candidate.upstream_model, model),
            None => {
                assert_eq!(answered.expect_err("none fits").error.kind(), ErrorKind::Unauthenticated);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_outlives_the_table() {
    let policy = Policy { strategy: StrategyKind::LeastBusy, ..Policy::default() };
    let routing = || Routing { policy: policy.clone(), ..Routing::default() };
    let specs = || {
        let limited = DeploymentSpec { requests_per_minute_max: Some(5), ..spec("n", "one/c") };
        [spec("m", "one/a"), spec("m", "two/b"), limited]
    };
    let world = World::new(routing(), specs());
    world.script("a", Script::RateLimited(Some(Duration::from_secs(50))));
    for _ in 0..5 {
        assert!(world.ask("m").await.is_ok());
        assert!(world.ask("n").await.is_ok());
    }
    assert_eq!(world.asked_of("a"), 1);
    let world = world.reloaded(routing(), specs());
    for _ in 0..20 {
        assert!(world.ask("m").await.is_ok());
    }
    assert_eq!(world.asked_of("a"), 1, "it still rests");
    assert!(world.ask("n").await.is_err(), "its minute is still used up");
}

#[tokio::test(start_paused = true)]
async fn an_operation_goes_to_a_deployment_that_has_it() {
    let world = World::new(Routing::default(), [spec("m", "one/chatting"), spec("m", "two/ranking")]);
    for _ in 0..20 {
        let answer = world.ask_for("m", Operation::Rerank).await.expect("an answer");
        assert_eq!(&*answer.candidate.upstream_model, "ranking");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_are_compared_with_streams_and_whole_replies_with_whole_ones() {
    let hour = Duration::from_secs(3_600);
    let strategy = StrategyKind::LatencyBased { buffer: 0.0, time_to_live: hour };
    let policy = Policy { strategy, ..Policy::default() };
    let world =
        World::new(Routing { policy, ..Routing::default() }, [spec("m", "one/a"), spec("m", "two/b")]);
    world.script("b", Script::Slow(Duration::from_secs(1)));
    // `a` says its first word early and its last one late.
    for round in 0..5 {
        world.script("a", Script::Slow(Duration::from_secs(5)));
        for ask in 0..4 {
            let answer = world.ask("m").await.expect("an answer");
            let is_first = (round, ask) < (0, 2);
            assert!(is_first || &*answer.candidate.upstream_model == "b", "whole, {round}");
        }
        world.script("a", Script::Slow(Duration::from_millis(100)));
        for ask in 0..4 {
            let answer = world.stream("m").await.expect("an answer");
            let is_first = (round, ask) < (0, 2);
            assert!(is_first || &*answer.candidate.upstream_model == "a", "streamed, {round}");
        }
    }
}
