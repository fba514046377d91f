//! Equal requests at one time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use trunkline_cache::{Begin, Cache, CacheKey, Found, Keeper, Kept, Options, Storage, Waiter};
use trunkline_core::Error;

use crate::{chat_reply, key};

const PROMPT: &str = r#"{"model":"fast","messages":[{"role":"user","content":"hi"}]}"#;
const MINUTE: Duration = Duration::from_secs(60);

async fn lead(cache: &Cache, key: &CacheKey) -> Keeper {
    match cache.begin(key, None).await {
        Begin::Lead(keeper) => keeper,
        other => panic!("nobody is on the way: {other:?}"),
    }
}

async fn wait(cache: &Cache, key: &CacheKey) -> Waiter {
    match cache.begin(key, None).await {
        Begin::Wait(waiter) => waiter,
        other => panic!("one is on the way: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn of_200_equal_requests_one_goes_upstream() {
    let cache = Cache::in_memory(Options::default());
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..200 {
        let (cache, counts) = (cache.clone(), Arc::clone(&counts));
        callers.spawn(async move {
            let (upstream, waiting) = &*counts;
            match cache.begin(&key("t", PROMPT), None).await {
                Begin::Hit(found) => found.kept,
                Begin::Wait(waiter) => {
                    waiting.fetch_add(1, Ordering::Relaxed);
                    waiter.wait(MINUTE).await.expect("the reply is kept").kept
                }
                Begin::Lead(keeper) => {
                    upstream.fetch_add(1, Ordering::Relaxed);
                    while waiting.load(Ordering::Relaxed) < 199 {
                        tokio::task::yield_now().await;
                    }
                    let key = *keeper.key();
                    keeper.keep(chat_reply("one for all"), MINUTE);
                    cache.get(&key, None).await.expect("it is kept").kept
                }
            }
        });
    }
    let replies = callers.join_all().await;
    assert_eq!(replies.len(), 200);
    assert_eq!(counts.0.load(Ordering::Relaxed), 1, "one went upstream");
    assert!(replies.iter().all(|kept| Arc::ptr_eq(kept, &replies[0])), "all are given the same reply");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_one_that_fails_goes_alone_at_once() {
    let cache = Cache::in_memory(Options::default());
    let key = key("t", PROMPT);
    let keeper = lead(&cache, &key).await;
    let mut waiting = JoinSet::new();
    for _ in 0..20 {
        waiting.spawn(wait(&cache, &key).await.wait(MINUTE));
    }
    tokio::task::yield_now().await;
    let began = Instant::now();
    // What becomes of a request that fails, and of one whose caller leaves.
    drop(keeper);
    let keepers: Vec<Keeper> =
        waiting.join_all().await.into_iter().map(|waited| waited.expect_err("nothing is kept")).collect();
    assert_eq!((keepers.len(), began.elapsed()), (20, Duration::ZERO));
    // Each may keep what it is answered, and the next one leads again.
    drop(lead(&cache, &key).await);
    for keeper in keepers {
        keeper.keep(chat_reply("a"), MINUTE);
    }
    assert!(cache.get(&key, None).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_it_wants() {
    let cache = Cache::in_memory(Options::default());
    let key = key("t", PROMPT);
    let keeper = lead(&cache, &key).await;
    let began = Instant::now();
    wait(&cache, &key).await.wait(Duration::from_secs(3)).await.expect_err("nothing comes");
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    drop(wait(&cache, &key).await.alone());
    assert!(matches!(cache.begin(&key, None).await, Begin::Wait(_)), "who waited has ended nothing");
    drop(keeper);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_too_large_is_waited_for_in_vain_and_not_kept() {
    let cache = Cache::in_memory(Options { entry_bytes_max: 1_000, ..Options::default() });
    let key = key("t", PROMPT);
    let keeper = lead(&cache, &key).await;
    let waiter = wait(&cache, &key).await;
    keeper.keep(chat_reply(&"a".repeat(1_000)), MINUTE);
    waiter.wait(MINUTE).await.expect_err("nothing is kept");
    assert!(cache.get(&key, None).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_ends_nothing() {
    let cache = Cache::in_memory(Options::default());
    let key = key("t", PROMPT);
    let keeper = lead(&cache, &key).await;
    let leaving = wait(&cache, &key).await;
    let staying = wait(&cache, &key).await;
    drop(leaving);
    keeper.keep(chat_reply("a"), MINUTE);
    assert_eq!(staying.wait(MINUTE).await.expect("it is kept").age, Duration::ZERO);
}

/// A storage whose first answer is late, and tells how things stood when it was asked.
#[derive(Debug, Default)]
struct Late {
    kept: Mutex<Option<Arc<Kept>>>,
    asked: AtomicUsize,
    answer: Arc<Notify>,
}

#[async_trait]
impl Storage for Late {
    fn name(&self) -> &'static str {
        "late"
    }

    async fn get(&self, _: &CacheKey) -> Result<Option<Found>, Error> {
        let kept = self.kept.lock().expect("no panic").clone();
        if self.asked.fetch_add(1, Ordering::Relaxed) == 0 {
            self.answer.notified().await;
        }
        Ok(kept.map(|kept| Found { kept, age: Duration::ZERO }))
    }

    fn put(&self, _: CacheKey, kept: Arc<Kept>, _: Duration) {
        *self.kept.lock().expect("no panic") = Some(kept);
    }

    async fn delete(&self, _: &[CacheKey]) -> Result<u64, Error> {
        Ok(0)
    }

    async fn flush(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn who_looks_before_an_equal_request_comes_back_and_asks_after_it_is_given_its_reply() {
    let storage = Late::default();
    let answer = Arc::clone(&storage.answer);
    let cache = Cache::with_storage(Box::new(storage), Options::default());
    let key = key("t", PROMPT);
    let early = tokio::spawn({
        let cache = cache.clone();
        async move { cache.begin(&key, None).await }
    });
    tokio::task::yield_now().await;
    lead(&cache, &key).await.keep(chat_reply("a"), MINUTE);
    answer.notify_one();
    let begun = early.await.expect("no panic");
    assert!(matches!(begun, Begin::Hit(_)), "{begun:?}");
    assert!(matches!(cache.begin(&key, None).await, Begin::Hit(_)), "and it leads no longer");
}

/// A storage that never answers, or fails at once.
#[derive(Debug)]
struct Broken {
    answers: bool,
}

impl Broken {
    async fn fail<T>(&self) -> Result<T, Error> {
        if !self.answers {
            std::future::pending::<()>().await;
        }
        Err(Error::new(trunkline_core::ErrorKind::StoreUnavailable, "the storage is broken"))
    }
}

#[async_trait]
impl Storage for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    async fn get(&self, _: &CacheKey) -> Result<Option<Found>, Error> {
        self.fail().await
    }

    fn put(&self, _: CacheKey, _: Arc<Kept>, _: Duration) {}

    async fn delete(&self, _: &[CacheKey]) -> Result<u64, Error> {
        self.fail().await
    }

    async fn flush(&self) -> Result<(), Error> {
        self.fail().await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.fail().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_does_not_answer_costs_its_deadline_and_no_request() {
    for answers in [true, false] {
        let cache = Cache::with_storage(Box::new(Broken { answers }), Options::default());
        let began = Instant::now();
        let keeper = lead(&cache, &key("t", PROMPT)).await;
        let deadline = if answers { Duration::ZERO } else { Duration::from_millis(50) };
        assert_eq!((began.elapsed(), cache.faults()), (deadline, 1));
        let waiter = wait(&cache, &key("t", PROMPT)).await;
        keeper.keep(chat_reply("a"), MINUTE);
        waiter.wait(MINUTE).await.expect("who waits is told without the storage");
        let error = cache.ping().await.expect_err("it is broken");
        assert_eq!(error.kind(), trunkline_core::ErrorKind::StoreUnavailable);
        cache.flush().await.expect_err("it is broken");
        cache.delete(&[]).await.expect_err("it is broken");
    }
}
