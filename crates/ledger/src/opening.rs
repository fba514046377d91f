//! What is known of a request when it is admitted, and the row that is made of that alone.

use rust_decimal::Decimal;
use trunkline_core::Usage;
use trunkline_store::{Charge, CostOrigin, RequestRow};

use crate::request_id::RequestId;
use crate::row_record::{FORMAT, read_charges, read_tags, read_version, write_charges, write_tags};
use crate::wire::{Read, Unreadable, Write};

/// The outcome of a request that nobody closed.
pub(crate) const INTERRUPTED: &str = "interrupted";

/// A request that is admitted. What it holds is borrowed, and of the meaning that [`RequestRow`] gives it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opening<'a> {
    /// Its id, if one was made before by [`Ledger::request_id`](crate::Ledger::request_id).
    pub id: Option<RequestId>,
    /// When it was accepted, in milliseconds since 1970.
    pub started_at: i64,
    /// The id under which the caller knows it.
    pub call_id: &'a str,
    /// What is asked: `chat_completions`.
    pub operation: &'a str,
    /// The path of the operation.
    pub route: &'a str,
    /// Whether the reply shall be a stream.
    pub streamed: bool,
    /// The index of the key that asks.
    pub key: Option<&'a str>,
    /// The user of that key.
    pub user_id: Option<&'a str>,
    /// The team of that key.
    pub team_id: Option<&'a str>,
    /// The end user.
    pub customer: Option<&'a str>,
    /// Tags of the request and of its key.
    pub tags: &'a [String],
    /// The model that the caller named.
    pub model: &'a str,
    /// The model group that is asked.
    pub group: Option<&'a str>,
    /// The most that it may cost, which was reserved for it, in US dollars.
    pub bound: Option<Decimal>,
    /// How many tokens its input has, as it is estimated.
    pub input_tokens: u64,
    /// What that input costs, in US dollars. `None` where there is no price.
    pub input_spend: Option<Decimal>,
    /// What its spend will count against.
    pub charges: &'a [Charge],
}

const STREAMED: u8 = 1;

/// Writes an opening as a record.
pub(crate) fn write(id: RequestId, opening: &Opening<'_>, to: &mut Vec<u8>) {
    to.push(FORMAT);
    to.extend_from_slice(&id.bytes());
    to.extend_from_slice(&opening.started_at.to_le_bytes());
    to.push(if opening.streamed { STREAMED } else { 0 });
    for text in [opening.call_id, opening.operation, opening.route, opening.model] {
        to.text(text);
    }
    for text in [opening.key, opening.user_id, opening.team_id, opening.customer, opening.group] {
        to.optional_text(text);
    }
    to.money(opening.bound);
    to.number(opening.input_tokens);
    to.money(opening.input_spend);
    write_tags(opening.tags, to);
    write_charges(opening.charges, to);
}

/// Reads an opening as the row of a request that nobody closed: interrupted, and estimated from its input. `ended_at` is
/// when it was given up; `None` where nobody knows, and then it took no time.
pub(crate) fn read_interrupted(bytes: &[u8], ended_at: Option<i64>) -> Result<RequestRow, Unreadable> {
    let mut read = Read::new(bytes);
    read_version(&mut read)?;
    let id = RequestId::from_bytes(read.array()?);
    let started_at = i64::from_le_bytes(read.array()?);
    let streamed = read.byte()? & STREAMED != 0;
    // The members are read in the order in which they stand here, which is the order of `write`.
    let mut row = RequestRow {
        request_id: id.to_string(),
        started_at,
        ended_at: ended_at.unwrap_or(started_at),
        streamed,
        outcome: INTERRUPTED.to_owned(),
        call_id: read.string()?,
        operation: read.string()?,
        route: read.string()?,
        model: read.string()?,
        key: read.optional_string()?,
        user_id: read.optional_string()?,
        team_id: read.optional_string()?,
        customer: read.optional_string()?,
        group: read.optional_string()?,
        usage_is_estimated: true,
        ..RequestRow::default()
    };
    // What was reserved is held by nobody any more: the row says what is spent.
    read.money()?;
    let input_tokens = read.number()?;
    row.usage = Some(Usage { uncached_input: input_tokens, ..Usage::default() });
    row.spend = read.money()?;
    row.cost = row.spend;
    row.cost_origin = if row.spend.is_some() { CostOrigin::Estimated } else { CostOrigin::Unknown };
    row.tags = read_tags(&mut read)?;
    row.charges = read_charges(&mut read)?;
    Ok(row)
}
