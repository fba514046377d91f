//! Kept replies that replicas share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_cache::{CacheKey, Found, Kept, Question, Storage as _};
use trunkline_core::{Document, Observation, Operation};
use trunkline_redis::Replies;
use trunkline_testkit::redis::RedisServer;

use crate::{DEADLINE, connection};

fn opened(server: &RedisServer, namespace: Option<&str>) -> Replies {
    let (replies, writer) = Replies::new(connection(server, DEADLINE), namespace);
    // Ends with the replies.
    tokio::spawn(async move { writer.write().await });
    replies
}

fn key(text: &str) -> CacheKey {
    let document = Document::parse(format!("{{\"input\":\"{text}\"}}")).expect("a document");
    CacheKey::of(&Question {
        tenant: "t",
        namespace: None,
        operation: Operation::ChatCompletions,
        group: "g",
        further: &[],
        document: &document,
    })
}

fn kept(text: &str) -> Arc<Kept> {
    let document = Document::parse(format!("{{\"choices\":[{{\"message\":{{\"content\":\"{text}\"}}}}]}}"));
    let document = document.expect("a document");
    let kept = Kept::whole(Operation::ChatCompletions, &document, Observation::default());
    Arc::new(kept.expect("it says something"))
}

/// What is found, once it has been written.
async fn comes(replies: &Replies, key: &CacheKey) -> Found {
    let begun = Instant::now();
    loop {
        if let Some(found) = replies.get(key).await.expect("Redis answers") {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "it is never written");
    }
}

#[tokio::test]
async fn a_reply_that_one_keeps_is_found_by_another() {
    let server = RedisServer::start().expect("a Redis");
    let (here, there) = (opened(&server, None), opened(&server, None));
    assert!(there.get(&key("a")).await.expect("Redis answers").is_none());
    here.put(key("a"), kept("hello"), Duration::from_secs(60));
    let found = comes(&there, &key("a")).await;
    let text = found.kept.document().expect("a document").to_bytes();
    assert!(String::from_utf8_lossy(&text).contains("hello"));
    assert!(found.age < DEADLINE);
    let apart = opened(&server, Some("staging"));
    assert!(apart.get(&key("a")).await.expect("Redis answers").is_none(), "another namespace");
}

#[tokio::test]
async fn a_reply_goes_with_its_time_its_key_and_all_others() {
    let server = RedisServer::start().expect("a Redis");
    let replies = opened(&server, None);
    replies.put(key("short"), kept("a"), Duration::from_millis(1));
    for name in ["one", "two", "three"] {
        replies.put(key(name), kept(name), Duration::from_secs(60));
    }
    comes(&replies, &key("three")).await;
    let begun = Instant::now();
    while replies.get(&key("short")).await.expect("Redis answers").is_some() {
        assert!(begun.elapsed() < DEADLINE, "its time is over");
    }
    assert_eq!(replies.delete(&[key("one"), key("none")]).await.expect("Redis answers"), 1);
    assert!(replies.get(&key("one")).await.expect("Redis answers").is_none());
    assert!(replies.get(&key("two")).await.expect("Redis answers").is_some());
    replies.flush().await.expect("Redis answers");
    assert!(replies.get(&key("two")).await.expect("Redis answers").is_none());
    assert_eq!(replies.delete(&[key("two")]).await.expect("Redis answers"), 0, "it was gone");
    replies.put(key("two"), kept("again"), Duration::from_secs(60));
    comes(&replies, &key("two")).await;
}

#[tokio::test]
async fn without_a_server_nothing_is_found_and_nothing_waits() {
    let server = RedisServer::start().expect("a Redis");
    server.stop().expect("it ends");
    let (replies, _writer) = Replies::new(connection(&server, Duration::from_millis(20)), None);
    assert!(replies.get(&key("a")).await.is_err() && replies.ping().await.is_err());
    for _ in 0..1_000 {
        replies.put(key("a"), kept("a"), Duration::from_secs(1));
    }
}
