//! Carillon, an upstream with a wire format of its own, as a Trunkline provider.
//!
//! There is no Carillon. The crate stands here as a stranger's crate would stand anywhere: it knows the contract
//! and nothing else of the workspace. `docs/adding-a-provider.md` walks through it.

mod codec;
mod failure;
mod question;
mod reply;
mod wire;

use std::sync::Arc;

use trunkline_provider::{About, DeploymentKey, HttpProvider, Registry};

pub use codec::CarillonCodec;

/// The prefix of its models, and its name in errors and logs.
pub const PREFIX: &str = "carillon";

/// The address of deployments that name none.
const API_BASE: &str = "https://api.carillon.example/v1";

/// The variable that holds the key.
const KEY_VARIABLE: &str = "CARILLON_API_KEY";

/// Registers `carillon/<model>`.
pub fn register(registry: &mut Registry) {
    let environment = registry.environment();
    let about = About {
        name: "Carillon".to_owned(),
        key_variables: vec![KEY_VARIABLE.to_owned()],
        has_credential: environment.get(KEY_VARIABLE).is_some(),
        ..About::default()
    };
    let credentials = DeploymentKey::or_variables(environment, &[KEY_VARIABLE]);
    let provider = HttpProvider::new(CarillonCodec, Arc::new(credentials), registry);
    registry.register(PREFIX, Arc::new(provider), about);
}
