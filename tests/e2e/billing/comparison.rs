//! Request by request: what was billed, and what is said to have been.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use trunkline_testkit::simulator::BilledCall;

use super::ledger::{Ledger, LedgerRow, Origin, by_call_id};
use super::load::{AGAIN, HALVED, LEFT_WHOLE, Planned};

/// What a token costs at the groups whose streams are cut, in and out.
const INPUT: Decimal = Decimal::from_parts(2, 0, 0, false, 6);
const OUTPUT: Decimal = Decimal::from_parts(8, 0, 0, false, 6);
/// Bytes of the body that count as a token of input.
const INPUT_BYTES: usize = 4;
/// Events of a stream that carry no text, and count as a token each.
const EVENTS_WITHOUT_TEXT_MAX: u64 = 6;
/// Tokens that one event of the simulator carries at most: six characters of up to thirteen bytes.
const EVENT_TOKENS_MAX: u64 = 4;

/// What the simulator bills beside the texts of a prompt: its opening, and of a message, whose mark an input of Responses
/// that is one text does not have.
const OPENING_TOKENS: u64 = 3;
const MESSAGE_TOKENS: u64 = 4;
/// Bytes of a whole reply that broke off that count as a token of output, and how long half a reply of the simulator is.
const REPLY_BYTES: u64 = 4;
const HALF_REPLY_BYTES_MAX: u64 = 2_400;
/// How many tokens of output count for a second that the caller of a whole reply has waited.
const TOKENS_A_SECOND: u64 = 100;

/// What the rows of one kind of request came to.
#[derive(Debug, Default)]
struct Tally {
    rows: usize,
    billed: Decimal,
    said: Decimal,
    most_over: Decimal,
    most_under: Decimal,
}

/// All requests of a load, compared.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    tallies: BTreeMap<(Origin, &'static str), Tally>,
    given_up: BTreeMap<&'static str, Tally>,
    violations: Vec<String>,
}

impl Comparison {
    pub(crate) fn new(load: &[Planned], bill: &[BilledCall], ledger: &dyn Ledger) -> Self {
        let mut comparison = Self::default();
        let mut rows = by_call_id(ledger);
        let mut calls = BTreeMap::<&str, Vec<&BilledCall>>::new();
        for call in bill {
            calls.entry(call.user.as_deref().unwrap_or_default()).or_default().push(call);
        }
        for planned in load {
            match rows.remove(&planned.id) {
                Some(row) => {
                    comparison.compare(planned, &calls.remove(&*planned.id).unwrap_or_default(), &row);
                }
                None => comparison.violations.push(format!("no row: {planned:?}")),
            }
        }
        comparison.violations.extend(calls.keys().map(|user| format!("calls of nobody: {user}")));
        comparison.violations.extend(rows.keys().map(|id| format!("a row of nobody: {id}")));
        comparison
    }

    /// The call that answered against the row's reply, and all others against what is estimated for attempts.
    fn compare(&mut self, planned: &Planned, calls: &[&BilledCall], row: &LedgerRow) {
        let answered = calls.iter().find(|call| match &row.generation_id {
            Some(id) => call.generation_id.as_ref() == Some(id),
            // It stands at the end of some streams, and nowhere in embeddings: then the last attempt is the one.
            None => calls.last().is_some_and(|last| last.number == call.number),
        });
        let billed = answered.map_or(Decimal::ZERO, |call| call.gateway_cost);
        let said = row.reply.unwrap_or_default();
        let holds = match row.origin {
            origin if origin.is_exact() => said == billed,
            Origin::Estimated => answered.is_some_and(|call| is_within_bounds(planned, call, said)),
            Origin::Silent if billed.is_zero() => true,
            _ => false,
        };
        self.tallies.entry((row.origin, planned.kind)).or_default().add(billed, said);
        let others = calls.iter().map(|call| call.gateway_cost).sum::<Decimal>() - billed;
        if !others.is_zero() || !row.attempts.is_zero() {
            self.given_up.entry(planned.kind).or_default().add(others, row.attempts);
        }
        let attempts_hold = others <= row.attempts && row.attempts - others <= attempts_bound(planned, row);
        let kind_holds = match planned.kind {
            AGAIN => calls.is_empty() && is_free(row),
            // An attempt that somebody may bill.
            LEFT_WHOLE => !calls.is_empty() && row.attempts > Decimal::ZERO,
            _ => row.is_kept_one != Some(true),
        };
        if holds && attempts_hold && kind_holds {
            return;
        }
        self.violations.push(format!("{said} for {billed}: {planned:?} {row:?} {calls:?}"));
    }

