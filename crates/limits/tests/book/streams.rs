//! Streams over a budget that is shared: they grow while they go on.

use trunkline_limits::{OnOutage, What};

use super::replica::{Replica, Store, pass};
use super::*;

#[tokio::test(start_paused = true)]
async fn a_stream_can_outgrow_what_its_replica_holds() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    let key = replica.key(&budget(10));
    let mut held = reserve(&replica.book, &key, 0, 1, LONG).await.expect("room");
    let answered = held.answered().expect("it is shared");
    assert!(held.top_up(0, Decimal::from(5)).expect_err("it holds too little").is_pending);
    answered.await;
    held.top_up(0, Decimal::from(5)).expect("the store has more");
    let refusal = held.top_up(0, Decimal::from(9)).expect_err("more than the budget");
    assert!(matches!(refusal.what, What::Budget { .. }));
    held.settle(0, Some(Decimal::from(6)));
    assert_eq!(key[0].spent(None), Some(Decimal::from(6)));
}

/// Until it is known again what was spent, which is read at once.
#[tokio::test(start_paused = true)]
async fn a_stream_waits_out_that_what_is_spent_is_set_back() {
    let store = Arc::new(Store::default());
    let replica = Replica::start("a", &store, OnOutage::Refuse);
    let key = [limited(&replica.book, "key", &budget(10))];
    key[0].note_lowered(0, Decimal::ZERO);
    key[0].seed(None, 0, Decimal::ZERO);
    let mut held = reserve(&replica.book, &key, 0, 1, LONG).await.expect("room");
    key[0].note_lowered(1, Decimal::ZERO);
    pass(Duration::from_secs(3)).await;
    let answered = held.answered().expect("it is shared");
    assert!(held.top_up(0, Decimal::from(5)).expect_err("nobody knows").is_pending);
    key[0].seed(None, 0, Decimal::ZERO);
    answered.await;
    if let Err(refusal) = held.top_up(0, Decimal::from(5)) {
        assert!(refusal.is_pending, "{refusal:?}");
        held.answered().expect("it is shared").await;
        held.top_up(0, Decimal::from(5)).expect("the store has more");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_outlives_its_window_asks_for_no_more_of_it() {
    let (store, hand) = (Arc::new(Store::default()), Hand::default());
    let replica = Replica::start_at("a", &store, OnOutage::Refuse, hand.clock());
    let key = replica.key(&daily(10));
    let mut held = reserve(&replica.book, &key, 0, 1, LONG).await.expect("room");
    hand.set(86_400_000);
    held.top_up(0, Decimal::from(5)).expect("nobody else spends there any more");
    assert!(held.top_up(0, Decimal::from(5)).is_err());
}
