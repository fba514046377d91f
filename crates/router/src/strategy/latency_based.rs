//! The deployment that answers first.

use super::{Among, Strategy};

#[derive(Debug)]
pub(super) struct LatencyBased {
    /// How much slower than the best one may be, as a share, and still be drawn.
    pub(super) buffer: f64,
}

impl Strategy for LatencyBased {
    fn choose(&self, among: &Among<'_>) -> Option<usize> {
        // Whoever has never answered is asked, so that there is something to compare.
        let timed: Vec<(usize, f64)> =
            among.compared().map(|place| (place, (among.seconds)(place).unwrap_or_default())).collect();
        let best = timed.iter().map(|(_, seconds)| *seconds).min_by(f64::total_cmp)?;
        let near: Vec<usize> = timed
            .iter()
            .filter(|(_, seconds)| *seconds <= best * (1.0 + self.buffer))
            .map(|(place, _)| *place)
            .collect();
        near.get(among.random.below(near.len().max(1))).copied()
    }
}
