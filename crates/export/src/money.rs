//! Amounts as JSON numbers.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use trunkline_core::cost;

/// US dollars: a JSON number with the digits as they are.
pub(crate) struct Money(pub(crate) Decimal);

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        cost::number(self.0.normalize()).serialize(serializer)
    }
}
