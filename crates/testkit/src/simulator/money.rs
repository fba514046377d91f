//! The simulator's own price rule: what a catalogue row says a call costs, and how the wire spells money.

use rust_decimal::Decimal;
use serde_json::Value;
use serde_json::value::RawValue;

/// Tokens of one call, as the price rule needs them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// All of the prompt, reads from and writes to the cache included.
    pub(crate) prompt: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
    /// All of the answer, reasoning included.
    pub(crate) completion: u64,
    pub(crate) reasoning: u64,
}

/// What one call costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bill {
    pub(crate) market_input: Decimal,
    pub(crate) market_output: Decimal,
    /// The share of the list price that is billed: 1, less for a discounted model, 0 with the caller's own key.
    pub(crate) share: Decimal,
    pub(crate) byok: bool,
    /// What is billed besides, whoever's key it was.
    pub(crate) surcharge: Decimal,
}

/// What a token of each kind costs in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rates {
    input: Decimal,
    cache_read: Decimal,
    cache_write: Decimal,
    output: Decimal,
}

impl Rates {
    /// By a catalogue row. The tier that holds the prompt's size prices the whole request; a service tier has
    /// prices of its own, and what it does not price costs what it costs without it.
    pub(crate) fn of(row: &Value, prompt_tokens: u64, service_tier: Option<&str>) -> Self {
        let pricing = &row["pricing"];
        let of_tier = service_tier.map_or(&Value::Null, |tier| &pricing["service_tiers"][tier]);
        let price = |key| rate(of_tier, key, prompt_tokens).or_else(|| rate(pricing, key, prompt_tokens));
        let input = price("input").unwrap_or_default();
        Self {
            input,
            cache_read: price("input_cache_read").unwrap_or(input),
            cache_write: price("input_cache_write").unwrap_or(input),
            output: price("output").unwrap_or_default(),
        }
    }

    /// What tokens cost at these rates.
    pub(crate) fn bill(&self, tokens: &Tokens, share: Decimal, byok: bool) -> Bill {
        let uncached = tokens.prompt.saturating_sub(tokens.cache_read).saturating_sub(tokens.cache_write);
        let market_input = Decimal::from(uncached) * self.input
            + Decimal::from(tokens.cache_read) * self.cache_read
            + Decimal::from(tokens.cache_write) * self.cache_write;
        let market_output = Decimal::from(tokens.completion) * self.output;
        let share = if byok { Decimal::ZERO } else { share };
        Bill { market_input, market_output, share, byok, surcharge: Decimal::ZERO }
    }
}

/// The service tiers that a row prices, of those that there are.
pub(crate) fn service_tier(row: &Value, wanted: Option<&str>) -> &'static str {
    let priced = |tier: &str| row["pricing"]["service_tiers"][tier].is_object();
    match wanted {
        Some("flex") if priced("flex") => "flex",
        Some("priority") if priced("priority") => "priority",
        _ => "default",
    }
}

impl Bill {
    /// Prices `tokens` by a catalogue row.
    #[cfg(test)]
    fn new(row: &Value, tokens: &Tokens, share: Decimal, byok: bool) -> Self {
        Rates::of(row, tokens.prompt, None).bill(tokens, share, byok)
    }

    /// The list price.
    pub(crate) fn market(&self) -> Decimal {
        self.market_input + self.market_output
    }

    /// What is billed for tokens.
    pub(crate) fn cost(&self) -> Decimal {
        self.market() * self.share
    }

    /// All that is billed.
    pub(crate) fn gateway(&self) -> Decimal {
        self.cost() + self.surcharge
    }
}

fn rate(pricing: &Value, key: &str, prompt_tokens: u64) -> Option<Decimal> {
    let tiers = pricing[format!("{key}_tiers")].as_array();
    let tier = tiers.into_iter().flatten().find(|tier| {
        let min = tier["min"].as_u64().unwrap_or_default();
        let max = tier["max"].as_u64().unwrap_or(u64::MAX);
        (min..max).contains(&prompt_tokens)
    });
    let spelled = tier.map_or(&pricing[key], |tier| &tier["cost"]);
    spelled.as_str()?.parse().ok()
}

