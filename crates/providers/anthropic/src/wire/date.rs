//! Moments in time as RFC 3339 writes them: `2025-02-19T00:00:00Z`.

use jiff::Timestamp;

/// The Unix seconds of a moment from 1970 on. Fractions of a second are dropped.
///
/// `None` for what is no such text, and for anything earlier.
pub(super) fn unix_seconds(text: &str) -> Option<u64> {
    let moment: Timestamp = text.trim().parse().ok()?;
    u64::try_from(moment.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(unix_seconds(text), expected, "{text}");
    }

    #[test]
    fn moments() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2024-02-29T23:59:59.999Z", Some(1_709_251_199));
        check("2026-11-23T04:30:00+02:00", Some(1_795_401_000));
        check(" 2026-11-22T21:30:00-05:00", Some(1_795_401_000));
    }

    #[test]
    fn what_is_no_moment() {
        for text in ["", "2025-02-19", "2025-13-19T00:00:00Z", "1969-12-31T23:59:59Z", "soon", "ä-ö-üTß:ß:ßZ"]
        {
            check(text, None);
        }
    }
}
