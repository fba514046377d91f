//! How much of a call's usage and cost its reply tells.

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use super::fault::Fault;
use super::money::{decimal_text, number};

/// How much of a call's usage and cost its reply tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tells {
    pub(crate) usage: bool,
    /// Whether usage is the prompt's tokens alone.
    pub(crate) partly: bool,
    pub(crate) cost_in_usage: bool,
    pub(crate) cost_in_metadata: bool,
    /// Whether the metadata spells money as JSON numbers.
    pub(crate) as_numbers: bool,
    /// What the total is too large by.
    pub(crate) excess: u64,
}

/// How much a contradictory total is too large by.
const EXCESS_TOKENS: u64 = 7;

impl Tells {
    pub(crate) fn of(faults: &[Fault]) -> Self {
        let has = |fault: Fault| faults.contains(&fault);
        let no_cost = has(Fault::OmitCost) || has(Fault::PartialUsage);
        Self {
            usage: !has(Fault::OmitUsage),
            partly: has(Fault::PartialUsage),
            cost_in_usage: !no_cost && !has(Fault::CostInMetadataAlone),
            cost_in_metadata: !no_cost && !has(Fault::CostInUsageAlone),
            as_numbers: has(Fault::CostAsNumber),
            excess: if has(Fault::ContradictoryTotal) { EXCESS_TOKENS } else { 0 },
        }
    }

    /// An amount for `usage`, if it is told there.
    pub(crate) fn in_usage(self, amount: Decimal) -> Option<Box<RawValue>> {
        self.cost_in_usage.then(|| number(amount))
    }

    /// An amount for the metadata, if it is told there.
    pub(crate) fn in_metadata(self, amount: Decimal) -> Option<Money> {
        let spelt = || {
            if self.as_numbers { Money::Number(number(amount)) } else { Money::Text(decimal_text(amount)) }
        };
        self.cost_in_metadata.then(spelt)
    }
}

/// Money in the metadata.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Money {
    Text(String),
    Number(Box<RawValue>),
}
