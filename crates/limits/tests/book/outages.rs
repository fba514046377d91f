//! A replica whose store does not answer.

use tokio::time::Instant;
use trunkline_core::ErrorKind;
use trunkline_limits::{OnOutage, lease_size};

use super::replica::{Replica, Store, pass};
use super::*;

#[tokio::test(start_paused = true)]
async fn without_a_store_leases_are_used_up_and_then_the_policy_holds() {
    for (on_outage, passes) in [(OnOutage::Refuse, false), (OnOutage::AllowLocally, true)] {
        let store = Arc::new(Store::default());
        let replica = Replica::start("a", &store, on_outage);
        let limits = Limits { requests_per_minute: Some(640), ..Limits::default() };
        let key = replica.key(&limits);
        let admit = || replica.book.admit_within(&key, LONG);
        drop(admit().await.expect("the store answers"));
        pass(Duration::from_millis(30)).await;
        store.set_dead(true);
        let mut admitted = 1_u64;
        while replica.book.admit(&key).is_ok() {
            admitted += 1;
        }
        assert!((lease_size(640)..=2 * lease_size(640) + 1).contains(&admitted), "{admitted}");
        let began = Instant::now();
        let refusal = admit().await.err();
        assert_eq!(refusal.is_none(), passes, "{on_outage:?}");
        if let Some(refusal) = refusal {
            assert!(refusal.is_outage && refusal.retry_after().is_some());
            assert_eq!(
                refusal.into_error("key").kind(),
                ErrorKind::StoreUnavailable,
                "the limit is not reached"
            );
        }
        assert!(began.elapsed() < Duration::from_millis(300), "the outage is known by then");
        let mut more = 0;
        while replica.book.admit(&key).is_ok() {
            more += 1;
        }
        assert_eq!(more > 0, passes);
        assert!(admitted + more < 640 + u64::from(passes), "never more than the limit by itself");
        store.set_dead(false);
        pass(Duration::from_millis(500)).await;
        assert_eq!(replica.book.admit(&key).is_ok(), !passes, "it goes on from what was used");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_begins_is_told_from_a_limit_that_is_reached() {
    for (on_outage, passes) in [(OnOutage::Refuse, false), (OnOutage::AllowLocally, true)] {
        let store = Arc::new(Store::default());
        let replica = Replica::start("a", &store, on_outage);
        store.set_dead(true);
        let key = replica.key(&Limits { requests_per_minute: Some(640), ..budget(10) });
        for _ in 0..2 {
            let admitted = replica.book.admit_within(&key, Duration::from_millis(100)).await;
            assert_eq!(admitted.err().map(|refusal| refusal.is_outage), (!passes).then_some(true));
            let reserved = reserve(&replica.book, &key, 0, 1, Duration::ZERO).await.map(drop);
            assert_eq!(reserved.err().map(|refusal| refusal.is_outage), (!passes).then_some(true));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_store_what_others_give_back_is_waited_for() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    let key = replica.key(&budget(10));
    let held = reserve(&replica.book, &key, 0, 8, LONG).await.expect("room");
    store.set_dead(true);
    pass(Duration::from_secs(3)).await;
    let began = Instant::now();
    let refusal = reserve(&replica.book, &key, 0, 9, LONG).await.map(drop).expect_err("it holds less");
    assert_eq!((refusal.is_pending, began.elapsed()), (false, Duration::ZERO));
    let (book, again) = (Arc::clone(&replica.book), key.clone());
    let waiting = tokio::spawn(async move { reserve(&book, &again, 0, 7, LONG).await.map(drop) });
    pass(Duration::from_millis(100)).await;
    held.settle(0, Some(Decimal::ONE));
    assert!(waiting.await.expect("it ends").is_ok(), "seven of the eight were given back");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_refused_to_find_out_that_the_store_answers_again() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    let key = replica.key(&Limits { requests_per_minute: Some(640), ..Limits::default() });
    store.set_dead(true);
    assert!(replica.book.admit_within(&key, LONG).await.is_err());
    // The minute is over, so that nothing is left to ask the store for.
    pass(Duration::from_secs(61)).await;
    let began = Instant::now();
    assert!(replica.book.admit_within(&key, LONG).await.is_err());
    assert_eq!(began.elapsed(), Duration::ZERO, "nor does anybody wait to find out that it does not");
    pass(Duration::from_secs(61)).await;
    store.set_dead(false);
    pass(Duration::from_secs(1)).await;
    assert!(replica.book.admit_within(&key, LONG).await.is_ok());
}
