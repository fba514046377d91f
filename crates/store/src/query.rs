//! What is asked of a store: which objects, which rows, in which order, which page.

/// Which objects to list. What is `None` does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectQuery {
    /// Those of this user.
    pub user_id: Option<String>,
    /// Those of this team.
    pub team_id: Option<String>,
    /// Those with exactly this alias.
    pub alias: Option<String>,
    /// Those whose id or alias holds this text, whatever its case.
    pub search: Option<String>,
    /// Whether deleted ones are listed, and they alone.
    pub deleted: bool,
    /// In which order.
    pub order: Order,
    /// How many to leave out before the first.
    pub offset: u64,
    /// How many at most.
    pub limit: u64,
}

/// In which order objects are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
    /// By alias, then by id.
    Alias,
}

/// A part of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this part.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
}

/// Which rows of the ledger to list, the newest first. What is `None` does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestQuery {
    /// The row of this id, or those that callers know by it.
    pub id: Option<String>,
    /// Those that this key asked for, by its index.
    pub key: Option<String>,
    /// Those of this user.
    pub user_id: Option<String>,
    /// Those of this team.
    pub team_id: Option<String>,
    /// Those on behalf of this end user.
    pub customer: Option<String>,
    /// Those of this model group.
    pub group: Option<String>,
    /// Those that began at this time or later, in milliseconds since 1970.
    pub from: Option<i64>,
    /// Those that began before this time.
    pub until: Option<i64>,
    /// Those whose cost is not the upstream's own yet, and that the upstream can be asked about.
    pub unreconciled: bool,
    /// Those older than this row, as (`started_at`, `request_id`): how a next page is asked for without counting.
    pub before: Option<(i64, String)>,
    /// How many to leave out before the first.
    pub offset: u64,
    /// How many at most.
    pub limit: u64,
}
