//! What a call of one model costs, worked out from its tokens.

use std::sync::Arc;

use rust_decimal::Decimal;
use trunkline_core::{Cost, ModelInfo, Usage};

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
        let reached = self.tiers.iter().take_while(|tier| tier.input_tokens_min <= input_tokens);
        reached.fold(self.rates.clone(), |below, tier| tier.rates.or(&below))
    }

    /// What a call with these tokens cost.
    ///
    /// A bucket without a rate of its own costs what the one does that it is a part of: cache reads, cache writes and
    /// sound in the input cost the input's rate; reasoning, sound and images in the output cost the output's.
    ///
    /// The sum is exact up to 28 digits. `None` if nothing is known of the price, or nothing of a kind of token that the call had; or if the sum is too
    /// large for a decimal.
    pub fn cost(&self, usage: &Usage) -> Option<Cost> {
        if !self.is_known() {
            return None;
        }
        let Rates {
            input,
            cache_read,
            cache_write,
            audio_input,
            output,
            reasoning,
            audio_output,
            image_output,
        } = self.rates_at(usage.input());
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
        if !self.is_known() {
            return None;
        }
        let rates = self.rates_at(input_tokens);
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
