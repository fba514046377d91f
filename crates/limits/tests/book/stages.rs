//! Both stages, one call after the other.

use trunkline_limits::{Charge, What};

use super::*;

#[test]
fn requests_of_a_minute_are_counted_and_places_given_back() {
    let hand = Hand::default();
    let book = Book::new(hand.clock());
    let limits = Limits { requests_per_minute: Some(3), parallel: Some(2), ..Limits::default() };
    let key = [limited(&book, "key", &limits)];
    let first = book.admit(&key).expect("room");
    let second = book.admit(&key).expect("room");
    assert_eq!(book.admit(&key).map(drop).expect_err("two at one time").what, What::Parallel);
    drop(first);
    let third = book.admit(&key).expect("a place was given back");
    drop((second, third));
    let refusal = book.admit(&key).map(drop).expect_err("three in this minute");
    assert_eq!((refusal.what, refusal.resets_at_ms), (What::Requests, Some(60_000)));
    hand.set(60_000);
    assert!(book.admit(&key).is_ok());
}

#[test]
fn either_all_accounts_give_or_none() {
    let book = Book::new(Hand::default().clock());
    let rich = Limits { requests_per_minute: Some(10), parallel: Some(10), ..budget(100) };
    let poor = Limits { requests_per_minute: Some(1), parallel: Some(1), ..budget(10) };
    let both = [limited(&book, "rich", &rich), limited(&book, "poor", &poor)];
    let permit = book.admit(&both).expect("room");
    let refusal = book.admit(&both).map(drop).expect_err("the poor one has none");
    assert_eq!(&*refusal.subject.id, "poor");
    drop(permit);
    let held = try_reserve(&book, &both, 0, 7).expect("room");
    assert_eq!(&*try_reserve(&book, &both, 0, 7).map(drop).expect_err("too dear").subject.id, "poor");
    let [rich, poor] = &book.remaining(&both)[..] else { panic!("both are limited") };
    assert_eq!(rich.requests.map(|left| left.remaining), Some(9), "what is taken of a minute stays taken");
    assert_eq!(rich.parallel.map(|left| left.remaining), Some(10));
    assert_eq!(poor.requests.map(|left| left.remaining), Some(0));
    assert_eq!(rich.budgets[0].reserved, Decimal::from(7));
    drop(held);
}

#[test]
fn an_account_named_twice_or_in_any_order_is_taken_once() {
    let book = Book::new(Hand::default().clock());
    let limits = Limits { requests_per_minute: Some(2), ..Limits::default() };
    let (first, second) = (limited(&book, "a", &limits), limited(&book, "b", &limits));
    let twice = [Arc::clone(&second), Arc::clone(&first), second];
    assert!(book.admit(&twice).is_ok());
    assert!(book.admit(&twice).is_ok());
    let refusal = book.admit(&twice).map(drop).expect_err("both are used up");
    assert_eq!(&*refusal.subject.id, "b", "the one that was named first");
}

#[test]
fn what_was_used_takes_the_place_of_what_was_reserved() {
    let book = Book::new(Hand::default().clock());
    let limits = Limits { tokens_per_minute: Some(100), ..daily(10) };
    let key = [limited(&book, "key", &limits)];
    let reservation = try_reserve(&book, &key, 90, 9).expect("room");
    let charge =
        Charge { subject: subject(SubjectKind::Key, "key"), period: Some(Period::DAILY), begins_at_ms: 0 };
    assert_eq!(reservation.charges(), [charge]);
    assert_eq!(try_reserve(&book, &key, 20, 0).map(drop).expect_err("reserved").what, What::Tokens);
    reservation.settle(15, Some(Decimal::from(2)));
    let left = &book.remaining(&key)[0];
    assert_eq!(left.tokens.map(|left| left.remaining), Some(85));
    assert_eq!((left.budgets[0].spent, left.budgets[0].reserved), (Decimal::from(2), Decimal::ZERO));
    drop(try_reserve(&book, &key, 85, 8).expect("room"));
    let left = &book.remaining(&key)[0];
    assert_eq!(left.tokens.map(|left| left.remaining), Some(85), "given back without use");
    assert_eq!((left.budgets[0].spent, left.budgets[0].reserved), (Decimal::from(2), Decimal::ZERO));
    try_reserve(&book, &key, 5, 3).expect("room").settle(5, None);
    assert_eq!(key[0].spent(Some(Period::DAILY)), Some(Decimal::from(5)), "nobody knows: all of it");
}

