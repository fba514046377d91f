//! A model on offer, as a catalogue tells of it.

use rust_decimal::Decimal;

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
