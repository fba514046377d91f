//! What callers may use, counted in memory and decided in one step.
//!
//! A [`Book`] keeps an [`Account`] for each [`Subject`](trunkline_core::Subject): a key, its team, its user, one model
//! of theirs. A call passes two stages, and each is taken whole or not at all, over all accounts that the call
//! counts against:
//!
//! 1. [`Book::admit`], before the body is read: one request of each minute, and one place among the calls at one time.
//! 2. [`Book::reserve`], once the model is known: tokens of each minute, and the most that the call may cost out of
//!    every budget.
//!
//! What a call holds is a [`Permit`] and a [`Reservation`]. Both are guards: they travel with the reply and give back
//! what they hold when it is dropped. [`Reservation::settle`] puts what was used in the place of what was reserved.
//!
//! Budgets are hard: what is spent and what is reserved never go past one together. Since calls reserve far more than
//! they use, a call that is kept out by the reservations of others alone waits for them to settle, in the order in
//! which calls came.
//!
//! Several replicas keep to one limit together by taking leases of it: see [`shared`].
//!
//! Times are milliseconds since 1970 in UTC, money is in US dollars.
//!
//! ```
//! use std::time::Duration;
//!
//! use rust_decimal::Decimal;
//! use trunkline_core::{Subject, SubjectKind};
//! use trunkline_limits::{Book, Budget, Limits, Period, Refusal, Want};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Refusal> {
//! let book = Book::default();
//! let key = [book.account(&Subject::new(SubjectKind::Key, "a key"))];
//! key[0].set(&Limits {
//!     requests_per_minute: Some(60),
//!     budgets: vec![Budget::new(Decimal::from(5), Some(Period::parse("30d")))],
//!     ..Limits::default()
//! });
//!
//! let permit = book.admit(&key)?;
//! let reservation = book
//!     .reserve(Want {
//!         accounts: &key,
//!         by_model: &[],
//!         tokens: 4_096,
//!         amount: Some(Decimal::new(2, 2)),
//!         wait: Duration::from_secs(1),
//!     })
//!     .await?;
//! // The call is made, and its reply passed on.
//! reservation.settle(350, Some(Decimal::new(1, 3)));
//! drop(permit);
//!
//! assert_eq!(key[0].spent(Some(Period::parse("30d"))), Some(Decimal::new(1, 3)));
//! # Ok(())
//! # }
//! ```

mod account;
mod book;
mod breaker;
mod claims;
mod clock;
mod keeper;
mod lease;
mod limits;
mod minute;
mod parallel;
mod passed;
mod period;
mod permit;
mod place;
mod queue;
mod refusal;
mod reservation;
mod seeding;
pub mod shared;
mod sharing;
mod spending;
mod standing;
mod state;
mod taking;

pub use account::Account;
pub use book::Book;
pub use breaker::Breaker;
pub use clock::Clock;
pub use limits::{Budget, Limits, SoftBudget};
pub use passed::Passed;
pub use period::Period;
pub use permit::Permit;
pub use refusal::{Refusal, What};
pub use reservation::{Charge, Reservation};
pub use shared::{Claim, Counter, CounterKind, Generation, Held, Shared, lease_size};
pub use sharing::{OnOutage, Sharing};
pub use standing::{BudgetLeft, Left, Standing};
pub use taking::Want;
