//! YAML as a tree in which every key and every value knows its place.

use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_saphyr::{DuplicateKeyPolicy, NonFiniteFloatPolicy, Spanned};

use crate::Location;
use crate::diagnostic::Report;

/// Deeper nesting than this is refused.
const DEPTH_MAX: usize = 64;

/// A value and where it stands. It has no `Debug`, since it may hold keys.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) location: Location,
}

#[derive(Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

/// A key of a mapping with its value.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) location: Location,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The members of a mapping; `None` if it is anything else. An absent value counts as an empty mapping.
    pub(crate) fn members(&self) -> Option<&[Member]> {
        match &self.value {
            Value::Map(members) => Some(members),
            Value::Null => Some(&[]),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => None,
        }
    }

    /// The items of a list; `None` if it is anything else. An absent value counts as an empty list.
    pub(crate) fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            Value::Null => Some(&[]),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Map(_) => None,
        }
    }

    /// What it is, in a word, for messages that must not show the value.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "empty",
            Value::Bool(_) => "true or false",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The value as JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a tree of texts, numbers and lists is valid JSON")
    }
}

/// The member of that name.
pub(crate) fn member<'a>(members: &'a [Member], key: &str) -> Option<&'a Member> {
    members.iter().find(|member| member.key == key)
}

/// Reads a YAML document. Of a key that stands twice the later one counts, as in LiteLLM, and a warning
/// says so.
pub(crate) fn read(text: &str, file: &Arc<str>, report: &mut Report) -> Result<Node, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        leading_zero_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    let raw: Option<Spanned<Raw>> = serde_saphyr::from_str_with_options(text, options)?;
    Ok(match raw {
        Some(raw) => Document { text, file }.located(raw, report),
        None => Node { value: Value::Null, location: Location::whole(file) },
    })
}

/// What the parser hands over, before it is known which file it came from.
enum Raw {
    Leaf(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Key>, Spanned<Raw>)>),
}

/// A mapping's key. YAML allows numbers and the like; they count as their text.
struct Key(String);

/// The text that is being read.
struct Document<'a> {
    text: &'a str,
    file: &'a Arc<str>,
}

impl Document<'_> {
    fn located(&self, raw: Spanned<Raw>, report: &mut Report) -> Node {
        let value = match raw.value {
            Raw::Leaf(Value::Bool(value)) => self.letter(raw.defined).map_or(Value::Bool(value), Value::Text),
            Raw::Leaf(value) => value,
            Raw::List(items) => {
                Value::List(items.into_iter().map(|item| self.located(item, report)).collect())
            }
            Raw::Map(pairs) => Value::Map(self.members(pairs, report)),
        };
        Node { value, location: self.place(raw.referenced) }
    }

    fn members(&self, pairs: Vec<(Spanned<Key>, Spanned<Raw>)>, report: &mut Report) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::with_capacity(pairs.len());
        for (key, raw) in pairs {
            let location = self.place(key.referenced);
            let node = self.located(raw, report);
            let key = key.value.0;
            if let Some(earlier) = members.iter_mut().find(|member| member.key == key) {
                let message = format!("stands twice; it replaces the one of line {}", earlier.location.line);
                report.warn(&location, &key, message);
                *earlier = Member { key, location, node };
            } else {
                members.push(Member { key, location, node });
            }
        }
        members
    }

    fn place(&self, at: serde_saphyr::Location) -> Location {
        Location { file: Arc::clone(self.file), line: at.line(), column: at.column() }
    }

    /// The letter of a `y` or `n`. YAML 1.1 calls them booleans and so does the parser; Python's, which
    /// LiteLLM uses, leaves them alone.
    fn letter(&self, at: serde_saphyr::Location) -> Option<String> {
        let (start, length) = (at.span().byte_offset()?, at.span().byte_len()?);
        let start = usize::try_from(start).ok()?;
        (length == 1).then(|| self.text.get(start..=start).map(str::to_owned)).flatten()
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Integer(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Integer(value.into())))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Integer(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Text(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Raw, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = mapping.next_entry()? {
            pairs.push(pair);
        }
        Ok(Raw::Map(pairs))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The parser gives any plain scalar as text when text is asked for.
        let key = Option::<String>::deserialize(deserializer)?;
        Ok(Self(key.unwrap_or_else(|| "null".to_owned())))
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i128(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Value::Map(members) => {
                let mut mapping = serializer.serialize_map(Some(members.len()))?;
                for member in members {
                    mapping.serialize_entry(&member.key, &member.node)?;
                }
                mapping.end()
            }
        }
    }
}
