//! What brings a rest, what does not, and what ends one, while other calls are under way.

use std::time::Duration;

use futures_util::StreamExt;
use trunkline_core::{Error, ErrorKind, Operation, ReplyBody};
use trunkline_router::{Answer, DeploymentSpec, OwnTarget, Policy, Routing, StrategyKind, Wishes};

use crate::world::{Script, World, passing, spec};

/// `a` is asked first, and `b` while it rests.
fn two() -> [DeploymentSpec; 2] {
    [DeploymentSpec { order: 1, ..spec("m", "one/a") }, DeploymentSpec { order: 2, ..spec("m", "two/b") }]
}

async fn answered(world: &World) -> String {
    world.ask("m").await.expect("an answer").candidate.upstream_model.to_string()
}

/// Reads a stream to its end, and notes a failure within it as the gateway does.
async fn read(answer: Answer) {
    let Answer { reply, mut permit, .. } = answer;
    let ReplyBody::Events(mut events) = reply.body else { panic!("a stream was asked for") };
    while let Some(event) = events.next().await {
        if let Err(error) = event {
            permit.failed(&error);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_an_earlier_call_ends_no_rest() {
    let world = World::new(Routing::default(), two());
    let limited = Script::RateLimited(Some(Duration::from_secs(60)));
    world.script_once("a", [Script::Slow(Duration::from_secs(1)), limited]);
    assert_eq!(tokio::join!(answered(&world), answered(&world)), ("a".to_owned(), "b".to_owned()));
    tokio::time::advance(Duration::from_secs(50)).await;
    assert_eq!(answered(&world).await, "b", "it asked for a minute");
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(answered(&world).await, "a");
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_an_earlier_call_makes_no_rest_shorter() {
    let world = World::new(Routing::default(), two());
    let limited = Script::RateLimited(Some(Duration::from_secs(60)));
    world.script_once("a", [Script::Takes(Duration::from_secs(1), 503), limited]);
    assert_eq!(tokio::join!(answered(&world), answered(&world)), ("b".to_owned(), "b".to_owned()));
    tokio::time::advance(Duration::from_secs(50)).await;
    assert_eq!(answered(&world).await, "b", "it asked for a minute");
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_was_accepted_earlier_rests_all_the_same() {
    let keyed = |group: &str, model: &str, key: &str, order| {
        let mut spec = DeploymentSpec { order, ..spec(group, model) };
        spec.target.api_key = Some(key.into());
        spec
    };
    let world = World::new(Routing::default(), [keyed("m", "one/a", "k1", 1), keyed("m", "one/b", "k2", 2)]);
    world.script_once("a", [Script::Slow(Duration::from_secs(1)), Script::Credential]);
    assert_eq!(tokio::join!(answered(&world), answered(&world)), ("a".to_owned(), "b".to_owned()));
    assert_eq!(answered(&world).await, "b");
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_one_group_alone_has_rests_in_the_others() {
    let keyed = |group: &str, model: &str, key: &str| {
        let mut spec = spec(group, model);
        spec.target.api_key = Some(key.into());
        spec
    };
    let specs = [keyed("m", "one/a", "k1"), keyed("n", "one/c", "k1"), keyed("n", "one/d", "k2")];
    let world = World::new(Routing::default(), specs);
    world.script("a", Script::Credential);
    for asked in 1..4 {
        assert!(world.ask("m").await.is_err());
        assert_eq!(world.asked_of("a"), asked, "where there is no other, each is told by the upstream");
    }
    for _ in 0..20 {
        assert_eq!(&*world.ask("n").await.expect("an answer").candidate.upstream_model, "d");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_cuts_every_stream_rests() {
    let world = World::new(Routing::default(), two());
    world.script("a", Script::EventsThenCut(1));
    for _ in 0..5 {
        let answer = world.stream("m").await.expect("an answer");
        assert_eq!(&*answer.candidate.upstream_model, "a");
        read(answer).await;
    }
    assert_eq!(&*world.stream("m").await.expect("an answer").candidate.upstream_model, "b");
}

#[tokio::test(start_paused = true)]
async fn half_of_the_streams_may_be_cut() {
    let world = World::new(Routing::default(), two());
    for _ in 0..10 {
        world.script_once("a", [Script::Answer, Script::EventsThenCut(1)]);
        for _ in 0..2 {
            let answer = world.stream("m").await.expect("an answer");
            assert_eq!(&*answer.candidate.upstream_model, "a");
            read(answer).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_s_own_wait_or_base_says_nothing_after_the_first_event_either() {
    let world = World::new(Routing::default(), two());
    let own_wait = Wishes { timeout: Some(Duration::from_secs(1)), ..Wishes::default() };
    let own_target =
        OwnTarget { api_base: Some("http://127.0.0.1:1".into()), api_key: Some("sk-own".into()) };
    let own_target = Wishes { own_target: Some(own_target), ..Wishes::default() };
    for (wishes, kind) in [(own_wait, ErrorKind::UpstreamTimeout), (own_target, ErrorKind::UpstreamCut)] {
        for _ in 0..10 {
            let mut answer = world.ask_with("m", &wishes).await.expect("an answer");
            assert_eq!(&*answer.candidate.upstream_model, "a");
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(answer.permit.failed(&Error::new(kind, "in mid-stream")), None);
        }
    }
    assert_eq!(answered(&world).await, "a");
}

#[tokio::test(start_paused = true)]
async fn only_a_404_about_the_model_brings_a_rest() {
    let world = World::new(Routing::default(), two());
    for (script, operation, asked) in [
        (Script::Status(404), Operation::ChatCompletions, 3),
        (Script::NoModel, Operation::RetrieveResponse, 3),
        (Script::NoModel, Operation::ChatCompletions, 1),
    ] {
        world.script("a", script);
        let before = world.asked_of("a");
        for _ in 0..3 {
            let answer = world.ask_for("m", operation).await.expect("an answer");
            assert_eq!(&*answer.candidate.upstream_model, "b");
        }
        assert_eq!(world.asked_of("a") - before, asked, "{script:?} of {operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_begins_without_a_word_ends_no_rest() {
    let world = World::new(Routing::default(), two());
    let wishes = Wishes { begin_within: Some(Duration::from_secs(1)), ..Wishes::default() };
    let rest = || {
        let told = &world.explain("m", &Wishes::default()).candidates[0];
        (told.rest, told.skip.is_some())
    };
    let begun = async || {
        world.script("a", Script::RateLimited(None));
        assert_eq!(answered(&world).await, "b");
        tokio::time::advance(Duration::from_secs(6)).await;
        world.script("a", Script::Quiet(Duration::from_secs(30)));
        let answer = world.stream_with("m", &wishes).await.expect("an answer");
        assert_eq!(&*answer.candidate.upstream_model, "a");
        assert!(answer.first.is_none());
        assert_eq!(rest(), (Some(Duration::ZERO), false), "the next may find out");
        answer
    };
    read(begun().await).await;
    assert_eq!(rest(), (None, false), "it has spoken");
    let mut answer = begun().await;
    let cut = Error::new(ErrorKind::UpstreamCut, "before the first word");
    assert_eq!(answer.permit.failed(&cut), Some(Duration::from_secs(5)));
}

/// A deployment that has so long for a whole reply.
fn patient(wait: Duration, spec: DeploymentSpec) -> DeploymentSpec {
    let mut spec = spec;
    spec.target.send.waits.total = wait;
    spec
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_the_deployment_s_own_counts_whatever_the_caller_says() {
    let second = Duration::from_secs(1);
    let slow = Script::Takes(second * 5, 200);
    let own = Wishes { timeout: Some(second), ..Wishes::default() };
    let of_first_event = Wishes { first_event_timeout: Some(second / 2), ..Wishes::default() };
    let longer = Wishes { timeout: Some(second * 60), ..Wishes::default() };
    for (wishes, script, rests) in [
        (&own, slow, false),
        (&own, Script::Status(408), true),
        (&longer, Script::Status(408), true),
        // The wait for a first event is none of a whole reply's.
        (&of_first_event, slow, true),
        (&Wishes::default(), slow, true),
    ] {
        let policy = Policy { fails_allowed: Some(0), ..Policy::default() };
        let specs = two().map(|spec| patient(second * 2, spec));
        let world = World::new(Routing { policy, ..Routing::default() }, specs);
        world.script("a", script);
        let _ = world.ask_with("m", wishes).await;
        let told = &world.explain("m", &Wishes::default()).candidates[0];
        assert_eq!(told.skip.is_some(), rests, "{wishes:?}, {script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_did_not_answer_in_time_is_taken_for_slow() {
    let hour = Duration::from_secs(3_600);
    let policy = Policy {
        strategy: StrategyKind::LatencyBased { buffer: 0.0, time_to_live: hour },
        cooldown: Duration::ZERO,
        ..Policy::default()
    };
    let second = Duration::from_secs(1);
    let specs = [patient(second * 2, spec("m", "one/a")), spec("m", "two/b")];
    let world = World::new(Routing { policy, ..Routing::default() }, specs);
    world.script("a", Script::Slow(second));
    world.script("b", Script::Slow(second * 3));
    for _ in 0..4 {
        assert!(world.ask("m").await.is_ok());
    }
    assert_eq!(answered(&world).await, "a", "it is faster");
    world.script_once("a", [Script::Takes(second * 5, 200)]);
    assert_eq!(answered(&world).await, "b");
    let before = world.asked_of("a");
    for _ in 0..10 {
        assert_eq!(answered(&world).await, "b");
    }
    assert_eq!(world.asked_of("a"), before);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_rests_no_row_and_no_credential_does() {
    let (none, minute) = (Duration::ZERO, Duration::from_secs(60));
    for (of_group, of_row) in [(none, Some(minute)), (minute, Some(none)), (none, None)] {
        for script in [Script::RateLimited(Some(minute)), Script::Credential] {
            let policy = Policy { cooldown: of_group, ..Policy::default() };
            let specs = two().map(|mut spec| {
                spec.target.api_key = Some(spec.model.as_str().into());
                DeploymentSpec { cooldown: of_row, ..spec }
            });
            let world = World::new(Routing { policy, ..Routing::default() }, specs);
            world.script("a", script);
            for _ in 0..3 {
                assert_eq!(answered(&world).await, "b");
            }
            assert_eq!(world.asked_of("a"), 3, "{of_group:?}, {of_row:?}, {script:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_says_in_the_end_that_it_failed_counts_unless_it_is_a_stored_one() {
    for (operation, rests) in [(Operation::ChatCompletions, true), (Operation::RetrieveResponse, false)] {
        let world = World::new(Routing::default(), two());
        world.script("a", Script::EndsFailed);
        for _ in 0..5 {
            let answer = world.stream_of("m", operation).await.expect("an answer");
            let ReplyBody::Events(events) = answer.into_reply().body else {
                panic!("a stream was asked for")
            };
            assert_eq!(events.collect::<Vec<_>>().await.len(), 2);
        }
        let told = &world.explain("m", &Wishes::default()).candidates[0];
        assert_eq!(told.skip.is_some(), rests, "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_word_on_who_is_back_keeps_the_others_away_for_a_moment_only() {
    let world = World::new(Routing::default(), two());
    for model in ["a", "b"] {
        world.script_once(model, [Script::RateLimited(None), Script::Slow(Duration::from_secs(60))]);
    }
    let routing = Wishes { retries: Some(0), ..Wishes::default() };
    assert!(world.ask_with("m", &routing).await.is_err());
    tokio::time::advance(Duration::from_secs(6)).await;
    // Two find out, each at a reply that takes a minute.
    let later = async {
        passing(Duration::from_secs(6)).await;
        answered(&world).await
    };
    let (_, _, third) = tokio::join!(answered(&world), answered(&world), later);
    assert_eq!(third, "a", "it answers by now");
    assert_eq!((world.asked_of("a"), world.asked_of("b")), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_for_a_minute_s_allowance_is_its_own_fault() {
    let world = World::new(Routing::default(), two());
    world.script("a", Script::TooLarge);
    for asked in 1..=20 {
        assert_eq!(answered(&world).await, "b");
        assert_eq!(world.asked_of("a"), asked, "it is no reason to leave others without");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_to_a_caller_s_own_base_takes_nothing_and_finds_nothing_out() {
    let [first, second] = two();
    let first = DeploymentSpec { parallel_calls_max: Some(1), ..first };
    let world = World::new(Routing::default(), [first, second]);
    world.script_once("a", [Script::RateLimited(None), Script::Slow(Duration::from_secs(600))]);
    assert_eq!(answered(&world).await, "b");
    tokio::time::advance(Duration::from_secs(6)).await;
    let own_target =
        OwnTarget { api_base: Some("http://127.0.0.1:1".into()), api_key: Some("sk-own".into()) };
    let own_target = Wishes { own_target: Some(own_target), ..Wishes::default() };
    let meanwhile = async {
        passing(Duration::from_secs(1)).await;
        answered(&world).await
    };
    let (_, other) = tokio::join!(world.ask_with("m", &own_target), meanwhile);
    assert_eq!(other, "a");
}
