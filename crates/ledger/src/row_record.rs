//! A row as a record of the journal.
//!
//! The version, the id, then the row's fields in the order of the contract. WHEN ADDING A FIELD: write it at the end, under
//! a version that is one higher, read it only from that version on, and raise [`FORMAT`].

use trunkline_core::{Subject, SubjectKind};
use trunkline_store::{AttemptRow, Charge, CostOrigin, RequestRow};

use crate::request_id::RequestId;
use crate::wire::{Read, Unreadable, Write};

/// The version of a ledger's records. Their journal is opened with it, so that an earlier program refuses a later one's.
pub const FORMAT: u8 = 1;

/// A request that was admitted.
pub(crate) const OPEN: u8 = 1;

/// What became of it.
pub(crate) const CLOSE: u8 = 2;

const STREAMED: u8 = 1;
const ESTIMATED: u8 = 1 << 1;
const BYOK: u8 = 1 << 2;
const CONTRADICTORY: u8 = 1 << 3;
const CACHE_HIT: u8 = 1 << 4;

/// The request that a record of either kind is of.
pub(crate) fn read_id(bytes: &[u8]) -> Result<RequestId, Unreadable> {
    let mut read = Read::new(bytes);
    read_version(&mut read)?;
    read.array().map(RequestId::from_bytes)
}

pub(crate) fn read_version(read: &mut Read<'_>) -> Result<(), Unreadable> {
    match read.byte()? {
        FORMAT => Ok(()),
        other => Err(Unreadable::Version(other)),
    }
}

/// Writes a row, under an id and from a start that take the place of its own; other times are told from the start on.
pub(crate) fn write((id, started_at): (RequestId, i64), row: &RequestRow, to: &mut Vec<u8>) {
    to.push(FORMAT);
    to.extend_from_slice(&id.bytes());
    to.extend_from_slice(&started_at.to_le_bytes());
    to.signed(row.ended_at.wrapping_sub(row.started_at));
    to.push(u8::from(row.first_byte_at.is_some()));
    if let Some(at) = row.first_byte_at {
        to.signed(at.wrapping_sub(row.started_at));
    }
    let flags = [
        (row.streamed, STREAMED),
        (row.usage_is_estimated, ESTIMATED),
        (row.is_byok, BYOK),
        (row.is_contradictory, CONTRADICTORY),
        (row.cache_hit, CACHE_HIT),
    ];
    to.push(flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |sum, (_, flag)| sum | flag));
    to.push(origin_number(row.cost_origin));
    to.optional_number(row.status.map(u64::from));
    for text in [&row.call_id, &row.operation, &row.route, &row.outcome, &row.model] {
        to.text(text);
    }
    let texts = [
        &row.error_kind,
        &row.key,
        &row.user_id,
        &row.team_id,
        &row.customer,
        &row.group,
        &row.deployment,
        &row.provider,
        &row.upstream_model,
        &row.api_base,
        &row.generation_id,
        &row.cache_key,
        &row.session_id,
        &row.client_address,
        &row.metadata,
    ];
    for text in texts {
        to.optional_text(text.as_deref());
    }
    to.usage(row.usage.as_ref());
    for amount in [row.spend, row.cost, row.market_cost, row.surcharge_cost, row.gateway_cost] {
        to.money(amount);
    }
    write_tags(&row.tags, to);
    write_charges(&row.charges, to);
    to.number(row.attempts.len() as u64);
    for attempt in &row.attempts {
        write_attempt(attempt, to);
    }
}

fn write_attempt(attempt: &AttemptRow, to: &mut Vec<u8>) {
    for text in [&attempt.group, &attempt.deployment, &attempt.provider, &attempt.upstream_model] {
        to.text(text);
    }
    to.signed(attempt.duration_ms);
    to.optional_text(attempt.error_kind.as_deref());
    to.optional_number(attempt.status.map(u64::from));
    to.usage(attempt.usage.as_ref());
    to.money(attempt.spend);
    to.optional_text(attempt.generation_id.as_deref());
}

pub(crate) fn write_tags(tags: &[String], to: &mut Vec<u8>) {
    to.number(tags.len() as u64);
    for tag in tags {
        to.text(tag);
    }
}

pub(crate) fn write_charges(charges: &[Charge], to: &mut Vec<u8>) {
    to.number(charges.len() as u64);
    for charge in charges {
        to.push(subject_number(charge.subject.kind));
        to.text(&charge.subject.id);
        to.optional_text(charge.subject.model.as_deref());
        to.text(&charge.period);
        to.signed(charge.begins_at);
    }
}