/// Money as metadata spells it: a plain decimal, never an exponent.
pub(crate) fn decimal_text(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// Money as `usage` spells it: a JSON number in JavaScript's spelling, which takes an exponent below 1e-6.
pub(crate) fn number(amount: Decimal) -> Box<RawValue> {
    let amount = amount.normalize();
    let text = if amount.is_zero() || amount.abs() >= Decimal::new(1, 6) {
        amount.to_string()
    } else {
        exponent(amount)
    };
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn exponent(amount: Decimal) -> String {
    let digits = amount.mantissa().unsigned_abs().to_string();
    let sign = if amount.is_sign_negative() { "-" } else { "" };
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let power = amount.scale() as usize - rest.len();
    format!("{sign}{first}{point}{rest}e-{power}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, spelled: &str) {
        assert_eq!(number(text.parse().unwrap()).get(), spelled);
    }

    #[test]
    fn numbers_are_spelt_as_javascript_does() {
        check("0.00001890", "0.0000189");
        check("0", "0");
        check("2.50", "2.5");
        check("0.000001", "0.000001");
        check("0.00000012", "1.2e-7");
        check("0.0000001", "1e-7");
        check("-0.000000345", "-3.45e-7");
    }

    #[test]
    fn a_call_is_priced_as_it_was_billed_live() {
        let row = json!({"pricing": {"input": "0.0000001", "output": "0.0000004"}});
        let tokens = Tokens { prompt: 61, completion: 32, ..Tokens::default() };
        let bill = Bill::new(&row, &tokens, Decimal::ONE, false);
        assert_eq!(decimal_text(bill.market_input), "0.0000061");
        assert_eq!(decimal_text(bill.market_output), "0.0000128");
        assert_eq!(decimal_text(bill.cost()), "0.0000189");
    }

    #[test]
    fn cache_reads_and_writes_are_inside_the_prompt() {
        let row = json!({"pricing": {"input": "0.000003", "output": "0.000015", "input_cache_read": "0.0000003",
            "input_cache_write": "0.00000375"}});
        let tokens =
            Tokens { prompt: 9520, cache_read: 9000, cache_write: 500, completion: 44, reasoning: 0 };
        let bill = Bill::new(&row, &tokens, Decimal::ONE, false);
        assert_eq!(decimal_text(bill.market_input), "0.004635");
        assert_eq!(decimal_text(bill.market()), "0.005295");
    }

    #[test]
    fn the_tier_of_the_prompt_prices_the_whole_request() {
        let tiers = |low, high| json!([{"cost": low, "max": 200_001}, {"cost": high, "min": 200_001}]);
        let row = json!({"pricing": {"input": "0.000003", "output": "0.000015",
            "input_tiers": tiers("0.000003", "0.000006"), "output_tiers": tiers("0.000015", "0.0000225")}});
        let cost = |prompt| {
            let tokens = Tokens { prompt, completion: 10, ..Tokens::default() };
            decimal_text(Bill::new(&row, &tokens, Decimal::ONE, false).cost())
        };
        assert_eq!(cost(200_000), "0.60015");
        assert_eq!(cost(200_001), "1.200231");
    }

    #[test]
    fn a_service_tier_has_prices_of_its_own() {
        let row = json!({"pricing": {"input": "2", "output": "4", "input_cache_read": "1",
            "service_tiers": {"flex": {"input": "1", "output": "2"}}}});
        let tokens = Tokens { prompt: 10, cache_read: 4, completion: 1, ..Tokens::default() };
        let cost = |tier| Rates::of(&row, tokens.prompt, tier).bill(&tokens, Decimal::ONE, false).cost();
        assert_eq!((cost(None), cost(Some("flex"))), (Decimal::from(20), Decimal::from(12)));
        let tier = |wanted| service_tier(&row, wanted);
        assert_eq!((tier(Some("flex")), tier(Some("priority")), tier(None)), ("flex", "default", "default"));
    }

    #[test]
    fn a_surcharge_is_billed_whoever_pays_for_the_tokens() {
        let tokens = Tokens { prompt: 1, ..Tokens::default() };
        let row = json!({"pricing": {"input": "2"}});
        let bill = Bill { surcharge: Decimal::ONE, ..Bill::new(&row, &tokens, Decimal::ONE, true) };
        assert_eq!((bill.cost(), bill.gateway(), bill.market()), (Decimal::ZERO, Decimal::ONE, Decimal::TWO));
    }

    #[test]
    fn the_callers_own_key_costs_nothing_here() {
        let row = json!({"pricing": {"input": "0.000001", "output": "0.000002"}});
        let tokens = Tokens { prompt: 100, completion: 100, ..Tokens::default() };
        let bill = Bill::new(&row, &tokens, Decimal::ONE, true);
        assert_eq!((decimal_text(bill.cost()), decimal_text(bill.market())), ("0".into(), "0.0003".into()));
    }
}
