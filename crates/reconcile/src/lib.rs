//! Holds the ledger against the bill of an upstream, row by row and day by day, and puts it right where that is wanted.
//!
//! A row says where its cost is from. What was estimated, or worked out from a price, is no more than near what was billed:
//! a stream that broke off never told. The upstream knows, by the id that it gave the call. [`reconcile`] reads the rows of
//! a [`Store`](trunkline_store::Store) whose cost is not the upstream's own, asks [`Upstream`]s what they billed, and
//! gives an [`Outcome`]: which rows differ, by how much, and how whole days do. What it is told to apply goes to the
//! rows, and the differences to all sums and counters, in the same transaction; to do so twice changes nothing.
//! What has no id to ask by keeps its estimate; what it cost together is told by whole days, and can be
//! [apportioned](Options::apportion).
//!
//! It knows no provider: whoever has one that can be asked implements [`Upstream`].

mod amount;
mod apportion;
mod ask;
mod bill;
mod day;
mod mend;
mod moment;
mod options;
mod outcome;
mod reconcile;
mod table;
mod upstreams;

pub use bill::{Bill, BilledDay, Upstream};
pub use day::Day;
pub use options::Options;
pub use outcome::{Difference, Failure, Outcome};
pub use reconcile::reconcile;
pub use upstreams::{AccountNumber, Upstreams};
