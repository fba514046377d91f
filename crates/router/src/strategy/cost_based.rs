//! The deployment with the lowest price.

use rust_decimal::Decimal;

use super::{Among, Strategy};

/// What a token in and a token out count where no price is known: more than any that is.
const UNKNOWN: Decimal = Decimal::TEN;

#[derive(Debug)]
pub(super) struct CostBased;

impl Strategy for CostBased {
    fn choose(&self, among: &Among<'_>) -> Option<usize> {
        among.least(|place| among.deployments[place].price_of_two.unwrap_or(UNKNOWN))
    }
    fn drawn(&self, among: &Among<'_>) -> Vec<(usize, f64)> {
        among.all_least(|place| among.deployments[place].price_of_two.unwrap_or(UNKNOWN))
    }
}
