//! Prices as LiteLLM writes them: `input_cost_per_token` and its relatives, in a price file or in a deployment's settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value};
use trunkline_core::cost::amount;
use trunkline_core::{Error, ErrorKind, ServiceTier, json};

use crate::price::{Price, Service, steps};
use crate::rates::{Bucket, Rates};

/// The keys that a rate stands under.
const RATES: &[(&str, Bucket)] = &[
    ("input_cost_per_token", Bucket::Input),
    ("cache_read_input_token_cost", Bucket::CacheRead),
    ("input_cost_per_token_cache_hit", Bucket::CacheRead),
    ("cache_creation_input_token_cost", Bucket::CacheWrite),
    ("input_cost_per_audio_token", Bucket::AudioInput),
    ("output_cost_per_token", Bucket::Output),
    ("output_cost_per_reasoning_token", Bucket::Reasoning),
    ("output_cost_per_audio_token", Bucket::AudioOutput),
    ("output_cost_per_image_token", Bucket::ImageOutput),
];
/// The keys that the price of a call stands under.
const PER_REQUEST: &[&str] = &["input_cost_per_request", "input_cost_per_query"];
/// What the keys of a service tier end with.
const SERVICES: &[(&str, ServiceTier)] = &[
    ("_flex", ServiceTier::Flex),
    ("_priority", ServiceTier::Priority),
    ("_ultrafast", ServiceTier::Ultrafast),
];
/// The key that says, in its member `fast`, how many times as dear Anthropic's fast mode is.
const FACTORS: &str = "provider_specific_entry";
/// The longest part of a value that a message repeats, in characters.
const QUOTED_CHARACTERS_MAX: usize = 40;

impl Price {
    /// Reads the price that the settings of a deployment, or a row of a price file, name.
    ///
    /// Read are `input_cost_per_token`, `output_cost_per_token`, `cache_read_input_token_cost`,
    /// `cache_creation_input_token_cost`, `input_cost_per_audio_token`, `output_cost_per_audio_token`,
    /// `output_cost_per_image_token`, `output_cost_per_reasoning_token`, each also with `_above_200k_tokens` or another
    /// number of thousands, and each of these with `_flex`, `_priority` or `_ultrafast` at its end;
    /// `provider_specific_entry.fast`, the factor of Anthropic's fast mode; `input_cost_per_request`, `tiered_pricing`, `max_input_tokens` and `max_output_tokens`. Amounts
    /// are US dollars, numbers or strings. Other members are passed over, `null` is what is not there.
    ///
    /// A token rate of zero counts as not known where the row has a price in another unit, an image or a second:
    /// there, zero says that tokens are not what is billed.
    ///
    /// The price is not [known](Price::is_known) where no member tells one.
    ///
    /// # Errors
    /// `Configuration`, naming the member, if one of these is no amount, is negative, or is no whole number of tokens.
    pub fn from_members(members: &Map<String, Value>, source: &Arc<str>) -> Result<Self, Error> {
        let mut reader = Reader::default();
        for (name, value) in members {
            reader.read(name, value.to_string().as_bytes()).map_err(Problem::into_error)?;
        }
        Ok(reader.finish(source))
    }
}

/// Why a member cannot be read.
#[derive(Debug)]
pub(crate) struct Problem {
    member: String,
    what: &'static str,
    found: String,
}

impl Problem {
    fn new(member: &str, what: &'static str, found: &[u8]) -> Self {
        let found = String::from_utf8_lossy(found).chars().take(QUOTED_CHARACTERS_MAX).collect();
        Self { member: member.to_owned(), what, found }
    }

    pub(crate) fn text(&self) -> String {
        format!("`{}` is not {}: {}", self.member, self.what, self.found)
    }

    fn into_error(self) -> Error {
        Error::new(ErrorKind::Configuration, self.text()).with_param(self.member)
    }
}

/// A price in the making, fed member by member.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    rates: Rates,
    per_request: Option<Decimal>,
    /// By the number of input tokens that a tier begins after.
    tiers: BTreeMap<u64, Rates>,
    /// The same of each service tier, in the order of [`SERVICES`].
    services: [(Rates, BTreeMap<u64, Rates>); SERVICES.len()],
    /// How many times as dear fast mode is.
    fast_factor: Option<Decimal>,
    /// By the number of input tokens that a tier begins with.
    ranges: BTreeMap<u64, Rates>,
    input_tokens_max: Option<u64>,
    output_tokens_max: Option<u64>,
    includes_threshold: bool,
    has_other_units: bool,
}

impl Reader {
    /// Takes one member, whose value is given as JSON text.
    pub(crate) fn read(&mut self, name: &str, raw: &[u8]) -> Result<(), Problem> {
        if json::is_null(raw) {
            return Ok(());
        }
        let of_service = SERVICES.iter().position(|(end, _)| name.ends_with(end));
        let usual = of_service.and_then(|at| name.strip_suffix(SERVICES[at].0)).unwrap_or(name);
        if let Some((bucket, above)) = rate_key(usual) {
            let (rates, tiers) = match of_service.and_then(|at| self.services.get_mut(at)) {
                Some((rates, tiers)) => (rates, tiers),
                None => (&mut self.rates, &mut self.tiers),
            };
            let rates = match above {
                None => rates,
                Some(tokens) => tiers.entry(tokens).or_default(),
            };
            *rates.slot(bucket) = Some(money(name, raw)?);
            return Ok(());
        }
        match name {
            "max_input_tokens" => self.input_tokens_max = Some(tokens(name, raw)?),
            "max_output_tokens" => self.output_tokens_max = Some(tokens(name, raw)?),
            "tiered_pricing" => self.read_ranges(raw)?,
            FACTORS => self.read_factors(raw)?,
            // xAI's higher rates begin with the threshold, all others' behind it.
            "litellm_provider" => self.includes_threshold = raw == b"\"xai\"",
            name if PER_REQUEST.contains(&name) => self.per_request = Some(money(name, raw)?),
            name => self.has_other_units |= is_other_unit(name, raw),
        }
        Ok(())
    }

