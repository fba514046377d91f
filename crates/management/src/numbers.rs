//! Money and counts as they stand in JSON: as exact as they were written.

use rust_decimal::Decimal;
use serde_json::Value;
use trunkline_core::cost;

/// An amount of money, written as a number or as a text. `None` for what is neither, or is less than nothing.
pub(crate) fn money(value: &Value) -> Option<Decimal> {
    let text = digits(value)?;
    let amount = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text)).ok()?;
    (!amount.is_sign_negative() || amount.is_zero()).then(|| amount.abs())
}

/// A whole number that is not negative, written as a number or as a text.
pub(crate) fn count(value: &Value) -> Option<u64> {
    let amount = money(value)?;
    if amount.fract().is_zero() { u64::try_from(amount).ok() } else { None }
}

fn digits(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An amount as a number, all its digits kept.
pub(crate) fn value(amount: Decimal) -> Value {
    Value::Number(cost::number(amount))
}

/// The sum of what was spent, without zeros at its end.
pub(crate) fn sum(amount: Decimal) -> Value {
    value(amount.normalize())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let given: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(money(&given).map(|amount| value(amount).to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn money_keeps_its_digits() {
        check("10", Some("10"));
        check("10.50", Some("10.50"));
        check("\"0.1\"", Some("0.1"));
        check("0.00000000000000000001", Some("0.00000000000000000001"));
        check("1e-7", Some("0.0000001"));
        check("-1", None);
        check("\"much\"", None);
        check("true", None);
        check("1e400", None);
        check("\"NaN\"", None);
    }

    #[test]
    fn counts_are_whole() {
        assert_eq!(count(&json!(5)), Some(5));
        assert_eq!(count(&json!("5")), Some(5));
        assert_eq!(count(&json!("5.0")), Some(5));
        assert_eq!(count(&json!("5.5")), None);
        assert_eq!(count(&json!(-5)), None);
    }
}
