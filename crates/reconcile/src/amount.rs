//! Amounts, with every digit and none besides.

use rust_decimal::Decimal;

/// An amount as people read it, without zeros at its end.
pub(crate) fn amount(amount: Option<Decimal>) -> Option<String> {
    amount.map(|amount| amount.normalize().to_string())
}
