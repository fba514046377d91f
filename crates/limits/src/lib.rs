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
//! Times are milliseconds since 1970 in UTC, money is in US dollars.

mod account;
mod book;
mod clock;
mod limits;
mod minute;
mod period;
mod permit;
mod place;
mod queue;
mod refusal;
mod reservation;
mod spending;
mod standing;
mod taking;

pub use account::Account;
pub use book::Book;
pub use clock::Clock;
pub use limits::{Budget, Limits};
pub use period::Period;
pub use permit::Permit;
pub use refusal::{Refusal, What};
pub use reservation::{Charge, Reservation};
pub use standing::{BudgetLeft, Left, Standing};
pub use taking::Want;
