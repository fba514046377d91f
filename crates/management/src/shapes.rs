//! What a field of a request may hold, and how it is kept.

use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};

use crate::{numbers, times};

/// What a field may hold. `null` and the empty text are nothing, whatever the shape.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// A text.
    Text,
    /// What something is known by: a text without control characters, 1 to 255 bytes long.
    Id,
    /// A list of texts.
    Texts,
    /// An amount in US dollars, not negative.
    Money,
    /// A whole number, not negative.
    Count,
    /// `true` or `false`.
    Flag,
    /// The window of a budget: `30d`, `daily`.
    Window,
    /// How long something lives: `30d`, or `-1` for ever.
    Lifetime,
    /// A time, as RFC 3339 has it.
    Time,
    /// An object that is kept as it is.
    Object,
    /// An object of texts.
    TextByName,
    /// An object of whole numbers.
    CountByName,
    /// Budgets by model: `{"gpt-4o": {"budget_limit": 5, "time_period": "1d"}}`; a number alone is never reset.
    BudgetByModel,
    /// Several budgets: `[{"budget_duration": "1d", "max_budget": 5}]`.
    Budgets,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// Zero: what clients send along that means nothing by it.
    Zero,
    /// Whatever the endpoint takes: it looks itself.
    Any,
}

const ID_BYTES_MAX: usize = 255;

impl Shape {
    /// The value as it is kept; `Null` for nothing.
    ///
    /// # Errors
    ///
    /// `InvalidRequest`, naming the field and what it may hold.
    pub(crate) fn read(self, name: &str, value: Value) -> Result<Value, Error> {
        if value.is_null() || value.as_str() == Some("") {
            return Ok(Value::Null);
        }
        self.kept(value).ok_or_else(|| {
            let message = format!("`{name}` must be {}", self.words());
            Error::new(ErrorKind::InvalidRequest, message).with_param(name)
        })
    }

    /// What stands in a reply where nothing is kept.
    pub(crate) fn empty(self) -> Value {
        match self {
            Self::Texts => json!([]),
            Self::Object | Self::TextByName | Self::BudgetByModel => json!({}),
            Self::Text
            | Self::Id
            | Self::Money
            | Self::Count
            | Self::Flag
            | Self::Window
            | Self::Lifetime
            | Self::Time
            | Self::CountByName
            | Self::Budgets
            | Self::OneOf(_)
            | Self::Zero
            | Self::Any => Value::Null,
        }
    }