/// Reads a row.
pub(crate) fn read(bytes: &[u8]) -> Result<RequestRow, Unreadable> {
    let mut read = Read::new(bytes);
    read_version(&mut read)?;
    let id = RequestId::from_bytes(read.array()?);
    let started_at = i64::from_le_bytes(read.array()?);
    let ended_at = started_at.wrapping_add(read.signed()?);
    let first_byte_at = if read.byte()? == 0 { None } else { Some(started_at.wrapping_add(read.signed()?)) };
    let flags = read.byte()?;
    let is_set = |flag: u8| flags & flag != 0;
    // The members of a struct are read in the order in which they stand here, which is the order of `write`.
    Ok(RequestRow {
        request_id: id.to_string(),
        started_at,
        ended_at,
        first_byte_at,
        streamed: is_set(STREAMED),
        usage_is_estimated: is_set(ESTIMATED),
        is_byok: is_set(BYOK),
        is_contradictory: is_set(CONTRADICTORY),
        cache_hit: is_set(CACHE_HIT),
        cost_origin: origin(read.byte()?)?,
        status: status(&mut read)?,
        call_id: read.string()?,
        operation: read.string()?,
        route: read.string()?,
        outcome: read.string()?,
        model: read.string()?,
        error_kind: read.optional_string()?,
        key: read.optional_string()?,
        user_id: read.optional_string()?,
        team_id: read.optional_string()?,
        customer: read.optional_string()?,
        group: read.optional_string()?,
        deployment: read.optional_string()?,
        provider: read.optional_string()?,
        upstream_model: read.optional_string()?,
        api_base: read.optional_string()?,
        generation_id: read.optional_string()?,
        cache_key: read.optional_string()?,
        session_id: read.optional_string()?,
        client_address: read.optional_string()?,
        metadata: read.optional_string()?,
        usage: read.usage()?,
        spend: read.money()?,
        cost: read.money()?,
        market_cost: read.money()?,
        surcharge_cost: read.money()?,
        gateway_cost: read.money()?,
        tags: read_tags(&mut read)?,
        charges: read_charges(&mut read)?,
        attempts: (0..read.count()?).map(|_| read_attempt(&mut read)).collect::<Result<_, _>>()?,
    })
}

fn read_attempt(read: &mut Read<'_>) -> Result<AttemptRow, Unreadable> {
    Ok(AttemptRow {
        group: read.string()?,
        deployment: read.string()?,
        provider: read.string()?,
        upstream_model: read.string()?,
        duration_ms: read.signed()?,
        error_kind: read.optional_string()?,
        status: status(read)?,
        usage: read.usage()?,
        spend: read.money()?,
        generation_id: read.optional_string()?,
    })
}

pub(crate) fn read_tags(read: &mut Read<'_>) -> Result<Vec<String>, Unreadable> {
    (0..read.count()?).map(|_| read.string()).collect()
}

pub(crate) fn read_charges(read: &mut Read<'_>) -> Result<Vec<Charge>, Unreadable> {
    (0..read.count()?).map(|_| read_charge(read)).collect()
}

fn read_charge(read: &mut Read<'_>) -> Result<Charge, Unreadable> {
    let subject = Subject {
        kind: subject_kind(read.byte()?)?,
        id: read.text()?.into(),
        model: read.optional_string()?.map(Into::into),
    };
    Ok(Charge { subject, period: read.string()?, begins_at: read.signed()? })
}

fn status(read: &mut Read<'_>) -> Result<Option<u16>, Unreadable> {
    let number = read.optional_number()?;
    number.map(|number| u16::try_from(number).map_err(|_| Unreadable::Malformed)).transpose()
}

/// Numbers stand in files: they never change.
fn origin_number(origin: CostOrigin) -> u8 {
    match origin {
        CostOrigin::Unknown => 0,
        CostOrigin::Reported => 1,
        CostOrigin::Computed => 2,
        CostOrigin::Estimated => 3,
        CostOrigin::Reconciled => 4,
        CostOrigin::Free => 5,
    }
}

fn origin(number: u8) -> Result<CostOrigin, Unreadable> {
    CostOrigin::ALL.into_iter().find(|origin| origin_number(*origin) == number).ok_or(Unreadable::Malformed)
}

/// Numbers stand in files: they never change.
fn subject_number(kind: SubjectKind) -> u8 {
    match kind {
        SubjectKind::Global => 0,
        SubjectKind::Team => 1,
        SubjectKind::Member => 2,
        SubjectKind::User => 3,
        SubjectKind::Key => 4,
        SubjectKind::Customer => 5,
        SubjectKind::Tag => 6,
    }
}

