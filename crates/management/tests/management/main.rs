//! The API over a real store: shapes, refusals, who may what.

mod budgets;
mod inheritance;
mod keys;
mod models;
mod office;
mod page;
mod rights;
mod scale;
mod spend;
mod sums;
mod teams;
mod users;
