//! What time it is for the simulator, and how the wire spells it.

use std::time::{SystemTime, UNIX_EPOCH};

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_SECONDS: u64 = 86_400;

/// The system's clock, or one that stands still.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) fixed_seconds: Option<u64>,
}

impl Clock {
    pub(crate) fn now_ms(self) -> u64 {
        self.fixed_seconds.map_or_else(
            || {
                let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
            },
            |seconds| seconds.saturating_mul(1_000),
        )
    }

    pub(crate) fn now_seconds(self) -> u64 {
        self.now_ms() / 1_000
    }
}

/// As `retry-after` spells a date: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / DAY_SECONDS);
    let weekday = WEEKDAYS[usize::try_from(seconds / DAY_SECONDS % 7).unwrap_or_default()];
    let month = MONTHS[month - 1];
    format!("{weekday}, {day:02} {month} {year} {} GMT", time_of_day(seconds))
}

/// As JSON spells a date: `1994-11-06T08:49:37.000Z`.
pub(crate) fn iso_date(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    let (year, month, day) = civil(seconds / DAY_SECONDS);
    format!("{year}-{month:02}-{day:02}T{}.{:03}Z", time_of_day(seconds), milliseconds % 1_000)
}

fn time_of_day(seconds: u64) -> String {
    let second = seconds % DAY_SECONDS;
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// Year, month (1–12) and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let mut year = 1970;
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

fn leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_spelt_as_the_standards_do() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(iso_date(1_709_210_096_007), "2024-02-29T12:34:56.007Z");
        assert_eq!(iso_date(1_790_000_000_000), "2026-09-21T14:13:20.000Z");
    }
}
