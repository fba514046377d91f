//! What was used and spent in a time, as sums that are kept ready: no query of them looks at single rows.

use rust_decimal::Decimal;

/// What sums are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// The day in UTC, `2026-11-27`.
    Day,
    /// The hour in UTC, `2026-11-27T10`.
    Hour,
    /// The index of the key.
    Key,
    /// The user.
    User,
    /// The team.
    Team,
    /// The end user.
    Customer,
    /// The model group.
    Group,
    /// The model in the upstream's spelling.
    Model,
    /// The provider's prefix.
    Provider,
    /// What was asked.
    Operation,
    /// A tag. A request with several counts in each of them.
    Tag,
}

/// Which sums to give. What is `None` does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityQuery {
    /// What to tell apart, in the order in which the values are given. Empty is one sum of all.
    pub by: Vec<Dimension>,
    /// From this time on, in milliseconds since 1970; it is rounded down to the hour, and to the day in UTC where tags are
    /// looked at, which have no hours.
    pub from: Option<i64>,
    /// Until before this time, rounded up likewise.
    pub until: Option<i64>,
    /// Only what this key asked for, by its index.
    pub key: Option<String>,
    /// Only what this user's keys asked for.
    pub user_id: Option<String>,
    /// Only what this team's keys asked for.
    pub team_id: Option<String>,
    /// Only what was asked on behalf of this end user.
    pub customer: Option<String>,
    /// Only what this model group answered.
    pub group: Option<String>,
    /// Only what bears this tag.
    pub tag: Option<String>,
    /// How many at most, those with the largest spend first where no time is told apart.
    pub limit: Option<u64>,
}

/// The sums of one combination of values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity {
    /// One value for each dimension that was asked for. Empty where a request had none.
    pub values: Vec<String>,
    /// The sums.
    pub sums: Sums,
}

/// Sums over requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// What was spent, as far as it is known, in US dollars.
    pub spend: Decimal,
    /// Requests.
    pub requests: u64,
    /// Those that were completed.
    pub completed: u64,
    /// Those whose cost nobody knows.
    pub unpriced: u64,
    /// Those that were answered from the cache.
    pub cache_hits: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: u64,
    /// Input tokens that were read from a prompt cache.
    pub cache_read_tokens: u64,
    /// Input tokens that were written to a prompt cache.
    pub cache_write_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
    /// Output tokens that were spent on reasoning.
    pub reasoning_tokens: u64,
    /// How long they took together, in milliseconds.
    pub duration_ms: u64,
}
