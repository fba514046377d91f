//! What the simulator's bill says of one call.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::money::{Bill, Tokens};

/// One call on the bill. Money is USD, exact, and a string in JSON.
///
/// A call is owed as far as it was sent: nothing before the first event, the whole prompt and the surcharge from
/// the first event on, and of the answer the tokens of the events that were sent whole. A reply that is no
/// stream of events is one event, owed from its first byte on. A refusal costs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BilledCall {
    /// The [`id`](super::RecordedRequest::id) of the request, which counts from 0 in the order of arrival.
    pub number: u64,
    /// The id by which `/v1/generation` knows it; refused calls and embeddings have none.
    pub generation_id: Option<String>,
    /// What was asked for, such as `chat_completions`.
    pub operation: String,
    /// The model that served, or else the one that was asked for.
    pub model: String,
    /// The provider that served; empty if none did.
    pub provider: String,
    /// Whether events were asked for.
    pub streamed: bool,
    /// All of the prompt, reads from and writes to the cache included.
    pub prompt_tokens: u64,
    /// What of the prompt was read from the cache.
    pub cached_tokens: u64,
    /// What of the prompt was written to the cache.
    pub cache_write_tokens: u64,
    /// What was sent of the answer, reasoning included.
    pub completion_tokens: u64,
    /// What of it was reasoning, where the model tells that.
    pub reasoning_tokens: u64,
    /// The service tier whose prices were taken: `default`, `flex`, `priority`.
    pub tier: String,
    /// Whether it was served with the caller's own key, which costs nothing but the surcharge.
    pub is_byok: bool,
    /// The share of the list price that is not billed: 0 for most models, 0.5 at half the price.
    pub discount: Decimal,
    /// What is billed without the surcharge.
    pub cost: Decimal,
    /// The list price.
    pub market_cost: Decimal,
    /// What is billed besides.
    pub surcharge_cost: Decimal,
    /// All that is taken from the balance: cost and surcharge.
    pub gateway_cost: Decimal,
    /// How it ended.
    pub cause: Cause,
    /// Why the model stopped, had it not been cut; empty for a refusal.
    pub finish_reason: String,
    /// When it arrived, in milliseconds since 1970.
    pub created_ms: u64,
    /// The end user: `user`, or else `providerOptions.gateway.user`.
    pub user: Option<String>,
    /// `providerOptions.gateway.tags`.
    pub tags: Vec<String>,
}

/// How a call ended. Events are counted as they are on the wire: the terminal one counts, one that a fault adds
/// does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// All of the reply was sent.
    Completed,
    /// A fault ended it.
    Cut {
        /// How many events were sent whole.
        after_events: usize,
    },
    /// The caller left.
    CallerLeft {
        /// How many events were sent whole.
        after_events: usize,
    },
    /// It was not served.
    Refused,
}

impl BilledCall {
    pub(crate) fn owe(&mut self, tokens: &Tokens, bill: &Bill) {
        self.prompt_tokens = tokens.prompt;
        self.cached_tokens = tokens.cache_read;
        self.cache_write_tokens = tokens.cache_write;
        self.completion_tokens = tokens.completion;
        self.reasoning_tokens = tokens.reasoning;
        self.cost = bill.cost().normalize();
        self.market_cost = bill.market().normalize();
        self.surcharge_cost = bill.surcharge.normalize();
        self.gateway_cost = bill.gateway().normalize();
    }

    /// `byok` or `system`, as reports group by it.
    pub(crate) fn credential(&self) -> &'static str {
        if self.is_byok { "byok" } else { "system" }
    }
}
