//! The contract: what a store can do.

use std::fmt;

use async_trait::async_trait;
use rust_decimal::Decimal;
use trunkline_core::{Error, Subject};

use crate::{
    Act, Activity, ActivityQuery, Change, Kind, Object, ObjectQuery, Page, RequestQuery, RequestRow,
};

/// Keeps the objects and the ledger of one gateway, or of several that share it.
///
/// Every method is one transaction: it has happened whole or not at all. A caller sets deadlines and decides what
/// follows when one passes; the store does not try twice.
///
/// # Errors
///
/// Every method fails with `ErrorKind::StoreUnavailable` where the database cannot be reached or does not answer as it
/// should; what else can go wrong stands at the method.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// What it is, for logs and health pages: `sqlite`, `postgresql`.
    fn name(&self) -> &'static str;

    /// Whether it answers.
    async fn ping(&self) -> Result<(), Error>;

    /// The object of that id. Deleted ones are found too.
    async fn object(&self, kind: Kind, id: &str) -> Result<Option<Object>, Error>;

    /// The objects of those ids, in no order; those that there are not are left out.
    async fn objects(&self, kind: Kind, ids: &[String]) -> Result<Vec<Object>, Error>;

    /// A page of objects of one kind.
    async fn list(&self, kind: Kind, query: &ObjectQuery) -> Result<Page<Object>, Error>;

    /// Writes objects, notes each as a change, adds the acts to the audit log, and lowers and raises counters, all or
    /// nothing. Gives the objects with their new revisions.
    ///
    /// # Errors
    ///
    /// `ErrorKind::Conflict` if an object is not at the revision that it was made from; revision 0 is one that there must
    /// not be yet, or that is deleted. `ErrorKind::InvalidRequest` if an alias, a user or a team has more than 500 bytes,
    /// or an id more than 1,001: those of two names and what stands between them; or if more than nine million dollars
    /// are added to a counter.
    async fn write(&self, write: Write) -> Result<Vec<Object>, Error>;

    /// Changes with numbers larger than `after`, the oldest first; at most `limit`. An object stands among them once, with
    /// its newest number; no number comes to be seen after a larger one.
    async fn changes(&self, after: i64, limit: u64) -> Result<Vec<Change>, Error>;

    /// The number of the newest change; 0 if there are none.
    async fn newest_change(&self) -> Result<i64, Error>;

    /// Lines of the audit log with numbers smaller than `before`, the newest first; at most `limit`.
    async fn acts(&self, before: Option<i64>, limit: u64) -> Result<Vec<Act>, Error>;

    /// Adds rows to the ledger, and to all sums and counters that they belong to. A row whose `request_id` is there already
    /// is left out and changes nothing, so that rows may come more than once. Gives how many were new.
    ///
    /// Rows are kept as they are given, and found by their names whole; sums tell names of more than 200 bytes apart by
    /// their beginning and a checksum. A spend of more than a million dollars is in no sum, and counts as unpriced.
    async fn record(&self, rows: &[RequestRow]) -> Result<u64, Error>;

    /// Puts the figures of rows that are there right: usage, costs and attempts, which take the place of what stands there,
    /// and the difference goes to all sums and counters. Rows that there are not are left out. Gives how many were changed.
    ///
    /// Where any were, one line of the audit log says by whom, when (in milliseconds since 1970), and what each row said
    /// before; and each subject with another figure on its counters stands among the changes, as `Kind::Ledger`.
    async fn amend(&self, rows: &[RequestRow], by: &str, at: i64) -> Result<u64, Error>;

    /// Rows of the ledger, the newest first. Attempts and charges stand in them.
    async fn requests(&self, query: &RequestQuery) -> Result<Vec<RequestRow>, Error>;

    /// How many rows were added of requests that began between two times, in milliseconds since 1970, which are widened to
    /// whole hours. Those that were forgotten since are counted too.
    async fn count(&self, from: Option<i64>, until: Option<i64>) -> Result<u64, Error>;

    /// Sums.
    ///
    /// # Errors
    ///
    /// `ErrorKind::InvalidRequest` if hours of tags are asked for, which are not kept.
    async fn activity(&self, query: &ActivityQuery) -> Result<Vec<Activity>, Error>;

    /// What stands on the counters of these subjects, in all windows that are there, in the order of their names.
    async fn spent(&self, subjects: &[Subject]) -> Result<Vec<Spent>, Error>;

    /// Sets a counter to a figure, whatever stands there: what was spent elsewhere is to count here.
    ///
    /// # Errors
    ///
    /// `ErrorKind::InvalidRequest` if the figure is more than nine million dollars, the most that a counter holds.
    async fn set_spent(&self, spent: &Spent) -> Result<(), Error>;

    /// Works all counters and sums out anew from the rows that there are. What an administrator set is lost by it, and so
    /// is the part of rows that were forgotten. Nothing is recorded until it has ended.
    async fn rebuild(&self) -> Result<(), Error>;

    /// Deletes rows of requests that began before one time and that were recorded before another, in milliseconds since
    /// 1970, and keeps their sums; at most `limit`. Gives how many were deleted one by one. Where rows stand in
    /// partitions, the days of which that is true of every row go whole instead. A row that comes again after it was deleted is
    /// counted again.
    async fn forget(&self, before: i64, recorded_before: i64, limit: u64) -> Result<u64, Error>;

    /// Gives up all connections once what is under way has ended; every call from then on fails. A store that is not closed
    /// loses nothing, but its next start has more to do.
    async fn close(&self) {}
}

/// What is written at once.
#[derive(Clone, Debug, Default)]
pub struct Write {
    /// Objects as they shall be. One that is deleted has `deleted` set.
    pub objects: Vec<Object>,
    /// What the audit log says of it; the numbers are given out by the store.
    pub acts: Vec<Act>,
    /// Whose spend counts as less from then on.
    pub lowered: Vec<Lowered>,
    /// What was spent elsewhere and is to count here too: it is added to what stands on the counters. What is less than
    /// nothing is taken off, and no counter falls below nothing by it.
    pub added: Vec<Spent>,
}

/// Somebody of whose spend an administrator says that a part does not count any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// Whose. All its counters are meant, those of single models too.
    pub subject: Subject,
    /// What counts as spent in every window, in US dollars. A counter that stands on less stays there.
    pub to: Decimal,
}

/// What stands on one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Who spent it.
    pub subject: Subject,
    /// The length of the window, as it was configured; empty for what is never reset.
    pub period: String,
    /// When the window began, in milliseconds since 1970.
    pub begins_at: i64,
    /// How much, in US dollars.
    pub amount: Decimal,
    /// How much of it amendments of rows have added so far, or taken away. Nobody can set it.
    pub corrected: Decimal,
}
