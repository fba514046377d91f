//! A row with what was billed for it in the place of what it says.

use rust_decimal::{Decimal, RoundingStrategy};
use trunkline_core::Cost;
use trunkline_store::{AttemptRow, CostOrigin, RequestRow};

use crate::Bill;

/// The places of a dollar from which on two figures are the same: records spell money as numbers of floating point.
pub(crate) const PLACES: u32 = 12;

/// What was billed for the parts of a row. `None` of what nobody has a record of, or has no id to ask by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bills {
    /// For the reply.
    pub(crate) reply: Option<Bill>,
    /// For the attempts, in their order.
    pub(crate) attempts: Vec<Option<Bill>>,
    /// Whether the record of an attempt may still come.
    pub(crate) is_awaited: bool,
}

/// The row with what was billed. `None` if that says nothing else: the upstream's own figures, as they stand there.
pub(crate) fn mended(row: &RequestRow, bills: &Bills) -> Option<RequestRow> {
    let attempts: Vec<AttemptRow> = row
        .attempts
        .iter()
        .zip(bills.attempts.iter().chain(std::iter::repeat(&None)))
        .map(|(attempt, bill)| mended_attempt(attempt, bill.as_ref()))
        .collect();
    let mut new = RequestRow { attempts, ..row.clone() };
    let before = of_attempts(&row.attempts);
    let after = of_attempts(&new.attempts);
    new.spend = match &bills.reply {
        Some(bill) => {
            take_over(&mut new, bill);
            spend(bill).map(|reply| reply + after.unwrap_or_default())
        }
        // What it says of the reply stays; what it says of attempts may be another by now.
        None if row.generation_id.is_some() || row.spend != before => {
            row.spend.map(|spend| spend - before.unwrap_or_default() + after.unwrap_or_default())
        }
        None => after,
    };
    let is_told_whole = bills.reply.is_some() || (row.generation_id.is_none() && all_are_told(row, bills));
    let is_whole = is_told_whole && !bills.is_awaited;
    if is_whole {
        new.cost_origin = CostOrigin::Reconciled;
    }
    // What was reported says nothing of attempts. Once these are known too, it is not to be asked about again.
    let has_attempts = row.attempts.iter().any(|attempt| attempt.generation_id.is_some());
    let is_closed = is_whole && has_attempts && row.cost_origin != CostOrigin::Reconciled;
    let is_same = row.cost_origin.is_told() && same(row.spend, new.spend) && !is_closed;
    (!is_same && new != *row).then_some(new)
}

/// Takes over what a record tells of the reply.
fn take_over(row: &mut RequestRow, bill: &Bill) {
    row.usage = Some(bill.usage.clone());
    row.usage_is_estimated = false;
    row.cost = bill.cost.cost;
    row.market_cost = bill.cost.market_cost;
    row.surcharge_cost = bill.cost.surcharge_cost;
    row.gateway_cost = bill.cost.gateway_cost;
    row.is_byok = bill.cost.is_byok;
    row.is_contradictory = bill.cost.is_contradictory();
}

fn mended_attempt(attempt: &AttemptRow, bill: Option<&Bill>) -> AttemptRow {
    match bill {
        Some(bill) => AttemptRow { usage: Some(bill.usage.clone()), spend: spend(bill), ..attempt.clone() },
        None => attempt.clone(),
    }
}

fn spend(bill: &Bill) -> Option<Decimal> {
    Cost::Reported(bill.cost.clone()).spend()
}

/// What attempts cost together. `None` if none is known to have cost anything.
pub(crate) fn of_attempts(attempts: &[AttemptRow]) -> Option<Decimal> {
    attempts.iter().filter_map(|attempt| attempt.spend).reduce(|sum, spend| sum + spend)
}

/// Whether all that attempts cost is the upstream's own word by now.
fn all_are_told(row: &RequestRow, bills: &Bills) -> bool {
    let is_told = |number: usize| bills.attempts.get(number).is_some_and(Option::is_some);
    let mut attempts = row.attempts.iter().enumerate();
    attempts.clone().any(|(number, _)| is_told(number))
        && attempts.all(|(number, attempt)| is_told(number) || attempt.spend.is_none())
}

/// Whether two figures are the same, as far as a record can tell.
pub(crate) fn same(one: Option<Decimal>, other: Option<Decimal>) -> bool {
    let rounded = |amount: Decimal| {
        amount.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointNearestEven).normalize()
    };
    one.map(rounded) == other.map(rounded)
}

#[cfg(test)]
mod tests {
    use trunkline_core::{ReportedCost, Usage};

    use super::*;

    fn money(text: &str) -> Option<Decimal> {
        text.parse().ok()
    }

    fn bill(gateway: &str) -> Bill {
        let cost = ReportedCost { gateway_cost: money(gateway), ..ReportedCost::default() };
        Bill { cost, usage: Usage { output: 9, ..Usage::default() } }
    }

    fn attempt(spend: &str) -> AttemptRow {
        AttemptRow { spend: money(spend), ..AttemptRow::default() }
    }

    fn row(spend: &str, origin: CostOrigin, id: Option<&str>, attempts: &[&str]) -> RequestRow {
        RequestRow {
            spend: money(spend),
            cost_origin: origin,
            generation_id: id.map(str::to_owned),
            attempts: attempts.iter().map(|spend| attempt(spend)).collect(),
            ..RequestRow::default()
        }
    }

