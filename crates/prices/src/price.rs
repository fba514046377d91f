//! What a call of one model costs, worked out from its tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use trunkline_core::{Cost, ModelInfo, ServiceTier, Usage};

use crate::rates::Rates;

/// What a model costs, and how many tokens it takes.
///
/// Whatever is not known is `None`. Cloning copies no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// What tokens cost below the first tier.
    pub rates: Rates,
    /// What a call costs besides its tokens, in US dollars.
    pub per_request: Option<Decimal>,
    /// What changes for large inputs, ascending by `input_tokens_min`.
    pub tiers: Arc<[Tier]>,
    /// What calls cost that are served otherwise than usual, where that is known.
    pub services: Arc<[Service]>,
    /// Tokens that the input may have.
    pub input_tokens_max: Option<u64>,
    /// Tokens that the output may have.
    pub output_tokens_max: Option<u64>,
    /// Where the figures come from, for a person to read.
    pub source: Arc<str>,
}

/// The rates of a call whose input is large. They hold for the whole call, for its first token too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The smallest number of input tokens, cached ones included, that the rates hold for.
    pub input_tokens_min: u64,
    /// The rates that change; where one is `None`, that of the tier below holds.
    pub rates: Rates,
}

/// What tokens cost in a service tier. It is whole: what the tier has no rate of its own for costs here what it costs
/// without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The tier.
    pub tier: ServiceTier,
    /// What tokens cost below the first of `tiers`.
    pub rates: Rates,
    /// What changes for large inputs, as in [`Price::tiers`].
    pub tiers: Arc<[Tier]>,
}

impl Price {
    /// The price that a catalogue tells of a model, with its tiers where it tells them.
    ///
    /// The output limit is the model's; the input limit is its context window, which the output shares.
    pub fn from_model(model: &ModelInfo, source: &Arc<str>) -> Self {
        let price = match &model.pricing {
            Some(pricing) => Self::from_pricing(pricing.as_bytes(), source),
            None => Self { rates: base_rates(model), source: Arc::clone(source), ..Self::default() },
        };
        Self {
            input_tokens_max: model.context_window.filter(|tokens| *tokens > 0),
            output_tokens_max: model.output_tokens_max.filter(|tokens| *tokens > 0),
            ..price
        }
    }

    /// This price with what a service tier costs; what `rates` does not tell costs there what it costs otherwise.
    #[must_use]
    pub fn with_service(self, tier: ServiceTier, rates: &Rates) -> Self {
        let usual = self.tiers.iter().map(|tier| (tier.input_tokens_min, tier.rates.clone())).collect();
        let service = Service::over(tier, rates, &BTreeMap::new(), (&self.rates, &usual));
        let others = self.services.iter().filter(|other| other.tier != tier).cloned();
        Self { services: others.chain([service]).collect(), ..self }
    }

    /// This price if it is known, else that of `weak`; and of limits those that this one tells, else those of `weak`.
    #[must_use]
    pub fn over(self, weak: Self) -> Self {
        let input_tokens_max = self.input_tokens_max.or(weak.input_tokens_max);
        let output_tokens_max = self.output_tokens_max.or(weak.output_tokens_max);
        let price = if self.is_known() || !weak.is_known() { self } else { weak };
        Self { input_tokens_max, output_tokens_max, ..price }
    }

    /// Whether anything is known that a call costs.
    pub fn is_known(&self) -> bool {
        !self.rates.is_empty()
            || self.per_request.is_some()
            || self.tiers.iter().any(|tier| !tier.rates.is_empty())
    }

    /// What a token costs where the input has `input_tokens` of them, cached ones included.
    pub fn rates_at(&self, input_tokens: u64) -> Rates {
        reached(&self.rates, &self.tiers, input_tokens)
    }

    /// What a call with these tokens cost that was served as usual.
    ///
    /// A bucket without a rate of its own costs what the one does that it is a part of: cache reads, cache writes and
    /// sound in the input cost the input's rate; reasoning, sound and images in the output cost the output's.
    ///
    /// The sum is exact up to 28 digits. `None` if nothing is known of the price, or nothing of a kind of token that the
    /// call had; or if the sum is too large for a decimal.
    pub fn cost(&self, usage: &Usage) -> Option<Cost> {
        self.cost_at(usage, ServiceTier::Default)
    }

