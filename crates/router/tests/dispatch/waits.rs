//! The waits that the router keeps, each with a value of its own so that the right one is seen to run out.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::time::Instant;
use trunkline_core::{Call, Document, Error, ErrorKind, Operation, ReplyBody, Wait};
use trunkline_provider::Waits;
use trunkline_router::{Course, DeploymentSpec, Policy, Routing, Wishes};

use crate::world::{Script, World, spec};

const SECOND: Duration = Duration::from_secs(1);

fn waits() -> Waits {
    Waits { connect: 2 * SECOND, first_event: 3 * SECOND, idle: 20 * SECOND, total: 50 * SECOND }
}

fn waiting(group: &str, model: &str, order: i64) -> DeploymentSpec {
    let mut spec = DeploymentSpec { order, ..spec(group, model) };
    spec.target.send.waits = waits();
    spec
}

fn in_order(model: &str, order: i64) -> DeploymentSpec {
    DeploymentSpec { order, ..spec("m", model) }
}

/// A deployment that is asked before the other one.
fn two() -> World {
    World::new(Routing::default(), [waiting("m", "one/a", 1), waiting("m", "two/b", 2)])
}

#[tokio::test(start_paused = true)]
async fn pings_are_no_first_event() {
    let world = two();
    world.script("a", Script::Pings(SECOND));
    let began = Instant::now();
    let answer = world.stream("m").await.expect("an answer");
    assert_eq!((&*answer.candidate.upstream_model, began.elapsed()), ("b", 3 * SECOND));
    assert_eq!(answer.course.failed[0].failure, Some(ErrorKind::UpstreamTimeout));
}

