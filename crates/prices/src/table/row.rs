//! One row of the table, written and read.

use std::fmt::Write;
use std::str::FromStr;

use rust_decimal::Decimal;
use trunkline_core::ServiceTier;

use crate::price::{Price, Service, Tier};
use crate::rates::{Bucket, Rates};

/// The head of every table, but for its sources.
pub(super) const HEAD: &str = "\
# Prices in US dollars a token, sorted by model; written by `just prices`, not by hand. An empty cell is not known.
# model\tinput\tcache_read\tcache_write\taudio_input\toutput\treasoning\taudio_output\timage_output\tper_request\tinput_tokens_max\toutput_tokens_max\ttiers\tservices\tsource
";

/// What service tiers are called in a row.
const SERVICES: [(&str, ServiceTier); 4] = [
    ("flex", ServiceTier::Flex),
    ("priority", ServiceTier::Priority),
    ("ultrafast", ServiceTier::Ultrafast),
    ("fast_mode", ServiceTier::FastMode),
];

/// Appends the row of `model`, its line feed included.
pub(super) fn write(model: &str, price: &Price, source: &str, text: &mut String) {
    let mut cells = vec![model.to_owned()];
    cells.extend(Bucket::ALL.map(|bucket| shown(price.rates.get(bucket))));
    cells.push(shown(price.per_request));
    cells.push(shown(price.input_tokens_max));
    cells.push(shown(price.output_tokens_max));
    cells.push(tiers_text(&price.tiers));
    cells.push(services_text(&price.services));
    cells.push(source.to_owned());
    text.push_str(&cells.join("\t"));
    text.push('\n');
}

/// Reads the cells behind the model, but for the last one, the source.
pub(super) fn read<'a>(cells: &mut impl Iterator<Item = &'a str>) -> Option<Price> {
    let mut rates = Rates::default();
    for bucket in Bucket::ALL {
        *rates.slot(bucket) = known(cells.next()?)?;
    }
    Some(Price {
        rates,
        per_request: known(cells.next()?)?,
        input_tokens_max: known(cells.next()?)?,
        output_tokens_max: known(cells.next()?)?,
        tiers: tiers(cells.next()?)?.into(),
        services: services(cells.next()?)?.into(),
        ..Price::default()
    })
}

fn shown(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The value of a cell: `Some(None)` for an empty one, `None` for one that cannot be read.
fn known<T: FromStr>(cell: &str) -> Option<Option<T>> {
    if cell.is_empty() { Some(None) } else { cell.parse().ok().map(Some) }
}

/// `200001 input=0.000004 output=0.00002; 300001 …`.
fn tiers_text(tiers: &[Tier]) -> String {
    let mut text = String::new();
    for tier in tiers {
        let separator = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{separator}{}", tier.input_tokens_min);
        write_rates(&tier.rates, &mut text);
    }
    text
}

fn write_rates(rates: &Rates, text: &mut String) {
    for bucket in Bucket::ALL {
        if let Some(rate) = rates.get(bucket) {
            let _ = write!(text, " {}={rate}", bucket.name());
        }
    }
}

/// `flex input=0.000001 output=0.000002; 200001 input=0.000002 | priority …`: a tier's name and its rates, then what
/// changes for large inputs.
fn services_text(services: &[Service]) -> String {
    let mut text = String::new();
    for service in services {
        let Some((name, _)) = SERVICES.iter().find(|(_, tier)| *tier == service.tier) else { continue };
        let separator = if text.is_empty() { "" } else { " | " };
        let _ = write!(text, "{separator}{name}");
        write_rates(&service.rates, &mut text);
        for tier in &*service.tiers {
            let _ = write!(text, "; {}", tier.input_tokens_min);
            write_rates(&tier.rates, &mut text);
        }
    }
    text
}

fn services(cell: &str) -> Option<Vec<Service>> {
    if cell.is_empty() {
        return Some(Vec::new());
    }
    cell.split(" | ").map(service).collect()
}

fn service(text: &str) -> Option<Service> {
    let mut parts = text.split("; ");
    let mut words = parts.next()?.split(' ');
    let name = words.next()?;
    let (_, tier) = SERVICES.iter().find(|(known, _)| *known == name)?;
    let tiers: Option<Vec<Tier>> = parts.map(self::tier).collect();
    Some(Service { tier: *tier, rates: rates(words)?, tiers: tiers?.into() })
}

fn tiers(cell: &str) -> Option<Vec<Tier>> {
    if cell.is_empty() {
        return Some(Vec::new());
    }
    cell.split("; ").map(tier).collect()
}

fn tier(text: &str) -> Option<Tier> {
    let mut words = text.split(' ');
    let input_tokens_min = words.next()?.parse().ok()?;
    Some(Tier { input_tokens_min, rates: rates(words)? })
}

fn rates<'a>(words: impl Iterator<Item = &'a str>) -> Option<Rates> {
    let mut rates = Rates::default();
    for word in words {
        let (name, rate) = word.split_once('=')?;
        let bucket = Bucket::ALL.into_iter().find(|bucket| bucket.name() == name)?;
        *rates.slot(bucket) = Some(Decimal::from_str(rate).ok()?);
    }
    Some(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_names_the_cells_in_their_order() {
        let mut expected: Vec<&str> = vec!["# model"];
        expected.extend(Bucket::ALL.map(Bucket::name));
        expected.extend([
            "per_request",
            "input_tokens_max",
            "output_tokens_max",
            "tiers",
            "services",
            "source",
        ]);
        let named = HEAD.lines().last().map(|line| line.split('\t').collect::<Vec<&str>>());
        assert_eq!(named, Some(expected));
    }

    #[test]
    fn cells_that_cannot_be_read_are_no_prices() {
        for row in [
            "x\t\t\t\t\t\t\t\t\t\t\t\t",
            "1\t\t\t\t\t\t\t\t\t\t\tsoon\t",
            "1\t\t\t\t\t\t\t\t\t1.5\t\t\t",
            "1\t\t\t\t\t\t\t\t\t\t\t\tsoon input=2",
            "1\t\t\t\t\t\t\t\t\t\t\t\tflex 9",
            "1\t\t\t\t\t\t\t\t\t\t\t",
        ] {
            assert!(read(&mut row.split('\t')).is_none(), "{row:?}");
        }
        assert!(read(&mut "".split('\t')).is_none());
        let whole = "1\t\t\t\t\t\t\t\t\t\t\t9 input=2\tflex output=3; 9 input=1 | fast_mode input=4";
        let price = read(&mut whole.split('\t')).expect("a price");
        assert_eq!((price.tiers.len(), price.services.len()), (1, 2));
    }
}
