//! How one deployment is drawn from those that may be asked: one file for each way.
//!
//! WHEN ADDING A WAY: its file here, a variant of [`StrategyKind`], its arm in [`choose`], its row in
//! `docs/routing.md`.

mod cost_based;
mod latency_based;
mod least_busy;
mod simple_shuffle;
mod usage_based;

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use crate::random::Random;
use crate::state::State;
use crate::{Deployment, StrategyKind};

pub(crate) use simple_shuffle::Weights;

/// So many deployments are compared at most; of more, the next that may be asked, beginning anywhere.
const COMPARED_MAX: usize = 128;

/// Draws one deployment.
trait Strategy {
    /// The place to ask. `None` if none of them may be asked.
    fn choose(&self, among: &Among<'_>) -> Option<usize>;

    /// The places that it could draw, each with its part in the draw. Of very many, as if all were compared.
    fn drawn(&self, among: &Among<'_>) -> Vec<(usize, f64)>;
}

/// The deployments of one level of a group, and what is known of them.
pub(crate) struct Among<'a> {
    pub(crate) deployments: &'a [Arc<Deployment>],
    /// Those of the level.
    pub(crate) places: Range<usize>,
    pub(crate) weights: &'a Weights,
    pub(crate) random: &'a Random,
    /// Whether a place may be asked now.
    pub(crate) may: &'a dyn Fn(usize) -> bool,
    /// The seconds that a place needs to answer, if it ever has.
    pub(crate) seconds: &'a dyn Fn(usize) -> Option<f64>,
}

/// Draws one deployment in this way.
pub(crate) fn choose(kind: StrategyKind, among: &Among<'_>) -> Option<usize> {
    match kind {
        StrategyKind::SimpleShuffle => simple_shuffle::SimpleShuffle.choose(among),
        StrategyKind::LeastBusy => least_busy::LeastBusy.choose(among),
        StrategyKind::LatencyBased { buffer, .. } => latency_based::LatencyBased { buffer }.choose(among),
        StrategyKind::UsageBased => usage_based::UsageBased.choose(among),
        StrategyKind::CostBased => cost_based::CostBased.choose(among),
    }
}

/// How likely each place is to be drawn in this way. Those that cannot be are left out; nothing is drawn.
pub(crate) fn chances(kind: StrategyKind, among: &Among<'_>) -> Vec<(usize, f64)> {
    let mut drawn = match kind {
        StrategyKind::SimpleShuffle => simple_shuffle::SimpleShuffle.drawn(among),
        StrategyKind::LeastBusy => least_busy::LeastBusy.drawn(among),
        StrategyKind::LatencyBased { buffer, .. } => latency_based::LatencyBased { buffer }.drawn(among),
        StrategyKind::UsageBased => usage_based::UsageBased.drawn(among),
        StrategyKind::CostBased => cost_based::CostBased.drawn(among),
    };
    let sum: f64 = drawn.iter().map(|(_, part)| part).sum();
    drawn.iter_mut().for_each(|(_, part)| *part /= sum);
    drawn
}

impl Among<'_> {
    fn state(&self, place: usize) -> &State {
        &self.deployments[place].state
    }

    /// The places that are compared with one another and may be asked, beginning anywhere.
    fn compared(&self) -> impl Iterator<Item = usize> {
        let length = self.places.len();
        let first = self.random.below(length.max(1));
        (0..length)
            .map(move |step| self.places.start + (first + step) % length)
            .filter(|&place| (self.may)(place))
            .take(COMPARED_MAX)
    }

    /// The places that may be asked.
    fn open(&self) -> impl Iterator<Item = usize> {
        self.places.clone().filter(|&place| (self.may)(place))
    }

    /// All places with the least figure, each with the same part.
    fn all_least<F: PartialOrd>(&self, figure: impl Fn(usize) -> F) -> Vec<(usize, f64)> {
        let figures: Vec<(usize, F)> = self.open().map(|place| (place, figure(place))).collect();
        let lesser = |least, figure| if figure < least { figure } else { least };
        let least = figures.iter().map(|(_, figure)| figure).reduce(lesser);
        let is_least = |(_, own): &&(usize, F)| least.is_none_or(|least| own <= least);
        figures.iter().filter(is_least).map(|(place, _)| (*place, 1.0)).collect()
    }

    /// The place with the least figure; of those that are equal any one.
    fn least<F: PartialOrd>(&self, figure: impl Fn(usize) -> F) -> Option<usize> {
        let mut least: Option<(usize, F)> = None;
        // Each of those that are equal has the same chance, however many there are.
        let mut equals = 0;
        for place in self.compared() {
            let figure = figure(place);
            let order = least.as_ref().and_then(|(_, least)| figure.partial_cmp(least));
            let is_drawn = match order.unwrap_or(Ordering::Less) {
                Ordering::Less => {
                    equals = 1;
                    true
                }
                Ordering::Equal => {
                    equals += 1;
                    self.random.below(equals) == 0
                }
                Ordering::Greater => false,
            };
            if is_drawn {
                least = Some((place, figure));
            }
        }
        least.map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests;
