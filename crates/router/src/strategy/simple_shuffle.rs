//! By chance, in the proportion of weights.

use std::ops::Range;
use std::sync::Arc;

use super::{Among, Strategy};
use crate::Deployment;

/// So many times is drawn before all are looked at.
const DRAWS: usize = 8;

#[derive(Debug)]
pub(super) struct SimpleShuffle;

/// How often each place of a level is drawn, against the others.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    /// The sum of the weights up to each place, this one included. Empty where all are equal.
    up_to: Box<[f64]>,
}

impl Weights {
    /// By `weight` if any deployment of the level has one, else by `rpm`, else by `tpm`, else evenly.
    pub(crate) fn new(deployments: &[Arc<Deployment>]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a weight needs no more than 53 bits")]
        let rate = |rate: Option<u64>| rate.map(|rate| rate as f64);
        let by = |weight: &dyn Fn(&Deployment) -> Option<f64>| -> Option<Box<[f64]>> {
            let weights: Vec<Option<f64>> = deployments.iter().map(|deployment| weight(deployment)).collect();
            let mut sum = 0.0;
            let up_to = weights.iter().map(|weight| {
                sum += weight.unwrap_or_default();
                sum
            });
            let up_to: Box<[f64]> = up_to.collect();
            (weights.iter().any(Option::is_some) && sum > 0.0).then_some(up_to)
        };
        let up_to = by(&|deployment| deployment.weight)
            .or_else(|| by(&|deployment| rate(deployment.rates.requests)))
            .or_else(|| by(&|deployment| rate(deployment.rates.tokens)));
        Self { up_to: up_to.unwrap_or_default() }
    }

    /// The weight of the `index`th place.
    pub(crate) fn of(&self, index: usize) -> f64 {
        match self.up_to.get(index) {
            None => 1.0,
            Some(up_to) => up_to - if index == 0 { 0.0 } else { self.up_to[index - 1] },
        }
    }

    /// The index that a share of all weights falls on.
    fn at(&self, share: f64, length: usize) -> usize {
        match self.up_to.last() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                clippy::cast_sign_loss,
                reason = "a share of a length is within it"
            )]
            None => (share * length as f64) as usize,
            Some(sum) => {
                let wanted = share * sum;
                self.up_to.partition_point(|up_to| *up_to <= wanted)
            }
        }
        .min(length - 1)
    }
}

impl Strategy for SimpleShuffle {
    fn choose(&self, among: &Among<'_>) -> Option<usize> {
        let Range { start, end } = among.places;
        if start == end {
            return None;
        }
        for _ in 0..DRAWS {
            let place = start + among.weights.at(among.random.share(), end - start);
            if (among.may)(place) {
                return Some(place);
            }
        }
        // Most may not be asked: those that may are counted.
        let may: Vec<usize> = (start..end).filter(|&place| (among.may)(place)).collect();
        let sum: f64 = may.iter().map(|place| among.weights.of(place - start)).sum();
        if sum <= 0.0 {
            return may.get(among.random.below(may.len().max(1))).copied();
        }
        let mut left = among.random.share() * sum;
        may.iter().copied().find(|place| {
            left -= among.weights.of(place - start);
            left < 0.0
        })
    }
    fn drawn(&self, among: &Among<'_>) -> Vec<(usize, f64)> {
        let mut drawn: Vec<(usize, f64)> =
            among.open().map(|place| (place, among.weights.of(place - among.places.start))).collect();
        if drawn.iter().all(|(_, weight)| *weight <= 0.0) {
            drawn.iter_mut().for_each(|(_, weight)| *weight = 1.0);
        }
        drawn
    }
}
