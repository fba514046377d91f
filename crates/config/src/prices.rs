//! The prices of a deployment, which stand in `litellm_params` or in `model_info`.

use rust_decimal::Decimal;

use crate::deployment_settings::DeploymentSettings;
use crate::diagnostic::Report;
use crate::node::{Member, member};
use crate::reader::Reader;
use crate::reference::join;

/// The name of a price in a file, and its place in the settings.
type Price = (&'static str, fn(&mut DeploymentSettings) -> &mut Option<Decimal>);

/// Of calls that are served as usual.
const USUAL: [Price; 8] = [
    ("input_cost_per_token", |row| &mut row.input_cost_per_token),
    ("output_cost_per_token", |row| &mut row.output_cost_per_token),
    ("cache_read_input_token_cost", |row| &mut row.cache_read_input_token_cost),
    ("cache_creation_input_token_cost", |row| &mut row.cache_creation_input_token_cost),
    ("output_cost_per_reasoning_token", |row| &mut row.output_cost_per_reasoning_token),
    ("input_cost_per_audio_token", |row| &mut row.input_cost_per_audio_token),
    ("output_cost_per_audio_token", |row| &mut row.output_cost_per_audio_token),
    ("input_cost_per_request", |row| &mut row.input_cost_per_request),
];

/// Of calls in a service tier.
const OF_TIERS: [Price; 6] = [
    ("input_cost_per_token_flex", |row| &mut row.flex.input),
    ("output_cost_per_token_flex", |row| &mut row.flex.output),
    ("cache_read_input_token_cost_flex", |row| &mut row.flex.cache_read),
    ("input_cost_per_token_priority", |row| &mut row.priority.input),
    ("output_cost_per_token_priority", |row| &mut row.priority.output),
    ("cache_read_input_token_cost_priority", |row| &mut row.priority.cache_read),
];

/// Reads the prices that the deployment does not have yet.
pub(crate) fn fill(deployment: &mut DeploymentSettings, reader: &mut Reader<'_, '_>) {
    for (name, place) in USUAL.into_iter().chain(OF_TIERS) {
        let price = reader.decimal(name);
        let place = place(deployment);
        *place = place.or(price);
    }
}

/// Says which prices of service tiers have no effect: all, where the deployment has none of calls that are served as usual.
/// What stands in `parts`, mappings with their paths, has been read.
pub(crate) fn warn_of_tiers_alone(
    deployment: &mut DeploymentSettings,
    parts: [(&str, &[Member]); 2],
    report: &mut Report,
) {
    if USUAL.iter().any(|(_, place)| place(deployment).is_some()) {
        return;
    }
    for (name, _) in OF_TIERS.iter().filter(|(_, place)| place(deployment).is_some()) {
        let told = parts.iter().find_map(|(path, members)| {
            let node = &member(members, name)?.node;
            (!node.is_null()).then_some((path, &node.location))
        });
        if let Some((path, location)) = told {
            let message = "has no effect without a price of calls that are served as usual, such as `input_cost_per_token`";
            report.warn(location, join(path, name), message);
        }
    }
}
