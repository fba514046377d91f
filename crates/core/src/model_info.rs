//! A model on offer, as a catalogue tells of it.

use rust_decimal::Decimal;

use crate::Usage;

/// A model that a provider offers. Everything but the id may be untold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelInfo {
    /// The model's name in the upstream's own spelling.
    pub id: String,
    /// What a person would call it.
    pub name: Option<String>,
    /// What it is for, in the upstream's own word: `language`, `embedding`, `image`, …
    pub kind: Option<String>,
    /// Who made it.
    pub owned_by: Option<String>,
    /// Unix seconds at which it was added.
    pub created: Option<u64>,
    /// Tokens that input and output may take together.
    pub context_window: Option<u64>,
    /// Tokens that the output may take.
    pub output_tokens_max: Option<u64>,
    /// What the upstream says it can do: `reasoning`, `tool-use`, `vision`, …
    pub tags: Vec<String>,
    /// What it costs, in US dollars a token.
    pub prices: Option<TokenPrices>,
    /// Its prices as the catalogue wrote them, a JSON object, where there is more to them than
    /// [`prices`](Self::prices) can say: tiers, a price for each call.
    pub pricing: Option<Box<str>>,
}

/// Base prices in US dollars a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenPrices {
    /// A token of uncached input.
    pub input: Option<Decimal>,
    /// A token of output.
    pub output: Option<Decimal>,
    /// A token of input that was found in the prompt cache.
    pub cache_read: Option<Decimal>,
    /// A token of input that was written to the prompt cache.
    pub cache_write: Option<Decimal>,
}

impl TokenPrices {
    /// What these tokens cost. Cached input without a price of its own costs what uncached input costs.
    ///
    /// `None` if there are tokens of a kind whose price is not known.
    pub fn cost(&self, usage: &Usage) -> Option<Decimal> {
        let part = |tokens: u64, price: Option<Decimal>| match (tokens, price) {
            (0, _) => Some(Decimal::ZERO),
            (tokens, Some(price)) => Decimal::from(tokens).checked_mul(price),
            (_, None) => None,
        };
        let parts = [
            part(usage.uncached_input + usage.audio_input, self.input)?,
            part(usage.cache_read, self.cache_read.or(self.input))?,
            part(usage.cache_write, self.cache_write.or(self.input))?,
            part(usage.all_output(), self.output)?,
        ];
        Some(parts.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cost_by_their_kind_and_unknown_is_not_zero() {
        let price = |text: &str| Some(text.parse::<Decimal>().expect("a decimal"));
        let usage = Usage { uncached_input: 100, cache_read: 1000, output: 10, ..Usage::default() };
        let mut prices =
            TokenPrices { input: price("0.000002"), output: price("0.00001"), ..TokenPrices::default() };
        assert_eq!(prices.cost(&usage), price("0.0023"));
        prices.cache_read = price("0.0000002");
        assert_eq!(prices.cost(&usage), price("0.0005"));
        prices.output = None;
        assert_eq!(prices.cost(&usage), None);
    }
}
