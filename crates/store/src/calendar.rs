//! Times as people write them, in UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The day in UTC that a time is on, in milliseconds since 1970: `2026-11-27`. A time that no calendar has is its number.
pub fn day(time: i64) -> String {
    Timestamp::from_millisecond(time)
        .map_or_else(|_| time.to_string(), |time| TimeZone::UTC.to_datetime(time).date().to_string())
}

/// `2026-11-27T10`.
pub(crate) fn hour(time: i64) -> String {
    let Ok(timestamp) = Timestamp::from_millisecond(time) else { return time.to_string() };
    format!("{}T{:02}", day(time), TimeZone::UTC.to_datetime(timestamp).hour())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_days_and_hours() {
        assert_eq!(day(1_795_773_600_000), "2026-11-27");
        assert_eq!(hour(1_795_773_600_000), "2026-11-27T10");
        assert_eq!(day(i64::MIN), i64::MIN.to_string());
    }
}
