//! The time after which a budget begins anew, aligned to the calendar in UTC.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;
/// The first Monday of 1970 was the 5th of January.
const MONDAY_MS: i64 = 4 * DAY_MS;

/// The time after which a budget begins anew, as LiteLLM's `budget_duration` says it.
///
/// The windows of a period follow one another without a gap, and are the same wherever and whenever they are asked for:
///
/// | period | a window begins |
/// | --- | --- |
/// | `30s`, `30m`, `5h` | at multiples of it since 1970, so that whole hours and days begin one where it divides them |
/// | `1d` | at midnight |
/// | `7d`, `1w` | on Monday |
/// | `30d`, `1mo` | on the first of the month |
/// | other days, weeks, months | at midnight, on Monday, on the first: at multiples of it since 1970 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    count: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

impl Unit {
    const ALL: [Self; 6] = [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month];

    fn name(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "d",
            Self::Week => "w",
            Self::Month => "mo",
        }
    }
}

/// What one window after another is cut by.
enum Grid {
    /// So many milliseconds, from this time on.
    Even { length_ms: i64, from_ms: i64 },
    /// So many months.
    Months(i64),
}

impl Period {
    /// From midnight to midnight.
    pub const DAILY: Self = Self { count: 1, unit: Unit::Day };

    /// Reads `30s`, `30m`, `5h`, `1d`, `30w`, `1mo`, or a word: `hourly`, `daily`, `weekly`, `monthly`. What is none of
    /// them is a day, as in LiteLLM.
    pub fn parse(text: &str) -> Self {
        Self::read(text).unwrap_or(Self::DAILY)
    }

    /// The same, and `None` for what is no period.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let text = match text.as_str() {
            "hourly" => "1h",
            "daily" => "1d",
            "weekly" => "7d",
            "monthly" => "1mo",
            text => text,
        };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, name) = text.split_at(digits);
        let unit = Unit::ALL.into_iter().find(|unit| unit.name() == name)?;
        let count = count.parse().ok().filter(|count| *count > 0)?;
        Some(Self { count, unit })
    }

    /// When the window began that a time is in.
    pub fn begins_at(self, now_ms: i64) -> i64 {
        match self.grid() {
            Grid::Even { length_ms, from_ms } => {
                now_ms.saturating_sub(now_ms.saturating_sub(from_ms).rem_euclid(length_ms))
            }
            Grid::Months(count) => month_of(now_ms)
                .and_then(|month| month_begins_at(month - month.rem_euclid(count)))
                .unwrap_or(i64::MIN),
        }
    }

    /// When that window ends, and the next one begins.
    pub fn ends_at(self, now_ms: i64) -> i64 {
        match self.grid() {
            Grid::Even { length_ms, .. } => self.begins_at(now_ms).saturating_add(length_ms),
            Grid::Months(count) => month_of(now_ms)
                .and_then(|month| month_begins_at(month - month.rem_euclid(count) + count))
                .unwrap_or(i64::MAX),
        }
    }

    /// About how long a window is, in milliseconds: a month counts as 30 days.
    pub fn nominal_ms(self) -> i64 {
        const MONTH_MS: i64 = 30 * DAY_MS;
        match self.grid() {
            Grid::Even { length_ms, .. } => length_ms,
            Grid::Months(count) => count.saturating_mul(MONTH_MS),
        }
    }

    fn grid(self) -> Grid {
        let count = i64::from(self.count);
        let even = |unit_ms: i64, from_ms: i64| Grid::Even { length_ms: count * unit_ms, from_ms };
        match self.unit {
            Unit::Second => even(SECOND_MS, 0),
            Unit::Minute => even(MINUTE_MS, 0),
            Unit::Hour => even(HOUR_MS, 0),
            Unit::Day if self.count == 7 => even_weeks(1),
            Unit::Day if self.count == 30 => Grid::Months(1),
            Unit::Day => even(DAY_MS, 0),
            Unit::Week => even_weeks(count),
            Unit::Month => Grid::Months(count),
        }
    }
}

fn even_weeks(count: i64) -> Grid {
    Grid::Even { length_ms: count * WEEK_MS, from_ms: MONDAY_MS }
}

