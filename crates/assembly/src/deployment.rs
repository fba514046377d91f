//! From a row to a deployment of the router.

use std::sync::Arc;

use trunkline_config::DeploymentSettings;
use trunkline_core::ServiceTier;
use trunkline_prices::{Price, Rates};
use trunkline_provider::{Provider, SendOptions, Target};
use trunkline_router::{DeploymentSpec, Probing};

/// The deployment that a row is. `is_stored` is whether it stands in a store, and in no file.
pub(crate) fn spec(row: &DeploymentSettings, send: SendOptions, is_stored: bool) -> DeploymentSpec {
    let canned = row.mock_response.as_ref();
    let mut info = row.model_info.to_map();
    info.insert("db_model".to_owned(), is_stored.into());
    DeploymentSpec {
        group: row.group.clone(),
        model: row.model.clone(),
        provider_prefix: row.custom_llm_provider.clone(),
        provider: canned.map(|text| -> Arc<dyn Provider> { Arc::new(trunkline_echo::Canned::new(text)) }),
        id: row.id.clone(),
        target: Target {
            api_base: row.api_base.clone(),
            api_key: row.api_key.clone(),
            organization: row.organization.clone(),
            extra_headers: row.extra_headers.clone(),
            send,
            ..Target::default()
        },
        defaults: row.defaults.to_parts(),
        overrides: row.extra_body.to_parts(),
        client_side_fields: row.configurable_clientside_auth_params.clone(),
        parallel_calls_max: row.max_parallel_requests.map(size),
        order: row.order.unwrap_or(i64::MAX),
        info,
        price: price(row),
        requests_per_minute_max: row.rpm,
        tokens_per_minute_max: row.tpm,
        weight: row.weight,
        tags: row.tags.clone(),
        retries: row.num_retries,
        cooldown: row.cooldown_time,
        input_tokens_max: row.max_input_tokens,
        probing: Probing {
            disabled: row.health_check.disabled,
            model: row.health_check.model.clone(),
            timeout: row.health_check.timeout,
        },
    }
}

/// The price that a row states. `None` if it states none: that of its model then counts.
fn price(row: &DeploymentSettings) -> Option<Price> {
    let price = Price {
        rates: Rates {
            input: row.input_cost_per_token,
            output: row.output_cost_per_token,
            cache_read: row.cache_read_input_token_cost,
            cache_write: row.cache_creation_input_token_cost,
            reasoning: row.output_cost_per_reasoning_token,
            audio_input: row.input_cost_per_audio_token,
            audio_output: row.output_cost_per_audio_token,
            ..Rates::default()
        },
        per_request: row.input_cost_per_request,
        source: "the configuration".into(),
        ..Price::default()
    };
    if !price.is_known() {
        return None;
    }
    let services = [(ServiceTier::Flex, &row.flex), (ServiceTier::Priority, &row.priority)];
    Some(services.into_iter().fold(price, |price, (tier, told)| {
        let (input, output, cache_read) = (told.input, told.output, told.cache_read);
        let rates = Rates { input, output, cache_read, ..Rates::default() };
        if rates.is_empty() { price } else { price.with_service(tier, &rates) }
    }))
}

fn size(figure: u64) -> usize {
    usize::try_from(figure).unwrap_or(usize::MAX)
}
