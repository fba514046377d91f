//! A price file in the form of LiteLLM's `model_prices_and_context_window.json`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use trunkline_core::{Error, ErrorKind, json};

use crate::members::Reader;
use crate::price::Price;

/// How deep a price file may be nested.
const DEPTH_MAX: usize = 16;
/// The row that explains the others.
const SAMPLE: &str = "sample_spec";

/// The prices of a file in the form of LiteLLM's `model_prices_and_context_window.json`, by model.
///
/// ```
/// use trunkline_prices::PriceFile;
///
/// let file = PriceFile::parse(r#"{"openai/m": {"input_cost_per_token": 2e-06, "max_input_tokens": 128000}}"#)?;
/// assert_eq!(file.get("openai/m").and_then(|price| price.input_tokens_max), Some(128_000));
/// # Ok::<(), trunkline_core::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct PriceFile {
    rows: HashMap<Box<str>, Price>,
}

impl PriceFile {
    /// Reads a whole file, whose prices then name `price file` as their source.
    ///
    /// A row without a price and without limits is kept; of two rows with one name, the later one counts.
    ///
    /// # Errors
    /// As [`parse_from`](Self::parse_from).
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_from(text, "price file")
    }

    /// Reads a whole file, whose prices then name `source`: a path, say.
    ///
    /// # Errors
    /// `Configuration` if the text is not a JSON object of objects, or if a row cannot be read; the message names
    /// `source`, and the row with its member. [`Price::from_members`] says what is read of a row.
    pub fn parse_from(text: &str, source: &str) -> Result<Self, Error> {
        let refused = |message: String| Error::new(ErrorKind::Configuration, format!("{source}: {message}"));
        let bytes = text.as_bytes();
        json::validate(bytes, DEPTH_MAX)
            .map_err(|error| refused("is not JSON".to_owned()).with_source(error))?;
        if !text.trim_start().starts_with('{') {
            return Err(refused("is not an object of models".to_owned()));
        }
        let source: Arc<str> = Arc::from(source);
        let mut rows = HashMap::new();
        for member in json::members(bytes) {
            let raw = &bytes[member.value];
            let name =
                unescaped(member.key).ok_or_else(|| refused("has a name that is no text".to_owned()))?;
            if *name == *SAMPLE {
                continue;
            }
            let price = row(raw, &source).map_err(|what| refused(format!("row `{name}`: {what}")))?;
            rows.insert(name, price);
        }
        Ok(Self { rows })
    }

    /// The row that is called `model`, to the letter.
    pub fn get(&self, model: &str) -> Option<&Price> {
        self.rows.get(model)
    }

    /// Every row, in no order.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Price)> {
        self.rows.iter().map(|(name, price)| (&**name, price))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Debug for PriceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceFile").field("rows", &self.rows.len()).finish()
    }
}

fn row(raw: &[u8], source: &Arc<str>) -> Result<Price, String> {
    if !raw.starts_with(b"{") {
        return Err("is not an object".to_owned());
    }
    let mut reader = Reader::default();
    for member in json::members(raw) {
        let name = unescaped(member.key).ok_or("has a member whose name is no text")?;
        reader.read(&name, &raw[member.value]).map_err(|problem| problem.text())?;
    }
    Ok(reader.finish(source))
}

/// A name as it was meant, from between its quotes.
fn unescaped(key: &[u8]) -> Option<Box<str>> {
    let quoted = [b"\"", key, b"\""].concat();
    json::string(&quoted).map(|name| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_the_sample_is_not() {
        let file = PriceFile::parse_from(
            r#"{"sample_spec": {"max_tokens": "a number", "max_input_tokens": "a number"},
                "a\/b": {"input_cost_per_token": 1e-06}, "c": {}, "d": {"input_cost_per_token": 1},
                "d": {"input_cost_per_token": 2}}"#,
            "prices.json",
        )
        .expect("a price file");
        assert_eq!(file.len(), 3);
        let price = file.get("a/b").expect("it is there");
        assert_eq!(price.rates.input.map(|rate| rate.to_string()).as_deref(), Some("0.000001"));
        assert_eq!(&*price.source, "prices.json");
        assert!(!file.get("c").expect("it is there").is_known());
        assert_eq!(file.get("d").and_then(|price| price.rates.input), Some(2.into()));
    }

    #[test]
    fn one_bad_row_refuses_the_file_and_is_named() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let error = PriceFile::parse(text).expect_err("it is no price file");
            assert_eq!((error.kind(), error.message()), (ErrorKind::Configuration, expected));
        }
        check("{", "price file: is not JSON");
        check("[]", "price file: is not an object of models");
        check(r#"{"a": {}, "b": 7}"#, "price file: row `b`: is not an object");
        check(
            r#"{"a": {}, "b": {"input_cost_per_token": [1]}}"#,
            "price file: row `b`: `input_cost_per_token` is not an amount of US dollars, zero or more: [1]",
        );
    }
}
