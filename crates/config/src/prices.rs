//! The prices of a deployment, which stand in `litellm_params` or in `model_info`.

use rust_decimal::Decimal;

use crate::deployment_settings::DeploymentSettings;
use crate::reader::Reader;

/// The name of a price in a file, and its place in the settings.
type Price = (&'static str, fn(&mut DeploymentSettings) -> &mut Option<Decimal>);

const PRICES: [Price; 14] = [
    ("input_cost_per_token", |row| &mut row.input_cost_per_token),
    ("output_cost_per_token", |row| &mut row.output_cost_per_token),
    ("cache_read_input_token_cost", |row| &mut row.cache_read_input_token_cost),
    ("cache_creation_input_token_cost", |row| &mut row.cache_creation_input_token_cost),
    ("output_cost_per_reasoning_token", |row| &mut row.output_cost_per_reasoning_token),
    ("input_cost_per_audio_token", |row| &mut row.input_cost_per_audio_token),
    ("output_cost_per_audio_token", |row| &mut row.output_cost_per_audio_token),
    ("input_cost_per_request", |row| &mut row.input_cost_per_request),
    ("input_cost_per_token_flex", |row| &mut row.flex.input),
    ("output_cost_per_token_flex", |row| &mut row.flex.output),
    ("cache_read_input_token_cost_flex", |row| &mut row.flex.cache_read),
    ("input_cost_per_token_priority", |row| &mut row.priority.input),
    ("output_cost_per_token_priority", |row| &mut row.priority.output),
    ("cache_read_input_token_cost_priority", |row| &mut row.priority.cache_read),
];

/// Reads the prices that the deployment does not have yet.
pub(crate) fn fill(deployment: &mut DeploymentSettings, reader: &mut Reader<'_, '_>) {
    for (name, place) in PRICES {
        let price = reader.decimal(name);
        let place = place(deployment);
        *place = place.or(price);
    }
}
