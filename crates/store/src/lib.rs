//! Where the keys, budgets and ledger of a gateway are kept: one contract, and what it is made of.
//!
//! A [`Store`] keeps two kinds of things. *Objects* are what administrators make: keys, users, teams, budgets. Each is
//! an [`Object`]: the columns that are searched, and its settings as they were given. *Rows* are what requests leave
//! behind: one [`RequestRow`] for each, counted once, with sums by hour, by day and by [`Subject`] beside them.
//!
//! A [`LitellmDatabase`] is somebody else's: it is read, so that what stands there can be taken over.
//!
//! [`Subject`]: trunkline_core::Subject

mod act;
mod activity;
mod change;
mod object;
mod query;
mod request_row;
mod store;

mod data_folder;
mod database;
mod litellm;
mod place;
mod postgres;
mod sqlite;
mod tables;

mod activities;
mod amendments;
mod body;
mod calendar;
mod corrected;
mod counters;
mod failure;
mod ledger;
mod money;
mod objects;
mod partitions;
mod placeholders;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod pooler;
mod rebuild;
mod row;
mod schema;
mod session;
mod tokens;
mod totals;
mod value;

pub use act::Act;
pub use activity::{Activity, ActivityQuery, Dimension, Sums};
pub use calendar::day;
pub use change::Change;
pub use corrected::corrected;
pub use counters::AMOUNT_MAX;
pub use data_folder::DataFolder;
pub use litellm::{LitellmDatabase, LitellmRow, LitellmSnapshot, LitellmTable};
pub use object::{Kind, Object, member_id};
pub use place::StorePlace;
pub use postgres::{PostgresOptions, PostgresStore};
pub use query::{ObjectQuery, Order, Page, RequestQuery};
pub use request_row::{AttemptRow, Charge, CostOrigin, RequestRow, TAGS_MAX};
pub use sqlite::{SqliteOptions, SqliteStore};
pub use store::{Lowered, Spent, Store, Write};
