//! The laws of a price: what it sums up to, and that more never costs less.

use proptest::prelude::*;
use trunkline_core::TokenPrices;

use super::*;
use crate::rates::Bucket;

fn money(text: &str) -> Option<Decimal> {
    Some(text.parse().expect("a decimal"))
}

fn price() -> Price {
    Price {
        rates: Rates { input: money("0.000002"), output: money("0.00001"), ..Rates::default() },
        ..Price::default()
    }
}

#[track_caller]
fn check(price: &Price, usage: &Usage, expected: Option<&str>) {
    let cost = price.cost(usage);
    assert_eq!(cost, expected.and_then(money).map(Cost::Computed));
}

#[test]
fn buckets_without_a_rate_cost_what_they_are_a_part_of() {
    let mut price = price();
    let input =
        Usage { uncached_input: 100, cache_read: 1000, cache_write: 10, audio_input: 1, ..Usage::default() };
    check(&price, &input, Some("0.002222"));
    let output =
        Usage { output: 1, reasoning: 10, audio_output: 100, image_output: 1000, ..Usage::default() };
    check(&price, &output, Some("0.01111"));
    price.rates.cache_read = money("0.0000002");
    check(&price, &input, Some("0.000422"));
    price.rates.image_output = money("0.00004");
    check(&price, &output, Some("0.04111"));
}

#[test]
fn what_is_not_known_is_not_zero() {
    let mut price = price();
    price.rates.output = None;
    check(&price, &Usage { uncached_input: 5, ..Usage::default() }, Some("0.00001"));
    check(&price, &Usage { uncached_input: 5, output: 1, ..Usage::default() }, None);
    check(&Price::default(), &Usage::default(), None);
    assert_eq!(Price::default().bound(0, 0), None);
}

#[test]
fn zero_is_a_price() {
    let zero = Some(Decimal::ZERO);
    let free = Price { rates: Rates { input: zero, output: zero, ..Rates::default() }, ..Price::default() };
    check(&free, &Usage { uncached_input: 5, output: 7, ..Usage::default() }, Some("0"));
}

#[test]
fn a_call_may_cost_something_besides_its_tokens() {
    check(&Price { per_request: money("0.005"), ..price() }, &Usage::default(), Some("0.005"));
    check(&Price { per_request: money("0.005"), ..Price::default() }, &Usage::default(), Some("0.005"));
}

#[test]
fn a_tier_holds_for_the_whole_call_from_its_first_number_on() {
    let tier = |input_tokens_min, input, output| Tier {
        input_tokens_min,
        rates: Rates { input: money(input), output, ..Rates::default() },
    };
    let tiers = Arc::from([tier(200_001, "0.000004", money("0.00002")), tier(300_000, "0.000008", None)]);
    let price = Price { tiers, ..price() };
    let usage =
        |uncached_input, cache_read| Usage { uncached_input, cache_read, output: 1, ..Usage::default() };
    check(&price, &usage(200_000, 0), Some("0.40001"));
    check(&price, &usage(200_001, 0), Some("0.800024"));
    check(&price, &usage(1, 200_000), Some("0.800024"));
    check(&price, &usage(300_000, 0), Some("2.40002"));
}

#[test]
fn a_bound_takes_the_dearer_rate() {
    let mut price = price();
    assert_eq!(price.bound(100, 10), money("0.0003"));
    price.rates.cache_write = money("0.0000025");
    price.rates.reasoning = money("0.00002");
    assert_eq!(price.bound(100, 10), money("0.00045"));
    price.rates.audio_output = money("0.00003");
    price.rates.image_output = money("0.00004");
    assert_eq!(price.bound(100, 10), money("0.00065"), "a chat may be answered with a picture");
}

#[test]
fn a_bound_is_the_dearest_that_a_tier_may_turn_out_to_be() {
    let service = |tier, input| Service {
        tier,
        rates: Rates { input: money(input), ..price().rates },
        tiers: Arc::default(),
    };
    let services =
        Arc::from([service(ServiceTier::Flex, "0.000001"), service(ServiceTier::Priority, "0.000004")]);
    let price = Price { services, ..price() };
    let bound = |tier| price.bound_at(1_000, 0, tier);
    assert_eq!(bound(ServiceTier::Default), money("0.002"));
    assert_eq!(bound(ServiceTier::Flex), money("0.002"), "it may be served as usual");
    for tier in [ServiceTier::Priority, ServiceTier::Auto, ServiceTier::Ultrafast, ServiceTier::Other] {
        assert_eq!(bound(tier), money("0.004"), "{tier:?}");
    }
}

#[test]
fn sums_that_no_decimal_holds_are_not_known() {
    let mut price = price();
    price.rates.input = Some(Decimal::MAX);
    check(&price, &Usage { uncached_input: 2, ..Usage::default() }, None);
}

#[test]
fn a_catalogue_tells_rates_and_limits() {
    let prices = TokenPrices { input: money("0.1"), cache_write: money("0.2"), ..TokenPrices::default() };
    let model = ModelInfo {
        context_window: Some(0),
        output_tokens_max: Some(9),
        prices: Some(prices),
        ..ModelInfo::default()
    };
    let price = Price::from_model(&model, &Arc::from("a catalogue"));
    assert_eq!((price.rates.input, price.rates.cache_write), (money("0.1"), money("0.2")));
    assert_eq!((price.input_tokens_max, price.output_tokens_max), (None, Some(9)));
    assert_eq!(&*price.source, "a catalogue");
    // What it wrote itself says more.
    let pricing = r#"{"input": "0.3", "request": "1", "input_tiers": [{"cost": "0.4", "min": 10}]}"#;
    let model = ModelInfo { pricing: Some(pricing.into()), ..model };
    let price = Price::from_model(&model, &Arc::from("a catalogue"));
    assert_eq!((price.rates_at(9).input, price.rates_at(10).input), (money("0.3"), money("0.4")));
    assert_eq!((price.per_request, price.output_tokens_max), (money("1"), Some(9)));
}

