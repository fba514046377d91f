//! A Redis that ends, stands still, and comes back.

use std::time::{Duration, Instant};

use trunkline_limits::{Limits, OnOutage, Shared as _};
use trunkline_redis::Leases;
use trunkline_testkit::redis::RedisServer;

use crate::books::Replica;
use crate::{DEADLINE, connection};

const SHORT: Duration = Duration::from_millis(50);
fn limits() -> Limits {
    Limits { requests_per_minute: Some(1_000_000), ..Limits::default() }
}

async fn admits(replica: &Replica) -> bool {
    let key = replica.key(&limits());
    replica.book.admit_within(&key, Duration::from_millis(500)).await.is_ok()
}

/// Looks again and again, for ten seconds at most.
async fn comes_to(mut look: impl AsyncFnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if look().await {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_by_the_policy_while_it_stands_still_and_as_before_after() {
    let server = RedisServer::start().expect("a Redis");
    let strict = Replica::start(&server, "strict", SHORT, OnOutage::Refuse);
    let open = Replica::start(&server, "open", SHORT, OnOutage::AllowLocally);
    assert!(comes_to(async || admits(&strict).await && admits(&open).await).await, "while it answers");
    server.freeze().expect("it stands still");
    // First what is held is used up.
    assert!(comes_to(async || !admits(&strict).await).await, "then nothing passes");
    assert!(comes_to(async || admits(&open).await).await, "or what it counts alone");
    let begun = Instant::now();
    assert!(admits(&open).await);
    assert!(begun.elapsed() < Duration::from_millis(250), "nobody waits for what is known to be dead");
    server.thaw().expect("it goes on");
    assert!(comes_to(async || admits(&strict).await).await, "and then as before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_is_found_again() {
    let server = RedisServer::start().expect("a Redis");
    let short = Leases::new(connection(&server, SHORT), None);
    assert!(comes_to(async || short.hold(&[]).await.is_ok()).await);
    server.stop().expect("it ends");
    let told = async || short.hold(&[]).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(comes_to(async || told().await.contains("has not answered of late")).await);
    let begun = Instant::now();
    let error = told().await;
    assert!(begun.elapsed() < SHORT, "nobody waits once it is known");
    assert!(error.contains("127.0.0.1"), "{error}");
    server.resume().expect("it starts");
    assert!(comes_to(async || short.hold(&[]).await.is_ok()).await);
}

#[tokio::test]
async fn a_start_without_a_server_works() {
    let server = RedisServer::start().expect("a Redis");
    server.stop().expect("it ends");
    let leases = Leases::new(connection(&server, DEADLINE), None);
    server.resume().expect("it starts");
    assert!(comes_to(async || leases.hold(&[]).await.is_ok()).await);
}
