//! What came of holding the ledger against the bill.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_store::CostOrigin;

use crate::Day;
use crate::amount::amount;
use crate::moment::time;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// How many rows were asked about.
    pub asked: u64,
    /// Rows whose spend is not what was billed, the newest first; as many as were to be listed.
    pub differences: Vec<Difference>,
    /// How many such rows there are.
    pub differing: u64,
    /// How many rows say what was billed.
    pub agreeing: u64,
    /// How many rows nobody has a record of.
    pub without_record: u64,
    /// How many rows could not be asked about.
    pub failed: u64,
    /// The first of them, with the reasons.
    pub failures: Vec<Failure>,
    /// Whether it was given up, since one question after the other failed.
    pub given_up: bool,
    /// By how much all rows that differ are off: billed, less what the ledger says. What it says nothing of counts as
    /// nothing.
    pub difference: Decimal,
    /// How many rows were changed in the ledger. `None` if nothing was to be changed.
    pub applied: Option<u64>,
    /// How many rows were given their share of what days were billed. `None` if they were to be given none.
    pub apportioned: Option<u64>,
    /// Whole days, where the upstream tells of them.
    pub days: Option<Vec<Day>>,
    /// Why it does not.
    pub without_days: Option<String>,
}

/// A row whose spend is not what was billed.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What the ledger knows the request by.
    pub request_id: String,
    /// What its caller knows it by.
    pub call_id: String,
    /// When it began, in milliseconds since 1970.
    pub started_at: i64,
    /// The model in the upstream's spelling.
    pub model: String,
    /// What the ledger says. `None` if it does not know.
    pub said: Option<Decimal>,
    /// Where the ledger has that from.
    pub origin: CostOrigin,
    /// What was billed, as far as it is known: attempts that have no record cost what was estimated.
    pub billed: Option<Decimal>,
}

/// A row that could not be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the ledger knows the request by.
    pub request_id: String,
    /// Why.
    pub why: String,
}

impl Difference {
    /// What was billed, less what the ledger says.
    pub fn amount(&self) -> Decimal {
        self.billed.unwrap_or_default() - self.said.unwrap_or_default()
    }

    fn to_json(&self) -> Value {
        json!({
            "request_id": self.request_id,
            "call_id": self.call_id,
            "started_at": time(self.started_at),
            "model": self.model,
            "ledger": amount(self.said),
            "cost_origin": self.origin.name(),
            "billed": amount(self.billed),
            "difference": amount(Some(self.amount())),
        })
    }
}

impl Outcome {
    /// As JSON. Amounts are texts, with every digit.
    pub fn to_json(&self) -> Value {
        let failure = |failure: &Failure| json!({ "request_id": failure.request_id, "why": failure.why });
        json!({
            "asked": self.asked,
            "agreeing": self.agreeing,
            "differing": self.differing,
            "without_record": self.without_record,
            "failed": self.failed,
            "given_up": self.given_up,
            "difference": amount(Some(self.difference)),
            "applied": self.applied,
            "apportioned": self.apportioned,
            "differences": self.differences.iter().map(Difference::to_json).collect::<Vec<_>>(),
            "failures": self.failures.iter().map(failure).collect::<Vec<_>>(),
            "days": self.days.as_ref().map(|days| days.iter().map(Day::to_json).collect::<Vec<_>>()),
            "without_days": self.without_days,
        })
    }
}
