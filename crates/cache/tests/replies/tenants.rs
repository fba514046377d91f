//! What one tenant is answered, no other is given; and how long what is kept is given.

use std::time::Duration;

use trunkline_cache::{Begin, Cache, Options};

use crate::{chat_reply, key};

const PROMPT: &str = r#"{"model":"fast","messages":[{"role":"user","content":"What is our plan?"}]}"#;
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn two_tenants_with_one_prompt_share_nothing() {
    let cache = Cache::in_memory(Options::default());
    cache.keeper(&key("team-a", PROMPT)).keep(chat_reply("secret"), MINUTE);
    assert!(matches!(cache.begin(&key("team-a", PROMPT), None).await, Begin::Hit(_)));
    for tenant in ["team-b", "team-", "team-a ", ""] {
        let begun = cache.begin(&key(tenant, PROMPT), None).await;
        assert!(matches!(begun, Begin::Lead(_)), "{tenant}: {begun:?}");
    }
    assert!(cache.get(&key("team-b", PROMPT), None).await.is_none());
}

#[tokio::test]
async fn a_tenant_neither_waits_for_another_nor_is_told_that_it_asks() {
    let cache = Cache::in_memory(Options::default());
    let Begin::Lead(keeper) = cache.begin(&key("team-a", PROMPT), None).await else {
        panic!("nothing is kept")
    };
    assert!(matches!(cache.begin(&key("team-b", PROMPT), None).await, Begin::Lead(_)));
    drop(keeper);
}

#[tokio::test(start_paused = true)]
async fn each_reply_has_its_own_time() {
    let cache = Cache::in_memory(Options::default());
    let (short, long) = (key("t", r#"{"n":1}"#), key("t", r#"{"n":2}"#));
    cache.keeper(&short).keep(chat_reply("a"), Duration::from_secs(1));
    cache.keeper(&long).keep(chat_reply("b"), MINUTE);
    tokio::time::advance(Duration::from_millis(999)).await;
    assert!(cache.get(&short, None).await.is_some());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(cache.get(&short, None).await.is_none());
    assert!(cache.get(&long, None).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_caller_says_how_old_a_reply_may_be() {
    let cache = Cache::in_memory(Options::default());
    let key = key("t", PROMPT);
    cache.keeper(&key).keep(chat_reply("a"), MINUTE);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(cache.get(&key, Some(Duration::from_secs(9))).await.is_none());
    let found = cache.get(&key, Some(Duration::from_secs(10))).await.expect("it is not older");
    assert_eq!(found.age, Duration::from_secs(10));
    assert!(matches!(cache.begin(&key, Some(Duration::from_secs(9))).await, Begin::Lead(_)));
}

#[tokio::test]
async fn what_is_forgotten_is_asked_for_anew() {
    let cache = Cache::in_memory(Options::default());
    let (one, two) = (key("t", r#"{"n":1}"#), key("t", r#"{"n":2}"#));
    for key in [&one, &two] {
        cache.keeper(key).keep(chat_reply("a"), MINUTE);
    }
    assert_eq!(cache.delete(&[one, key("t", "{}")]).await.expect("an answer"), 1);
    assert!(cache.get(&one, None).await.is_none());
    assert!(cache.get(&two, None).await.is_some());
    cache.flush().await.expect("an answer");
    assert!(cache.get(&two, None).await.is_none());
    cache.ping().await.expect("an answer");
    assert_eq!((cache.storage_name(), cache.faults()), ("memory", 0));
}
