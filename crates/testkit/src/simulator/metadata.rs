//! `provider_metadata`: how the request was routed and what it cost, money as strings.

use serde::Serialize;
use serde::ser::{Serialize as SerializeTrait, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::catalogue;
use super::money::Bill;
use super::routing::Route;
use super::tells::{Money, Tells};

/// The metadata of a good reply: the provider's own member, then the gateway's.
#[derive(Debug)]
pub(crate) struct ProviderMetadata {
    provider: String,
    of_provider: Value,
    gateway: Gateway,
}

impl SerializeTrait for ProviderMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(&self.provider, &self.of_provider)?;
        map.serialize_entry("gateway", &self.gateway)?;
        map.end()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Gateway {
    routing: Routing,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    market_cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    surcharge_cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inference_cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_inference_cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_inference_cost: Option<Money>,
    generation_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Routing {
    original_model_id: String,
    resolved_provider: String,
    resolved_provider_api_model_id: String,
    fallbacks_available: Vec<String>,
    planning_reasoning: String,
    canonical_slug: String,
    final_provider: String,
    model_attempt_count: usize,
    model_attempts: Vec<ModelAttempt>,
    total_provider_attempt_count: usize,
    affinity: Affinity,
    client_session_id: String,
    client_session_id_source: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ModelAttempt {
    model_id: String,
    canonical_slug: String,
    success: bool,
    provider_attempt_count: usize,
    provider_attempts: [ProviderAttempt; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProviderAttempt {
    provider: String,
    provider_api_model_id: String,
    credential_type: &'static str,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    start_time: u64,
    end_time: u64,
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_response_id: Option<String>,
}

#[derive(Debug, Serialize)]
struct Affinity {
    outcome: &'static str,
}

/// What the metadata tells besides route and bill.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) generation_id: &'a str,
    pub(crate) started_ms: u64,
    pub(crate) ended_ms: u64,
    pub(crate) request_id: String,
    pub(crate) response_id: String,
    /// `x-session-affinity`, if it was sent.
    pub(crate) session: Option<&'a str>,
    /// Whether the prompt was found in the cache.
    pub(crate) cache_hit: bool,
    pub(crate) tier: &'static str,
    pub(crate) tells: Tells,
}

impl ProviderMetadata {
    pub(crate) fn new(route: &Route, bill: &Bill, facts: &Facts<'_>) -> Self {
        let of_provider = match route.provider() {
            "openai" => json!({ "responseId": facts.response_id, "serviceTier": facts.tier }),
            _ => json!({}),
        };
        let tells = facts.tells;
        let gateway = Gateway {
            routing: routing(route, facts),
            cost: tells.in_metadata(bill.cost()),
            market_cost: tells.in_metadata(bill.market()),
            surcharge_cost: tells.in_metadata(bill.surcharge),
            gateway_cost: tells.in_metadata(bill.gateway()),
            inference_cost: tells.in_metadata(bill.cost()),
            input_inference_cost: tells.in_metadata(bill.market_input * bill.share),
            output_inference_cost: tells.in_metadata(bill.market_output * bill.share),
            generation_id: facts.generation_id.to_owned(),
        };
        Self { provider: route.provider().to_owned(), of_provider, gateway }
    }
}

fn routing(route: &Route, facts: &Facts<'_>) -> Routing {
    let credential = route.credential();
    let plan = route.providers.iter().map(|provider| format!("{provider}({credential})")).collect::<Vec<_>>();
    let kind = if route.byok { "BYOK" } else { "System" };
    let failed = route.failed.iter().map(|(model, status)| failed_attempt(model, *status, facts));
    let model_attempts = failed.chain([good_attempt(route, facts)]).collect::<Vec<_>>();
    Routing {
        original_model_id: route.requested.clone(),
        resolved_provider: route.provider().to_owned(),
        resolved_provider_api_model_id: api_model(&route.served).to_owned(),
        fallbacks_available: route.providers[1..].to_vec(),
        planning_reasoning: format!(
            "{kind} credentials planned for: {}. Total execution order: {}",
            route.providers.join(", "),
            plan.join(" → ")
        ),
        canonical_slug: route.served.clone(),
        final_provider: route.provider().to_owned(),
        model_attempt_count: model_attempts.len(),
        total_provider_attempt_count: model_attempts.len(),
        model_attempts,
        affinity: Affinity {
            outcome: if facts.cache_hit { "confirmed" } else { "skipped_below_min_prefix" },
        },
        client_session_id: facts.session.unwrap_or("sim-session").to_owned(),
        client_session_id_source: if facts.session.is_some() { "explicit" } else { "fingerprint" },
    }
}

fn good_attempt(route: &Route, facts: &Facts<'_>) -> ModelAttempt {
    ModelAttempt {
        model_id: format!("{}:{}", route.provider(), api_model(&route.served)),
        canonical_slug: route.served.clone(),
        success: true,
        provider_attempt_count: 1,
        provider_attempts: [ProviderAttempt {
            provider: route.provider().to_owned(),
            provider_api_model_id: api_model(&route.served).to_owned(),
            credential_type: route.credential(),
            success: true,
            error: None,
            start_time: facts.started_ms,
            end_time: facts.ended_ms,
            status_code: 200,
            provider_request_id: Some(facts.request_id.clone()),
            provider_response_id: Some(facts.response_id.clone()),
        }],
    }
}

fn failed_attempt(model: &str, status: u16, facts: &Facts<'_>) -> ModelAttempt {
    let provider = catalogue::providers(model).first().copied().unwrap_or_default();
    ModelAttempt {
        model_id: format!("{provider}:{}", api_model(model)),
        canonical_slug: model.to_owned(),
        success: false,
        provider_attempt_count: 1,
        provider_attempts: [ProviderAttempt {
            provider: provider.to_owned(),
            provider_api_model_id: api_model(model).to_owned(),
            credential_type: "system",
            success: false,
            error: Some("Service temporarily unavailable"),
            start_time: facts.started_ms,
            end_time: facts.started_ms,
            status_code: status,
            provider_request_id: None,
            provider_response_id: None,
        }],
    }
}

fn api_model(model: &str) -> &str {
    model.split_once('/').map_or(model, |(_, name)| name)
}
