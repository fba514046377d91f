//! Soft budgets: told once in a window, and in nobody's way.

use rust_decimal::Decimal;
use trunkline_limits::{Book, Budget, Limits, Passed, Period, SoftBudget};

use crate::{Hand, limited, try_reserve};

const DAY_MS: i64 = 86_400_000;

/// The next that is told, if there is one.
fn told(book: &Book) -> Option<Passed> {
    let mut waiting = Box::pin(book.passed());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match waiting.as_mut().poll(&mut context) {
        std::task::Poll::Ready(passed) => Some(passed),
        std::task::Poll::Pending => None,
    }
}

fn soft(amount: i64, max: Option<i64>) -> Limits {
    let period = Some(Period::DAILY);
    let budgets = max.map(|max| Budget::new(Decimal::from(max), period)).into_iter().collect();
    let soft_budget = Some(SoftBudget { amount: Decimal::from(amount), period });
    Limits { budgets, soft_budget, ..Limits::default() }
}

#[test]
fn a_soft_budget_that_is_passed_is_told_once_in_a_window() {
    let hand = Hand::default();
    let book = Book::new(hand.clock());
    let key = [limited(&book, "key", &soft(4, Some(10)))];
    let spend = |amount: i64| {
        let amount = Decimal::from(amount);
        try_reserve(&book, &key, 0, 1).expect("room").settle(0, Some(amount));
        told(&book).map(|passed| (passed.spent, passed.max, passed.resets_at_ms))
    };
    let [three, five, ten] = [3, 5, 10].map(Decimal::from);
    assert_eq!(spend(3), None);
    assert_eq!(spend(2), Some((five, Some(ten), Some(DAY_MS))));
    assert_eq!(spend(1), None, "it was told");
    // What reads the limits anew does not tell anew.
    key[0].set(&soft(4, Some(10)));
    assert_eq!(spend(1), None);
    // Another figure changes nothing about it, and a window that begins does.
    hand.set(DAY_MS);
    assert_eq!(spend(3), None);
    key[0].set(&soft(2, Some(10)));
    assert_eq!(spend(0), Some((three, Some(ten), Some(2 * DAY_MS))), "it is lower now");
    // So does an administrator's word that what was spent does not count.
    key[0].note_lowered(0, Decimal::ZERO);
    key[0].note_lowered(1, Decimal::ZERO);
    assert_eq!(spend(1), None);
    assert_eq!(spend(2), Some((three, Some(ten), Some(2 * DAY_MS))));
}

#[test]
fn a_soft_budget_alone_keeps_nobody_out() {
    let book = Book::new(Hand::default().clock());
    let key = [limited(&book, "key", &soft(1, None))];
    let reservation = try_reserve(&book, &key, 0, 1_000_000).expect("nothing is in the way");
    assert_eq!(reservation.charges().len(), 1, "what is spent counts");
    reservation.settle(0, Some(Decimal::from(2)));
    let passed = told(&book).expect("it is passed");
    assert_eq!((passed.soft_budget, passed.max, &*passed.subject.id), (Decimal::ONE, None, "key"));
    assert_eq!(key[0].spent(Some(Period::DAILY)), Some(Decimal::from(2)));
    assert_eq!(key[0].standing().budgets, [], "there is nothing that could be left");
}

#[test]
fn what_was_passed_before_a_start_was_told_before_it() {
    let book = Book::new(Hand::default().clock());
    let key = [limited(&book, "key", &soft(4, Some(10)))];
    assert_eq!(key[0].unseeded(), [(Some(Period::DAILY), 0)]);
    key[0].seed(Some(Period::DAILY), 0, Decimal::from(4));
    try_reserve(&book, &key, 0, 1).expect("room").settle(0, Some(Decimal::ONE));
    assert_eq!(told(&book), None);
}
