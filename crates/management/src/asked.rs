//! What is asked and what is answered, without anything of HTTP but its words.

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use trunkline_core::{Error, ErrorKind};

use crate::{Actor, EndpointRow};

/// A request.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The row of [`ENDPOINTS`](crate::ENDPOINTS) that it is for.
    pub row: &'static EndpointRow,
    /// What stands for `{…}` in the path, decoded.
    pub named: Option<String>,
    /// What stands behind the `?`, as it came.
    pub query: &'a str,
    /// The body. Empty where there is none.
    pub body: Map<String, Value>,
    /// Who asks.
    pub actor: &'a Actor,
}

/// A reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its body, as it is sent.
    pub body: Box<RawValue>,
}

impl Reply {
    /// A reply that all went well.
    pub(crate) fn ok(body: impl Serialize) -> Self {
        Self::of(StatusCode::OK, body)
    }

    /// A reply of this status.
    pub(crate) fn of(status: StatusCode, body: impl Serialize) -> Self {
        let body = to_raw_value(&body).expect("all names in a reply are texts");
        Self { status, body }
    }
}

/// What stands behind the `?`, taken apart.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Takes it apart. What is named and empty is as if it were not there.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if there is a name that is not one of these: a filter that is overlooked shows what it should hide.
    pub(crate) fn read(text: &str, names: &[&str]) -> Result<Self, Error> {
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name), decoded(value));
            if value.is_empty() {
                continue;
            }
            if !names.contains(&name.as_str()) {
                let message =
                    format!("there is no query parameter `{name}` here; there are {}", names.join(", "));
                return Err(Error::new(ErrorKind::InvalidRequest, message).with_param(name));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// All values of a name that may come several times, or as one with commas.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let values = self.pairs.iter().filter(|(other, _)| other == name);
        let texts = values.flat_map(|(_, value)| value.split(','));
        texts.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.text(name) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") || text == "1" => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") || text == "0" => Ok(false),
            Some(_) => Err(wrong(name, "true or false")),
        }
    }

    /// A number between 1 and a greatest one.
    pub(crate) fn number(&self, name: &str, otherwise: u64, max: u64) -> Result<u64, Error> {
        let Some(text) = self.text(name) else { return Ok(otherwise) };
        match text.parse() {
            Ok(number) if (1..=max).contains(&number) => Ok(number),
            Ok(_) | Err(_) => Err(wrong(name, &format!("a number from 1 to {max}"))),
        }
    }

    /// Which page is asked for: its number and its size.
    pub(crate) fn page(&self, size_name: &str, otherwise: u64) -> Result<PageOf, Error> {
        const PAGES_MAX: u64 = 1_000_000;
        const SIZE_MAX: u64 = 100;
        let number = self.number("page", 1, PAGES_MAX)?;
        Ok(PageOf { number, size: self.number(size_name, otherwise, SIZE_MAX)? })
    }
}

fn wrong(name: &str, words: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("`{name}` must be {words}")).with_param(name)
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// A page: its number, from 1 on, and how many stand on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageOf {
    pub(crate) number: u64,
    pub(crate) size: u64,
}

impl PageOf {
    /// How many stand before it.
    pub(crate) fn offset(self) -> u64 {
        (self.number - 1) * self.size
    }

    /// How many pages so many make.
    pub(crate) fn pages(self, total: u64) -> u64 {
        total.div_ceil(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_taken_apart() {
        let query = Query::read("a=x%2Fy+z&b=&page=2&c=1,2&c=3", &["a", "page", "c"]).expect("good");
        assert_eq!(query.text("a"), Some("x/y z"));
        assert_eq!(query.texts("c"), ["1", "2", "3"]);
        let page = query.page("size", 10).expect("good");
        assert_eq!((page.offset(), page.pages(11)), (10, 2));
        assert!(Query::read("d=1", &["a"]).is_err());
        assert!(Query::read("page=0", &["page"]).expect("good").page("size", 10).is_err());
        assert!(Query::read("a=maybe", &["a"]).expect("good").flag("a").is_err());
    }
}
