//! Receivers that are slow, dead or refuse: nothing is held up, nothing grows, and what is not sent is counted.

use std::time::Duration;

use trunkline_export::{ExportOptions, Standing};
use trunkline_gateway::{Record, Recorder};
use trunkline_testkit::upstream::{Cut, Script, ScriptedUpstream, refused_url};

use crate::records::plain;
use crate::running::{Running, collector, quick, resting, standing, webhook};

/// Settles so many records, and ends once they were tried.
async fn outcome(url: &str, rows: usize, options: &ExportOptions) -> Standing {
    let running = Running::start(webhook(url), options);
    (0..rows).for_each(|number| running.exporter.settled(&plain(&number.to_string())));
    running.end().await
}

#[tokio::test]
async fn what_failed_in_passing_is_sent_again_as_it_was() {
    let receiver = ScriptedUpstream::start([
        Script::json(503, "{}"),
        Script::reply(429, &[("retry-after", "0")], ""),
        Script::garbage(),
        Script::json(201, "{}"),
    ]);
    let receiver = receiver.await.expect("a port");
    let standing = outcome(&receiver.url(), 3, &quick()).await;
    let expected = Standing { name: "generic_api", sent: 3, failed_posts: 3, ..Standing::default() };
    assert_eq!(standing, expected);
    let bodies: Vec<_> = receiver.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies.len(), 4);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "an id is an id, however often it is sent");
}

#[tokio::test]
async fn what_is_refused_is_lost_at_once() {
    for status in [400, 401, 302] {
        let refusing = ScriptedUpstream::answering(move |_, _| Script::json(status, "{}"));
        let refusing = refusing.await.expect("a port");
        let standing = outcome(&refusing.url(), 3, &quick()).await;
        let expected = Standing { name: "generic_api", lost: 3, failed_posts: 1, ..Standing::default() };
        assert_eq!(standing, expected, "{status}");
    }
}

#[tokio::test]
async fn a_dead_receiver_is_tried_so_often_and_no_more() {
    let options = ExportOptions { attempts_max: 3, ..quick() };
    let standing = outcome(&refused_url().await.expect("a port"), 3, &options).await;
    let expected = Standing { name: "generic_api", lost: 3, failed_posts: 3, ..Standing::default() };
    assert_eq!(standing, expected);
}

#[tokio::test]
async fn a_receiver_that_says_nothing_has_a_deadline() {
    let silent =
        ScriptedUpstream::answering(|_, _| Script::cut_before_head(Cut::Stall)).await.expect("a port");
    let deadline = Duration::from_millis(50);
    let options = ExportOptions { post_timeout: deadline, attempts_max: 2, ..quick() };
    let standing = outcome(&silent.url(), 3, &options).await;
    let expected = Standing { name: "generic_api", lost: 3, failed_posts: 2, ..Standing::default() };
    assert_eq!(standing, expected);
}

#[tokio::test]
async fn nothing_waits_and_nothing_grows_where_nobody_takes_anything() {
    let stalled =
        ScriptedUpstream::answering(|_, _| Script::cut_before_head(Cut::Stall)).await.expect("a port");
    let options =
        ExportOptions { rows_max: 1_000, posts_max: 2, flush_timeout: Duration::from_millis(20), ..quick() };
    let (exporter, behind) = resting(webhook(&stalled.url()), &options);
    let running = Running::of(&exporter);
    // Two batches are on their way and stay there; then the queue fills up.
    (0..200).for_each(|_| exporter.settled(&plain("x")));
    stalled.wait_for_requests(2).await;
    (0..20_000).for_each(|_| exporter.settled(&plain("x")));
    assert_eq!(behind.count(), 20_200, "the recorder behind it sees every record");
    let expected = Standing { name: "generic_api", queued: 1_000, dropped: 19_000, ..Standing::default() };
    assert_eq!(standing(&exporter), expected);
    let ended = running.end().await;
    assert_eq!((ended.queued, ended.sent, ended.lost), (0, 0, 1_200));
}

#[tokio::test]
async fn an_exporter_that_nobody_runs_keeps_its_limit() {
    let (exporter, behind) = resting(webhook("http://127.0.0.1:1"), &ExportOptions::default());
    (0..10_001).for_each(|_| exporter.settled(&plain("x")));
    assert_eq!(behind.count(), 10_001);
    let expected = Standing { name: "generic_api", queued: 10_000, dropped: 1, ..Standing::default() };
    assert_eq!(standing(&exporter), expected);
}

#[tokio::test]
async fn what_is_queued_at_the_end_is_still_sent() {
    let receiver = ScriptedUpstream::answering(|_, _| Script::json(200, "{}")).await.expect("a port");
    let options = ExportOptions { batch_wait: Duration::from_secs(3_600), ..quick() };
    let standing = outcome(&receiver.url(), 1_050, &options).await;
    assert_eq!((standing.sent, standing.lost, standing.queued), (1_050, 0, 0));
}

#[tokio::test]
async fn rows_that_are_large_fill_the_queue_sooner() {
    let options = ExportOptions { bytes_max: 100_000, ..ExportOptions::default() };
    let (exporter, _) = resting(webhook("http://127.0.0.1:1"), &options);
    let large = Record { tags: vec!["x".repeat(256); 16], ..plain("x") };
    (0..100).for_each(|_| exporter.settled(&large));
    let found = standing(&exporter);
    assert_eq!(found.queued as u64 + found.dropped, 100);
    // Each has 4 KiB of tags and less than 2 KiB besides.
    assert!((16..=24).contains(&found.queued), "{found:?}");
}

#[tokio::test]
async fn what_was_under_way_when_it_ended_is_sent_as_it_was_when_it_runs_again() {
    for destination in [webhook, collector] {
        let late = |index, _: &_| {
            if index == 0 { Script::cut_before_head(Cut::Stall) } else { Script::reply(200, &[], "") }
        };
        let late = ScriptedUpstream::answering(late).await.expect("a port");
        let (exporter, _) = resting(destination(&late.url()), &quick());
        (0..3).for_each(|number| exporter.settled(&plain(&number.to_string())));
        tokio::select! {
            () = exporter.run(std::future::pending()) => {}
            _ = late.wait_for_requests(1) => {}
        }
        exporter.run(std::future::ready(())).await;
        let found = standing(&exporter);
        assert_eq!((found.sent, found.lost, found.queued), (3, 0, 0), "{found:?}");
        let requests = late.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].body, requests[1].body, "whoever got both can tell");
    }
}
