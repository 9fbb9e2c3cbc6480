//! Amounts as people write them.

/// Digits of a token behind the point.
const TOKEN_DECIMALS: usize = 8;
/// Of a trillion cycles.
const TRILLION_DECIMALS: usize = 12;

/// A text is no amount.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountError {
    #[error("{0:?} is not an amount of tokens, e.g. 1.25 (at most {TOKEN_DECIMALS} digits behind the point)")]
    Tokens(String),
    #[error("{0:?} is not an amount of cycles, e.g. 2_500_000 or 3.5T")]
    Cycles(String),
}

/// e8s of an amount of tokens.
///
/// # Errors
/// [`AmountError::Tokens`].
pub fn tokens(text: &str) -> Result<u64, AmountError> {
    let units = scaled(text, TOKEN_DECIMALS).and_then(|units| u64::try_from(units).ok());
    units.ok_or_else(|| AmountError::Tokens(text.into()))
}

/// Cycles, or trillions of them with a `T` at the end.
///
/// # Errors
/// [`AmountError::Cycles`].
pub fn cycles(text: &str) -> Result<u128, AmountError> {
    let cycles = match text.strip_suffix('T') {
        Some(trillions) => scaled(trillions, TRILLION_DECIMALS),
        None => scaled(text, 0),
    };
    cycles.ok_or_else(|| AmountError::Cycles(text.into()))
}

fn scaled(text: &str, decimals: usize) -> Option<u128> {
    let text = text.replace('_', "");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > decimals || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<decimals$}").parse().ok()
}

/// Tokens with all their digits behind the point.
pub fn show_tokens(e8s: u64) -> String {
    let one = 10u64.pow(TOKEN_DECIMALS as u32);
    format!("{}.{:08}", e8s / one, e8s % one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_to_the_last_digit() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(tokens(text).ok(), expected, "{text}");
        check("1", Some(100_000_000));
        check("1.25", Some(125_000_000));
        check("0.00000001", Some(1));
        check("1_000", Some(100_000_000_000));
        check("184467440737.09551615", Some(u64::MAX));
        for wrong in ["", ".", "1.", ".5", "-1", "+1", "1e8", "0.000000001", "184467440737.09551616", "1.2.3"]
        {
            check(wrong, if wrong == "1." { Some(100_000_000) } else { None });
        }
        assert_eq!(cycles("3.5T"), Ok(3_500_000_000_000));
        assert_eq!(cycles("2_500_000"), Ok(2_500_000));
        assert_eq!(cycles("1.5"), Err(AmountError::Cycles("1.5".into())));
        assert_eq!(show_tokens(125_000_001), "1.25000001");
    }
}
