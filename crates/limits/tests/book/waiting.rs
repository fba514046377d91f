//! Calls that only the reservations of others keep out.

use std::sync::Mutex;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use trunkline_limits::What;

use super::*;

/// What a call does with its reservation. The clock is paused, so that it takes no time.
async fn work_for(time: Duration) {
    let _ = timeout(time, std::future::pending::<()>()).await;
}

#[tokio::test(start_paused = true)]
async fn two_hundred_at_once_succeed_where_the_money_pays_them() {
    // Each reserves a hundredth of a dollar and uses a thousandth; the budget pays 200 of these, and 20 at a time.
    let thousandths = |count: i64| Decimal::new(count, 3);
    let book = Arc::new(Book::new(Hand::default().clock()));
    let budgets = vec![Budget::new(thousandths(210), None)];
    let key = [limited(&book, "key", &Limits { budgets, ..Limits::default() })];
    let mut calls = JoinSet::new();
    for call in 0..200_u64 {
        let (book, key) = (Arc::clone(&book), key.clone());
        calls.spawn(async move {
            let amount = Some(thousandths(10));
            let want = Want { accounts: &key, by_model: &[], tokens: 0, amount, wait: LONG };
            let Ok(held) = book.reserve(want).await else { return false };
            work_for(Duration::from_millis(100 + call % 7)).await;
            held.settle(0, Some(thousandths(1)));
            true
        });
    }
    let succeeded = calls.join_all().await.into_iter().filter(|succeeded| *succeeded).count();
    assert_eq!(succeeded, 200);
    assert_eq!(key[0].spent(None), Some(thousandths(200)));
}