    /// `provider_specific_entry`: `{"fast": 2.0, …}`.
    fn read_factors(&mut self, raw: &[u8]) -> Result<(), Problem> {
        if let Some(fast) = json::member(raw, "fast").map(|span| &raw[span]) {
            let factor = amount(fast).filter(|factor| factor.is_sign_positive());
            let problem = || Problem::new(FACTORS, "an object whose `fast` is a factor", raw);
            self.fast_factor = Some(factor.ok_or_else(problem)?);
        }
        Ok(())
    }

    /// `tiered_pricing`: `[{"range": [0, 32000], "input_cost_per_token": …}, …]`.
    fn read_ranges(&mut self, raw: &[u8]) -> Result<(), Problem> {
        const NAME: &str = "tiered_pricing";
        let problem = || Problem::new(NAME, "a list of prices by ranges of input tokens", raw);
        if !raw.starts_with(b"[") {
            return Err(problem());
        }
        for span in json::elements(raw) {
            let row = &raw[span];
            // Some are priced by how many results are found; no token is counted there.
            let Some(range) = json::member(row, "range").map(|span| &row[span]) else {
                continue;
            };
            let from = json::elements(range).next().map(|span| &range[span]).ok_or_else(problem)?;
            let mut rates = Rates::default();
            for member in json::members(row) {
                let name = String::from_utf8_lossy(member.key);
                let value = &row[member.value];
                if let (Some((bucket, None)), false) = (rate_key(&name), json::is_null(value)) {
                    *rates.slot(bucket) = Some(money(&name, value)?);
                }
            }
            self.ranges.insert(tokens(NAME, from)?, rates);
        }
        Ok(())
    }

    pub(crate) fn finish(self, source: &Arc<str>) -> Price {
        let mut rates = self.rates;
        let begins = |above: u64| above.saturating_add(u64::from(!self.includes_threshold));
        let begun = |tiers: BTreeMap<u64, Rates>| -> BTreeMap<u64, Rates> {
            tiers.into_iter().map(|(above, changed)| (begins(above), changed)).collect()
        };
        let mut tiers = begun(self.tiers);
        for (from, changed) in self.ranges {
            if from == 0 {
                rates = rates.or(&changed);
            } else {
                // A range holds what is in it, its end included.
                tiers.insert(from.saturating_add(1), changed);
            }
        }
        if self.has_other_units {
            for rates in std::iter::once(&mut rates).chain(tiers.values_mut()) {
                forget_zeros(rates);
            }
        }
        let told = SERVICES.iter().zip(self.services).filter(|(_, (rates, _))| !rates.is_empty());
        let mut services: Vec<Service> = told
            .map(|((_, tier), (own, own_tiers))| {
                Service::over(*tier, &own, &begun(own_tiers), (&rates, &tiers))
            })
            .collect();
        if let Some(factor) = self.fast_factor.filter(|_| !rates.is_empty()) {
            let dearer = tiers.iter().map(|(from, rates)| (*from, rates.times(factor))).collect();
            let fast = Service::over(ServiceTier::FastMode, &rates.times(factor), &dearer, (&rates, &tiers));
            services.push(fast);
        }
        Price {
            rates,
            per_request: self.per_request,
            tiers: steps(tiers),
            services: services.into(),
            input_tokens_max: self.input_tokens_max,
            output_tokens_max: self.output_tokens_max,
            source: Arc::clone(source),
        }
    }
}

/// The bucket that a key is about, and the number of input tokens that it holds above of.
fn rate_key(name: &str) -> Option<(Bucket, Option<u64>)> {
    let find = |key: &str| RATES.iter().find(|(known, _)| *known == key).map(|(_, bucket)| *bucket);
    if let Some(bucket) = find(name) {
        return Some((bucket, None));
    }
    let (key, threshold) = name.strip_suffix("k_tokens")?.rsplit_once("_above_")?;
    let thousands: u64 = threshold.parse().ok()?;
    Some((find(key)?, Some(thousands.saturating_mul(1_000))))
}

/// Whether a member is a price, other than zero, for something that is no token: an image, a second, a page.
fn is_other_unit(name: &str, raw: &[u8]) -> bool {
    let unit = name.split_once("_cost_per_").map(|(_, unit)| unit);
    unit.is_some_and(|unit| !unit.contains("token")) && amount(raw).is_some_and(|price| price > Decimal::ZERO)
}

fn forget_zeros(rates: &mut Rates) {
    for bucket in Bucket::ALL {
        let rate = rates.slot(bucket);
        *rate = rate.filter(|rate| !rate.is_zero());
    }
}

fn money(name: &str, raw: &[u8]) -> Result<Decimal, Problem> {
    amount(raw)
        .filter(|price| !price.is_sign_negative() || price.is_zero())
        .map(|price| price.normalize())
        .ok_or_else(|| Problem::new(name, "an amount of US dollars, zero or more", raw))
}

fn tokens(name: &str, raw: &[u8]) -> Result<u64, Problem> {
    amount(raw)
        .filter(|tokens| tokens.fract().is_zero())
        .and_then(|tokens| tokens.to_u64())
        .ok_or_else(|| Problem::new(name, "a whole number of tokens", raw))
}

#[cfg(test)]
mod tests;
