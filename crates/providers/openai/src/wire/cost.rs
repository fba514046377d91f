//! What a reply says that it cost.

use trunkline_core::cost::amount;
use trunkline_core::{Cost, ReportedCost, json};

/// Reads the amounts in a usage object: `cost`, `market_cost`, `surcharge_cost`, `gateway_cost`, `is_byok`.
///
/// They are read as US dollars, digit by digit from the JSON text. `None` if there is no amount, and for
/// upstreams that do not say in their documentation that these members are dollars this is not to be asked.
///
/// ```
/// let cost = trunkline_openai::wire::cost(br#"{"total_tokens": 93, "cost": 1.89e-5}"#);
/// let spend = cost.and_then(|cost| cost.spend()).map(|amount| amount.to_string());
/// assert_eq!(spend.as_deref(), Some("0.0000189"));
/// ```
pub fn cost(raw_usage_object: &[u8]) -> Option<Cost> {
    let mut reported = ReportedCost::default();
    for member in json::members(raw_usage_object) {
        let raw = &raw_usage_object[member.value.clone()];
        // A negative bill would give budgets back, so that it counts as none.
        let dollars = || amount(raw).filter(|amount| !amount.is_sign_negative());
        match member.key {
            b"cost" => reported.cost = dollars(),
            b"market_cost" => reported.market_cost = dollars(),
            b"surcharge_cost" => reported.surcharge_cost = dollars(),
            b"gateway_cost" => reported.gateway_cost = dollars(),
            b"is_byok" => reported.is_byok = raw == b"true",
            _ => {}
        }
    }
    (!reported.is_empty()).then_some(Cost::Reported(reported))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<(&str, Option<&str>, bool)>) {
        let read = cost(json.as_bytes()).map(|cost| match cost {
            Cost::Reported(reported) => (
                reported.cost.map(|amount| amount.to_string()).unwrap_or_default(),
                reported.gateway_cost.map(|amount| amount.to_string()),
                reported.is_byok,
            ),
            Cost::Computed(_) => panic!("a reported cost is not computed"),
        });
        let expected =
            expected.map(|(cost, gateway, byok)| (cost.to_owned(), gateway.map(str::to_owned), byok));
        assert_eq!(read, expected, "{json}");
    }

    #[test]
    fn amounts_are_read_from_their_text() {
        check(
            r#"{"cost":0.0000189,"is_byok":false,"market_cost":0.00002,"gateway_cost":0.0000189}"#,
            Some(("0.0000189", Some("0.0000189"), false)),
        );
        check(r#"{"cost":"0.5","is_byok":true}"#, Some(("0.5", None, true)));
        check(r#"{"cost":0}"#, Some(("0", None, false)));
    }

    #[test]
    fn what_is_no_amount_is_none() {
        check(r#"{"prompt_tokens":1}"#, None);
        check(r#"{"cost":null,"gateway_cost":{}}"#, None);
        check(r#"{"cost":-1}"#, None);
        check(r#"{"cost":{"total_cost":1}}"#, None);
        check("[]", None);
    }
}
