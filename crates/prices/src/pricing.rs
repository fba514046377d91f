//! Prices as catalogues write them: the `pricing` of the Vercel AI Gateway, with its tiers, and of those like it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use trunkline_core::cost::amount;
use trunkline_core::{ServiceTier, json};

use crate::price::{Price, Service, steps};
use crate::rates::{Bucket, Rates};

/// The members that a rate stands under; the first that can be read counts.
const RATES: &[(&str, Bucket)] = &[
    ("input", Bucket::Input),
    ("prompt", Bucket::Input),
    ("output", Bucket::Output),
    ("completion", Bucket::Output),
    ("input_cache_read", Bucket::CacheRead),
    ("input_cache_write", Bucket::CacheWrite),
    ("reasoning", Bucket::Reasoning),
    ("internal_reasoning", Bucket::Reasoning),
];
/// The members that hold tiers: `[{"cost": "0.1", "min": 0, "max": 200000}, …]`.
const TIERS: &[(&str, Bucket)] = &[
    ("input_tiers", Bucket::Input),
    ("output_tiers", Bucket::Output),
    ("input_cache_read_tiers", Bucket::CacheRead),
    ("input_cache_write_tiers", Bucket::CacheWrite),
];

/// The members of `service_tiers`, each of which is an object of rates and tiers.
const SERVICES: &[(&str, ServiceTier)] = &[
    ("flex", ServiceTier::Flex),
    ("priority", ServiceTier::Priority),
    ("ultrafast", ServiceTier::Ultrafast),
];

impl Price {
    /// Reads the `pricing` object of a catalogue, given as JSON text.
    ///
    /// `input`, `output`, `input_cache_read`, `input_cache_write`, `reasoning` and `request` are US dollars, a token or a
    /// call; `prompt` and `completion` are other spellings. Of `input_tiers` and its like, `min` is the first number of
    /// input tokens that a tier holds for, and the first tier gives the rate where none is told. `service_tiers` holds
    /// objects of the same members by the names of service tiers. As everything
    /// that an upstream tells, it is read leniently: what is not understood, or is negative, counts as not told.
    pub fn from_pricing(pricing: &[u8], source: &Arc<str>) -> Self {
        let (rates, tiers) = rates_of(pricing);
        let all = json::member(pricing, "service_tiers").map_or(&b""[..], |span| &pricing[span]);
        let services = SERVICES.iter().filter_map(|(name, tier)| {
            let (own, own_tiers) = rates_of(&all[json::member(all, name)?]);
            let told = !own.is_empty();
            told.then(|| Service::over(*tier, &own, &own_tiers, (&rates, &tiers)))
        });
        Self {
            services: services.collect(),
            per_request: money(pricing, "request").filter(|price| !price.is_zero()),
            tiers: steps(tiers),
            rates,
            source: Arc::clone(source),
            ..Self::default()
        }
    }
}

/// The rates of an object, and what changes by the first number of input tokens that it changes for.
fn rates_of(pricing: &[u8]) -> (Rates, BTreeMap<u64, Rates>) {
    let mut rates = Rates::default();
    for (name, bucket) in RATES {
        let rate = rates.slot(*bucket);
        *rate = rate.or_else(|| money(pricing, name));
    }
    let mut tiers: BTreeMap<u64, Rates> = BTreeMap::new();
    for (name, bucket) in TIERS {
        for (input_tokens_min, cost) in tiers_of(pricing, name) {
            if input_tokens_min == 0 {
                rates.slot(*bucket).get_or_insert(cost);
            } else {
                *tiers.entry(input_tokens_min).or_default().slot(*bucket) = Some(cost);
            }
        }
    }
    (rates, tiers)
}

/// Where each tier of a bucket begins, and what a token costs in it.
fn tiers_of<'a>(pricing: &'a [u8], name: &str) -> impl Iterator<Item = (u64, Decimal)> + use<'a> {
    let list = json::member(pricing, name).map_or(&b""[..], |span| &pricing[span]);
    json::elements(list).filter_map(|span| {
        let tier = &list[span];
        let min = json::member(tier, "min").map(|span| amount(&tier[span]));
        let min = match min {
            None => 0,
            Some(min) => u64::try_from(min?).ok()?,
        };
        Some((min, money(tier, "cost")?))
    })
}

