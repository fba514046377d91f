//! Moments in time as RFC 3339 writes them: `2025-02-19T00:00:00Z`.

/// The Unix seconds of a moment from 1970 on. Fractions of a second are dropped.
///
/// `None` for what is no such text, and for anything earlier.
pub(super) fn unix_seconds(text: &str) -> Option<u64> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| number(part, &[4, 2]));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let clock = time[..zone].split('.').next()?;
    let mut parts = clock.splitn(3, ':').map(|part| number(part, &[2]));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let there = (days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second;
    match (&time[zone..=zone], &time[zone + 1..]) {
        ("Z" | "z", "") => Some(there),
        ("+", offset) => there.checked_sub(seconds_of(offset)?),
        ("-", offset) => there.checked_add(seconds_of(offset)?),
        _ => None,
    }
}

fn number(text: &str, lengths: &[usize]) -> Option<u64> {
    let is_number = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// The seconds of a zone's offset: `02:00`.
fn seconds_of(offset: &str) -> Option<u64> {
    let (hours, minutes) = offset.split_once(':')?;
    Some(number(hours, &[2])? * 3600 + number(minutes, &[2])? * 60)
}

/// The days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years are counted from March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // From March on, months have 31 and 30 days in a rhythm of five months and 153 days.
    let since_march = (153 * month + 2) / 5 + day - 1;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + since_march - 719_468
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
        check("2025-02-19T00:00:00Z", Some(1_739_923_200));
        check("2024-02-29T23:59:59.999Z", Some(1_709_251_199));
        check("2026-11-23T04:30:00+02:00", Some(1_795_401_000));
        check("2026-11-22T21:30:00-05:00", Some(1_795_401_000));
        check("2000-03-01t00:00:00z", Some(951_868_800));
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "2025-02-19",
            "2025-02-19T00:00:00",
            "2025-13-19T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "25-02-19T00:00:00Z",
            "2025-02-19T00:00Z",
            "2025-02-19T00:00:00Zulu",
            "2025-02-19T00:00:00+0200",
            "99999-02-19T00:00:00Z",
            "soon",
            "ä-ö-üTß:ß:ßZ",
        ] {
            check(text, None);
        }
    }
}
