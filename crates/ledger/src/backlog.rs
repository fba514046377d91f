//! What waits to be delivered, and what is wrong.

/// How the ledger stands, for health pages and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Rows that wait for the store. Those of an earlier process are among them from when they are read.
    pub rows: u64,
    /// Bytes of the journal's files, or of its memory.
    pub bytes: u64,
    /// The most that may become.
    pub bytes_max: u64,
    /// Since when the store has been failing, in milliseconds since 1970.
    pub failing_since: Option<i64>,
    /// What it says.
    pub last_error: Option<String>,
    /// Rows that the store has taken from this process.
    pub delivered: u64,
    /// Requests that left no row, since there was no room for one. Only with [`WhenFull::Drop`](crate::WhenFull::Drop).
    pub lost: u64,
    /// Rows that were stored without metadata and attempts, since there was no room for all of it.
    pub shortened: u64,
    /// Records that could not be read, and were passed over.
    pub unreadable: u64,
}
