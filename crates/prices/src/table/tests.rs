//! The bundled table is what it should be, and any table gives back what it was made from.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use trunkline_core::ServiceTier;

use crate::{PriceFile, Rates, Service, Tier};

const TABLE_BYTES_MAX: usize = 400_000;

#[test]
fn the_bundled_table_is_sorted_and_small() {
    assert!(BUNDLED.len() < TABLE_BYTES_MAX, "{} bytes", BUNDLED.len());
    let models: Vec<&str> = Table::bundled().models().collect();
    assert!(models.len() > 1_000);
    for pair in models.windows(2) {
        assert!(pair[0] < pair[1], "`{}` stands before `{}`", pair[0], pair[1]);
    }
}

#[test]
fn the_bundled_table_knows_service_tiers() {
    let usage = trunkline_core::Usage { uncached_input: 1_000_000, ..Default::default() };
    let cost = |model: &str, tier| {
        let cost = Table::bundled().get(model)?.cost_at(&usage, tier)?.spend()?;
        Some(cost.normalize().to_string())
    };
    assert_eq!(cost("gpt-4o", ServiceTier::Default).as_deref(), Some("2.5"));
    assert_eq!(cost("gpt-4o", ServiceTier::Priority).as_deref(), Some("4.25"));
    assert_eq!(cost("gpt-4o", ServiceTier::Flex), None);
    assert_eq!(cost("o3", ServiceTier::Flex).as_deref(), Some("1"));
    assert_eq!(cost("claude-opus-5", ServiceTier::FastMode).as_deref(), Some("10"));
}

#[test]
fn every_bundled_row_is_found_parses_and_has_a_source() {
    let table = Table::bundled();
    for line in table.rows.lines() {
        let model = model_of(line);
        assert_eq!(table.find(model), Some(line));
        let price = table.get(model);
        assert!(price.as_ref().is_some_and(|price| !price.source.is_empty()), "{line}");
        let sorted = price.is_some_and(|price| price.tiers.is_sorted_by_key(|tier| tier.input_tokens_min));
        assert!(sorted, "{line}");
    }
}

#[test]
fn the_bundled_table_has_the_providers() {
    let table = Table::bundled();
    for model in
        ["gpt-4o", "claude-sonnet-4-5", "vercel_ai_gateway/openai/gpt-4o", "groq/llama-3.1-8b-instant"]
    {
        let price = table.get(model);
        assert!(price.is_some_and(|price| price.rates.input.is_some_and(|rate| !rate.is_zero())), "{model}");
    }
}

/// What a reader would do who goes through the table line by line.
fn scan<'a>(table: &Table<'a>, model: &str) -> Option<&'a str> {
    table.rows.lines().find(|line| line.split('\t').next() == Some(model))
}

#[test]
fn halving_finds_what_scanning_does_between_the_rows_too() {
    let table = Table::bundled();
    for model in table.models() {
        let shorter = &model[..model.len() - 1];
        for asked in [shorter.to_owned(), format!("{model}!"), format!("{model}~"), model.to_uppercase()] {
            assert_eq!(table.find(&asked), scan(&table, &asked), "{asked}");
        }
    }
    for asked in ["", "\n", "\t", "~", "#", "\u{10ffff}"] {
        assert_eq!(table.find(asked), None, "{asked:?}");
    }
}

#[test]
fn a_row_that_says_nothing_is_left_out() {
    let file = PriceFile::parse(
        r#"{"a": {"mode": "chat"}, "b": {"max_input_tokens": 7}, "c\t": {"max_input_tokens": 7}}"#,
    )
    .expect("a price file");
    let text = Table::compile(file.rows(), "f", "a file");
    assert_eq!(Table::new(&text).models().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn an_unfinished_text_is_a_table_too() {
    assert!(Table::new("").get("a").is_none());
    let head = "# source s = somewhere\n";
    let row = "a\t1\t\t\t\t\t\t\t\t\t\t\t\t\ts";
    let text = [head, row].concat();
    assert_eq!(
        Table::new(&text).get("a").map(|price| price.source.to_string()).as_deref(),
        Some("somewhere")
    );
    let unknown = [head, row, "2"].concat();
    assert!(Table::new(&unknown).get("a").is_none());
}

fn rate() -> impl Strategy<Value = Option<Decimal>> {
    proptest::option::of((0i64..1_000_000, 0u32..20).prop_map(|(digits, scale)| Decimal::new(digits, scale)))
}

prop_compose! {
    fn price()(
        input in rate(), reasoning in rate(), per_request in rate(), tier in rate(),
        input_tokens_min in 1u64..1_000_000, input_tokens_max in proptest::option::of(1u64..1_000_000),
    ) -> Price {
        let tier = Tier { input_tokens_min, rates: Rates { output: tier, ..Rates::default() } };
        let service = |name| Service {
            tier: name,
            rates: Rates { output: per_request, ..Rates::default() },
            tiers: Arc::from([tier.clone()]),
        };
        Price {
            rates: Rates { input: input.or(Some(Decimal::ONE)), reasoning, ..Rates::default() },
            per_request,
            services: Arc::from([service(ServiceTier::Flex), service(ServiceTier::FastMode)]),
            tiers: Arc::from([tier.clone()]),
            input_tokens_max,
            output_tokens_max: None,
            source: Arc::from("a source"),
        }
    }
}

proptest! {
    #[test]
    fn what_is_compiled_is_found_again(
        prices in proptest::collection::btree_map("[a-c/é]{0,4}", price(), 0..40), asked in "[a-c/é]{0,4}",
    ) {
        let text = Table::compile(prices.iter().map(|(model, price)| (model.as_str(), price)), "s", "a source");
        let table = Table::new(&text);
        prop_assert_eq!(table.get(&asked), prices.get(&asked).cloned());
        for (model, price) in &prices {
            prop_assert_eq!(table.get(model), Some(price.clone()));
        }
    }
}