fn money(object: &[u8], name: &str) -> Option<Decimal> {
    let span = json::member(object, name)?;
    amount(&object[span]).filter(|price| !price.is_sign_negative()).map(|price| price.normalize())
}

#[cfg(test)]
mod tests {
    use trunkline_core::Usage;

    use super::*;

    fn read(text: &str) -> Price {
        Price::from_pricing(text.as_bytes(), &Arc::from("a catalogue"))
    }

    fn shown(rate: Option<Decimal>) -> String {
        rate.map_or_else(|| "unknown".to_owned(), |rate| rate.to_string())
    }

    #[test]
    fn rates_are_read_in_either_spelling() {
        let price = read(r#"{"input": "0.00000012", "output": "2.4e-7", "input_cache_read": "0.000000012"}"#);
        assert_eq!(
            (shown(price.rates.input), shown(price.rates.output)),
            ("0.00000012".into(), "0.00000024".into())
        );
        assert_eq!(shown(price.rates.cache_read), "0.000000012");
        assert_eq!(shown(price.rates.cache_write), "unknown");
        let price = read(r#"{"prompt": "1", "completion": "-1", "request": "0.5", "image": "3"}"#);
        assert_eq!((shown(price.rates.input), shown(price.rates.output)), ("1".into(), "unknown".into()));
        assert_eq!(shown(price.per_request), "0.5");
    }

    #[test]
    fn tiers_begin_with_their_smallest_number() {
        let price = read(
            r#"{"input": "1", "input_tiers": [{"cost": "1", "max": 200001}, {"cost": "2", "min": 200001}],
                "output_tiers": [{"cost": "3", "min": 0, "max": 200001}, {"cost": "4", "min": 200001, "max": 400000},
                {"cost": "5", "min": 400000}], "input_cache_read_tiers": [{"cost": "free"}, 7, {"min": "soon"}]}"#,
        );
        let at = |tokens| {
            let rates = price.rates_at(tokens);
            (shown(rates.input), shown(rates.output))
        };
        assert_eq!(at(200_000), ("1".into(), "3".into()));
        assert_eq!(at(200_001), ("2".into(), "4".into()));
        assert_eq!(at(400_000), ("2".into(), "5".into()));
        assert_eq!(shown(price.rates.cache_read), "unknown");
    }

    #[test]
    fn a_service_tier_has_rates_of_its_own_and_else_the_usual_ones() {
        let price = read(
            r#"{"input": "1", "output": "3", "input_tiers": [{"cost": "2", "min": 100}],
                "service_tiers": {"priority": {"input": "5", "input_tiers": [{"cost": "6", "min": 100}]},
                "flex": {"output": "2"}, "batch": {"input": "0"}, "ultrafast": {}}}"#,
        );
        let tiers: Vec<ServiceTier> = price.services.iter().map(|service| service.tier).collect();
        assert_eq!(tiers, [ServiceTier::Flex, ServiceTier::Priority]);
        let cost = |tokens, tier| {
            let usage = Usage { uncached_input: tokens, output: 1, ..Usage::default() };
            price.cost_at(&usage, tier).and_then(|cost| cost.spend()).map(|cost| cost.to_string())
        };
        assert_eq!(cost(10, ServiceTier::Priority).as_deref(), Some("53"));
        assert_eq!(cost(100, ServiceTier::Priority).as_deref(), Some("603"));
        assert_eq!(cost(100, ServiceTier::Flex).as_deref(), Some("202"));
        assert_eq!(cost(100, ServiceTier::Ultrafast), None);
    }

    #[test]
    fn nothing_is_told_by_what_is_no_object() {
        for text in ["", "null", "[]", "\"free\"", "{"] {
            assert!(!read(text).is_known(), "{text}");
        }
    }
}
