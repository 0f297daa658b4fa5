//! LSN ranges in arguments.

use coldpress_core::LsnRange;

/// Parses `MIN..MAX`, both ends included.
pub fn parse(text: &str) -> Result<LsnRange, String> {
    let (min, max) = text
        .split_once("..")
        .ok_or("write MIN..MAX, both ends included, such as 0..99".to_owned())?;
    LsnRange::new(number(min)?, number(max)?).map_err(|error| error.to_string())
}

fn number(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or_else(|| {
        format!("{text:?} is not an LSN; write MIN..MAX with numbers from 0 to {}", u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_whole_or_refused() {
        assert_eq!(parse("0..3200"), Ok(LsnRange::new(0, 3200).unwrap()));
        assert_eq!(parse("7..7"), Ok(LsnRange::new(7, 7).unwrap()));
        for bad in [
            "",
            "5",
            "1..",
            "..1",
            "2..1",
            "+1..2",
            "1...2",
            "1..=2",
            "-1..2",
            " 1..2",
            "0..18446744073709551616",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
