//! What models cost that a wildcard stands for, remembered by name.

use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use trunkline_prices::{Price, Prices};

/// Names that are remembered. A caller can invent names; past these all are forgotten.
const NAMES_MAX: usize = 10_000;

/// Prices by name. To look one up in the table takes microseconds, and most calls ask for the same few.
#[derive(Debug)]
pub(crate) struct PriceList {
    prices: Prices,
    known: RwLock<FxHashMap<Box<str>, Option<Arc<Price>>>>,
}

impl PriceList {
    pub(crate) fn new(prices: Prices) -> Self {
        Self { prices, known: RwLock::default() }
    }

    pub(crate) fn prices(&self) -> &Prices {
        &self.prices
    }

    /// The price of a model by its full name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Price>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(price) = known.get(name) {
            return price.clone();
        }
        drop(known);
        let price = self.prices.get(name).map(Arc::new);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES_MAX {
            known.clear();
        }
        known.insert(name.into(), price.clone());
        price
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_up_is_remembered_and_the_rest_forgotten_in_time() {
        let list = PriceList::new(Prices::bundled());
        let first = list.get("openai/gpt-4o").expect("a well-known model");
        assert!(Arc::ptr_eq(&first, &list.get("openai/gpt-4o").expect("the same")));
        for number in 0..NAMES_MAX + 10 {
            assert!(list.get(&format!("openai/invented-{number}")).is_none());
        }
        assert!(list.known.read().expect("no panic").len() <= NAMES_MAX);
        assert_eq!(list.get("openai/gpt-4o"), Some(first));
    }
}