    fn check(
        row: &RequestRow,
        reply: Option<&str>,
        attempts: &[Option<&str>],
        expected: Option<(&str, CostOrigin)>,
    ) {
        let bills = Bills {
            reply: reply.map(bill),
            attempts: attempts.iter().map(|spend| spend.map(bill)).collect(),
            is_awaited: false,
        };
        let mended = mended(row, &bills);
        let read = mended.as_ref().map(|row| (row.spend, row.cost_origin));
        assert_eq!(read, expected.map(|(spend, origin)| (money(spend), origin)), "{row:?} {bills:?}");
        if let Some(again) = mended {
            assert_eq!(super::mended(&again, &bills), None, "twice is as good as once");
        }
    }

    #[test]
    fn what_was_billed_takes_the_place_of_an_estimate() {
        use CostOrigin::{Computed, Estimated, Reconciled, Reported, Unknown};
        let id = Some("gen_1");
        check(&row("0.5", Estimated, id, &[]), Some("0.4"), &[], Some(("0.4", Reconciled)));
        check(&row("", Unknown, id, &[]), Some("0"), &[], Some(("0", Reconciled)));
        check(&row("0.4", Computed, id, &[]), Some("0.4"), &[], Some(("0.4", Reconciled)));
        check(&row("0.5", Estimated, id, &[]), None, &[], None);
        // What the upstream told itself stays, unless it is another word now.
        check(&row("0.30000000000000004", Reported, id, &[]), Some("0.3"), &[], None);
        check(&row("0.31", Reported, id, &[]), Some("0.3"), &[], Some(("0.3", Reconciled)));
    }

    #[test]
    fn attempts_keep_what_is_estimated_for_them_until_they_are_told() {
        use CostOrigin::{Estimated, Reconciled, Reported};
        let id = Some("gen_1");
        check(&row("0.7", Estimated, id, &["0.2"]), Some("0.4"), &[None], Some(("0.6", Reconciled)));
        check(
            &row("0.7", Estimated, id, &["0.2", ""]),
            Some("0.4"),
            &[Some("0.1"), Some("1")],
            Some(("1.5", Reconciled)),
        );
        check(&row("0.7", Estimated, id, &["0.2"]), None, &[Some("0.1")], Some(("0.6", Estimated)));
        check(
            &row("0.2", Estimated, None, &["0.2", ""]),
            None,
            &[Some("0.1"), None],
            Some(("0.1", Reconciled)),
        );
        check(
            &row("0.3", Estimated, None, &["0.2", "0.1"]),
            None,
            &[Some("0.1"), None],
            Some(("0.2", Estimated)),
        );
        // A reply without an id, and an attempt that has one.
        check(&row("0.7", Reported, None, &["0.2"]), None, &[Some("0.1")], Some(("0.6", Reconciled)));
    }

    #[test]
    fn what_may_still_come_is_asked_about_again_and_what_has_come_is_not() {
        use CostOrigin::{Estimated, Reconciled, Reported};
        let of = |spend: &str, origin: CostOrigin| {
            let mut row = row(spend, origin, Some("gen_1"), &[""]);
            row.attempts[0].generation_id = Some("gen_0".to_owned());
            row
        };
        let mended = |row: &RequestRow, attempt: Option<&str>, is_awaited: bool| {
            let bills = Bills { reply: Some(bill("0.5")), attempts: vec![attempt.map(bill)], is_awaited };
            mended(row, &bills).map(|row| (row.spend, row.cost_origin))
        };
        assert_eq!(mended(&of("0.7", Estimated), None, true), Some((money("0.5"), Estimated)));
        assert_eq!(mended(&of("0.7", Estimated), None, false), Some((money("0.5"), Reconciled)));
        assert_eq!(mended(&of("0.5", Reported), None, true), None);
        assert_eq!(mended(&of("0.5", Reported), None, false), Some((money("0.5"), Reconciled)));
        assert_eq!(mended(&of("0.5", Reported), Some("0"), false), Some((money("0.5"), Reconciled)));
        assert_eq!(mended(&of("0.5", Reported), Some("0.1"), false), Some((money("0.6"), Reconciled)));
        assert_eq!(mended(&of("0.5", Reconciled), Some("0"), false), None);
    }

    #[test]
    fn usage_and_amounts_are_taken_over_with_the_spend() {
        let estimated =
            RequestRow { usage_is_estimated: true, ..row("0.5", CostOrigin::Estimated, Some("gen_1"), &[]) };
        let cost = ReportedCost {
            cost: money("0.1"),
            market_cost: money("0.2"),
            surcharge_cost: money("0.01"),
            gateway_cost: money("0.11"),
            is_byok: true,
        };
        let told = Bill { cost, usage: Usage { output: 3, ..Usage::default() } };
        let new =
            mended(&estimated, &Bills { reply: Some(told.clone()), ..Bills::default() }).expect("another");
        assert_eq!((new.usage, new.usage_is_estimated), (Some(told.usage), false));
        assert_eq!(
            (new.cost, new.market_cost, new.surcharge_cost),
            (money("0.1"), money("0.2"), money("0.01"))
        );
        assert_eq!((new.gateway_cost, new.spend, new.is_byok), (money("0.11"), money("0.11"), true));
    }
}
