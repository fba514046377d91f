//! Calls at one time, counted by three books over one store.

use trunkline_limits::{CounterKind, OnOutage, Permit};

use super::replica::{Replica, Store, pass};
use super::*;

const WAIT: Duration = Duration::from_millis(100);

fn three(store: &Arc<Store>, on_outage: OnOutage) -> [Replica; 3] {
    ["a", "b", "c"].map(|name| Replica::start(name, store, on_outage))
}

fn at_one_time(max: u64) -> Limits {
    Limits { parallel: Some(max), ..Limits::default() }
}

async fn admit(replica: &Replica, max: u64) -> Result<Permit, Refusal> {
    replica.book.admit_within(&replica.key(&at_one_time(max)), WAIT).await
}

/// Opens calls at a replica until one is refused.
async fn fill(replica: &Replica, max: u64) -> Vec<Permit> {
    let mut open = Vec::new();
    loop {
        match admit(replica, max).await {
            Ok(permit) => open.push(permit),
            Err(refusal) => {
                assert!(!refusal.is_outage, "{refusal:?}");
                assert_eq!((refusal.used, refusal.limit), (max.into(), max.into()), "nothing remains");
                return open;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn three_replicas_together_open_as_many_as_the_limit() {
    for max in [1, 2, 10, 640] {
        let store = Arc::new(Store::default());
        let [a, b, c] = three(&store, OnOutage::Refuse);
        let mut open = Vec::new();
        for replica in [&a, &b] {
            for _ in 0..max / 3 {
                open.push(admit(replica, max).await.expect("a place is free"));
            }
        }
        open.extend(fill(&c, max).await);
        let ahead = 2 * 2 * (max / 64);
        let count = open.len() as u64;
        assert!((max - ahead..=max).contains(&count), "{count} of {max}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_left_at_one_replica_is_free_at_another() {
    let store = Arc::new(Store::default());
    let [a, b, _c] = three(&store, OnOutage::Refuse);
    let mut open = fill(&a, 2).await;
    assert_eq!(open.len(), 2);
    assert!(admit(&b, 2).await.is_err());
    drop(open.pop());
    // The next look at accounts that nobody waits at.
    pass(Duration::from_millis(200)).await;
    let of_b = admit(&b, 2).await.expect("what is full is not held in vain");
    assert!(admit(&a, 2).await.is_err() && admit(&b, 2).await.is_err());
    drop((open, of_b));
}

#[tokio::test(start_paused = true)]
async fn while_there_are_others_a_place_is_held_for_the_next_call() {
    let store = Arc::new(Store::default());
    let [a, ..] = three(&store, OnOutage::Refuse);
    drop(admit(&a, 10).await.expect("room"));
    pass(Duration::from_millis(500)).await;
    assert_eq!(store.held(CounterKind::Parallel), (1, 1));
    pass(Duration::from_secs(3)).await;
    assert_eq!(store.held(CounterKind::Parallel), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn places_of_a_replica_that_died_are_free_after_a_minute_and_others_are_not() {
    let store = Arc::new(Store::default());
    let [a, b, _c] = three(&store, OnOutage::Refuse);
    let mut lost = fill(&a, 4).await;
    drop(lost.pop());
    pass(Duration::from_millis(200)).await;
    let mut open = vec![admit(&b, 4).await.expect("one is left")];
    a.keeper.abort();
    assert!(admit(&b, 4).await.is_err());
    pass(Duration::from_secs(90)).await;
    open.extend(fill(&b, 4).await);
    assert_eq!(open.len(), 4);
    // Of those that are open for long it is told again and again.
    let c = Replica::start("d", &store, OnOutage::Refuse);
    pass(Duration::from_secs(600)).await;
    assert!(admit(&c, 4).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_away_for_long_gives_nobodys_places_to_others() {
    let store = Arc::new(Store::default());
    let [a, b, c] = three(&store, OnOutage::Refuse);
    let open = [admit(&a, 3).await, admit(&a, 3).await];
    assert!(open.iter().all(Result::is_ok));
    store.set_dead(true);
    pass(Duration::from_secs(300)).await;
    let refusal = admit(&a, 3).await.map(drop).expect_err("nobody knows whether there is another");
    assert!(refusal.is_outage);
    store.set_dead(false);
    pass(Duration::from_secs(1)).await;
    let third = admit(&b, 3).await;
    assert!(third.is_ok());
    assert!(admit(&c, 3).await.is_err());
    drop((open, third));
    pass(Duration::from_secs(3)).await;
    assert_eq!(fill(&c, 3).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_lost_its_counters_is_told_what_is_open() {
    let store = Arc::new(Store::default());
    let [a, b, _c] = three(&store, OnOutage::Refuse);
    let open = [admit(&a, 2).await, admit(&a, 2).await];
    assert!(open.iter().all(Result::is_ok));
    store.forget();
    pass(Duration::from_secs(15)).await;
    assert!(admit(&b, 2).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn without_a_store_each_opens_the_whole_limit_where_that_is_allowed() {
    let store = Arc::new(Store::default());
    let replicas = three(&store, OnOutage::AllowLocally);
    drop(admit(&replicas[0], 2).await.expect("room"));
    store.set_dead(true);
    for replica in &replicas {
        // It is known after three batches.
        let _ = admit(replica, 2).await;
        pass(Duration::from_secs(2)).await;
        let open = [admit(replica, 2).await, admit(replica, 2).await];
        assert!(open.iter().all(Result::is_ok));
        assert!(admit(replica, 2).await.is_err());
    }
    store.set_dead(false);
    pass(Duration::from_secs(3)).await;
    assert_eq!(store.held(CounterKind::Parallel), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_gone_holds_nothing() {
    let store = Arc::new(Store::default());
    let [a, ..] = three(&store, OnOutage::Refuse);
    let open = admit(&a, 5).await.expect("room");
    a.key(&Limits::default());
    drop(open);
    pass(Duration::from_secs(3)).await;
    assert_eq!(store.held(CounterKind::Parallel), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_ends_gives_its_places_back_and_so_does_one_that_is_idle() {
    for max in [2, 640] {
        let store = Arc::new(Store::default());
        let [a, b, c] = three(&store, OnOutage::Refuse);
        for replica in [&a, &b] {
            drop(admit(replica, max).await.expect("room"));
        }
        for replica in [a, c] {
            replica.end().await;
        }
        let (held, _) = store.held(CounterKind::Parallel);
        assert!(held <= 1 + 2 * (max / 64).cast_signed(), "{held} of {max} at one that goes on");
        pass(Duration::from_secs(3)).await;
        assert_eq!(store.held(CounterKind::Parallel), (0, 0), "of {max}");
        assert_eq!(fill(&b, max).await.len() as u64, max);
    }
}

/// It did not ask what others wanted until it told the next time that it was there.
#[tokio::test(start_paused = true)]
async fn a_place_is_not_kept_from_others_that_are_short_of_it() {
    let store = Arc::new(Store::default());
    let [a, b, _c] = three(&store, OnOutage::Refuse);
    let of_a = admit(&a, 2).await.expect("room");
    let of_b = admit(&b, 2).await.expect("room");
    drop(of_a);
    pass(Duration::from_millis(400)).await;
    assert!(admit(&b, 2).await.is_ok(), "one is open, of two");
    drop(of_b);
}

#[tokio::test(start_paused = true)]
async fn what_was_opened_without_a_store_is_told_when_it_answers_again() {
    let store = Arc::new(Store::default());
    let [a, b, c] = three(&store, OnOutage::AllowLocally);
    let of_a = fill(&a, 4).await;
    assert!(admit(&b, 4).await.is_err());
    store.set_dead(true);
    // It is known after three batches.
    let _ = admit(&b, 4).await;
    pass(Duration::from_secs(2)).await;
    let mut of_b = Vec::new();
    for _ in 0..4 {
        of_b.push(admit(&b, 4).await.expect("nobody can tell"));
    }
    store.set_dead(false);
    pass(Duration::from_secs(1)).await;
    drop(of_a);
    pass(Duration::from_secs(1)).await;
    assert!(admit(&c, 4).await.is_err(), "four are open at another");
}

#[tokio::test(start_paused = true)]
async fn many_at_once_for_one_model_are_let_in_together() {
    let store = Arc::new(Store::default());
    let [a, ..] = three(&store, OnOutage::Refuse);
    let began = tokio::time::Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (book, model) = (Arc::clone(&a.book), a.key(&at_one_time(50)));
        calls.spawn(async move {
            let want =
                Want { accounts: &[], by_model: &model, tokens: 0, amount: None, wait: Duration::ZERO };
            (book.reserve(want).await, Arc::clone(&book))
        });
    }
    let held = calls.join_all().await;
    assert!(held.iter().all(|(held, _)| held.is_ok()));
    assert!(began.elapsed() < Duration::from_millis(60), "{:?}", began.elapsed());
}
