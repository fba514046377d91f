//! JSON as few programs write it and every program may: odd numbers, escapes, white space, unknown members.

use std::fmt::Write;

use super::random::Random;

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "1.0",
    "1.10",
    "1e5",
    "1E+05",
    "1e-07",
    "0.1e1",
    "100e-2",
    "12345678901234567890123",
    "9007199254740993",
    "-1.7976931348623157e308",
    "4.9e-324",
    "0.30000000000000004",
    "1E400",
];

const STRINGS: &[&str] = &[
    r"",
    r"plain",
    r"caf\u00e9",
    "café",
    r"\u0063at",
    r"a\/b",
    "a/b",
    r"\ud83d\ude00",
    "😀",
    r"\u0000",
    r"\u2028",
    "\u{2028}",
    "\u{85}",
    r#"\"usage\":{\"prompt_tokens\":9}"#,
    r"\\",
    r"\b\f\n\r\t",
    r"\u000A",
    "\u{7f}",
    "data: [DONE]",
    r"\n\ndata: {}\n\n",
];

const NAMES: &[&str] = &[
    "x",
    r"caf\u00e9",
    "é",
    r"\u006dodels",
    "providerOptions",
    "provider",
    "cache_control",
    "reasoning",
    "",
    " ",
    "a.b",
    r"a\/b",
    r"\ud83d\ude00",
    "stream_options2",
    "Model",
    "choices2",
    "next_year",
];

const SPACES: &[&str] = &["", "", "", " ", "\n", "\t", "\r\n", "  \n\t "];

/// How deep values are nested.
const DEPTH_MAX: usize = 4;

/// Writes such JSON, the same in every run.
#[derive(Debug)]
pub(crate) struct OddJson {
    random: Random,
}

impl OddJson {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed) }
    }

    /// An object with odd members put in before its own and behind them, and odd white space around it.
    pub(crate) fn with_odd_members(&mut self, object: &[u8]) -> Vec<u8> {
        let object = std::str::from_utf8(object).expect("fixtures and questions are texts").trim();
        let inside = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inside = inside.expect("fixtures and questions are objects");
        let count = 1 + self.random.below(6);
        let before = self.random.below(count + 1);
        let mut members: Vec<String> = (0..count).map(|number| self.member(number)).collect();
        if !inside.trim().is_empty() {
            members.insert(before, inside.to_owned());
        }
        let mut text = self.space().to_owned();
        text.push('{');
        self.join(&mut text, &members);
        text.push('}');
        text.push_str(self.space());
        text.into_bytes()
    }

    /// A member whose name no other number gives, unless the name itself says so.
    fn member(&mut self, number: usize) -> String {
        let name = self.random.pick(NAMES);
        let mut text = format!("\"{name}~{number}\"{}:{}", self.space(), self.space());
        self.value(&mut text, 0);
        text
    }

    fn value(&mut self, text: &mut String, depth: usize) {
        let kinds = if depth < DEPTH_MAX { 8 } else { 5 };
        match self.random.below(kinds) {
            0 | 1 => text.push_str(self.random.pick(NUMBERS)),
            2 | 3 => write!(text, "\"{}\"", self.random.pick(STRINGS)).expect("a text takes all"),
            4 => text.push_str(self.random.pick(&["true", "false", "null"])),
            5 | 6 => {
                let values: Vec<String> = (0..self.random.below(4)).map(|_| self.nested(depth)).collect();
                text.push('[');
                self.join(text, &values);
                text.push(']');
            }
            _ => {
                // Names may come twice here: only top-level members are told apart.
                let members: Vec<String> = (0..self.random.below(4))
                    .map(|_| format!("\"{}\":{}", self.random.pick(NAMES), self.nested(depth)))
                    .collect();
                text.push('{');
                self.join(text, &members);
                text.push('}');
            }
        }
    }

    fn nested(&mut self, depth: usize) -> String {
        let mut text = String::new();
        self.value(&mut text, depth + 1);
        text
    }

    fn join(&mut self, text: &mut String, parts: &[String]) {
        text.push_str(self.space());
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                write!(text, "{},{}", self.space(), self.space()).expect("a text takes all");
            }
            text.push_str(part);
        }
        text.push_str(self.space());
    }

    fn space(&mut self) -> &'static str {
        self.random.pick(SPACES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_json_and_keeps_what_was_there() {
        let mut odd = OddJson::new(3);
        for _ in 0..2000 {
            let text = odd.with_odd_members(br#"{"model": "m", "messages": []}"#);
            let text = String::from_utf8(text).unwrap();
            let members: std::collections::BTreeMap<String, &serde_json::value::RawValue> =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(members["model"].get(), "\"m\"");
            assert!(members.len() > 2, "{text}");
        }
    }
}