    fn kept(self, value: Value) -> Option<Value> {
        match self {
            Self::Text => value.is_string().then_some(value),
            Self::Id => {
                let text = value.as_str()?;
                let is_id = text.len() <= ID_BYTES_MAX && !text.chars().any(char::is_control);
                is_id.then_some(value)
            }
            Self::Texts => value.as_array()?.iter().all(Value::is_string).then_some(value),
            Self::Money => numbers::money(&value).map(numbers::value),
            Self::Count => numbers::count(&value).map(Value::from),
            Self::Flag => value.is_boolean().then_some(value),
            Self::Window => times::is_window(value.as_str()?).then_some(value),
            Self::Lifetime => {
                let text = value.as_str()?;
                (text == "-1" || times::Length::parse(text).is_some()).then_some(value)
            }
            Self::Time => times::parse(value.as_str()?).and_then(times::text).map(Value::String),
            Self::Object => value.is_object().then_some(value),
            Self::TextByName => value.as_object()?.values().all(Value::is_string).then_some(value),
            Self::CountByName => each(value, |count| numbers::count(&count).map(Value::from)),
            Self::BudgetByModel => each(value, budget_of_model),
            Self::Budgets => {
                let Value::Array(budgets) = value else { return None };
                budgets.into_iter().map(budget).collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Self::OneOf(texts) => texts.contains(&value.as_str()?).then_some(value),
            Self::Zero => numbers::money(&value).filter(|amount| amount.is_zero()).map(|_| Value::Null),
            Self::Any => Some(value),
        }
    }

    fn words(self) -> String {
        let words = match self {
            Self::Text => "a text",
            Self::Id => "a text of at most 255 bytes without control characters",
            Self::Texts => "a list of texts",
            Self::Money => "an amount that is not negative: a number, or a text that is one",
            Self::Count => "a whole number that is not negative",
            Self::Flag => "true or false",
            Self::Window => {
                "a length of time, 30s, 30m, 30h, 30d, 30w or 1mo, or hourly, daily, weekly or monthly"
            }
            Self::Lifetime => "a length of time, 30s, 30m, 30h, 30d, 30w or 1mo, or -1 for no end",
            Self::Time => "a time like 2026-11-27T10:00:00Z",
            Self::Object => "an object",
            Self::TextByName => "an object of texts",
            Self::CountByName => "an object of whole numbers that are not negative",
            Self::BudgetByModel => {
                "an object of budgets by model, each {\"budget_limit\": 5, \"time_period\": \"1d\"} or a number"
            }
            Self::Budgets => "a list of budgets, each {\"budget_duration\": \"1d\", \"max_budget\": 5}",
            Self::OneOf(texts) => return format!("one of {}", texts.join(", ")),
            Self::Zero => "left out: what is spent is counted, and set back by reset_spend",
            Self::Any => "something else",
        };
        words.to_owned()
    }
}

fn each(value: Value, read: impl Fn(Value) -> Option<Value>) -> Option<Value> {
    let Value::Object(members) = value else { return None };
    let read = members.into_iter().map(|(name, value)| Some((name, read(value)?)));
    read.collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// LiteLLM knows two names for each of the two.
fn budget_of_model(value: Value) -> Option<Value> {
    let Value::Object(members) = value else {
        return numbers::money(&value).map(|limit| json!({ "budget_limit": numbers::value(limit) }));
    };
    let mut budget = Map::new();
    for (name, value) in members {
        match name.as_str() {
            "budget_limit" | "max_budget" => {
                budget.insert("budget_limit".to_owned(), numbers::value(numbers::money(&value)?));
            }
            "time_period" | "budget_duration" => {
                if value.is_null() {
                    continue;
                }
                budget.insert("time_period".to_owned(), Shape::Window.kept(value)?);
            }
            // Limits by model have fields of their own.
            _ if value.is_null() => {}
            _ => return None,
        }
    }
    budget.contains_key("budget_limit").then_some(Value::Object(budget))
}

fn budget(value: Value) -> Option<Value> {
    let Value::Object(mut members) = value else { return None };
    let window = Shape::Window.kept(members.remove("budget_duration")?)?;
    let max = numbers::money(&members.remove("max_budget")?)?;
    // When it begins anew is worked out, and LiteLLM's clients send back what they were shown.
    members.remove("reset_at");
    let budget = json!({ "budget_duration": window, "max_budget": numbers::value(max) });
    members.is_empty().then_some(budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: Shape, given: impl Into<Value>, expected: impl Into<Option<Value>>) {
        let given = given.into();
        let read = shape.read("it", given.clone());
        assert_eq!(read.ok(), expected.into(), "{given} as {shape:?}");
    }

    #[test]
    fn values_are_kept_in_one_spelling() {
        check(Shape::Text, json!(""), Some(Value::Null));
        check(Shape::Money, json!("1.50"), serde_json::from_str("1.50").ok());
        check(Shape::Money, json!(-1), None);
        check(Shape::Count, json!("7"), Some(json!(7)));
        check(Shape::Count, json!(1.5), None);
        check(Shape::Flag, json!("true"), None);
        check(Shape::Id, json!("a\u{1f}b"), None);
        check(Shape::Id, json!("a".repeat(256)), None);
        check(Shape::Window, json!("30d"), Some(json!("30d")));
        check(Shape::Window, json!("fortnight"), None);
        check(Shape::Time, json!("2026-11-27T11:00:00+01:00"), Some(json!("2026-11-27T10:00:00Z")));
        check(Shape::CountByName, json!({ "gpt-4o": "3" }), Some(json!({ "gpt-4o": 3 })));
        check(Shape::OneOf(&["a", "b"]), json!("c"), None);
    }

    #[test]
    fn budgets_have_one_spelling_too() {
        let one = json!({ "m": { "budget_limit": 5, "time_period": "1d" } });
        check(
            Shape::BudgetByModel,
            json!({ "m": { "max_budget": "5", "budget_duration": "1d" } }),
            Some(one),
        );
        check(Shape::BudgetByModel, json!({ "m": 5 }), Some(json!({ "m": { "budget_limit": 5 } })));
        check(Shape::BudgetByModel, json!({ "m": { "time_period": "1d" } }), None);
        check(Shape::BudgetByModel, json!({ "m": { "budget_limit": 5, "rpm_limit": 1 } }), None);
        let windows = json!([{ "budget_duration": "1d", "max_budget": 5 }]);
        check(Shape::Budgets, windows.clone(), Some(windows));
        check(Shape::Budgets, json!([{ "max_budget": 5 }]), None);
    }
}
