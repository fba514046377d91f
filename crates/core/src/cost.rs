//! Money: decimals with their origin, where unknown is a state of its own and never zero.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::Number;

/// The largest amount that is read, in US dollars: a thousand times a thousand million. What is told past it is a fault,
/// and nothing that is added up of smaller ones comes near to what a decimal holds.
const AMOUNT_MAX: Decimal = Decimal::from_parts(0xD4A5_1000, 0xE8, 0, false, 0);

/// What one call cost, in US dollars, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cost {
    /// The upstream reported it.
    Reported(ReportedCost),
    /// It was worked out from tokens and a price.
    Computed(Decimal),
}

/// The amounts that an upstream reported, in US dollars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportedCost {
    /// What was billed for inference, discounts taken off.
    pub cost: Option<Decimal>,
    /// The list price. It never stands in for what was billed.
    pub market_cost: Option<Decimal>,
    /// What was billed for additions, such as tags.
    pub surcharge_cost: Option<Decimal>,
    /// Everything that was debited.
    pub gateway_cost: Option<Decimal>,
    /// Whether the caller's own credential with the model's vendor paid for the inference.
    pub is_byok: bool,
}

impl ReportedCost {
    /// Whether the amounts contradict one another: what was debited is not what was billed with its surcharges. Where a
    /// credential of the caller's paid for the inference, only the surcharges are debited.
    pub fn is_contradictory(&self) -> bool {
        let (Some(debited), Some(cost)) = (self.gateway_cost, self.cost) else { return false };
        let surcharge = self.surcharge_cost.unwrap_or_default();
        debited != cost.saturating_add(surcharge) && !(self.is_byok && debited == surcharge)
    }

    /// Whether nothing at all was reported.
    pub fn is_empty(&self) -> bool {
        self.cost.is_none() && self.gateway_cost.is_none() && self.market_cost.is_none()
    }
}

impl Cost {
    /// What counts against a budget: what was debited, else what was billed with its surcharges.
    ///
    /// `None` where an upstream reported a list price and nothing that it billed.
    pub fn spend(&self) -> Option<Decimal> {
        match self {
            Cost::Computed(amount) => Some(*amount),
            Cost::Reported(reported) => reported.gateway_cost.or_else(|| {
                let surcharge = reported.surcharge_cost.unwrap_or_default();
                reported.cost.map(|cost| cost.saturating_add(surcharge))
            }),
        }
    }
}

/// Reads an amount that an upstream tells, or a price: as [`decimal`], and `None` past 10¹² dollars on either side, which
/// nothing costs.
pub fn amount(json: &[u8]) -> Option<Decimal> {
    decimal(json).filter(|amount| amount.abs() <= AMOUNT_MAX)
}

/// An amount as a number of JSON, with the digits as they are.
pub fn number(amount: Decimal) -> Number {
    Number::from_str(&amount.to_string()).expect("what a decimal is written as is a number of JSON")
}

/// Reads a decimal from its JSON text, a number or a string, scientific notation too.
///
/// The digits are read as they stand; no floating point is involved.
pub fn decimal(json: &[u8]) -> Option<Decimal> {
    let text = std::str::from_utf8(json).ok()?.trim();
    let digits = text.strip_prefix('"').map_or(text, |rest| rest.strip_suffix('"').unwrap_or(rest));
    if digits.contains(['e', 'E']) {
        return Decimal::from_scientific(digits).ok();
    }
    Decimal::from_str(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let read = amount(json.as_bytes()).map(|amount| amount.to_string());
        assert_eq!(read.as_deref(), expected, "{json}");
    }

    #[test]
    fn amounts_that_do_not_add_up_are_seen() {
        let told = |cost: &str, surcharge: &str, gateway: &str, is_byok| {
            let amount = |text: &str| Decimal::from_str(text).ok();
            let (cost, surcharge_cost, gateway_cost) = (amount(cost), amount(surcharge), amount(gateway));
            ReportedCost { cost, surcharge_cost, gateway_cost, is_byok, market_cost: None }.is_contradictory()
        };
        assert!(!told("0.10", "0.01", "0.11", false));
        assert!(!told("0.10", "", "0.1", false));
        assert!(!told("", "0.01", "0.11", false));
        assert!(!told("0.10", "0.01", "0.01", true));
        assert!(told("0.10", "0.01", "0.10", false));
    }

    #[test]
    fn amounts_are_read_digit_by_digit() {
        check("0.0000189", Some("0.0000189"));
        check("\"0.0000189\"", Some("0.0000189"));
        check("1.89e-5", Some("0.0000189"));
        check("0", Some("0"));
        check("null", None);
        check("\"free\"", None);
    }

    #[test]
    fn amounts_are_written_digit_by_digit() {
        for digits in ["0", "0.10", "-1.5", "0.0000000000000000000000000001", "79228162514264337593543950335"]
        {
            let amount: Decimal = digits.parse().expect("a decimal");
            assert_eq!(number(amount).to_string(), digits);
        }
    }

    #[test]
    fn what_nothing_costs_is_no_amount() {
        check("1e12", Some("1000000000000"));
        check("-1000000000000.00", Some("-1000000000000.00"));
        check("1000000000000.01", None);
        check("-1e13", None);
        check("79228162514264337593543950335", None);
        check("1e28", None);
        check("1e99999999999", None);
        assert_eq!(decimal(b"1e28"), Some(Decimal::from_i128_with_scale(10_i128.pow(28), 0)));
    }

    #[test]
    fn amounts_that_no_decimal_holds_together_are_the_largest_there_is() {
        let (cost, surcharge_cost, gateway_cost) = (Some(Decimal::MAX), Some(Decimal::MAX), None);
        let reported = ReportedCost { cost, surcharge_cost, gateway_cost, ..ReportedCost::default() };
        assert_eq!(Cost::Reported(reported.clone()).spend(), Some(Decimal::MAX));
        let debited = ReportedCost { gateway_cost: Some(Decimal::ONE), ..reported };
        assert!(debited.is_contradictory());
    }

    #[test]
    fn the_list_price_never_stands_in_for_the_bill() {
        let market_only = ReportedCost { market_cost: Some(Decimal::ONE), ..Default::default() };
        assert_eq!(Cost::Reported(market_only).spend(), None);
    }

    #[test]
    fn what_was_debited_wins_over_what_was_billed() {
        let mut reported = ReportedCost {
            cost: Some(Decimal::ONE),
            surcharge_cost: Some(Decimal::TWO),
            ..Default::default()
        };
        assert_eq!(Cost::Reported(reported.clone()).spend(), Some(Decimal::from(3)));
        reported.gateway_cost = Some(Decimal::TEN);
        assert_eq!(Cost::Reported(reported).spend(), Some(Decimal::TEN));
    }
}
