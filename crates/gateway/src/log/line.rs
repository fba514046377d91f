//! One line of log, spelled as tracing-subscriber would, field by field and without its detours.

use std::io::Write;
use std::time::SystemTime;

use jiff::{Timestamp, tz::Offset};
use rust_decimal::Decimal;

use super::LogForm;

/// What most lines fit into, in bytes.
const LINE_BYTES: usize = 512;

/// What stands in front of a value, in both forms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spelling {
    pub(super) text: &'static str,
    pub(super) json: &'static str,
}

/// Level and message. Both are literals of ours, in which nothing needs an escape.
macro_rules! opening {
    (INFO, $message:literal) => {
        $crate::log::line::opening!(@ "INFO", "  INFO ", $message)
    };
    (WARN, $message:literal) => {
        $crate::log::line::opening!(@ "WARN", "  WARN ", $message)
    };
    (ERROR, $message:literal) => {
        $crate::log::line::opening!(@ "ERROR", " ERROR ", $message)
    };
    (@ $level:literal, $padded:literal, $message:literal) => {
        $crate::log::line::Spelling {
            text: concat!($padded, $message),
            json: concat!("\",\"level\":\"", $level, "\",\"message\":\"", $message, "\""),
        }
    };
}

/// The name of a field.
macro_rules! field {
    ($name:literal) => {
        $crate::log::line::Spelling { text: concat!(" ", $name, "="), json: concat!(",\"", $name, "\":") }
    };
}

pub(super) use {field, opening};

/// A line that is being written.
#[derive(Debug)]
pub(super) struct Line {
    form: LogForm,
    bytes: Vec<u8>,
}

impl Line {
    /// Begins a line: when it is, its level, its message.
    pub(super) fn open(form: LogForm, opening: Spelling) -> Self {
        let mut line = Self { form, bytes: Vec::with_capacity(LINE_BYTES) };
        if form == LogForm::Json {
            line.bytes.extend_from_slice(b"{\"timestamp\":\"");
        }
        line.bytes.extend_from_slice(&time(SystemTime::now()));
        line.name(opening);
        line
    }

    pub(super) fn close(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(match self.form {
            LogForm::Text => b"\n",
            LogForm::Json => b"}\n",
        });
        self.bytes
    }

    fn name(&mut self, name: Spelling) {
        let name = match self.form {
            LogForm::Text => name.text,
            LogForm::Json => name.json,
        };
        self.bytes.extend_from_slice(name.as_bytes());
    }

    /// A text in quotes. What could end it, or the line, is escaped.
    pub(super) fn string(&mut self, name: Spelling, value: &str) {
        self.name(name);
        if is_plain(value.as_bytes()) {
            self.bytes.push(b'"');
            self.bytes.extend_from_slice(value.as_bytes());
            self.bytes.push(b'"');
            return;
        }
        // Writing into a Vec cannot fail, and every text can be spelled.
        let _ = match self.form {
            LogForm::Text => write!(self.bytes, "{value:?}"),
            LogForm::Json => serde_json::to_writer(&mut self.bytes, value).map_err(Into::into),
        };
    }

    pub(super) fn number(&mut self, name: Spelling, value: u64) {
        self.name(name);
        self.digits(value, 1);
    }