#[tokio::test(start_paused = true)]
async fn a_request_s_own_wait_for_the_first_event_goes_before_the_deployment_s() {
    let policy = Policy { retries: 0, ..Policy::default() };
    let world = World::new(Routing { policy, ..Routing::default() }, [waiting("m", "one/a", 1)]);
    world.script("a", Script::Pings(Duration::from_millis(100)));
    for (own, expected) in [(None, 3 * SECOND), (Some(SECOND), SECOND), (Some(5 * SECOND), 5 * SECOND)] {
        let began = Instant::now();
        let wishes = Wishes { first_event_timeout: own, ..Wishes::default() };
        let failed = world.stream_with("m", &wishes).await.expect_err("no answer");
        assert_eq!((failed.error.wait(), began.elapsed()), (Some(Wait::FirstEvent), expected));
        let told = format!("no event from the upstream within {} s", expected.as_secs());
        assert_eq!(failed.error.message(), told);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ran_out_counts_against_who_was_asked_unless_the_request_set_it() {
    let error = |wait, kind| Error::new(kind, "scripted").with_wait(wait);
    let (timeout, unreachable) = (ErrorKind::UpstreamTimeout, ErrorKind::UpstreamUnreachable);
    let own = |set: fn(&mut Wishes)| {
        let mut wishes = Wishes::default();
        set(&mut wishes);
        wishes
    };
    let all = [
        (Wait::Connect, unreachable, own(|wishes| wishes.connect_timeout = Some(SECOND))),
        (Wait::FirstEvent, timeout, own(|wishes| wishes.first_event_timeout = Some(SECOND))),
        (Wait::Idle, timeout, own(|wishes| wishes.idle_timeout = Some(SECOND))),
        (Wait::Total, timeout, own(|wishes| wishes.timeout = Some(SECOND))),
    ];
    for (set, _, wishes) in &all {
        for (ran_out, kind, _) in &all {
            // One failure is one too many here.
            let policy = Policy { fails_allowed: Some(0), ..Policy::default() };
            let world = World::new(
                Routing { policy, ..Routing::default() },
                [waiting("m", "one/a", 1), waiting("m", "two/b", 2)],
            );
            let mut answer = world.ask_with("m", wishes).await.expect("an answer");
            let rests = answer.permit.failed(&error(*ran_out, *kind)).is_some();
            assert_eq!(rests, set != ran_out, "{set} was the request's own, {ran_out} ran out");
        }
    }
    // What is longer than the deployment's own is not what ran out.
    let world = World::new(
        Routing { policy: Policy { fails_allowed: Some(0), ..Policy::default() }, ..Routing::default() },
        [waiting("m", "one/a", 1), waiting("m", "two/b", 2)],
    );
    let wishes = Wishes { idle_timeout: Some(60 * SECOND), ..Wishes::default() };
    let mut answer = world.ask_with("m", &wishes).await.expect("an answer");
    assert!(answer.permit.failed(&error(Wait::Idle, timeout)).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_without_an_event_is_a_cut_one() {
    let world = two();
    world.script("a", Script::PingThenEnd);
    let answer = world.stream("m").await.expect("an answer");
    assert_eq!(&*answer.candidate.upstream_model, "b");
    assert_eq!(answer.course.failed[0].failure, Some(ErrorKind::UpstreamCut));
}

#[tokio::test(start_paused = true)]
async fn the_wait_goes_on_when_the_reply_had_to_begin_without_an_event() {
    let world = two();
    let wishes = Wishes { begin_within: Some(SECOND), ..Wishes::default() };
    let rest = async |script| {
        world.script("a", script);
        let began = Instant::now();
        let answer = world.stream_with("m", &wishes).await.expect("it begins");
        assert_eq!((&*answer.candidate.upstream_model, began.elapsed()), ("a", SECOND));
        let ReplyBody::Events(mut events) = answer.reply.body else { panic!("a stream") };
        let mut last = None;
        while let Some(item) = events.next().await {
            last = Some(item);
        }
        (last.expect("an item"), began.elapsed())
    };
    let (last, took) = rest(Script::Pings(Duration::from_millis(1_100))).await;
    let error = last.expect_err("nothing was said");
    assert_eq!((error.wait(), took), (Some(Wait::FirstEvent), 3 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_when_nothing_is_left_of_the_request() {
    let routing = Routing { total: 5 * SECOND, ..Routing::default() };
    let world = World::new(routing, [in_order("one/a", 1), in_order("two/b", 2)]);
    world.script("a", Script::Takes(3_600 * SECOND, 200));
    let failed = join_all((0..6).map(|_| world.ask("m"))).await;
    assert!(failed.iter().all(Result::is_err));
    assert_eq!(world.totals(), [5 * SECOND; 6], "the first has had all of it");
    assert_eq!(world.asked_of("b"), 0);
    assert_eq!(&*world.ask("m").await.expect("an answer").candidate.upstream_model, "b", "it was never late");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_others_had_used_up_does_not_count_against_who_was_asked_last() {
    // One second is left of five.
    for (own, rests) in [(600 * SECOND, false), (SECOND / 2, true)] {
        let mut last = in_order("two/b", 2);
        last.target.send.waits.total = own;
        let world =
            World::new(Routing { total: 5 * SECOND, ..Routing::default() }, [in_order("one/a", 1), last]);
        world.script("a", Script::Takes(4 * SECOND, 503));
        world.script("b", Script::Takes(2 * SECOND, 200));
        let failed = join_all((0..6).map(|_| world.ask("m"))).await;
        assert!(failed.iter().all(Result::is_err));
        assert_eq!(world.totals()[6..12], [own.min(SECOND); 6]);
        world.script("a", Script::Status(503));
        world.script("b", Script::Answer);
        assert_eq!(world.ask("m").await.is_err(), rests, "{own:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_waits_those_are_excused_that_the_end_of_the_request_cut_short() {
    // Three seconds for the first event, fifty in all; the request has ten.
    for (wait, gone, rests) in [
        (Wait::Total, 4, false),
        (Wait::FirstEvent, 4, true),
        (Wait::FirstEvent, 8, false),
        (Wait::Idle, 8, true),
    ] {
        let policy = Policy { fails_allowed: Some(0), ..Policy::default() };
        let routing = Routing { policy, total: 10 * SECOND, ..Routing::default() };
        let world = World::new(routing, [waiting("m", "one/a", 1), waiting("m", "two/b", 2)]);
        world.script("a", Script::Takes(gone * SECOND, 503));
        let mut answer = world.ask("m").await.expect("an answer");
        assert_eq!(&*answer.candidate.upstream_model, "b");
        let error = Error::new(ErrorKind::UpstreamTimeout, "scripted").with_wait(wait);
        assert_eq!(answer.permit.failed(&error).is_some(), rests, "{wait} after {gone} s");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_keeps_what_was_tried() {
    let world = two();
    world.script("a", Script::Status(500));
    world.script("b", Script::Slow(600 * SECOND));
    let mut course = Course::default();
    let route = world.router.resolve("m").expect("a known name");
    let mut call = Call::new(Operation::ChatCompletions, "", Document::empty());
    let wishes = Wishes::default();
    let asking = world.router.dispatch_noting(&route, &mut call, &wishes, &mut course);
    assert!(tokio::time::timeout(5 * SECOND, asking).await.is_err(), "b says nothing");
    let tried: Vec<_> =
        course.failed.iter().map(|attempt| (&*attempt.upstream_model, attempt.failure)).collect();
    assert_eq!(tried, [("a", Some(ErrorKind::UpstreamFailed)), ("b", None)]);
    assert_eq!((course.attempts, course.failed[1].usage.is_some()), (2, true));
    // What has ended takes it along.
    world.script("b", Script::Answer);
    course = Course::default();
    let answer = world.router.dispatch_noting(&route, &mut call, &wishes, &mut course).await;
    assert_eq!(answer.expect("an answer").course.failed.len(), 1);
    assert_eq!((course.attempts, course.failed.len()), (0, 0));
}

/// A hundred tokens a second, a token for four bytes: whichever is more, and no more than was asked for.
#[tokio::test(start_paused = true)]
async fn what_breaks_off_may_be_billed() {
    for (script, expected) in [
        (Script::BreaksOff(SECOND, 100), Some(100)),
        (Script::BreaksOff(SECOND, 800), Some(200)),
        (Script::BreaksOff(SECOND, 80_000), Some(300)),
        (Script::BreaksOff(SECOND, 0), None),
        (Script::StandsStill(SECOND, 0), Some(100)),
        (Script::StandsStill(SECOND, 800), Some(200)),
        (Script::Takes(100 * SECOND, 200), None),
        (Script::Status(408), None),
        (Script::Status(500), None),
    ] {
        let world = two();
        world.script("a", script);
        let body = r#"{"messages": [{"role": "user", "content": "How are you?"}], "max_tokens": 300}"#;
        let answer = world.ask_about("m", body).await.expect("an answer of the other");
        let usage = answer.course.failed[0].usage.as_ref();
        assert_eq!(usage.map(|usage| usage.output), expected, "{script:?}");
        assert!(usage.is_none_or(|usage| usage.uncached_input > 0), "{script:?}");
    }
}