#[tokio::test(start_paused = true)]
async fn who_came_first_goes_first() {
    let book = Arc::new(Book::new(Hand::default().clock()));
    let key = [limited(&book, "key", &budget(10))];
    let first = reserve(&book, &key, 0, 10, LONG).await.expect("room");
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut calls = JoinSet::new();
    // The large one waits in front of small ones, which would fit before it does.
    for (call, amount) in [(1, 10), (2, 1), (3, 1), (4, 9)] {
        let (book, key, order) = (Arc::clone(&book), key.clone(), Arc::clone(&order));
        calls.spawn(async move {
            let held = reserve(&book, &key, 0, amount, LONG).await.expect("in its turn");
            order.lock().expect("unharmed").push(call);
            work_for(Duration::from_secs(1)).await;
            drop(held);
        });
        tokio::task::yield_now().await;
    }
    assert!(try_reserve(&book, &key, 0, 0).is_err(), "nobody passes those who wait");
    drop(first);
    calls.join_all().await;
    assert_eq!(*order.lock().expect("unharmed"), [1, 2, 3, 4]);
    assert!(try_reserve(&book, &key, 0, 10).is_ok(), "nobody is left in the queue");
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_time() {
    let book = Book::new(Hand::default().clock());
    let key = [limited(&book, "key", &budget(10))];
    let held = reserve(&book, &key, 0, 8, LONG).await.expect("room");
    let began = Instant::now();
    let refusal = reserve(&book, &key, 0, 5, Duration::from_millis(250)).await.expect_err("nobody settles");
    assert_eq!(began.elapsed(), Duration::from_millis(250));
    assert!(refusal.is_by_reservations());
    assert_eq!((refusal.used, refusal.reserved), (Decimal::ZERO, Decimal::from(8)));
    drop(held);
    assert!(try_reserve(&book, &key, 0, 10).is_ok(), "it left the queue");
}

#[tokio::test(start_paused = true)]
async fn what_could_never_fit_is_refused_at_once() {
    let book = Book::new(Hand::default().clock());
    let key = [limited(&book, "key", &budget(10))];
    let held = reserve(&book, &key, 0, 4, LONG).await.expect("room");
    let began = Instant::now();
    let refusal = reserve(&book, &key, 0, 11, LONG).await.expect_err("more than there is");
    assert!(matches!(refusal.what, What::Budget { .. }) && !refusal.is_by_reservations());
    held.settle(0, Some(Decimal::from(4)));
    assert!(reserve(&book, &key, 0, 7, LONG).await.is_err(), "more than is left");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_refused_once_the_money_is_spent() {
    let book = Arc::new(Book::new(Hand::default().clock()));
    let key = [limited(&book, "key", &budget(10))];
    let held = reserve(&book, &key, 0, 8, LONG).await.expect("room");
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let (book, key) = (Arc::clone(&book), key.clone());
        calls.spawn(async move { reserve(&book, &key, 0, 5, LONG).await.map(drop) });
    }
    tokio::task::yield_now().await;
    let began = Instant::now();
    held.settle(0, Some(Decimal::from(8)));
    let outcomes = calls.join_all().await;
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(began.elapsed(), Duration::ZERO, "each hears of it, not the first alone");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_leaves_no_trace() {
    let book = Arc::new(Book::new(Hand::default().clock()));
    let key = [limited(&book, "key", &budget(10))];
    let held = reserve(&book, &key, 0, 10, LONG).await.expect("room");
    let mut gone = JoinSet::new();
    for _ in 0..5 {
        let (book, key) = (Arc::clone(&book), key.clone());
        gone.spawn(async move { reserve(&book, &key, 0, 10, LONG).await.map(drop) });
    }
    tokio::task::yield_now().await;
    let mut last = Box::pin(reserve(&book, &key, 0, 10, LONG));
    assert!(futures_pending(last.as_mut()).await);
    drop(held);
    // Called, and gone before it looked.
    gone.abort_all();
    while gone.join_next().await.is_some() {}
    let began = Instant::now();
    drop(last.await.expect("its turn has come"));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(book.remaining(&key)[0].budgets[0].reserved, Decimal::ZERO);
    assert!(try_reserve(&book, &key, 0, 10).is_ok());
}

/// Whether a future is not ready yet, having been asked once.
async fn futures_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_two_gets_both_together() {
    let book = Arc::new(Book::new(Hand::default().clock()));
    let (team, key) = (limited(&book, "team", &budget(10)), limited(&book, "key", &budget(10)));
    let (both, team, key) = ([Arc::clone(&key), Arc::clone(&team)], [team], [key]);
    let of_team = reserve(&book, &team, 0, 10, LONG).await.expect("room");
    let of_key = reserve(&book, &key, 0, 10, LONG).await.expect("room");
    let mut last = Box::pin(reserve(&book, &both, 0, 10, LONG));
    assert!(futures_pending(last.as_mut()).await);
    drop(of_team);
    assert!(futures_pending(last.as_mut()).await);
    assert!(
        reserve(&book, &team, 0, 10, Duration::ZERO).await.is_ok(),
        "nothing is held while waiting for more"
    );
    drop(of_key);
    let held = last.await.expect("both are free");
    assert_eq!(held.charges().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_day_or_a_new_limit_ends_the_wait() {
    const DAY_MS: i64 = 86_400_000;
    let hand = Hand::default();
    hand.set(DAY_MS - 1_000);
    let book = Book::new(hand.clock());
    let key = [limited(&book, "key", &daily(10))];
    let _held = reserve(&book, &key, 0, 10, LONG).await.expect("room");
    let began = Instant::now();
    let mut last = Box::pin(reserve(&book, &key, 0, 10, LONG));
    assert!(futures_pending(last.as_mut()).await);
    hand.set(DAY_MS);
    let of_new_day = last.await.expect("a new day");
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    assert_eq!(of_new_day.charges()[0].begins_at_ms, DAY_MS);
    let mut last = Box::pin(reserve(&book, &key, 0, 10, LONG));
    assert!(futures_pending(last.as_mut()).await);
    key[0].set(&daily(20));
    assert!(last.await.is_ok());
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}