fn subject_kind(number: u8) -> Result<SubjectKind, Unreadable> {
    SubjectKind::ALL.into_iter().find(|kind| subject_number(*kind) == number).ok_or(Unreadable::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;
    use trunkline_core::Usage;

    use super::*;
    use crate::request_id::RequestIds;

    /// A row with something in each of its members, made of two numbers and a text.
    fn row(number: u64, amount: i64, text: &str) -> RequestRow {
        let some = |name: &str| (!number.is_multiple_of(3)).then(|| format!("{name} {text}"));
        let usage = Usage {
            uncached_input: number,
            cache_read: number / 2,
            cache_write: 1,
            audio_input: u64::MAX - number,
            output: number % 7,
            reasoning: 3,
            audio_output: 4,
            image_output: 5,
            inconsistent: number % 2 == 1,
            lacks_output: false,
        };
        let money = |scale: u32| (!number.is_multiple_of(5)).then(|| Decimal::new(amount, scale));
        let attempt = AttemptRow {
            group: text.to_owned(),
            deployment: "deployment".to_owned(),
            provider: "provider".to_owned(),
            upstream_model: "upstream".to_owned(),
            duration_ms: amount,
            error_kind: some("kind"),
            status: Some(number as u16),
            usage: Some(usage.clone()),
            spend: money(9),
            generation_id: some("generation"),
        };
        let subject = Subject::new(SubjectKind::ALL[number as usize % 7], text).with_model("gpt-4o");
        let charge = Charge { subject, period: "30d".to_owned(), begins_at: amount };
        RequestRow {
            request_id: RequestIds::new().next(amount).to_string(),
            call_id: text.to_owned(),
            started_at: amount,
            first_byte_at: number.is_multiple_of(2).then_some(amount.wrapping_add(5)),
            ended_at: amount.wrapping_add(number as i64),
            operation: "operation".to_owned(),
            route: "route".to_owned(),
            streamed: number.is_multiple_of(2),
            status: (number % 2 == 1).then_some(number as u16),
            outcome: "completed".to_owned(),
            error_kind: some("error"),
            key: some("key"),
            user_id: some("user"),
            team_id: some("team"),
            customer: some("customer"),
            tags: vec![text.to_owned(); number as usize % 4],
            model: "model".to_owned(),
            group: some("group"),
            deployment: some("deployment"),
            provider: some("provider"),
            upstream_model: some("upstream"),
            api_base: some("base"),
            usage: (!number.is_multiple_of(4)).then_some(usage),
            usage_is_estimated: number.is_multiple_of(3),
            spend: money(0),
            cost_origin: CostOrigin::ALL[number as usize % 6],
            cost: money(1),
            market_cost: money(15),
            surcharge_cost: money(28),
            gateway_cost: None,
            is_byok: number % 5 == 1,
            is_contradictory: number % 5 == 2,
            generation_id: some("generation"),
            cache_hit: number % 5 == 3,
            cache_key: some("cache"),
            session_id: some("session"),
            client_address: some("address"),
            metadata: some("{}"),
            attempts: vec![attempt; number as usize % 3],
            charges: vec![charge; number as usize % 4],
        }
    }

    fn written(row: &RequestRow) -> Vec<u8> {
        let id: uuid::Uuid = row.request_id.parse().expect("an id");
        let mut bytes = Vec::new();
        write((RequestId::from_bytes(id.into_bytes()), row.started_at), row, &mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(number: u64, amount: i64, text: String) {
            let row = row(number, amount, &text);
            prop_assert_eq!(read(&written(&row)), Ok(row));
        }

        #[test]
        fn no_bytes_are_a_danger(mut bytes: Vec<u8>) {
            bytes.insert(0, FORMAT);
            let _ = read(&bytes);
            prop_assert!(bytes.len() > 16 || read_id(&bytes).is_err());
        }
    }

    #[test]
    fn a_row_that_was_cut_off_is_none() {
        let bytes = written(&row(7, 123_456, "text"));
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), Err(Unreadable::Malformed), "cut at {end}");
        }
    }

    #[test]
    fn a_later_version_is_not_guessed_at() {
        let mut bytes = written(&row(7, 123_456, "text"));
        bytes[0] = FORMAT + 1;
        assert_eq!(read(&bytes), Err(Unreadable::Version(FORMAT + 1)));
    }
}
