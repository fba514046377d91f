//! Every key that is read, in every notation, and what is said of one that cannot be.

use super::*;

fn read(text: &str) -> Result<Price, Error> {
    let members: Map<String, Value> = serde_json::from_str(text).expect("an object");
    Price::from_members(&members, &Arc::from("the configuration"))
}

fn price(text: &str) -> Price {
    read(text).expect("a price")
}

fn shown(rate: Option<Decimal>) -> String {
    rate.map_or_else(|| "unknown".to_owned(), |rate| rate.to_string())
}

#[test]
fn digits_are_kept_in_every_notation() {
    let price = price(
        r#"{"input_cost_per_token": 1.2345678901234567e-6, "output_cost_per_token": "0.00001", "mode": "chat",
            "cache_read_input_token_cost": 3E-7, "cache_creation_input_token_cost": null}"#,
    );
    assert_eq!(shown(price.rates.input), "0.0000012345678901234567");
    assert_eq!(shown(price.rates.output), "0.00001");
    assert_eq!(shown(price.rates.cache_read), "0.0000003");
    assert_eq!(shown(price.rates.cache_write), "unknown");
    assert_eq!(&*price.source, "the configuration");
}

#[test]
fn every_key_has_its_bucket() {
    for (name, bucket) in RATES {
        let price = price(&format!("{{\"{name}\": 0.5, \"{name}_above_128k_tokens\": 0.75}}"));
        assert_eq!(shown(price.rates.get(*bucket)), "0.5", "{name}");
        assert_eq!(price.tiers[0].input_tokens_min, 128_001);
        assert_eq!(shown(price.tiers[0].rates.get(*bucket)), "0.75", "{name}");
    }
}

#[test]
fn xai_counts_the_threshold_itself() {
    let price = price(r#"{"input_cost_per_token_above_200k_tokens": 1, "litellm_provider": "xai"}"#);
    assert_eq!(price.tiers[0].input_tokens_min, 200_000);
}

/// What a call with this input and one token of output cost.
#[track_caller]
fn check_cost(price: &Price, (tokens, tier): (u64, ServiceTier), expected: Option<&str>) {
    let usage = trunkline_core::Usage { uncached_input: tokens, output: 1, ..Default::default() };
    let cost = price.cost_at(&usage, tier).and_then(|cost| cost.spend());
    assert_eq!(cost.map(|cost| cost.normalize().to_string()).as_deref(), expected, "{tokens} {tier:?}");
}

#[test]
fn service_tiers_have_rates_of_their_own() {
    let price = price(
        r#"{"input_cost_per_token": 1, "output_cost_per_token": 10, "input_cost_per_token_above_1k_tokens": 2,
            "input_cost_per_token_priority": 3, "output_cost_per_token_priority": 20,
            "input_cost_per_token_above_1k_tokens_priority": 5, "input_cost_per_token_flex": 0.5}"#,
    );
    check_cost(&price, (1_000, ServiceTier::Default), Some("1010"));
    check_cost(&price, (1_000, ServiceTier::Auto), Some("1010"));
    check_cost(&price, (1_000, ServiceTier::Priority), Some("3020"));
    check_cost(&price, (1_001, ServiceTier::Priority), Some("5025"));
    // What the tier does not price costs what it costs without it.
    check_cost(&price, (1_000, ServiceTier::Flex), Some("510"));
    check_cost(&price, (1_001, ServiceTier::Flex), Some("2012"));
    for tier in [ServiceTier::Ultrafast, ServiceTier::FastMode, ServiceTier::Other] {
        check_cost(&price, (1, tier), None);
    }
}

#[test]
fn fast_mode_is_a_factor_of_all_rates() {
    let price = price(
        r#"{"input_cost_per_token": 1, "output_cost_per_token": 10, "input_cost_per_token_above_1k_tokens": 2,
            "provider_specific_entry": {"us": 1.1, "fast": 2.5}}"#,
    );
    check_cost(&price, (10, ServiceTier::FastMode), Some("50"));
    check_cost(&price, (1_001, ServiceTier::FastMode), Some("5030"));
    check_cost(&price, (10, ServiceTier::Priority), None);
}

#[test]
fn a_tier_alone_is_no_price_and_batches_are_none() {
    let price = price(
        r#"{"input_cost_per_token_priority": 1, "input_cost_per_token_above_272k_tokens_flex": 1,
            "cache_creation_input_token_cost_above_1hr": 1, "output_cost_per_token_batches": 1}"#,
    );
    assert!(!price.is_known());
    assert!(price.tiers.is_empty());
}

#[test]
fn ranges_are_tiers() {
    let price = price(
        r#"{"tiered_pricing": [{"range": [0, 32e3], "input_cost_per_token": 1, "output_cost_per_token": 2},
            {"range": [32000.0, 128000], "input_cost_per_token": 3}], "max_input_tokens": 128000}"#,
    );
    assert_eq!(shown(price.rates_at(32_000).input), "1");
    assert_eq!(shown(price.rates_at(32_001).input), "3");
    assert_eq!(shown(price.rates_at(32_001).output), "2");
    assert_eq!(price.input_tokens_max, Some(128_000));
    let by_results = r#"{"tiered_pricing": [{"max_results_range": [0, 25], "input_cost_per_query": 1}]}"#;
    assert!(!self::price(by_results).is_known());
}

#[test]
fn zero_beside_another_unit_is_not_known() {
    let image =
        price(r#"{"input_cost_per_token": 0, "output_cost_per_token": 0, "output_cost_per_image": 0.04}"#);
    assert!(!image.is_known());
    let free = price(r#"{"input_cost_per_token": 0, "output_cost_per_token": 0, "input_cost_per_image": 0}"#);
    assert_eq!(shown(free.rates.output), "0");
    let rerank = price(r#"{"input_cost_per_token": 0, "input_cost_per_query": 0.002}"#);
    assert_eq!((shown(rerank.rates.input), shown(rerank.per_request)), ("0".to_owned(), "0.002".to_owned()));
}

#[test]
fn what_is_no_amount_is_named() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = read(text).expect_err("it is no price");
        assert_eq!((error.kind(), error.message()), (ErrorKind::Configuration, expected));
    }
    check(
        r#"{"input_cost_per_token": "cheap"}"#,
        "`input_cost_per_token` is not an amount of US dollars, zero or more: \"cheap\"",
    );
    check(
        r#"{"output_cost_per_token_above_200k_tokens": -1}"#,
        "`output_cost_per_token_above_200k_tokens` is not an amount of US dollars, zero or more: -1",
    );
    check(
        r#"{"provider_specific_entry": {"fast": "very"}}"#,
        "`provider_specific_entry` is not an object whose `fast` is a factor: {\"fast\":\"very\"}",
    );
    check(r#"{"max_input_tokens": 1.5}"#, "`max_input_tokens` is not a whole number of tokens: 1.5");
    check(
        r#"{"tiered_pricing": [{"range": 7}]}"#,
        "`tiered_pricing` is not a list of prices by ranges of input tokens: [{\"range\":7}]",
    );
}
