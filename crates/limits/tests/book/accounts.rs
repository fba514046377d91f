//! What an account keeps, and when the book lets it go.

use super::*;

#[test]
fn a_change_of_limits_keeps_what_is_counted() {
    let book = Book::new(Hand::default().clock());
    let limits = Limits { requests_per_minute: Some(5), ..daily(10) };
    let key = [limited(&book, "key", &limits)];
    let permit = book.admit(&key).expect("room");
    try_reserve(&book, &key, 0, 4).expect("room").settle(0, Some(Decimal::from(4)));
    key[0].set(&Limits { requests_per_minute: Some(1), parallel: Some(1), ..daily(5) });
    assert!(book.admit(&key).is_err(), "one request was made");
    assert!(try_reserve(&book, &key, 0, 2).is_err(), "of the five, four are spent");
    drop(permit);
    key[0].set(&daily(20));
    assert_eq!(key[0].spent(Some(Period::DAILY)), Some(Decimal::from(4)));
    key[0].set(&Limits::default());
    assert_eq!(key[0].spent(Some(Period::DAILY)), None);
}

#[test]
fn a_budget_that_is_gone_and_comes_back_while_a_call_is_under_way_counts_it() {
    let book = Book::new(Hand::default().clock());
    let key = [limited(&book, "key", &budget(10))];
    let held = try_reserve(&book, &key, 0, 4).expect("room");
    key[0].set(&Limits::default());
    assert!(try_reserve(&book, &key, 0, 1_000).is_ok());
    key[0].set(&budget(10));
    assert!(try_reserve(&book, &key, 0, 7).is_err());
    held.settle(0, Some(Decimal::from(3)));
    assert_eq!(key[0].spent(None), Some(Decimal::from(3)));
}

#[test]
fn of_two_budgets_with_one_period_the_smaller_one_holds() {
    let book = Book::new(Hand::default().clock());
    let budgets =
        vec![Budget::new(Decimal::TEN, Some(Period::DAILY)), Budget::listed(Decimal::ONE, Period::DAILY)];
    let key = [limited(&book, "key", &Limits { budgets, ..Limits::default() })];
    assert!(try_reserve(&book, &key, 0, 2).is_err());
    let reservation = try_reserve(&book, &key, 0, 1).expect("room");
    assert_eq!(reservation.charges().len(), 1, "one counter");
}

#[test]
fn a_seed_is_set_once_for_a_window() {
    let hand = Hand::default();
    let book = Book::new(hand.clock());
    let budgets = vec![Budget::new(Decimal::from(100), None), Budget::listed(Decimal::TEN, Period::DAILY)];
    let key = [limited(&book, "key", &Limits { budgets, ..Limits::default() })];
    let day = Some(Period::DAILY);
    assert_eq!(key[0].unseeded(), [(None, 0), (day, 0)]);
    assert!(key[0].seed(day, 0, Decimal::from(6)));
    try_reserve(&book, &key, 0, 2).expect("room").settle(0, Some(Decimal::from(2)));
    assert!(!key[0].seed(day, 0, Decimal::from(8)), "which a store says that knows of the two");
    assert_eq!(key[0].spent(day), Some(Decimal::from(8)));
    assert!(key[0].seed(None, 0, Decimal::from(50)));
    assert_eq!(key[0].spent(None), Some(Decimal::from(52)), "what was settled before stays on top");
    assert!(!key[0].seed(Some(Period::parse("1h")), 0, Decimal::ONE), "no such budget");
    hand.set(86_400_000);
    assert_eq!(key[0].unseeded(), [], "a window that began under our eyes");
    assert_eq!(key[0].spent(day), Some(Decimal::ZERO));
    assert_eq!(key[0].spent(None), Some(Decimal::from(52)));
}

#[test]
fn what_is_spent_can_be_lowered() {
    let book = Book::new(Hand::default().clock());
    let key = [limited(&book, "key", &budget(10))];
    key[0].note_lowered(3, Decimal::ONE);
    key[0].seed(None, 0, Decimal::from(6));
    for number in [0, 2, 3] {
        key[0].note_lowered(number, Decimal::ONE);
    }
    assert_eq!(key[0].spent(None), Some(Decimal::from(6)), "it was so before it was seeded");
    let held = try_reserve(&book, &key, 0, 4).expect("room");
    key[0].note_lowered(4, Decimal::ONE);
    assert_eq!(key[0].spent(None), Some(Decimal::ONE));
    assert!(!key[0].seed(None, 0, Decimal::from(6)), "a figure from before is late");
    held.settle(0, Some(Decimal::from(2)));
    assert_eq!(key[0].spent(None), Some(Decimal::from(3)));
    key[0].note_lowered(4, Decimal::ONE);
    assert_eq!(key[0].spent(None), Some(Decimal::from(3)), "a word counts once");
    key[0].note_lowered(5, Decimal::from(8));
    assert_eq!(key[0].spent(None), Some(Decimal::from(3)), "never raised");
}

#[test]
fn an_account_that_is_held_is_one() {
    let book = Book::new(Hand::default().clock());
    let account = book.account(&subject(SubjectKind::Key, "key"));
    assert!(Arc::ptr_eq(&account, &book.account(&subject(SubjectKind::Key, "key"))));
    let other = book.account(&subject(SubjectKind::Key, "key").with_model("gpt-4o"));
    assert!(!Arc::ptr_eq(&account, &other));
    assert_eq!(other.subject().model.as_deref(), Some("gpt-4o"));
}

/// Fills the book with accounts that nobody holds, so that it looks for some to drop.
pub(crate) fn crowd(book: &Book) {
    for id in 0..16 * 64 * 4 {
        book.account(&subject(SubjectKind::Customer, &id.to_string()));
    }
}

#[test]
fn an_account_that_nobody_holds_goes_once_it_counts_nothing() {
    let hand = Hand::default();
    let book = Book::new(hand.clock());
    let limits = Limits { requests_per_minute: Some(1), ..Limits::default() };
    let count = |id: &str| book.admit(&[limited(&book, id, &limits)]).is_ok();
    let spend = |id: &str| {
        let key = [limited(&book, id, &budget(10))];
        try_reserve(&book, &key, 0, 2).expect("room").settle(0, Some(Decimal::from(2)));
    };
    let is_kept = |id: &str| book.account(&subject(SubjectKind::Key, id)).is_limited();
    assert!(count("counting"));
    spend("spending");
    {
        let key = [limited(&book, "guessing", &budget(10))];
        try_reserve(&book, &key, 0, 2).expect("room").settle(0, None);
    }
    let under_way = {
        let key = [limited(&book, "under way", &budget(10))];
        try_reserve(&book, &key, 0, 2).expect("room")
    };
    limited(&book, "idle", &limits);
    let held = limited(&book, "held", &limits);
    crowd(&book);
    assert!(Arc::ptr_eq(&held, &book.account(&subject(SubjectKind::Key, "held"))));
    assert!(!is_kept("idle"));
    assert!(is_kept("counting") && is_kept("spending") && is_kept("under way"));
    hand.set(60_000);
    crowd(&book);
    assert!(!is_kept("counting"), "its minute is over");
    assert!(is_kept("spending"), "no store has it");
    drop(under_way);
    book.note_delivered(0);
    crowd(&book);
    assert!(!is_kept("spending") && !is_kept("under way"));
    assert!(is_kept("guessing"), "no store will ever have what nobody knows");
}
