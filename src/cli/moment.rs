//! Moments and durations as people read and write them.

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// The Gregorian calendar repeats itself after so many years, and days.
const CYCLE_YEARS: u64 = 400;
const CYCLE_DAYS: u64 = 146_097;
/// Days between the first of March of the year 0 and 1970.
const EPOCH_DAYS: u64 = 719_468;
const UNITS: &[(char, u64)] = &[('s', 1), ('m', MINUTE), ('h', HOUR), ('d', DAY)];

/// Seconds since 1970, e.g. `2026-11-26 13:50:00 UTC`.
pub fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / DAY + EPOCH_DAYS, seconds % DAY);
    let (cycles, day) = (days / CYCLE_DAYS, days % CYCLE_DAYS);
    // Years begin in March: the day that leap years have more is their last.
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let (day_of_month, month) = (day_of_year - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
    let year = cycles * CYCLE_YEARS + year + u64::from(month <= 2);
    let (hour, minute, second) = (rest / HOUR, rest % HOUR / MINUTE, rest % MINUTE);
    format!("{year:04}-{month:02}-{day_of_month:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Seconds, e.g. `90 d`, `1 d 12 h` or `5 min`; no more than two units.
pub fn span(seconds: u64) -> String {
    let parts = [
        (seconds / DAY, "d"),
        (seconds % DAY / HOUR, "h"),
        (seconds % HOUR / MINUTE, "min"),
        (seconds % MINUTE, "s"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0).take(2);
    let words: Vec<String> = parts.map(|(count, unit)| format!("{count} {unit}")).collect();
    if words.is_empty() { "0 s".into() } else { words.join(" ") }
}

/// A text is no duration.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not a duration, e.g. 90d, 36h, 15m or 30s")]
pub struct DurationError(String);

/// Seconds of a duration: a number and its unit.
///
/// # Errors
/// [`DurationError`].
pub fn seconds(text: &str) -> Result<u64, DurationError> {
    let parsed = UNITS.iter().find_map(|(unit, length)| Some((text.strip_suffix(*unit)?, *length)));
    let seconds = parsed.and_then(|(number, length)| {
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| digits)?.checked_mul(length)
    });
    seconds.ok_or_else(|| DurationError(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_its_date() {
        let check = |seconds: u64, expected: &str| assert_eq!(utc(seconds), format!("{expected} UTC"));
        check(0, "1970-01-01 00:00:00");
        check(951_782_400, "2000-02-29 00:00:00");
        check(951_868_799, "2000-02-29 23:59:59");
        check(951_868_800, "2000-03-01 00:00:00");
        check(1_795_701_000, "2026-11-26 13:50:00");
        check(4_107_542_399, "2100-02-28 23:59:59");
        check(4_107_542_400, "2100-03-01 00:00:00");
        check(1_735_689_599, "2024-12-31 23:59:59");
    }

    #[test]
    fn durations_are_read_and_shown() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(seconds(text).ok(), expected, "{text}");
        check("90d", Some(90 * DAY));
        check("36h", Some(36 * HOUR));
        check("15m", Some(900));
        check("0s", Some(0));
        for wrong in ["", "d", "90", "+1d", "-1d", "1.5d", "1 d", "99999999999999999d", "1w"] {
            check(wrong, None);
        }
        let check = |seconds: u64, expected: &str| assert_eq!(span(seconds), expected);
        check(0, "0 s");
        check(59, "59 s");
        check(90 * DAY, "90 d");
        check(DAY + 12 * HOUR + 5, "1 d 12 h");
        check(301, "5 min 1 s");
    }
}
