//! What a group's deployments differ in that decides on the cost of a request, each once.
//!
//! A group of ten thousand has hardly ever more than a few.

use std::sync::Arc;

use trunkline_prices::Price;

use crate::deployment::Deployment;

/// With how many a further one is compared. One that stands twice costs a look more, and nothing else.
const COMPARED_MAX: usize = 64;

/// The prices of a group's deployments.
pub(crate) fn prices(deployments: &[Arc<Deployment>]) -> Box<[Option<Arc<Price>>]> {
    let prices = deployments.iter().map(|deployment| &deployment.price);
    distinct(prices, |one, other| one == other)
}

/// Those that add something to a body: one of each kind.
pub(crate) fn adding(deployments: &[Arc<Deployment>]) -> Box<[Arc<Deployment>]> {
    let adding = deployments.iter().filter(|deployment| deployment.adds_to_bodies());
    distinct(adding, |one, other| one.adds_as(other))
}

fn distinct<'t, T: Clone + 't>(
    all: impl Iterator<Item = &'t T>,
    is_same: impl Fn(&T, &T) -> bool,
) -> Box<[T]> {
    let mut found: Vec<T> = Vec::new();
    for one in all {
        let is_known = |known: &T| is_same(known, one);
        if !found.iter().take(COMPARED_MAX).any(is_known) && !found.last().is_some_and(is_known) {
            found.push(one.clone());
        }
    }
    found.into()
}
