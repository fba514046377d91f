//! Reads text that is known to be JSON from its beginning to its end, once.

use super::strings::string_end;
use super::walk::{container_end, space_end, value_span};

/// A position in text that is known to be JSON, which goes forward only: for those who read nearly all of it.
/// [`members`](super::members) and [`elements`](super::elements) look for the end of a value before it is read, which is
/// one look more for each level that a text lies deep.
///
/// ```
/// use trunkline_core::json::Reader;
///
/// let mut reader = Reader::new(br#"{"texts": ["one", "two"], "others": {"n": 3}}"#);
/// let mut texts = Vec::new();
/// reader.enter();
/// while let Some(key) = reader.key() {
///     if key != b"texts" {
///         reader.skip();
///         continue;
///     }
///     reader.enter();
///     while reader.element() {
///         texts.extend(reader.string());
///     }
/// }
/// assert_eq!(texts, [b"one", b"two"]);
/// ```
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the beginning of a value.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: space_end(text, 0) }
    }

    /// What the value here begins with. `None` where there is none.
    pub fn first(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// How far it has come, in bytes.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Passes over a string, and gives what stands between its quotes, escapes as they are. Passes over the rest of the text
    /// where none begins here.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let end = if self.first() == Some(b'"') { string_end(self.text, start) } else { None };
        self.at = end.unwrap_or(self.text.len());
        self.text.get(start + 1..end? - 1)
    }

    /// Passes over a value of any type, and gives its text. Passes over the rest of the text where none begins here. Long
    /// strings cost least of all.
    pub fn skip(&mut self) -> &'a [u8] {
        let (text, start) = (self.text, self.at);
        let end = match self.first() {
            Some(b'{' | b'[') => container_end(text, start, |quote| string_end(text, quote)),
            _ => value_span(text, start).map(|span| span.end),
        };
        self.at = end.unwrap_or(text.len());
        end.map_or(&[], |end| &text[start..end])
    }

    /// Steps into the object or the array that begins here.
    pub fn enter(&mut self) {
        self.at = self.text.len().min(self.at + 1);
    }

    /// The name of the next member of the object that was entered last, as it is written, without its quotes and with its
    /// escapes; its value is read next. `None` at the end of the object, which is passed over then.
    pub fn key(&mut self) -> Option<&'a [u8]> {
        if !self.goes_on() {
            return None;
        }
        let key = self.string()?;
        // Behind the colon.
        let colon = space_end(self.text, self.at);
        self.at = space_end(self.text, self.text.len().min(colon + 1));
        Some(key)
    }

    /// Whether the array that was entered last has another element, which is read next. Its end is passed over.
    pub fn element(&mut self) -> bool {
        self.goes_on()
    }

    /// Steps to the next item, or past the end of what was entered.
    fn goes_on(&mut self) -> bool {
        self.at = space_end(self.text, self.at);
        match self.first() {
            Some(b'}' | b']') => {
                self.at += 1;
                false
            }
            Some(b',') => {
                self.at = space_end(self.text, self.at + 1);
                true
            }
            Some(_) => true,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    /// Reads a value member by member and element by element; members of some names are passed over.
    fn read(reader: &mut Reader<'_>) -> Value {
        match reader.first() {
            Some(b'{') => {
                reader.enter();
                let mut members = Map::new();
                while let Some(key) = reader.key() {
                    let key = String::from_utf8(key.to_vec()).expect("a text");
                    let value = if key.starts_with('a') {
                        serde_json::from_slice(reader.skip()).expect("a value")
                    } else {
                        read(reader)
                    };
                    members.insert(key, value);
                }
                Value::Object(members)
            }
            Some(b'[') => {
                reader.enter();
                let mut elements = Vec::new();
                while reader.element() {
                    elements.push(read(reader));
                }
                Value::Array(elements)
            }
            Some(b'"') => {
                let inside = reader.string().expect("a string");
                serde_json::from_slice(&[b"\"", inside, b"\""].concat()).expect("a string")
            }
            _ => serde_json::from_slice(reader.skip()).expect("a value"),
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~\\n\u{e9}\u{6c49}]{0,80}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map("[a-c]{1,3}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_stands_there(value in value(), spaced: bool) {
            let text = if spaced { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.expect("JSON");
            let mut reader = Reader::new(text.as_bytes());
            prop_assert_eq!(read(&mut reader), value);
            prop_assert_eq!(reader.position(), text.len());
        }

        /// It ends, whatever it is given and whatever is asked of it.
        #[test]
        fn what_is_no_json_ends_too(
            text in proptest::collection::vec(proptest::sample::select(&b"{}[]\",:\\a1 "[..]), 0..40),
            asked in proptest::collection::vec(0..5_u8, 0..80),
        ) {
            let mut reader = Reader::new(&text);
            for what in asked {
                let before = reader.position();
                match what {
                    0 => _ = reader.string(),
                    1 => _ = reader.skip(),
                    2 => reader.enter(),
                    3 => _ = reader.key(),
                    _ => _ = reader.element(),
                }
                prop_assert!(before <= reader.position() && reader.position() <= text.len());
            }
        }
    }
}
