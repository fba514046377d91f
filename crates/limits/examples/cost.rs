//! What both stages of a call cost, in nanoseconds: `cargo run --release -p trunkline-limits --example cost`.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use trunkline_core::{Subject, SubjectKind};
use trunkline_limits::{Account, Book, Budget, Limits, Period, Want};

const ROUNDS: u32 = 1_000_000;

fn main() {
    let book = Book::default();
    let kinds = [SubjectKind::Key, SubjectKind::User, SubjectKind::Team];
    let accounts = |id: &str| kinds.map(|kind| book.account(&Subject::new(kind, id)));
    let free = accounts("free");
    let limited = accounts("limited");
    for account in &limited {
        account.set(&Limits {
            requests_per_minute: Some(u64::MAX),
            tokens_per_minute: Some(u64::MAX),
            parallel: None,
            soft_budget: None,
            budgets: vec![Budget::new(Decimal::from(1_000_000_000), Some(Period::parse("30d")))],
        });
    }
    println!("three accounts without limits: {} ns", measure(&book, &free));
    println!("three with requests, tokens and a budget each: {} ns", measure(&book, &limited));
}

fn measure(book: &Book, accounts: &[Arc<Account>]) -> u128 {
    let amount = Some(Decimal::new(123_456, 8));
    let used = Some(Decimal::new(23_456, 8));
    let want = Want { accounts, by_model: &[], tokens: 5_000, amount, wait: Duration::ZERO };
    let mut context = Context::from_waker(Waker::noop());
    let began = Instant::now();
    for _ in 0..ROUNDS {
        let Ok(permit) = black_box(book).admit(black_box(accounts)) else { continue };
        let reserving = pin!(book.reserve(black_box(want)));
        if let Poll::Ready(Ok(reservation)) = reserving.poll(&mut context) {
            reservation.settle(black_box(500), black_box(used));
        }
        drop(permit);
    }
    began.elapsed().as_nanos() / u128::from(ROUNDS)
}
