//! The book as its users see it: exact under threads, fair to those who wait, and equal to a naive model.

mod accounts;
mod at_one_time;
mod exactness;
mod faults;
mod model;
mod outages;
mod replica;
mod sharing;
mod soft;
mod stages;
mod streams;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rust_decimal::Decimal;
use trunkline_core::{Subject, SubjectKind};
use trunkline_limits::{Account, Book, Budget, Clock, Limits, Period, Refusal, Reservation, Want};

/// A wait that something is to end before it is over.
const LONG: Duration = Duration::from_secs(60);

/// A clock that is set by hand.
#[derive(Clone, Debug, Default)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn clock(&self) -> Clock {
        let now_ms = Arc::clone(&self.0);
        Clock::new(move || now_ms.load(Ordering::SeqCst))
    }

    fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}

fn subject(kind: SubjectKind, id: &str) -> Subject {
    Subject::new(kind, id)
}

fn limited(book: &Book, id: &str, limits: &Limits) -> Arc<Account> {
    let account = book.account(&subject(SubjectKind::Key, id));
    account.set(limits);
    account
}

fn budget(max: i64) -> Limits {
    Limits { budgets: vec![Budget::new(Decimal::from(max), None)], ..Limits::default() }
}

fn daily(max: i64) -> Limits {
    Limits { budgets: vec![Budget::new(Decimal::from(max), Some(Period::DAILY))], ..Limits::default() }
}

async fn reserve(
    book: &Book,
    accounts: &[Arc<Account>],
    tokens: u64,
    amount: i64,
    wait: Duration,
) -> Result<Reservation, Refusal> {
    let amount = Some(Decimal::from(amount));
    book.reserve(Want { accounts, by_model: &[], tokens, amount, wait }).await
}

/// Without waiting.
fn try_reserve(
    book: &Book,
    accounts: &[Arc<Account>],
    tokens: u64,
    amount: i64,
) -> Result<Reservation, Refusal> {
    let mut waiting = Box::pin(reserve(book, accounts, tokens, amount, Duration::ZERO));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match waiting.as_mut().poll(&mut context) {
        std::task::Poll::Ready(outcome) => outcome,
        std::task::Poll::Pending => panic!("nothing to wait for"),
    }
}
