//! What a request leaves in the ledger: one row, with its attempts and what it is charged to.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use trunkline_core::{Subject, Usage};

/// How many tags of a row have their sums: its first. Each is a row of the sums that is written with it.
pub const TAGS_MAX: usize = 32;

/// One admitted request. There is exactly one for each, whatever became of it.
///
/// Times are milliseconds since 1970 in UTC; money is in US dollars.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestRow {
    /// What it is known by in the ledger. Unique: a row that comes twice is counted once.
    pub request_id: String,
    /// The id under which the caller knows the request, which a caller may choose.
    pub call_id: String,
    /// When it was accepted.
    pub started_at: i64,
    /// When the first byte of the reply went out.
    pub first_byte_at: Option<i64>,
    /// When it had ended.
    pub ended_at: i64,
    /// What was asked: `chat_completions`.
    pub operation: String,
    /// The path of the operation, as the list of endpoints has it.
    pub route: String,
    /// Whether the reply was a stream.
    pub streamed: bool,
    /// The status that the caller was sent.
    pub status: Option<u16>,
    /// How it ended: `completed`, `failed`, `caller_gone`, or `interrupted` where the process ended first.
    pub outcome: String,
    /// What it failed of, as a kind: `upstream_timeout`.
    pub error_kind: Option<String>,
    /// The index of the key that asked. `None` of the master key and of local callers.
    pub key: Option<String>,
    /// The user of that key.
    pub user_id: Option<String>,
    /// The team of that key.
    pub team_id: Option<String>,
    /// The end user on whose behalf was asked.
    pub customer: Option<String>,
    /// Tags of the request and of its key.
    pub tags: Vec<String>,
    /// The model that the caller named.
    pub model: String,
    /// The model group that answered, or was asked last.
    pub group: Option<String>,
    /// The deployment that answered, or was asked last.
    pub deployment: Option<String>,
    /// The provider's prefix.
    pub provider: Option<String>,
    /// The model in the upstream's spelling.
    pub upstream_model: Option<String>,
    /// The upstream's address, without query and credentials.
    pub api_base: Option<String>,
    /// What was used, in all attempts together. `None` if nobody knows.
    pub usage: Option<Usage>,
    /// Whether the usage was worked out here, since the upstream told none or not all.
    pub usage_is_estimated: bool,
    /// What is spent: all attempts together. `None` is unknown, and never zero.
    pub spend: Option<Decimal>,
    /// Where that figure is from.
    pub cost_origin: CostOrigin,
    /// The upstream's cost without surcharge.
    pub cost: Option<Decimal>,
    /// What the same would cost at list price.
    pub market_cost: Option<Decimal>,
    /// What the upstream adds.
    pub surcharge_cost: Option<Decimal>,
    /// What the gateway before the upstream charges.
    pub gateway_cost: Option<Decimal>,
    /// Whether the upstream used a credential of the caller's own.
    pub is_byok: bool,
    /// Whether the upstream's own figures do not add up.
    pub is_contradictory: bool,
    /// What the upstream knows the reply by.
    pub generation_id: Option<String>,
    /// Whether it was answered from the cache.
    pub cache_hit: bool,
    /// The key of that answer.
    pub cache_key: Option<String>,
    /// The conversation that it belongs to, as the caller says.
    pub session_id: Option<String>,
    /// The caller's address.
    pub client_address: Option<String>,
    /// What the caller asks to have kept, as JSON.
    pub metadata: Option<String>,
    /// Attempts that were made, the one that answered last.
    pub attempts: Vec<AttemptRow>,
    /// What its spend counts against.
    pub charges: Vec<Charge>,
}

/// One attempt of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// The model group that it was made in.
    pub group: String,
    /// The deployment that was asked.
    pub deployment: String,
    /// Its provider's prefix.
    pub provider: String,
    /// The model in the upstream's spelling.
    pub upstream_model: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// What it failed of, as a kind. `None` of one that answered.
    pub error_kind: Option<String>,
    /// The upstream's status.
    pub status: Option<u16>,
    /// What it used.
    pub usage: Option<Usage>,
    /// What it cost, in US dollars. `None` is unknown.
    pub spend: Option<Decimal>,
    /// What the upstream knows it by.
    pub generation_id: Option<String>,
}

/// Where a figure of money is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostOrigin {
    /// Nobody knows.
    #[default]
    Unknown,
    /// The upstream told it.
    Reported,
    /// Worked out from usage that the upstream told, and a price.
    Computed,
    /// Worked out from usage that was estimated here.
    Estimated,
    /// Taken over from the upstream later, by its generation id.
    Reconciled,
    /// Nothing was asked of an upstream.
    Free,
}

impl CostOrigin {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Unknown, Self::Reported, Self::Computed, Self::Estimated, Self::Reconciled, Self::Free];

    /// Its name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Reported => "reported",
            Self::Computed => "computed",
            Self::Estimated => "estimated",
            Self::Reconciled => "reconciled",
            Self::Free => "free",
        }
    }

    /// Whether it is the upstream's own word, or nobody bills for it: such a figure is no guess.
    pub fn is_told(self) -> bool {
        match self {
            Self::Reported | Self::Reconciled | Self::Free => true,
            Self::Unknown | Self::Computed | Self::Estimated => false,
        }
    }

    /// The origin of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.name() == name)
    }
}

/// One counter that a request's spend is added to: a subject, in one window of one of its budgets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Charge {
    /// Who is charged.
    pub subject: Subject,
    /// The length of the window as it is configured, `30d`. Empty for what is never reset.
    pub period: String,
    /// When the window began, in milliseconds since 1970. Zero for what is never reset.
    pub begins_at: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_found_by_its_name() {
        for origin in CostOrigin::ALL {
            assert_eq!(CostOrigin::named(origin.name()), Some(origin));
        }
    }
}