/// At most a dollar, and with [`usage`] few enough digits that no decimal rounds.
fn rate() -> impl Strategy<Value = Option<Decimal>> {
    proptest::option::of((0i64..1_000_000, 6u32..=14).prop_map(|(digits, scale)| Decimal::new(digits, scale)))
}

fn rates() -> impl Strategy<Value = Rates> {
    proptest::array::uniform8(rate()).prop_map(|values| {
        let mut rates = Rates::default();
        for (bucket, value) in Bucket::ALL.into_iter().zip(values) {
            *rates.slot(bucket) = value;
        }
        // So that the laws are not about `None` most of the time.
        rates.input = rates.input.or(Some(Decimal::ONE));
        rates.output = rates.output.or(Some(Decimal::ONE));
        rates
    })
}

fn usage(tokens_max: u64) -> impl Strategy<Value = Usage> {
    proptest::array::uniform8(0..=tokens_max).prop_map(|tokens| Usage {
        uncached_input: tokens[0],
        cache_read: tokens[1],
        cache_write: tokens[2],
        audio_input: tokens[3],
        output: tokens[4],
        reasoning: tokens[5],
        audio_output: tokens[6],
        image_output: tokens[7],
        inconsistent: false,
        lacks_output: false,
    })
}

fn both(one: &Usage, other: &Usage) -> Usage {
    Usage {
        uncached_input: one.uncached_input + other.uncached_input,
        cache_read: one.cache_read + other.cache_read,
        cache_write: one.cache_write + other.cache_write,
        audio_input: one.audio_input + other.audio_input,
        output: one.output + other.output,
        reasoning: one.reasoning + other.reasoning,
        audio_output: one.audio_output + other.audio_output,
        image_output: one.image_output + other.image_output,
        inconsistent: false,
        lacks_output: false,
    }
}

fn spend(price: &Price, usage: &Usage) -> Decimal {
    price.cost(usage).and_then(|cost| cost.spend()).expect("input and output have rates")
}

/// Every rate in `rates`, three times as dear.
fn dearer(rates: &Rates) -> Rates {
    let mut dearer = Rates::default();
    for bucket in Bucket::ALL {
        *dearer.slot(bucket) = rates.get(bucket).map(|rate| rate * Decimal::from(3));
    }
    dearer
}

proptest! {
    /// Two calls cost what one call with the tokens of both does, and one call's fee more.
    #[test]
    fn costs_add_up(rates in rates(), per_request in rate(), one in usage(1 << 40), other in usage(1 << 40)) {
        let price = Price { rates, per_request, ..Price::default() };
        let apart = spend(&price, &one) + spend(&price, &other);
        let together = spend(&price, &both(&one, &other)) + per_request.unwrap_or_default();
        prop_assert_eq!(apart, together);
    }

    /// Each bucket alone, summed up, is the cost of all of them.
    #[test]
    fn a_call_costs_the_sum_of_its_buckets(rates in rates(), usage in usage(1 << 40)) {
        let price = Price { rates, ..Price::default() };
        let alone = [
            Usage { uncached_input: usage.uncached_input, ..Usage::default() },
            Usage { cache_read: usage.cache_read, ..Usage::default() },
            Usage { cache_write: usage.cache_write, ..Usage::default() },
            Usage { audio_input: usage.audio_input, ..Usage::default() },
            Usage { output: usage.output, ..Usage::default() },
            Usage { reasoning: usage.reasoning, ..Usage::default() },
            Usage { audio_output: usage.audio_output, ..Usage::default() },
            Usage { image_output: usage.image_output, ..Usage::default() },
        ];
        let sum: Decimal = alone.iter().map(|usage| spend(&price, usage)).sum();
        prop_assert_eq!(sum, spend(&price, &usage));
    }

    /// Across a tier that is dearer too.
    #[test]
    fn more_tokens_never_cost_less(
        rates in rates(), input_tokens_min in 0u64..100_000, one in usage(20_000), more in usage(20_000),
    ) {
        let tier = Tier { input_tokens_min, rates: dearer(&rates) };
        let price = Price { rates, tiers: Arc::from([tier]), ..Price::default() };
        prop_assert!(spend(&price, &both(&one, &more)) >= spend(&price, &one));
    }

    /// The bound of a call's text is not below what it turns out to cost, cached or not.
    #[test]
    fn a_bound_bounds(rates in rates(), one in usage(20_000)) {
        let dearest_read = rates.input.map(|input| rates.cache_read.map_or(input, |read| read.min(input)));
        let price = Price { rates: Rates { cache_read: dearest_read, ..rates }, ..Price::default() };
        let text = Usage { audio_input: 0, audio_output: 0, image_output: 0, ..one };
        let bound = price.bound(text.input(), text.all_output()).expect("input and output have rates");
        prop_assert!(bound >= spend(&price, &text));
    }
}
