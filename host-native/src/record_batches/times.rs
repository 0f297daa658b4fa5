//! Texts of times of day.

/// The text of a time of day that is so many units of `10^-digits` seconds after midnight; `None`
/// if it is none.
pub(super) fn time_text(value: i64, digits: u8) -> Option<String> {
    let units = 10_i64.checked_pow(u32::from(digits))?;
    let (seconds, fraction) = (value.div_euclid(units), value.rem_euclid(units));
    if !(0..86_400).contains(&seconds) {
        return None;
    }
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let text = format!("{hour:02}:{minute:02}:{second:02}");
    Some(match digits {
        0 => text,
        digits => format!("{text}.{fraction:0width$}", width = usize::from(digits)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_digits_of_their_unit() {
        assert_eq!(time_text(3_723, 0).unwrap(), "01:02:03");
        assert_eq!(time_text(86_399_999, 3).unwrap(), "23:59:59.999");
        assert_eq!(time_text(86_400, 0), None);
        assert_eq!(time_text(-1, 6), None);
    }
}
