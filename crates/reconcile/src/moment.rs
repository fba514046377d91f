//! When a reconciliation begins and ends, as people say it.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Which end of a time a text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// From there on: a day is meant from its beginning.
    Since,
    /// Until there: a day is meant to its end.
    Until,
}

const UNITS_MS: [(char, i64); 4] = [('s', 1_000), ('m', 60_000), ('h', 3_600_000), ('d', 86_400_000)];

/// Reads what [`Options::between`](crate::Options::between) takes, as milliseconds since 1970.
pub(crate) fn parse_moment(text: &str, moment: Moment, now_ms: i64) -> Result<i64, String> {
    let wrong = || {
        format!(
            "`{text}` is no day like 2026-11-27, no time like 2026-11-27T10:00:00Z, and no length of time like 30d"
        )
    };
    let text = text.trim();
    if let Ok(date) = text.parse::<Date>()
        && text.len() == "2026-11-27".len()
    {
        let day = match moment {
            Moment::Since => date,
            Moment::Until => date.tomorrow().map_err(|_| wrong())?,
        };
        return begin_of(day).ok_or_else(wrong);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let (_, unit_ms) = UNITS_MS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let count: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let ago = Some(count).filter(|count| *count >= 0).and_then(|count| count.checked_mul(unit_ms));
    ago.and_then(|ago| now_ms.checked_sub(ago)).ok_or_else(wrong)
}

/// When a day begins in UTC, in milliseconds since 1970.
pub(crate) fn begin_of(day: Date) -> Option<i64> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// A time as tables show it: `2026-11-27T10:00:00Z`.
pub(crate) fn time(at_ms: i64) -> String {
    let whole_seconds = at_ms.div_euclid(1_000).saturating_mul(1_000);
    Timestamp::from_millisecond(whole_seconds).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_773_600_000;

    fn check(text: &str, moment: Moment, expected: Option<&str>) {
        let read = parse_moment(text, moment, NOW).ok().map(time);
        assert_eq!(read.as_deref(), expected, "{text}");
    }

    #[test]
    fn days_times_and_lengths_are_understood() {
        assert_eq!(time(NOW), "2026-11-27T10:00:00Z");
        check("2026-11-26", Moment::Since, Some("2026-11-26T00:00:00Z"));
        check("2026-11-26", Moment::Until, Some("2026-11-27T00:00:00Z"));
        check("2026-11-26T01:00:00+01:00", Moment::Until, Some("2026-11-26T00:00:00Z"));
        check("1d", Moment::Since, Some("2026-11-26T10:00:00Z"));
        check("90m", Moment::Until, Some("2026-11-27T08:30:00Z"));
        for text in ["", "d", "-1d", "yesterday", "1y", "2026-13-01", "99999999999999999d", "5\u{e9}"] {
            check(text, Moment::Since, None);
        }
    }
}