#[test]
fn a_call_that_ends_in_another_window_leaves_that_one_alone() {
    const DAY_MS: i64 = 86_400_000;
    let hand = Hand::default();
    let book = Book::new(hand.clock());
    let key = [limited(&book, "key", &Limits { tokens_per_minute: Some(100), ..daily(10) })];
    let mut reservation = try_reserve(&book, &key, 100, 6).expect("room");
    hand.set(DAY_MS);
    assert!(reservation.top_up(1_000, Decimal::from(5)).is_err(), "its own day has 4 left");
    reservation.top_up(1_000, Decimal::from(4)).expect("room in its own day");
    assert_eq!(reservation.charges()[0].begins_at_ms, 0);
    drop(try_reserve(&book, &key, 100, 10).expect("a new day and a new minute"));
    reservation.settle(5_000, Some(Decimal::from(9)));
    let left = &book.remaining(&key)[0];
    assert_eq!(left.tokens.map(|left| left.remaining), Some(100));
    assert_eq!((left.budgets[0].spent, left.budgets[0].reserved), (Decimal::ZERO, Decimal::ZERO));
}

#[test]
fn a_stream_that_outgrows_its_bound_gets_more_of_everything_or_nothing() {
    let book = Book::new(Hand::default().clock());
    let key = [limited(&book, "key", &Limits { tokens_per_minute: Some(100), ..budget(10) })];
    let mut reservation = try_reserve(&book, &key, 50, 5).expect("room");
    let refusal = reservation.top_up(10, Decimal::from(6)).expect_err("more than the budget");
    assert!(matches!(refusal.what, What::Budget { .. }));
    assert_eq!(reservation.top_up(51, Decimal::ONE).expect_err("too many").what, What::Tokens);
    let left = &book.remaining(&key)[0];
    assert_eq!(left.tokens.map(|left| left.remaining), Some(50), "nothing was taken");
    assert_eq!(left.budgets[0].reserved, Decimal::from(5));
    reservation.top_up(50, Decimal::from(5)).expect("room");
    assert!(try_reserve(&book, &key, 1, 0).is_err());
    reservation.settle(20, Some(Decimal::from(3)));
    let left = &book.remaining(&key)[0];
    assert_eq!(left.tokens.map(|left| left.remaining), Some(80));
    assert_eq!((left.budgets[0].spent, left.budgets[0].reserved), (Decimal::from(3), Decimal::ZERO));
}

#[test]
fn accounts_of_a_model_are_asked_for_requests_and_places_too() {
    let book = Book::new(Hand::default().clock());
    let limits = Limits { requests_per_minute: Some(5), parallel: Some(1), ..budget(10) };
    let model = book.account(&subject(SubjectKind::Key, "key").with_model("gpt-4o"));
    model.set(&limits);
    let by_model = [model];
    let want = Want {
        accounts: &[],
        by_model: &by_model,
        tokens: 1,
        amount: Some(Decimal::ONE),
        wait: Duration::ZERO,
    };
    let held = ready(book.reserve(want)).expect("room");
    assert_eq!(ready(book.reserve(want)).map(drop).expect_err("one at a time").what, What::Parallel);
    held.settle(1, Some(Decimal::ONE));
    assert!(ready(book.reserve(want)).is_ok());
    let left = &book.remaining(&by_model)[0];
    assert_eq!(left.requests.map(|left| left.remaining), Some(3));
    assert_eq!(left.parallel.map(|left| left.remaining), Some(1));
}

#[test]
fn a_budget_of_nothing_lets_nothing_pass_but_what_is_free() {
    let book = Book::new(Hand::default().clock());
    let key = [limited(&book, "key", &budget(0))];
    assert!(try_reserve(&book, &key, 0, 0).is_err());
    let want = Want { accounts: &key, by_model: &[], tokens: 0, amount: None, wait: Duration::ZERO };
    ready(book.reserve(want)).expect("free").settle(0, Some(Decimal::ONE));
    assert_eq!(key[0].spent(None), Some(Decimal::ONE), "charged for what it cost all the same");
}

#[test]
fn an_account_without_limits_counts_nothing() {
    let book = Book::new(Hand::default().clock());
    let key = [book.account(&subject(SubjectKind::Key, "key"))];
    let permit = book.admit(&key).expect("no limit");
    let reservation = try_reserve(&book, &key, u64::MAX, i64::MAX).expect("no limit");
    assert!(reservation.charges().is_empty());
    assert!(book.remaining(&key).is_empty());
    assert!(!key[0].is_limited());
    drop(permit);
    reservation.settle(u64::MAX, Some(Decimal::MAX));
    assert_eq!(key[0].spent(None), None);
}

#[test]
fn figures_beyond_measure_do_not_turn_over() {
    let book = Book::new(Hand::default().clock());
    let limits = Limits {
        tokens_per_minute: Some(u64::MAX),
        budgets: vec![Budget::new(Decimal::MAX, None)],
        ..Limits::default()
    };
    let key = [limited(&book, "key", &limits)];
    let mut reservation = try_reserve(&book, &key, u64::MAX - 1, i64::MAX).expect("room");
    reservation.top_up(u64::MAX, Decimal::MAX).expect("sums end at the largest figure, which is the limit");
    reservation.settle(u64::MAX, Some(Decimal::MAX));
    assert_eq!(key[0].spent(None), Some(Decimal::MAX));
    assert!(try_reserve(&book, &key, 1, 1).is_err());
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(outcome) => outcome,
        std::task::Poll::Pending => panic!("nothing to wait for"),
    }
}
