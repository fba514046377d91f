//! The deployment that answers first.

use super::{Among, Strategy};

#[derive(Debug)]
pub(super) struct LatencyBased {
    /// How much slower than the best one may be, as a share, and still be drawn.
    pub(super) buffer: f64,
}

impl LatencyBased {
    /// Those of the places that answer fast enough.
    fn near(&self, among: &Among<'_>, places: impl Iterator<Item = usize>) -> Vec<usize> {
        // Whoever has never answered is asked, so that there is something to compare.
        let timed: Vec<(usize, f64)> =
            places.map(|place| (place, (among.seconds)(place).unwrap_or_default())).collect();
        let best = timed.iter().map(|(_, seconds)| *seconds).min_by(f64::total_cmp).unwrap_or_default();
        let is_near = |(_, seconds): &&(usize, f64)| *seconds <= best * (1.0 + self.buffer);
        timed.iter().filter(is_near).map(|(place, _)| *place).collect()
    }
}

impl Strategy for LatencyBased {
    fn choose(&self, among: &Among<'_>) -> Option<usize> {
        let near = self.near(among, among.compared());
        near.get(among.random.below(near.len().max(1))).copied()
    }

    fn drawn(&self, among: &Among<'_>) -> Vec<(usize, f64)> {
        self.near(among, among.open()).into_iter().map(|place| (place, 1.0)).collect()
    }
}
