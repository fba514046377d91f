//! Loosely typed YAML values as the types that a key wants, as far as LiteLLM's own reader goes.

use std::str::FromStr;
use std::time::Duration;

use rust_decimal::Decimal;

use crate::node::{Node, Value};

/// What a key wants instead.
pub(crate) type Wanted = &'static str;

/// Longer waits than this (a year) are taken for a mistake in the unit.
const SECONDS_MAX: f64 = 31_536_000.0;

/// Text. A whole number counts as its digits; a fraction does not, since its spelling is lost.
pub(crate) fn text(node: &Node) -> Result<String, Wanted> {
    match &node.value {
        Value::Text(text) => Ok(text.trim().to_owned()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => Err("text"),
    }
}

/// True or false, in any of the spellings that YAML 1.1 and Python's validators take.
pub(crate) fn boolean(node: &Node) -> Result<bool, Wanted> {
    const WANTED: Wanted = "true or false";
    match &node.value {
        Value::Bool(value) => Ok(*value),
        Value::Integer(0) => Ok(false),
        Value::Integer(1) => Ok(true),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" | "t" | "y" => Ok(true),
            "false" | "no" | "off" | "0" | "f" | "n" => Ok(false),
            _ => Err(WANTED),
        },
        Value::Null | Value::Integer(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => Err(WANTED),
    }
}

/// A whole number from 0.
pub(crate) fn integer(node: &Node) -> Result<u64, Wanted> {
    const WANTED: Wanted = "a whole number from 0";
    match &node.value {
        Value::Integer(number) => u64::try_from(*number).map_err(|_| WANTED),
        // A float that is whole, such as `5.0`, prints without a fraction.
        Value::Float(number) => number.to_string().parse().map_err(|_| WANTED),
        Value::Text(text) => text.trim().parse().map_err(|_| WANTED),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => Err(WANTED),
    }
}

/// A number that may have a sign, as in `order: -1`.
pub(crate) fn signed(node: &Node) -> Result<i64, Wanted> {
    const WANTED: Wanted = "a whole number";
    match &node.value {
        Value::Integer(number) => i64::try_from(*number).map_err(|_| WANTED),
        Value::Float(number) => number.to_string().parse().map_err(|_| WANTED),
        Value::Text(text) => text.trim().parse().map_err(|_| WANTED),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => Err(WANTED),
    }
}

/// A whole number from 0 that counts attempts or failures.
pub(crate) fn count(node: &Node) -> Result<u32, Wanted> {
    integer(node)?.try_into().map_err(|_| "a whole number from 0 to 4294967295")
}

/// A number from 0, whole or not.
pub(crate) fn number(node: &Node) -> Result<f64, Wanted> {
    const WANTED: Wanted = "a number from 0";
    fraction(node).filter(|number| number.is_finite() && *number >= 0.0).ok_or(WANTED)
}

/// A number of seconds, whole or not, where 0 has a meaning.
pub(crate) fn duration(node: &Node) -> Result<Duration, Wanted> {
    const WANTED: Wanted = "a number of seconds, from 0 to a year";
    let number = fraction(node).filter(|number| (0.0..=SECONDS_MAX).contains(number)).ok_or(WANTED)?;
    Ok(Duration::from_secs_f64(number))
}

/// A number of seconds, whole or not. As in LiteLLM, 0 means not set.
pub(crate) fn seconds(node: &Node) -> Result<Option<Duration>, Wanted> {
    Ok(Some(duration(node)?).filter(|wait| !wait.is_zero()))
}

fn fraction(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Integer(number) => number.to_string().parse().ok(),
        Value::Float(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// An amount of money. A float is read from its shortest spelling, so `0.00000125` stays exact.
pub(crate) fn decimal(node: &Node) -> Result<Decimal, Wanted> {
    const WANTED: Wanted = "an amount in US dollars, from 0";
    let spelling = match &node.value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.trim().to_owned(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => return Err(WANTED),
    };
    let parsed = if spelling.contains(['e', 'E']) {
        Decimal::from_scientific(&spelling)
    } else {
        Decimal::from_str(&spelling)
    };
    parsed.ok().filter(|amount| !amount.is_sign_negative()).ok_or(WANTED)
}

/// Whether the value asks for nothing: false, 0, empty, or a text that says so.
pub(crate) fn is_off(node: &Node) -> bool {
    match &node.value {
        Value::Null | Value::Bool(false) | Value::Integer(0) => true,
        Value::Bool(true) | Value::Integer(_) => false,
        Value::Float(number) => number.classify() == std::num::FpCategory::Zero,
        Value::Text(text) => {
            let text = text.trim().to_ascii_lowercase();
            matches!(text.as_str(), "" | "false" | "no" | "off" | "0" | "none" | "null")
        }
        Value::List(items) => items.is_empty(),
        Value::Map(members) => members.is_empty(),
    }
}
