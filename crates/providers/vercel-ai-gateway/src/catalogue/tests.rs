//! One fetch at a time, an old list rather than none, and failures that do not last.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;

use super::*;
use crate::clock::settable::SettableClock;

const BASE: &str = "https://ai-gateway.vercel.sh/v1";
const TTL: u64 = 300;

fn catalogue() -> (Catalogue, SettableClock) {
    let (set, clock) = SettableClock::at(1_790_000_000);
    (Catalogue::new(Duration::from_secs(TTL), clock), set)
}

fn list(id: &str) -> Result<Vec<ModelInfo>, Error> {
    Ok(vec![ModelInfo { id: id.to_owned(), ..ModelInfo::default() }])
}

fn failed() -> Result<Vec<ModelInfo>, Error> {
    Err(Error::new(ErrorKind::UpstreamUnreachable, "no connection to the upstream"))
}

/// Asks at a moment at which `fetch` would give this, and tells what came.
fn ask(catalogue: &Catalogue, fetched: Result<Vec<ModelInfo>, Error>) -> Result<String, ErrorKind> {
    let asked = catalogue.models(BASE, |_| ready(fetched)).now_or_never().expect("no wait");
    asked.map(|models| models[0].id.clone()).map_err(|error| error.kind())
}

#[test]
fn a_list_is_kept_for_its_time_to_live() {
    let (catalogue, clock) = catalogue();
    assert_eq!(ask(&catalogue, list("one")), Ok("one".to_owned()));
    clock.advance(TTL - 1);
    assert_eq!(ask(&catalogue, list("two")), Ok("one".to_owned()));
    clock.advance(1);
    assert_eq!(ask(&catalogue, list("two")), Ok("two".to_owned()));
}

#[test]
fn an_old_list_is_better_than_none() {
    let (catalogue, clock) = catalogue();
    assert_eq!(ask(&catalogue, list("one")), Ok("one".to_owned()));
    clock.advance(TTL);
    assert_eq!(ask(&catalogue, failed()), Ok("one".to_owned()));
    clock.advance(29);
    assert_eq!(ask(&catalogue, list("two")), Ok("one".to_owned()), "not tried again yet");
    clock.advance(1);
    assert_eq!(ask(&catalogue, list("two")), Ok("two".to_owned()));
}

#[test]
fn without_any_list_the_failure_is_the_answer_for_a_second() {
    let (catalogue, clock) = catalogue();
    assert_eq!(ask(&catalogue, failed()), Err(ErrorKind::UpstreamUnreachable));
    assert_eq!(ask(&catalogue, list("one")), Err(ErrorKind::UpstreamUnreachable));
    clock.advance(1);
    assert_eq!(ask(&catalogue, list("one")), Ok("one".to_owned()));
}

#[test]
fn one_fetches_for_all() {
    let (catalogue, clock) = catalogue();
    let fetches = AtomicUsize::new(0);
    let never = |_| {
        fetches.fetch_add(1, Ordering::Relaxed);
        pending::<Result<Vec<ModelInfo>, Error>>()
    };
    // The first asks for the list, and the second waits for the first.
    let mut first = Box::pin(catalogue.models(BASE, never));
    let mut second = Box::pin(catalogue.models(BASE, never));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    assert_eq!(fetches.load(Ordering::Relaxed), 1);
    // The first hangs up, and the second takes its place.
    drop(first);
    assert!(second.as_mut().now_or_never().is_none());
    assert_eq!(fetches.load(Ordering::Relaxed), 2);
    drop(second);

    assert_eq!(ask(&catalogue, list("one")), Ok("one".to_owned()));
    clock.advance(TTL);
    // While one renews the list, everybody else gets the old one at once.
    let mut renewal = Box::pin(catalogue.models(BASE, never));
    assert!(renewal.as_mut().now_or_never().is_none());
    assert_eq!(ask(&catalogue, list("two")), Ok("one".to_owned()));
    drop(renewal);
    assert_eq!(ask(&catalogue, list("two")), Ok("two".to_owned()));
}

#[test]
fn a_renewal_may_take_less_time_than_the_first_fetch() {
    let (catalogue, clock) = catalogue();
    let asked = |expected: u64| {
        let fetch = |wait: Duration| {
            assert_eq!(wait.as_secs(), expected);
            ready(list("one"))
        };
        catalogue.models(BASE, fetch).now_or_never().expect("no wait").expect("a list");
    };
    asked(10);
    clock.advance(TTL);
    asked(2);
}

#[test]
fn each_address_has_a_list_of_its_own() {
    let (catalogue, _) = catalogue();
    assert_eq!(ask(&catalogue, list("one")), Ok("one".to_owned()));
    let other = catalogue.models("http://127.0.0.1:9/v1", |_| ready(list("other")));
    assert_eq!(other.now_or_never().expect("no wait").expect("a list")[0].id, "other");
}
