//! The deployment with the fewest calls open.

use std::sync::atomic::Ordering;

use super::{Among, Strategy};

#[derive(Debug)]
pub(super) struct LeastBusy;

impl Strategy for LeastBusy {
    fn choose(&self, among: &Among<'_>) -> Option<usize> {
        among.least(|place| among.state(place).in_flight.load(Ordering::Relaxed))
    }
    fn drawn(&self, among: &Among<'_>) -> Vec<(usize, f64)> {
        among.all_least(|place| among.state(place).in_flight.load(Ordering::Relaxed))
    }
}
