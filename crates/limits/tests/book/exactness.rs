//! Many threads at once: never one more than a limit allows, and nothing is lost.

use std::sync::Barrier;
use std::sync::atomic::AtomicU64;
use std::thread;

use super::*;

const THREADS: u64 = 8;

/// Runs the same in many threads at the same time.
fn hammer(run: impl Fn(u64) + Sync) {
    let barrier = Barrier::new(usize::try_from(THREADS).expect("few"));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (barrier, run) = (&barrier, &run);
            scope.spawn(move || {
                barrier.wait();
                run(thread);
            });
        }
    });
}

#[test]
fn requests_are_never_more_than_the_limit() {
    let book = Book::new(Hand::default().clock());
    let limits = |max| Limits { requests_per_minute: Some(max), ..Limits::default() };
    let both = [limited(&book, "a", &limits(1_000)), limited(&book, "b", &limits(3_000))];
    let [a, b] = both.clone();
    let (forth, back) = (both, [b, a]);
    let admitted = AtomicU64::new(0);
    hammer(|thread| {
        for _ in 0..2_000 {
            let accounts = if thread % 2 == 0 { &forth } else { &back };
            admitted.fetch_add(u64::from(book.admit(accounts).is_ok()), Ordering::SeqCst);
        }
    });
    assert_eq!(admitted.into_inner(), 1_000);
    let left: Vec<_> = book.remaining(&forth).iter().filter_map(|left| left.requests).collect();
    assert_eq!(left.iter().map(|left| left.remaining).collect::<Vec<_>>(), [0, 2_000]);
}

#[test]
fn calls_at_one_time_are_never_more_than_the_limit() {
    let book = Book::new(Hand::default().clock());
    let key = [limited(&book, "key", &Limits { parallel: Some(3), ..Limits::default() })];
    let (at_once, most, passed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    hammer(|_| {
        for _ in 0..5_000 {
            let Ok(permit) = book.admit(&key) else { continue };
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            at_once.fetch_sub(1, Ordering::SeqCst);
            passed.fetch_add(1, Ordering::SeqCst);
            drop(permit);
        }
    });
    assert!(most.into_inner() <= 3);
    assert!(passed.into_inner() > 0);
    assert_eq!(book.remaining(&key)[0].parallel.map(|left| left.remaining), Some(3));
}

#[test]
fn money_and_tokens_are_never_more_than_the_limit_and_none_is_lost() {
    let book = Book::new(Hand::default().clock());
    let team = limited(&book, "team", &Limits { tokens_per_minute: Some(50_000), ..budget(9_000) });
    let keys: Vec<[Arc<Account>; 2]> =
        (0..THREADS).map(|id| [Arc::clone(&team), limited(&book, &id.to_string(), &budget(2_000))]).collect();
    let spent: Vec<AtomicU64> = (0..THREADS).map(|_| AtomicU64::new(0)).collect();
    let tokens = AtomicU64::new(0);
    hammer(|thread| {
        let index = usize::try_from(thread).expect("few");
        for round in 0..3_000_u64 {
            let bound = 1 + round % 7;
            let Ok(mut held) = try_reserve(&book, &keys[index], bound * 10, 10) else { continue };
            if round % 5 == 0 {
                // Given up without use.
                continue;
            }
            let used = 1 + round % 3;
            if round % 11 == 0 {
                let _ = held.top_up(1, Decimal::ONE);
            }
            assert!(team.spent(None) <= Some(Decimal::from(9_000)));
            held.settle(bound, Some(Decimal::from(used)));
            spent[index].fetch_add(used, Ordering::SeqCst);
            tokens.fetch_add(bound, Ordering::SeqCst);
        }
    });
    let spent: Vec<u64> = spent.into_iter().map(AtomicU64::into_inner).collect();
    assert_eq!(team.spent(None), Some(Decimal::from(spent.iter().sum::<u64>())));
    for (keys, spent) in keys.iter().zip(&spent) {
        assert_eq!(keys[1].spent(None), Some(Decimal::from(*spent)));
        assert!(*spent <= 2_000);
    }
    let left = team.standing();
    assert_eq!(left.tokens.map(|left| left.remaining), Some(50_000 - tokens.into_inner()));
    assert_eq!(left.budgets[0].reserved, Decimal::ZERO);
}

#[test]
fn a_budget_pays_exactly_what_it_holds() {
    let book = Book::new(Hand::default().clock());
    let key = [limited(&book, "key", &budget(1_000))];
    let passed = AtomicU64::new(0);
    hammer(|_| {
        for _ in 0..1_000 {
            let Ok(held) = try_reserve(&book, &key, 0, 1) else { continue };
            held.settle(0, Some(Decimal::ONE));
            passed.fetch_add(1, Ordering::SeqCst);
        }
    });
    assert_eq!(passed.into_inner(), 1_000);
    assert_eq!(key[0].spent(None), Some(Decimal::from(1_000)));
}
