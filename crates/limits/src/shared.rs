//! Counters that several replicas share.
//!
//! A replica takes leases: units of a shared counter that it alone may use. It decides in memory from what it holds,
//! and a task of its own ([`Book::keep_leased`](crate::Book::keep_leased)) claims more before they are used up, one
//! batch at a time, and gives back what it does not need. Nothing is decided by asking the store.
//!
//! What holds, whatever is lost, late or dead:
//!
//! - The leases of all replicas together never go past the limit, nor do calls by what they reserve. What a call uses
//!   beyond its reservation is overspent as it is with one replica.
//! - While the store answers, overspend is 0. Of a limit at most *replicas* × 2 [*leases*](crate::lease_size) lie unused at
//!   replicas where no call is under way, each of 1/64 of it and at least one unit; after
//!   [`idle_ms`](crate::Sharing::idle_ms) without use a replica gives that back too. What a replica that died held is
//!   lost until the window ends, or for a day.
//! - A store that loses its counters is told them again: what the others used as the first that asks has seen it last, or
//!   as the ledger says if nobody has told it yet. Each that asks sets its own right then. What others have used since who
//!   ask no more is missing, and what they hold is granted once more. So it is when money is put right later, which makes
//!   a counter anew, without what they hold in the old one.
//! - While the store does not answer, a replica uses up what it holds, and goes on by
//!   [`OnOutage`](crate::OnOutage), for money and for the rest: with `Refuse` overspend is still 0, with `AllowLocally` each replica allows the
//!   whole limit, so that all together use at most *replicas* × limit.
//!
//! Windows of requests and tokens are whole minutes by the clock here, since all replicas must mean the same one.
//!
//! Places among the calls at one time are units that come back. What a replica has used at once in the last two seconds it
//! holds on to while there are others left, with up to 2/64 of the limit ahead of that; so much may lie unused there. It
//! tells every ten seconds that it is still there: the places of one that has died are free after a minute in which others
//! asked, and after ten in any case; and one that the store has not answered for 50 seconds uses none but those that are in
//! use. Of a store that lost its counters, that nobody reached for ten minutes, or that one replica alone does not reach for
//! longer than one, others get what was in use there once more.

use std::sync::Arc;

use async_trait::async_trait;
use rust_decimal::Decimal;
use trunkline_core::{Error, Subject};

use crate::Period;

/// A lease is this part of a limit.
pub(crate) const LEASES: u64 = 64;

/// How much of a limit a replica holds ahead of what it uses: 1/64, and at least one unit.
pub fn lease_size(limit: u64) -> u64 {
    if limit == 0 { 0 } else { (limit / LEASES).max(1) }
}

/// One shared counter: a subject's limit in one window.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Counter {
    /// Whose limit it is.
    pub subject: Subject,
    /// What is counted.
    pub kind: CounterKind,
    /// When the window began, in milliseconds since 1970; 0 if it never begins anew.
    pub begins_at_ms: i64,
    /// What the figure was made anew by, of money.
    pub generation: Generation,
}

/// What the figure of a counter was made anew by. Each generation is a counter of its own, which begins with what was spent
/// before it, as it is to be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation {
    /// The number of the newest word of an administrator that lowered what is spent; 0 if there was none.
    pub lowered: i64,
    /// How much of what is spent was put right later, in US dollars.
    pub corrected: Decimal,
}

/// What a shared counter counts, and in which units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CounterKind {
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
    /// Places among the calls at one time. What is spent of them are those in use.
    Parallel,
    /// Millionths of a US dollar, of the budget with this period.
    Budget(Option<Period>),
}

/// What one holder wants to hold of a counter altogether, so that a claim that is made twice is made once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The counter.
    pub counter: Counter,
    /// Who wants to hold it: one account of one replica, for as long as it lives.
    pub holder: Arc<str>,
    /// Grows with each claim of a holder. A store ignores a claim that is not newer than the last one that it heard.
    pub sequence: u64,
    /// What it wants to hold, what it has used included. Less than before gives back.
    pub units: u64,
    /// With fewer than this it has no use for more than it holds.
    pub least: u64,
    /// How much of it is used for good.
    pub spent: u64,
    /// How much of that a store has noted before, in this counter or in one before that it goes on in.
    pub noted_spent: u64,
    /// The limit of the counter.
    pub limit: u64,
    /// What was used before anybody held anything: where a counter begins that is not there yet. Of money it can be less than
    /// nothing, since what holders spent is put right there.
    pub base: i64,
    /// Whether what holders have used may be a part of the base, since no store has told yet what is whose.
    pub base_has_holders: bool,
    /// What other holders had used for good when the store answered last, so that a store which has lost its counters is
    /// told them again. Of budgets alone.
    pub others: Vec<(Arc<str>, u64)>,
    /// When nobody asks for the counter any more, in milliseconds since 1970.
    pub ends_at_ms: Option<i64>,
}

/// What a store answers to a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// What the holder holds now.
    pub units: u64,
    /// What nobody holds.
    pub left: u64,
    /// What is used for good, by all holders, the base included.
    pub spent: i64,
    /// How much of it each of the others used. Of budgets alone: a minute is soon over.
    pub others: Vec<(Arc<str>, u64)>,
}

impl Held {
    /// What others used, where this much of it all was used by the holder.
    pub(crate) fn spent_by_others(&self, spent: u64) -> i64 {
        self.spent.saturating_sub_unsigned(spent)
    }
}

/// Where replicas share counters.
#[async_trait]
pub trait Shared: std::fmt::Debug + Send + Sync {
    /// Sets what holders hold, and answers for each claim in its order. Each claim is applied whole or not at all:
    ///
    /// 1. A counter that is not there begins with the base of the claim, and with what it says that others used: they hold
    ///    that much, and any claim of theirs is newer. A holder that is not in the counter has taken out of the base what it
    ///    brings: as much as it says a store has noted before, as far as the base can have it.
    /// 2. A claim whose sequence is not larger than the holder's last one changes nothing.
    /// 3. Units fewer than the holder holds are what it holds from now on.
    /// 4. More are granted as far as base and leases together stay within the limit; and not at all, if the holder
    ///    would hold fewer than `least` then.
    /// 5. A holder holds never less than it says it spent.
    /// 6. Of money, holders who have not been heard for long may be made a part of the base, with what they spent.
    /// 7. Of calls at one time, a holder who has not been heard for a minute, while others have been, holds nothing any more;
    ///    nor does one who has not been heard for ten.
    ///
    /// No claims at all ask whether the store answers. A counter must outlive its end by as much as the clocks of replicas may differ.
    ///
    /// # Errors
    ///
    /// If the store does not answer. Claims may have been applied all the same, or be applied later.
    async fn hold(&self, claims: &[Claim]) -> Result<Vec<Held>, Error>;
}
