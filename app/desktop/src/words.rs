//! Numbers and times as people say them.

use app::ports::Day;
use app::quantity::{Size, Span};
use verifier::scalars::UtcTime;

/// A number and its noun: `1 piece`, `3 pieces`.
pub fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A number with its digits in groups of three: `1,000,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes: `16.36 MiB`.
pub fn bytes(bytes: u64) -> String {
    Size(bytes).to_string()
}

/// Bytes a second: `2.00 MiB/s`.
pub fn rate(bytes_a_second: u64) -> String {
    format!("{}/s", Size(bytes_a_second))
}

/// How long ago a time is: `just now`, `3 minutes ago`; a time to come is its date.
pub fn ago(now: UtcTime, time: UtcTime) -> String {
    let Some(seconds) = now.unix().checked_sub(time.unix()) else { return time.to_string() };
    let say = |number: u64, noun: &str| format!("{} ago", count(number, noun));
    match seconds {
        0..10 => "just now".to_owned(),
        10..60 => say(seconds, "second"),
        60..3_600 => say(seconds / 60, "minute"),
        3_600..86_400 => say(seconds / 3_600, "hour"),
        86_400..2_592_000 => say(seconds / 86_400, "day"),
        _ => format!("on {}", date(time)),
    }
}

/// The same of a time that may be a day, which is told by midnight: `today`, `3 days ago`.
pub fn day_or_time(now: UtcTime, time: UtcTime) -> String {
    if time != Day::of(time).start() {
        return ago(now, time);
    }
    match Day::of(time).ago(now) {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days @ 2..30 => format!("{days} days ago"),
        _ => format!("on {}", date(time)),
    }
}

/// How far work is: `3.00 MiB of 14.00 MiB, 2.00 MiB/s, 6 s left`; a rate of 0 is not known.
pub fn progress(done: u64, of: u64, rate: u64) -> String {
    let part = format!("{} of {}", bytes(done), bytes(of));
    match of.saturating_sub(done).checked_div(rate) {
        None => part,
        Some(left) => format!("{part}, {}/s, {} left", Size(rate), Span(left)),
    }
}

/// How long it is until a time: `in 3 min 0 s`; a time that is past is `over`.
pub fn until(now: UtcTime, time: UtcTime) -> String {
    match time.unix().checked_sub(now.unix()) {
        None | Some(0) => "over".to_owned(),
        Some(seconds) => format!("in {}", Span(seconds)),
    }
}

/// The day of a time.
pub fn date(time: UtcTime) -> String {
    time.to_string().chars().take_while(|c| *c != 'T').collect()
}

/// A time to the minute: `2026-11-24 09:30`.
pub fn minute(time: UtcTime) -> String {
    time.to_string().chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// A text of at most so many characters; what is longer ends in an ellipsis.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use verifier::scalars::UtcTime;

    use super::{ago, count, cut, day_or_time, grouped, minute, progress, until};

    #[test]
    fn people_see_words() {
        assert_eq!(count(1, "piece"), "1 piece");
        assert_eq!(count(1_000_000, "piece"), "1,000,000 pieces");
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345")] {
            assert_eq!(grouped(number), text);
        }
        let now = UtcTime::from_unix(1_795_348_800);
        let before = |seconds| UtcTime::from_unix(now.unix() - seconds);
        for (seconds, text) in [
            (0, "just now"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (7_300, "2 hours ago"),
            (90_000, "1 day ago"),
            (8_640_000, "on 2026-08-14"),
        ] {
            assert_eq!(ago(now, before(seconds)), text);
        }
        for (seconds, text) in [
            (43_200, "today"),
            (43_200 + 86_400, "yesterday"),
            (43_200 + 3 * 86_400, "3 days ago"),
            (43_200 + 40 * 86_400, "on 2026-10-13"),
            (60, "1 minute ago"),
        ] {
            assert_eq!(day_or_time(now, before(seconds)), text);
        }
        assert_eq!(progress(1 << 20, 3 << 20, 0), "1.00 MiB of 3.00 MiB");
        let told = "1.00 MiB of 3.00 MiB, 512.0 KiB/s, 4 s left";
        assert_eq!(progress(1 << 20, 3 << 20, 512 << 10), told);
        for (text, short) in [("anna", "anna"), ("anna b", "anna…"), ("annabel", "anna…")] {
            assert_eq!(cut(text, 5), short);
        }
        assert_eq!(until(now, now.plus(3_600)), "in 1 h 0 min");
        assert_eq!(until(now.plus(1), now), "over");
        assert_eq!(minute(now), "2026-11-22 12:00");
    }
}
