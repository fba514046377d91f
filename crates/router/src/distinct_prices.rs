//! What the deployments of a group cost, each price once.

use std::sync::Arc;

use trunkline_prices::Price;

use crate::deployment::Deployment;

/// How many prices a further one is compared with. One that stands twice costs a look more, and nothing else.
const COMPARED_MAX: usize = 64;

/// The prices of a group's deployments, each once.
pub(crate) fn distinct(deployments: &[Arc<Deployment>]) -> Box<[Option<Arc<Price>>]> {
    let mut prices: Vec<Option<Arc<Price>>> = Vec::new();
    for deployment in deployments {
        let is_known = |known: &Option<Arc<Price>>| *known == deployment.price;
        if !prices.iter().take(COMPARED_MAX).any(is_known) && !prices.last().is_some_and(is_known) {
            prices.push(deployment.price.clone());
        }
    }
    prices.into()
}
