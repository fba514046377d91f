//! The API over a real store: shapes, refusals, who may what.

mod keys;
mod office;
mod rights;
mod teams;
mod users;