    /// The same for a call that was served at this tier. Where nobody said what was thought fit, it was the usual one.
    ///
    /// `None` too if the tier has no rates: none of another's would be right.
    pub fn cost_at(&self, usage: &Usage, tier: ServiceTier) -> Option<Cost> {
        if !self.is_known() {
            return None;
        }
        let rates = match tier {
            ServiceTier::Default | ServiceTier::Auto => self.rates_at(usage.input()),
            tier => self.service(tier)?.rates_at(usage.input()),
        };
        let Rates {
            input,
            cache_read,
            cache_write,
            audio_input,
            output,
            reasoning,
            audio_output,
            image_output,
        } = rates;
        let parts = [
            (usage.uncached_input, input),
            (usage.cache_read, cache_read.or(input)),
            (usage.cache_write, cache_write.or(input)),
            (usage.audio_input, audio_input.or(input)),
            (usage.output, output),
            (usage.reasoning, reasoning.or(output)),
            (usage.audio_output, audio_output.or(output)),
            (usage.image_output, image_output.or(output)),
        ];
        self.sum(parts).map(Cost::Computed)
    }

    /// What a call may cost in US dollars, before it is made: the dearest that its text can come to.
    ///
    /// Input is taken at the rate of uncached input or of cache writes, whichever is dearer, and output at that of text,
    /// of reasoning, of pictures or of sound: nothing but the reply tells which it is. `None` as for
    /// [`cost`](Price::cost).
    pub fn bound(&self, input_tokens: u64, output_tokens: u64) -> Option<Decimal> {
        self.bound_at(input_tokens, output_tokens, ServiceTier::Default)
    }

    /// The same for a call that asks for this tier: the dearer of its rates and the usual ones, which an upstream may fall
    /// back on; and where it has none, or leaves the choice to the upstream, the dearest of all that are known.
    pub fn bound_at(&self, input_tokens: u64, output_tokens: u64, tier: ServiceTier) -> Option<Decimal> {
        if !self.is_known() {
            return None;
        }
        let usual = self.most_at(&self.rates_at(input_tokens), input_tokens, output_tokens)?;
        let of =
            |service: &Service| self.most_at(&service.rates_at(input_tokens), input_tokens, output_tokens);
        match tier {
            ServiceTier::Default => Some(usual),
            tier => match self.service(tier) {
                Some(service) => Some(usual.max(of(service)?)),
                None => self.services.iter().try_fold(usual, |most, service| Some(most.max(of(service)?))),
            },
        }
    }

    /// What is known of a service tier.
    fn service(&self, tier: ServiceTier) -> Option<&Service> {
        self.services.iter().find(|service| service.tier == tier)
    }

    fn most_at(&self, rates: &Rates, input_tokens: u64, output_tokens: u64) -> Option<Decimal> {
        let input = rates.input.map(|rate| rates.cache_write.map_or(rate, |write| write.max(rate)));
        let others = [rates.reasoning, rates.image_output, rates.audio_output];
        let output = rates.output.map(|rate| others.into_iter().flatten().fold(rate, Decimal::max));
        self.sum([(input_tokens, input), (output_tokens, output)])
    }

    fn sum<const N: usize>(&self, parts: [(u64, Option<Decimal>); N]) -> Option<Decimal> {
        let mut sum = self.per_request.unwrap_or_default();
        for (tokens, rate) in parts.into_iter().filter(|(tokens, _)| *tokens > 0) {
            sum = sum.checked_add(Decimal::from(tokens).checked_mul(rate?)?)?;
        }
        Some(sum)
    }
}

impl Service {
    /// `rates` and `tiers` where they are known, over those of a call that is served as usual.
    pub(crate) fn over(
        tier: ServiceTier,
        rates: &Rates,
        tiers: &BTreeMap<u64, Rates>,
        (usual, usual_tiers): (&Rates, &BTreeMap<u64, Rates>),
    ) -> Self {
        let mut whole = usual_tiers.clone();
        for (input_tokens_min, rates) in tiers {
            let beneath = whole.entry(*input_tokens_min).or_default();
            *beneath = rates.or(beneath);
        }
        Self { tier, rates: rates.or(usual), tiers: steps(whole) }
    }

    fn rates_at(&self, input_tokens: u64) -> Rates {
        reached(&self.rates, &self.tiers, input_tokens)
    }
}

/// Rates by the numbers of input tokens that they begin with.
pub(crate) fn steps(tiers: BTreeMap<u64, Rates>) -> Arc<[Tier]> {
    tiers.into_iter().map(|(input_tokens_min, rates)| Tier { input_tokens_min, rates }).collect()
}

fn reached(rates: &Rates, tiers: &[Tier], input_tokens: u64) -> Rates {
    let reached = tiers.iter().take_while(|tier| tier.input_tokens_min <= input_tokens);
    reached.fold(rates.clone(), |below, tier| tier.rates.or(&below))
}

fn base_rates(model: &ModelInfo) -> Rates {
    let told = model.prices.as_ref();
    Rates {
        input: told.and_then(|prices| prices.input),
        cache_read: told.and_then(|prices| prices.cache_read),
        cache_write: told.and_then(|prices| prices.cache_write),
        output: told.and_then(|prices| prices.output),
        ..Rates::default()
    }
}

#[cfg(test)]
mod tests;
