//! Random JSON, as values and as text in many spellings, and text that was JSON until something happened to it.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// Any value, a few levels deep.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        string().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(string(), inner, 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Any object. Few names are shared, so that edits meet members that are there.
pub(crate) fn object() -> impl Strategy<Value = Map<String, Value>> {
    btree_map(name(), value(), 0..8).prop_map(|members| members.into_iter().collect())
}

/// A member's name: from a handful, or any.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => proptest::sample::select(&["a", "b", "c", "model", "é\"\n", "\\u0061", ""][..]).prop_map(str::to_owned), 1 => string()]
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z\"\\\\\n\u{0}\u{1f}é😀]{0,40}"]
}

/// One of many spellings of a value: white space anywhere, and any character of a string as an escape.
pub(crate) fn spelled(value: &Value, seed: u64) -> String {
    let mut spelling = Spelling { text: String::new(), state: seed };
    spelling.value(value);
    spelling.text
}

struct Spelling {
    text: String,
    state: u64,
}

impl Spelling {
    /// The next of a sequence of small numbers that the seed decides (Knuth's linear congruence).
    fn choice(&mut self, of: u64) -> u64 {
        self.state = self.state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.state >> 33) % of
    }

    fn space(&mut self) {
        let spaces = ["", "", "", " ", "\n\t", "\r\n  "];
        let choice = self.choice(spaces.len() as u64) as usize;
        self.text.push_str(spaces[choice]);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => self.text.push_str(&value.to_string()),
            Value::String(string) => self.string(string),
            Value::Array(elements) => self.list('[', elements, ']', Self::value),
            Value::Object(members) => self.list('{', members, '}', |spelling, (name, value)| {
                spelling.string(name);
                spelling.space();
                spelling.text.push(':');
                spelling.space();
                spelling.value(value);
            }),
        }
    }

    fn list<T>(
        &mut self,
        opening: char,
        items: impl IntoIterator<Item = T>,
        closing: char,
        item: impl Fn(&mut Self, T),
    ) {
        self.text.push(opening);
        self.space();
        for (position, one) in items.into_iter().enumerate() {
            if position > 0 {
                self.text.push(',');
                self.space();
            }
            item(self, one);
            self.space();
        }
        self.text.push(closing);
    }

    fn string(&mut self, string: &str) {
        self.text.push('"');
        for character in string.chars() {
            if self.choice(8) == 0 {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    self.text.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                let quoted = Value::from(character.to_string()).to_string();
                self.text.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
        self.text.push('"');
    }
}

/// Bytes that are nearly JSON: a spelled value with a few bytes changed, put in, taken out or cut off.
pub(crate) fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<proptest::sample::Index>(), 0..4u8, fragment());
    (value(), any::<u64>(), vec(edit, 0..4)).prop_map(|(value, seed, edits)| {
        let mut text = spelled(&value, seed).into_bytes();
        for (position, action, fragment) in edits {
            let at = position.index(text.len() + 1);
            let end = (at + 1).min(text.len());
            match action {
                0 => drop(text.splice(at..at, fragment)),
                1 => drop(text.splice(at..end, fragment)),
                2 => drop(text.splice(at..end, [])),
                _ => text.truncate(at.max(1)),
            }
        }
        text
    })
}

/// What matters to a JSON parser, and now and then any byte.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let telling: &[&[u8]] = &[
        b"\"",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"-",
        b"+",
        b".",
        b"e",
        b"E5",
        b"0",
        b"00",
        b"1",
        b"t",
        b"null",
        b"true",
        b"false",
        b"NaN",
        b"Infinity",
        b"\\u",
        b"\\u0000",
        b"\\ud83d",
        b"\\ude00",
        b"\\ud83d\\ude00",
        b"\\n",
        b"\n",
        b"\0",
        b"\x1f",
        b"\x7f",
        b"\x80",
        b"\xc3",
        b"\xc3\xa9",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xf0\x9f\x98\x80",
        b" ",
        b"\x0b",
        b"\"\"",
        b"\"a\":",
        b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    ];
    prop_oneof![
        6 => proptest::sample::select(telling).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 1..4),
    ]
}