    pub(super) fn flag(&mut self, name: Spelling, value: bool) {
        self.name(name);
        self.bytes.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// An amount, as a text: JSON's numbers are no decimals.
    pub(super) fn amount(&mut self, name: Spelling, value: Decimal) {
        self.name(name);
        self.bytes.push(b'"');
        match u64::try_from(value.mantissa()) {
            Ok(digits) if !value.is_sign_negative() => {
                let scale = value.scale() as usize;
                self.digits(digits, scale + 1);
                if scale > 0 {
                    self.bytes.insert(self.bytes.len() - scale, b'.');
                }
            }
            _ => {
                let _ = write!(self.bytes, "{value}");
            }
        }
        self.bytes.push(b'"');
    }

    /// Microseconds as milliseconds, spelled as the shortest floating-point number for them.
    pub(super) fn milliseconds(&mut self, name: Spelling, microseconds: u64) {
        self.name(name);
        self.digits(microseconds / 1000, 1);
        self.bytes.push(b'.');
        let start = self.bytes.len();
        self.digits(microseconds % 1000, 3);
        while self.bytes.len() > start + 1 && self.bytes.last() == Some(&b'0') {
            self.bytes.pop();
        }
    }

    /// A number, with zeros in front where it has fewer digits than these.
    fn digits(&mut self, mut value: u64, at_least: usize) {
        // A u64 has 20 digits at most, and a decimal 28 behind its point.
        let mut digits = [b'0'; 32];
        let mut start = digits.len();
        while value > 0 {
            start -= 1;
            digits[start] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        start = start.min(digits.len() - at_least);
        self.bytes.extend_from_slice(&digits[start..]);
    }
}

/// Whether a text is spelled as it is: printable ASCII without quotes and backslashes.
fn is_plain(bytes: &[u8]) -> bool {
    // Without a way out in the middle the compiler looks at many bytes at once.
    bytes.iter().fold(true, |plain, byte| {
        plain & (*byte >= b' ') & (*byte < 0x7f) & (*byte != b'"') & (*byte != b'\\')
    })
}

/// `2026-01-31T12:00:00.000000Z`. A clock outside of the years 1 to 9999 counts as 1970.
fn time(now: SystemTime) -> [u8; 27] {
    let time = Offset::UTC.to_datetime(Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH));
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let mut put = |end: usize, mut value: u32| {
        let mut at = end;
        while value > 0 {
            at -= 1;
            text[at] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(4, time.year().unsigned_abs().into());
    put(7, time.month().unsigned_abs().into());
    put(10, time.day().unsigned_abs().into());
    put(13, time.hour().unsigned_abs().into());
    put(16, time.minute().unsigned_abs().into());
    put(19, time.second().unsigned_abs().into());
    put(26, time.subsec_nanosecond().unsigned_abs() / 1000);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    /// What a value looks like behind its name, as text and as JSON.
    fn spelled(put: impl Fn(&mut Line)) -> (String, String) {
        let value = |form, begin: &str| {
            let mut line = Line { form, bytes: Vec::new() };
            put(&mut line);
            let text = String::from_utf8(line.bytes).expect("text");
            text.strip_prefix(begin).expect("its name").to_owned()
        };
        (value(LogForm::Text, " a.b="), value(LogForm::Json, ",\"a.b\":"))
    }

    fn check_time(after_epoch: Duration, expected: &str) {
        assert_eq!(std::str::from_utf8(&time(UNIX_EPOCH + after_epoch)), Ok(expected));
    }

    #[test]
    fn times_are_spelled_in_full() {
        check_time(Duration::ZERO, "1970-01-01T00:00:00.000000Z");
        check_time(Duration::new(951_827_696, 7_999), "2000-02-29T12:34:56.000007Z");
        check_time(Duration::new(1_798_761_599, 999_999_999), "2026-12-31T23:59:59.999999Z");
    }

    #[test]
    fn a_text_cannot_end_its_line_or_its_quotes() {
        let (text, json) =
            spelled(|line| line.string(field!("a.b"), "x\" status=200\r\nforged\x1b[2J\u{85}\u{2028}"));
        assert_eq!(text, r#""x\" status=200\r\nforged\u{1b}[2J\u{85}\u{2028}""#);
        assert_eq!(json, "\"x\\\" status=200\\r\\nforged\\u001b[2J\u{85}\u{2028}\"");
    }

    proptest! {
        #[test]
        fn texts_are_spelled_as_their_debug_form_or_as_json(value in any::<String>()) {
            let (text, json) = spelled(|line| line.string(field!("a.b"), &value));
            prop_assert_eq!(text, format!("{value:?}"));
            prop_assert_eq!(json, serde_json::to_string(&value).expect("a text"));
        }

        #[test]
        fn numbers_are_spelled_as_they_are(value in any::<u64>(), shift in 0_u32..64) {
            let value = value >> shift;
            let (text, json) = spelled(|line| line.number(field!("a.b"), value));
            prop_assert_eq!(&text, &value.to_string());
            prop_assert_eq!(text, json);
        }

        #[test]
        fn amounts_are_spelled_as_decimals_are(value in any::<i64>(), shift in 0_u32..64, scale in 0_u32..=28) {
            let value = Decimal::new(value >> shift, scale);
            let (text, json) = spelled(|line| line.amount(field!("a.b"), value));
            prop_assert_eq!(&text, &format!("\"{value}\""));
            prop_assert_eq!(text, json);
        }

        #[test]
        fn durations_are_spelled_as_floating_point_numbers_are(value in 0_u64..1_000_000_000_000_000, shift in 0_u32..50) {
            let value = value >> shift;
            let (text, json) = spelled(|line| line.milliseconds(field!("a.b"), value));
            let float = value as f64 / 1e3;
            prop_assert_eq!(&text, &format!("{float:?}"));
            prop_assert_eq!(json, serde_json::to_string(&float).expect("a number"));
        }
    }
}
