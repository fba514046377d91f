//! Money as the two databases keep it: PostgreSQL as decimals of fifteen places, SQLite as whole picodollars.

use rust_decimal::{Decimal, RoundingStrategy};

/// How many places of a dollar SQLite keeps.
pub(crate) const SQLITE_PLACES: u32 = 12;

/// How many places of a dollar PostgreSQL keeps.
pub(crate) const POSTGRES_PLACES: u32 = 15;

/// What one request can cost at most, in dollars. A figure past it is a fault of the upstream's, and would make sums
/// overflow, so that nothing could be counted any more.
const REQUEST_COST_MAX: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// The figure that sums are made of: rounded half to even, and `None` where no request can cost that much.
pub(crate) fn countable(amount: Decimal, places: u32) -> Option<Decimal> {
    (amount.abs() <= REQUEST_COST_MAX).then(|| rounded(amount, places))
}

pub(crate) fn rounded(amount: Decimal, places: u32) -> Decimal {
    if amount.scale() <= places {
        return amount;
    }
    amount.round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven)
}

/// Dollars as picodollars; what does not fit becomes the largest or smallest that does.
pub(crate) fn picodollars(amount: Decimal) -> i64 {
    let scaled = rounded(amount, SQLITE_PLACES);
    let places = SQLITE_PLACES.saturating_sub(scaled.scale());
    let mantissa = scaled.mantissa().checked_mul(10_i128.pow(places));
    let limit = if scaled.is_sign_negative() { i64::MIN } else { i64::MAX };
    mantissa.and_then(|mantissa| i64::try_from(mantissa).ok()).unwrap_or(limit)
}

/// In so many picodollars sums are counted whose picodollars might be too many.
pub(crate) const MILLION: i64 = 1_000_000;

/// So many millions of picodollars and what is less, as dollars.
pub(crate) fn total(millions: i64, less: i64) -> Decimal {
    let picodollars = i128::from(millions) * i128::from(MILLION) + i128::from(less);
    Decimal::from_i128_with_scale(picodollars, SQLITE_PLACES).normalize()
}

pub(crate) fn dollars(picodollars: i64) -> Decimal {
    Decimal::new(picodollars, SQLITE_PLACES).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: i64) {
        let amount: Decimal = text.parse().expect("the test's own figure");
        assert_eq!(picodollars(amount), expected, "{text}");
    }

    #[test]
    fn a_dollar_is_a_million_million() {
        check("1", 1_000_000_000_000);
        check("0.000000000001", 1);
        check("-0.5", -500_000_000_000);
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        check("0.0000000000005", 0);
        check("0.0000000000015", 2);
        check("0.0000000000025", 2);
        check("0.00000000000250001", 3);
    }

    #[test]
    fn what_does_not_fit_is_the_largest_that_does() {
        check("9223372.036854775807", i64::MAX);
        check("9223373", i64::MAX);
        check("-79228162514264337593543950335", i64::MIN);
    }

    #[test]
    fn a_figure_that_no_request_can_cost_is_not_counted() {
        assert_eq!(countable(Decimal::new(1_000_001, 0), 12), None);
        assert_eq!(countable(Decimal::new(25, 13), 12), Some(Decimal::new(2, 12)));
    }
}
