use alloc::format;
use core::time::Duration;

use crate::Rejection;

/// The duration that `text` names in Go's notation (`90s`, `1m30s`, `1.5h`, `0`), never negative.
///
/// # Errors
/// A rejection of `field` when `text` is no such duration or is longer than 100 years.
pub(crate) fn parse(field: &str, text: &str) -> Result<Duration, Rejection> {
    duration(text).ok_or_else(|| {
        Rejection::new(
            field,
            format!("\"{text}\" is no duration"),
            "write numbers with units, such as 90s, 1m30s or 500ms",
        )
    })
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;
/// Far beyond every timer, far below every overflow.
const LONGEST: u128 = 100 * 366 * 86_400 * NANOS_PER_SECOND;

fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let mut nanos: u128 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(number_end)?;
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        nanos = nanos.checked_add(part(number, unit)?)?;
        rest = tail;
    }
    if nanos > LONGEST {
        return None;
    }
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND).ok()?;
    let subsecond = u32::try_from(nanos % NANOS_PER_SECOND).ok()?;
    Some(Duration::new(seconds, subsecond))
}

/// Nanoseconds of one number and its unit; digits below a nanosecond are cut off.
fn part(number: &str, unit: &str) -> Option<u128> {
    let unit: u128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3_600 * NANOS_PER_SECOND,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut nanos = digits(whole)?.checked_mul(unit)?;
    let mut scale = unit;
    for digit in fraction.chars() {
        scale /= 10;
        nanos = nanos.checked_add(u128::from(digit.to_digit(10)?).checked_mul(scale)?)?;
    }
    Some(nanos)
}

fn digits(text: &str) -> Option<u128> {
    text.chars().try_fold(0_u128, |value, digit| {
        value
            .checked_mul(10)?
            .checked_add(u128::from(digit.to_digit(10)?))
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_notation_of_go() {
        let good = [
            ("0", 0),
            ("0s", 0),
            ("90s", 90_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("500ms", 500),
            (".5s", 500),
            ("1h0m0.25s", 3_600_250),
        ];
        for (text, millis) in good {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_everything_else_in_one_sentence() {
        for text in [
            "",
            "90",
            "s",
            "-5s",
            "+5s",
            "1 s",
            "1d",
            "1.2.3s",
            ".s",
            "9999999999999h",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(
            parse("spec.holdTime", "90").unwrap_err().to_string(),
            "spec.holdTime: \"90\" is no duration; write numbers with units, such as 90s, 1m30s or \
             500ms"
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = duration(&text);
        }

        #[test]
        fn reads_whole_milliseconds(millis in 0_u64..100_000_000) {
            prop_assert_eq!(duration(&format!("{millis}ms")), Some(Duration::from_millis(millis)));
        }
    }
}