    pub(crate) fn hold(&self) {
        let first = self.violations.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.violations.is_empty(), "{} violations, such as\n{first}", self.violations.len());
    }
}

/// What the input of a request is estimated to cost at most.
fn input_bound(planned: &Planned) -> Decimal {
    INPUT * Decimal::from(planned.body.len() / INPUT_BYTES)
}

/// What attempts of it are estimated to cost at most: their input, and what may have been written by the second, or by the
/// bytes of a whole reply that broke off.
fn attempts_bound(planned: &Planned, row: &LedgerRow) -> Decimal {
    let by_time = || OUTPUT * Decimal::from(TOKENS_A_SECOND) * row.took_ms / Decimal::ONE_THOUSAND;
    let written = match planned.kind {
        LEFT_WHOLE => by_time(),
        HALVED => by_time().max(OUTPUT * Decimal::from(HALF_REPLY_BYTES_MAX / REPLY_BYTES)),
        _ => Decimal::ZERO,
    };
    input_bound(planned) + written
}

/// Whether it was given what had been kept, for nothing. The log has neither a cost of it nor a word for it.
fn is_free(row: &LedgerRow) -> bool {
    let expected = match row.origin {
        Origin::Free => (Some(Decimal::ZERO), Some(true)),
        _ => (None, None),
    };
    matches!(row.origin, Origin::Free | Origin::Silent)
        && (row.reply, row.is_kept_one) == expected
        && row.attempts.is_zero()
}

/// Whether an estimate is as near as it is published to be: too high by no more than all bytes of the body as input and
/// the events without text as output, too low by no more than what an event carries beyond one token. A whole reply is weighed
/// by its text, up to three times too high. Where a budget made it necessary to weigh the input by its texts, that lacks
/// what frames them.
fn is_within_bounds(planned: &Planned, call: &BilledCall, said: Decimal) -> bool {
    let output = OUTPUT * Decimal::from(call.completion_tokens);
    let by_text = if call.streamed { Decimal::ZERO } else { output + output };
    let over = input_bound(planned) + OUTPUT * Decimal::from(EVENTS_WITHOUT_TEXT_MAX) + by_text;
    let frame = match planned.path {
        _ if !planned.has_budget => 0,
        "/v1/responses" => OPENING_TOKENS + MESSAGE_TOKENS,
        _ => OPENING_TOKENS,
    };
    let under = output - output / Decimal::from(EVENT_TOKENS_MAX) + INPUT * Decimal::from(frame);
    said <= call.gateway_cost + over && said >= call.gateway_cost - under
}

impl Tally {
    fn add(&mut self, billed: Decimal, said: Decimal) {
        self.rows += 1;
        self.billed += billed;
        self.said += said;
        self.most_over = self.most_over.max(said - billed);
        self.most_under = self.most_under.max(billed - said);
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((origin, kind), tally) in &self.tallies {
            writeln!(formatter, "{origin:?} {kind}: {tally}")?;
        }
        for (kind, tally) in &self.given_up {
            writeln!(formatter, "given up, {kind}: {tally}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, billed, said, most_over, most_under } = self;
        write!(
            formatter,
            "{rows} rows, billed {billed}, said {said}, over by {most_over}, under by {most_under} at most"
        )
    }
}
