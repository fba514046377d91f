//! Three books over one store.

use tokio::task::JoinSet;
use tokio::time::Instant;
use trunkline_core::ErrorKind;
use trunkline_limits::{CounterKind, OnOutage, SoftBudget, lease_size};

use super::accounts::crowd;
use super::replica::{Replica, Store, pass};
use super::*;

fn three(store: &Arc<Store>) -> [Replica; 3] {
    ["a", "b", "c"].map(|name| Replica::start(name, store, OnOutage::Refuse))
}

#[tokio::test(start_paused = true)]
async fn requests_of_three_replicas_are_within_the_limit_and_nearly_all_of_it() {
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    let limits = Limits { requests_per_minute: Some(640), ..Limits::default() };
    let mut admitted = 0;
    let wait = Duration::from_millis(200);
    for round in 0..400_u64 {
        for replica in &replicas {
            admitted += u64::from(replica.book.admit_within(&replica.key(&limits), wait).await.is_ok());
        }
        if round % 10 == 0 {
            pass(Duration::from_millis(20)).await;
        }
    }
    assert!(admitted <= 640);
    assert!(admitted >= 640 - 3 * lease_size(640), "{admitted}");
}

#[tokio::test(start_paused = true)]
async fn all_requests_of_a_limit_at_once_at_one_replica_are_admitted() {
    for (limit, more) in [(64_u64, 0), (640, 60)] {
        let store = Arc::new(Store::default());
        let replicas = three(&store);
        let limits =
            Limits { requests_per_minute: Some(limit), tokens_per_minute: Some(limit), ..Limits::default() };
        let mut calls = JoinSet::new();
        for _ in 0..limit + more {
            let (book, key) = (Arc::clone(&replicas[0].book), replicas[0].key(&limits));
            calls.spawn(async move {
                let wait = Duration::from_millis(100);
                let Err(refusal) = book.admit_within(&key, wait).await else {
                    return reserve(&book, &key, 1, 0, wait).await.is_ok_and(|held| {
                        held.settle(1, Some(Decimal::ZERO));
                        true
                    });
                };
                assert_eq!(refusal.used, refusal.limit, "nothing remains");
                false
            });
        }
        let good = calls.join_all().await.into_iter().filter(|good| *good).count() as u64;
        assert_eq!(good, limit);
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_calls_at_three_replicas_succeed_where_the_money_pays_them() {
    let micro = |count: i64| Decimal::new(count, 6);
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    let budgets = vec![Budget::new(micro(10_000), None)];
    let limits = Limits { budgets, ..Limits::default() };
    let mut calls = JoinSet::new();
    for call in 0..200_usize {
        let (book, key) = (Arc::clone(&replicas[call % 3].book), replicas[call % 3].key(&limits));
        calls.spawn(async move {
            let amount = Some(micro(400));
            let want = Want { accounts: &key, by_model: &[], tokens: 0, amount, wait: LONG };
            let Ok(held) = book.reserve(want).await else { return false };
            pass(Duration::from_millis(100)).await;
            held.settle(0, Some(micro(40)));
            true
        });
    }
    let succeeded = calls.join_all().await.into_iter().filter(|succeeded| *succeeded).count();
    assert_eq!(succeeded, 200);
    pass(Duration::from_millis(500)).await;
    let (held, unused) = store.held(CounterKind::Budget(None));
    assert!(held <= 10_000 && unused <= 3 * lease_size(10_000).cast_signed(), "{unused}");
    pass(Duration::from_secs(3)).await;
    assert_eq!(store.held(CounterKind::Budget(None)), (8_000, 0), "who is idle holds nothing");
    let spent = replicas[0].key(&limits)[0].spent(None).expect("a budget");
    assert!(spent <= micro(8_000), "{spent}");
}

/// What each replica spent was once counted twice then: as what the first that asked knew of others, and by itself.
#[tokio::test(start_paused = true)]
async fn a_store_that_lost_its_counters_is_told_them_again() {
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    let spend = async |replica: &Replica, dollars: i64| {
        let key = replica.key(&budget(80));
        let held = reserve(&replica.book, &key, 0, dollars, LONG).await.expect("there is as much");
        held.settle(0, Some(Decimal::from(dollars)));
        pass(Duration::from_millis(200)).await;
        key
    };
    for dollars in [5, 7, 11] {
        for replica in &replicas {
            spend(replica, dollars).await;
        }
    }
    store.forget();
    for replica in &replicas {
        let key = spend(replica, 1).await;
        let spent = key[0].spent(None).expect("a budget");
        assert!(spent <= Decimal::from(72), "{spent}");
    }
    let key = spend(&replicas[0], 1).await;
    assert_eq!(key[0].spent(None), Some(Decimal::from(3 * 23 + 4)));
}

/// Spends so many dollars at a replica, whose key has a budget of 100 and whose ledger says what was spent before.
async fn spend(replica: &Replica, seed: i64, dollars: i64) -> Option<Decimal> {
    let account = limited(&replica.book, "key", &budget(100));
    account.seed(None, 0, Decimal::from(seed));
    let key = [account];
    let held = reserve(&replica.book, &key, 0, dollars, LONG).await.expect("there is as much");
    held.settle(0, Some(Decimal::from(dollars)));
    pass(Duration::from_millis(200)).await;
    key[0].spent(None)
}

/// Spends one more once all others have told what they spent, and gives what all spent together.
async fn spend_at_rest(replica: &Replica) -> Option<Decimal> {
    pass(Duration::from_secs(3)).await;
    spend(replica, 0, 1).await
}

/// What those had spent who were known to the store alone was counted twice then: as what the ledger knew, and by themselves.
#[tokio::test(start_paused = true)]
async fn a_store_that_lost_its_counters_can_be_told_them_by_one_who_knows_the_ledger_alone() {
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    for replica in &replicas {
        spend(replica, 0, 11).await;
    }
    store.forget();
    let new = Replica::start("d", &store, OnOutage::Refuse);
    assert_eq!(spend(&new, 33, 1).await, Some(Decimal::from(34)));
    for replica in &replicas {
        spend(replica, 0, 1).await;
    }
    assert_eq!(spend_at_rest(&new).await, Some(Decimal::from(38)));
}

#[tokio::test(start_paused = true)]
async fn holders_that_were_not_heard_for_long_are_counted_once_when_they_come_again() {
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    for replica in &replicas {
        spend(replica, 0, 11).await;
    }
    pass(Duration::from_secs(3)).await;
    store.fold();
    spend(&replicas[0], 0, 1).await;
    store.fold();
    for replica in &replicas {
        spend(replica, 0, 1).await;
    }
    assert_eq!(spend_at_rest(&replicas[0]).await, Some(Decimal::from(38)));
}

/// The first that asked anew forgot what others had spent since it asked last.
#[tokio::test(start_paused = true)]
async fn what_is_put_right_makes_nobody_forget_what_others_spent() {
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    let [a, b, idle] = &replicas;
    spend(idle, 0, 1).await;
    for replica in [a, b] {
        spend(replica, 0, 20).await;
    }
    let correct = |replica: &Replica, corrected: i64| {
        limited(&replica.book, "key", &budget(100)).correct(None, 0, Decimal::from(corrected));
    };
    correct(idle, -5);
    spend(idle, 0, 1).await;
    for replica in [a, b] {
        correct(replica, -5);
        spend(replica, 0, 1).await;
    }
    assert_eq!(spend_at_rest(idle).await, Some(Decimal::from(41 - 5 + 4)));
    // More than all that nobody holds, and in an order that is another at each.
    for (replica, corrected) in [(b, [-9, -38]), (idle, [-38, -38]), (a, [-9, -38])] {
        for corrected in corrected {
            correct(replica, corrected);
        }
        spend(replica, 0, 1).await;
    }
    assert_eq!(spend_at_rest(idle).await, Some(Decimal::from(41 - 38 + 8)));
}

#[tokio::test(start_paused = true)]
async fn a_shared_budget_that_is_gone_and_comes_back_goes_on_where_it_stood() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    spend(&replica, 0, 40).await;
    limited(&replica.book, "key", &Limits::default());
    pass(Duration::from_secs(3)).await;
    assert_eq!(
        store.held(CounterKind::Budget(None)),
        (40_000_000, 0),
        "nothing is held of what is no budget"
    );
    assert_eq!(spend(&replica, 40, 1).await, Some(Decimal::from(41)));
}

/// What is no more than a soft budget is not shared, so that no other store knows what was spent of it.
#[tokio::test(start_paused = true)]
async fn an_account_with_a_soft_budget_alone_is_kept_until_the_ledger_has_it() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    let soft_budget = Some(SoftBudget { amount: Decimal::TEN, period: None });
    let limits = Limits { soft_budget, ..Limits::default() };
    {
        let key = [limited(&replica.book, "key", &limits)];
        let held = reserve(&replica.book, &key, 0, 2, LONG).await.expect("nothing stands in its way");
        held.settle(0, Some(Decimal::from(2)));
    }
    let spent = async || {
        pass(Duration::from_secs(3)).await;
        crowd(&replica.book);
        replica.book.find(&subject(SubjectKind::Key, "key")).map(|account| account.spent(None))
    };
    assert_eq!(spent().await, Some(Some(Decimal::from(2))));
    replica.book.note_delivered(i64::MAX);
    assert_eq!(spent().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_lowered_is_so_for_all() {
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    let spend = async |replica: &Replica, dollars: i64| {
        let key = replica.key(&budget(64));
        let held = reserve(&replica.book, &key, 0, dollars, LONG).await.expect("there is as much");
        held.settle(0, Some(Decimal::from(dollars)));
        pass(Duration::from_millis(200)).await;
    };
    for replica in &replicas {
        replica.key(&budget(64))[0].note_lowered(0, Decimal::ZERO);
        spend(replica, 20).await;
    }
    for replica in &replicas {
        let key = limited(&replica.book, "key", &budget(64));
        key.note_lowered(1, Decimal::from(4));
        assert!(!key.unseeded().is_empty(), "what others had spent by then stands in the ledger");
        key.seed(None, 0, Decimal::from(4));
        // Those who have not heard of it yet spend what is left of the old one.
        spend(replica, 15).await;
    }
    let spent = replicas[2].key(&budget(64))[0].spent(None);
    assert_eq!(spent, Some(Decimal::from(4 + 3 * 15)));
    let refusal = reserve(&replicas[0].book, &replicas[0].key(&budget(64)), 0, 16, LONG).await.map(drop);
    assert_eq!(refusal.expect_err("fifteen are left").used, Decimal::from(49));
    for replica in &replicas {
        // The ledger tells each in its time that nine were too many.
        replica.key(&budget(64))[0].correct(None, 0, Decimal::from(-9));
        spend(replica, 8).await;
    }
    assert_eq!(replicas[2].key(&budget(64))[0].spent(None), Some(Decimal::from(49 - 9 + 3 * 8)));
}

/// Six of the ten dollars that were lowered to one were put right later: they were forgiven already.
#[tokio::test(start_paused = true)]
async fn what_was_lowered_is_not_taken_off_once_more() {
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    let key = |replica: &Replica| limited(&replica.book, "key", &budget(100));
    key(&replicas[0]).note_lowered(0, Decimal::ZERO);
    spend(&replicas[0], 0, 10).await;
    key(&replicas[0]).note_lowered(1, Decimal::ONE);
    for replica in &replicas {
        spend(replica, 1, 1).await;
    }
    for replica in &replicas {
        key(replica).correct(None, 0, Decimal::from(-6));
        pass(Duration::from_secs(3)).await;
    }
    let spent = spend_at_rest(&replicas[0]).await.expect("a budget");
    assert!(spent >= Decimal::ONE, "{spent}: what was spent since counts");
    let refused = reserve(&replicas[0].book, &[key(&replicas[0])], 0, 100, LONG).await.map(drop);
    assert!(refused.is_err(), "there is no more than there was");
}

#[tokio::test(start_paused = true)]
async fn calls_too_large_for_two_at_once_take_turns() {
    let store = Arc::new(Store::default());
    let replicas = three(&store);
    let mut calls = JoinSet::new();
    for call in 0..30_usize {
        let (book, key) = (Arc::clone(&replicas[call % 3].book), replicas[call % 3].key(&budget(10)));
        calls.spawn(async move {
            let Ok(held) = reserve(&book, &key, 0, 6, LONG).await else { return false };
            pass(Duration::from_millis(50)).await;
            held.settle(0, Some(Decimal::new(1, 1)));
            true
        });
    }
    let succeeded = calls.join_all().await.into_iter().filter(|succeeded| *succeeded).count();
    assert_eq!(succeeded, 30);
}

#[tokio::test(start_paused = true)]
async fn what_is_spent_elsewhere_is_known_and_refused_at_once() {
    let store = Arc::new(Store::default());
    let [a, b, _c] = three(&store);
    let (of_a, of_b) = (a.key(&budget(10)), b.key(&budget(10)));
    let held = reserve(&a.book, &of_a, 0, 8, LONG).await.expect("room");
    held.settle(0, Some(Decimal::from(8)));
    drop(reserve(&b.book, &of_b, 0, 1, LONG).await.expect("room"));
    pass(Duration::from_secs(3)).await;
    drop(reserve(&b.book, &of_b, 0, 1, LONG).await.expect("room"));
    let began = Instant::now();
    let refusal = reserve(&b.book, &of_b, 0, 3, LONG).await.map(drop).expect_err("eight are spent");
    assert_eq!((refusal.used, refusal.is_pending), (Decimal::from(8), false));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_nobody_waits_for_what_its_replica_fetches() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    let key = replica.key(&budget(10));
    let held = reserve(&replica.book, &key, 0, 6, Duration::ZERO).await.expect("there is as much");
    let began = Instant::now();
    assert!(reserve(&replica.book, &key, 0, 6, Duration::ZERO).await.is_err());
    assert!(began.elapsed() < Duration::from_millis(200), "others are not waited for");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_given_back_after_the_task_is_gone() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    let key = replica.key(&budget(64));
    let held = reserve(&replica.book, &key, 0, 3, LONG).await.expect("room");
    held.settle(0, Some(Decimal::ONE));
    replica.keeper.abort();
    assert_eq!(store.held(CounterKind::Budget(None)).0, 4_000_000, "three, and one ahead");
    replica.book.give_leases_back(&*store).await;
    assert_eq!(store.held(CounterKind::Budget(None)), (1_000_000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_ends_gives_back_what_it_holds() {
    let store = Arc::new(Store::default());
    let [a, b, c] = three(&store);
    for replica in [&a, &b, &c] {
        let held = reserve(&replica.book, &replica.key(&budget(100)), 0, 3, LONG).await.expect("room");
        held.settle(0, Some(Decimal::ONE));
    }
    for replica in [a, b, c] {
        replica.end().await;
    }
    assert_eq!(store.held(CounterKind::Budget(None)), (3_000_000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shared_budget_waits_for_its_seed() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    let key = [limited(&replica.book, "key", &budget(10))];
    let wait = Duration::from_millis(500);
    let refusal = reserve(&replica.book, &key, 0, 1, wait).await.map(drop).expect_err("nobody knows");
    assert!(refusal.is_pending);
    assert_eq!(refusal.into_error("key").kind(), ErrorKind::StoreUnavailable, "the budget is not spent");
    let (book, seeded) = (Arc::clone(&replica.book), key.clone());
    let waiting = tokio::spawn(async move { reserve(&book, &seeded, 0, 1, LONG).await.map(drop) });
    pass(Duration::from_millis(100)).await;
    key[0].seed(None, 0, Decimal::from(8));
    assert!(waiting.await.expect("it ends").is_ok());
    assert!(reserve(&replica.book, &key, 0, 1, wait).await.is_ok());
    assert!(reserve(&replica.book, &key, 0, 3, wait).await.is_err());
}