/// The month that a time is in, counted from the first one of the year 0.
fn month_of(now_ms: i64) -> Option<i64> {
    let date = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(TimeZone::UTC).date();
    Some(i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
}

fn month_begins_at(month: i64) -> Option<i64> {
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
    let date = Date::new(year, month, 1).ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.count, self.unit.name())
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(time: &str) -> i64 {
        let time: Timestamp = time.parse().expect("a time");
        time.as_millisecond()
    }

    #[track_caller]
    fn check(period: &str, now: &str, begins: &str, ends: &str) {
        let period = Period::read(period).expect("a period");
        let shown = |ms: i64| Timestamp::from_millisecond(ms).expect("a time").to_string();
        assert_eq!(shown(period.begins_at(ms(now))), begins, "{period} at {now} begins");
        assert_eq!(shown(period.ends_at(ms(now))), ends, "{period} at {now} ends");
    }

    #[test]
    fn windows_of_time_are_aligned() {
        check("30s", "2026-11-27T11:25:43.250Z", "2026-11-27T11:25:30Z", "2026-11-27T11:26:00Z");
        check("30m", "2026-11-27T11:30:00Z", "2026-11-27T11:30:00Z", "2026-11-27T12:00:00Z");
        check("1h", "2026-12-31T23:59:59.999Z", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z");
        check("24h", "2026-11-27T11:25:43Z", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z");
    }

    #[test]
    fn days_begin_at_midnight_weeks_on_monday_and_months_on_the_first() {
        check("1d", "2026-11-27T00:00:00Z", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z");
        check("1d", "2024-02-28T23:59:59Z", "2024-02-28T00:00:00Z", "2024-02-29T00:00:00Z");
        // The 27th of November 2026 is a Friday, the 30th a Monday.
        check("7d", "2026-11-27T11:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
        check("1w", "2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z");
        check("30d", "2026-11-27T11:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
        check("1mo", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
        check("1mo", "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
        check("1mo", "2100-02-28T12:00:00Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z");
        check("1mo", "2026-01-31T12:00:00Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
        check("12mo", "2026-11-27T11:00:00Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
        check("3mo", "2026-11-27T11:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z");
        check("2d", "1970-01-04T01:00:00Z", "1970-01-03T00:00:00Z", "1970-01-05T00:00:00Z");
        check("2w", "1970-01-20T00:00:00Z", "1970-01-19T00:00:00Z", "1970-02-02T00:00:00Z");
    }

    #[test]
    fn periods_are_told_apart_by_about_how_long_they_are() {
        let nominal = |text: &str| Period::parse(text).nominal_ms();
        assert_eq!(nominal("7d"), nominal("1w"));
        assert_eq!(nominal("monthly"), nominal("30d"));
        assert!(nominal("30d") < nominal("31d") && nominal("4w") < nominal("1mo"));
        assert_eq!(nominal("4294967295mo"), i64::MAX);
    }

    #[test]
    fn a_period_is_read_as_litellm_reads_it() {
        let shown = |text: &str| Period::parse(text).to_string();
        for text in ["30s", "30m", "30h", "30d", "7d", "1d", "1mo", "30w"] {
            assert_eq!(shown(text), text);
        }
        let words = ["hourly", "daily", "weekly", " Monthly "].map(shown);
        assert_eq!(words, ["1h", "1d", "7d", "1mo"]);
        for text in ["", "d", "0d", "30", "-1d", "1y", "1.5d", "99999999999d", "1d1"] {
            assert_eq!((shown(text).as_str(), Period::read(text)), ("1d", None), "{text}");
        }
    }

    #[test]
    fn a_period_is_kept_as_its_text() {
        let period = Period::parse("30d");
        assert_eq!(serde_json::to_string(&period).expect("a text"), "\"30d\"");
        assert_eq!(serde_json::from_str::<Period>("\"30d\"").expect("a period"), period);
    }

    proptest! {
        #[test]
        fn windows_follow_one_another_without_a_gap(
            count in 1_u32..500,
            unit in 0_usize..6,
            now_ms in -60_000_000_000_000_i64..250_000_000_000_000,
        ) {
            let period = Period { count, unit: Unit::ALL[unit] };
            let (begins_at, ends_at) = (period.begins_at(now_ms), period.ends_at(now_ms));
            prop_assert!(begins_at <= now_ms && now_ms < ends_at);
            prop_assert_eq!(period.begins_at(begins_at), begins_at);
            prop_assert_eq!(period.ends_at(begins_at), ends_at);
            prop_assert_eq!(period.begins_at(ends_at), ends_at);
            prop_assert_eq!(period.ends_at(begins_at - 1), begins_at);
        }

        #[test]
        fn no_time_and_no_count_is_too_much(count in 1_u32.., unit in 0_usize..6, now_ms: i64) {
            let period = Period { count, unit: Unit::ALL[unit] };
            prop_assert!(period.begins_at(now_ms) <= period.ends_at(now_ms));
        }
    }
}
