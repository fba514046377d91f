//! Medians, percentiles and spread of figures.

/// The figure that `share` (0 to 1) of the others do not pass, by the nearest rank. Sorts what it is given.
pub(crate) fn percentile(figures: &mut [f64], share: f64) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    // Exact for any count that a run comes to.
    let rank = (share * figures.len() as f64).ceil().max(1.0) as usize;
    figures.get(rank - 1).copied()
}

/// The middle figure, or the mean of the middle two.
pub(crate) fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(sorted[middle - 1], upper)) }
}

/// The least and the greatest figure.
pub(crate) fn range(figures: &[f64]) -> Option<(f64, f64)> {
    let least = figures.iter().copied().min_by(f64::total_cmp)?;
    let greatest = figures.iter().copied().max_by(f64::total_cmp)?;
    Some((least, greatest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_figures_that_occurred() {
        let mut figures: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut figures, 0.5), Some(50.0));
        assert_eq!(percentile(&mut figures, 0.99), Some(99.0));
        assert_eq!(percentile(&mut figures, 1.0), Some(100.0));
        assert_eq!(percentile(&mut [7.0], 0.0), Some(7.0));
        assert_eq!(percentile(&mut [], 0.5), None);
    }

    #[test]
    fn medians_and_ranges() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(range(&[3.0, 1.0, 2.0]), Some((1.0, 3.0)));
    }
}
