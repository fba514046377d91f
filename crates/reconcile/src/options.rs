//! What is held against the bill, and how.

use crate::moment::{Moment, parse_moment};

/// How many rows are read, and put right in one transaction.
pub(crate) const PAGE: u64 = 128;

/// What is held against the bill, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// From which time on, in milliseconds since 1970.
    pub from: i64,
    /// Until before which time.
    pub until: i64,
    /// What time it is now.
    pub now: i64,
    /// Whether rows are asked about too whose cost is the upstream's own already. Default: only the others.
    pub all: bool,
    /// Whether the ledger is put right, and who says so in the audit log. Default: nothing is changed.
    pub apply_as: Option<String>,
    /// Whether whole days are compared. Default true.
    pub days: bool,
    /// Whether what a day was billed besides all that is known of single calls is apportioned to the estimates of that day, in
    /// proportion: of an account that nobody else calls with. Needs `days` and `apply_as`. Default false.
    pub apportion: bool,
    /// How many differences are listed. Default 10,000; all are counted.
    pub listed_max: usize,
}

impl Options {
    /// From one time until another, which is now: to look, and change nothing.
    pub fn new(from: i64, now: i64) -> Self {
        Self {
            from,
            until: now,
            now,
            all: false,
            apply_as: None,
            days: true,
            apportion: false,
            listed_max: 10_000,
        }
    }

    /// As [`Options::new`], between two times as people say them: a day in UTC (`2026-11-27`), of which the whole is meant, a
    /// time (`2026-11-27T10:00:00Z`), or how long ago (`30d`, `12h`, `45m`). The end is now where nobody says it.
    ///
    /// # Errors
    ///
    /// A text that is none of them, with what would be one.
    pub fn between(since: &str, until: Option<&str>, now: i64) -> Result<Self, String> {
        let from = parse_moment(since, Moment::Since, now)?;
        let until = until.map(|until| parse_moment(until, Moment::Until, now)).transpose()?;
        Ok(Self { until: until.unwrap_or(now), ..Self::new(from, now) })
    }
}
