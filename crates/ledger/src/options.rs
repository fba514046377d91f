//! How the ledger behaves.

use std::time::Duration;

/// What happens to requests when the journal is as large as it may become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// They are refused: nothing goes upstream that would leave no row.
    #[default]
    Refuse,
    /// They are served, and leave no row where there is still no room when they end. Such rows are counted.
    Drop,
}

/// How the ledger behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What happens when the journal is full. Default: refuse.
    pub when_full: WhenFull,
    /// How many rows are delivered at one time. Default 4,096: the more, the less each costs.
    pub batch_rows_max: usize,
    /// How long the first row of a batch waits for others. Default 1 s.
    pub batch_wait: Duration,
    /// How long the store may take for what it is given at one time: a batch, or less where a batch took longer. Default
    /// 10 s.
    pub store_timeout: Duration,
    /// How long the ledger waits after the store failed for the first time; each further failure doubles it. Default 50 ms.
    pub backoff_min: Duration,
    /// The longest such wait. Default 5 s.
    pub backoff_max: Duration,
    /// For how long rows are still delivered when the process is to stop. What is left stays in the journal. Default 5 s.
    pub stop_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            when_full: WhenFull::default(),
            batch_rows_max: 4_096,
            batch_wait: Duration::from_secs(1),
            store_timeout: Duration::from_secs(10),
            backoff_min: Duration::from_millis(50),
            backoff_max: Duration::from_secs(5),
            stop_timeout: Duration::from_secs(5),
        }
    }
}
