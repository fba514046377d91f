//! Times and lengths of time, as LiteLLM writes them.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// A length of time: `30s`, `30m`, `30h`, `30d`, `30w` or `1mo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    number: i64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds(i64),
    Months,
}

/// Longer lengths are taken for a slip.
const YEARS_MAX: i64 = 1_000;

impl Length {
    /// The length that a text means.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        const DAY: i64 = 24 * 60 * 60;
        let text = text.trim();
        let at = text.find(|letter: char| !letter.is_ascii_digit())?;
        let number = text[..at].parse().ok().filter(|number| *number > 0)?;
        let unit = match &text[at..] {
            "s" => Unit::Seconds(1),
            "m" => Unit::Seconds(60),
            "h" => Unit::Seconds(60 * 60),
            "d" => Unit::Seconds(DAY),
            "w" => Unit::Seconds(7 * DAY),
            "mo" => Unit::Months,
            _ => return None,
        };
        let years = match unit {
            Unit::Seconds(seconds) => i64::checked_mul(number, seconds)? / (365 * DAY),
            Unit::Months => number / 12,
        };
        (years <= YEARS_MAX).then_some(Self { number, unit })
    }

    /// The time that comes so long after another, both in milliseconds since 1970.
    pub(crate) fn after(self, now: i64) -> Option<i64> {
        match self.unit {
            Unit::Seconds(seconds) => now.checked_add(self.number.checked_mul(seconds)?.checked_mul(1_000)?),
            Unit::Months => {
                let now = Timestamp::from_millisecond(now).ok()?.to_zoned(TimeZone::UTC);
                let span = Span::new().try_months(self.number).ok()?;
                Some(now.checked_add(span).ok()?.timestamp().as_millisecond())
            }
        }
    }
}

/// Whether a text is the window of a budget: a length, or one of LiteLLM's words for some.
pub(crate) fn is_window(text: &str) -> bool {
    matches!(text, "hourly" | "daily" | "weekly" | "monthly") || Length::parse(text).is_some()
}

/// A time as a text.
pub(crate) fn text(at: i64) -> Option<String> {
    Timestamp::from_millisecond(at).ok().map(|time| time.to_string())
}

/// The time that a text means, in milliseconds since 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(length: &str, expected: Option<&str>) {
        let now = parse("2028-01-31T10:00:00Z").expect("a time");
        let after = Length::parse(length).and_then(|length| length.after(now)).and_then(text);
        assert_eq!(after.as_deref(), expected, "{length}");
    }

    #[test]
    fn a_length_leads_to_a_time() {
        check("30s", Some("2028-01-31T10:00:30Z"));
        check("30m", Some("2028-01-31T10:30:00Z"));
        check("30h", Some("2028-02-01T16:00:00Z"));
        check("30d", Some("2028-03-01T10:00:00Z"));
        check("2w", Some("2028-02-14T10:00:00Z"));
        check("1mo", Some("2028-02-29T10:00:00Z"));
        for wrong in ["", "d", "0d", "-1", "30", "30y", "3 d", "99999999999999999999d", "9999999d"] {
            check(wrong, None);
        }
    }
}
