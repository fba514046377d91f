//! Figures of one subject held against another's, round by round.

use crate::lanes::Against;
use crate::results::Results;
use crate::statistics::{median, range};

/// A figure over the rounds: its median, its least and its greatest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    pub(crate) fn of(figures: &[f64]) -> Option<Self> {
        let (least, greatest) = range(figures)?;
        Some(Self { median: median(figures)?, least, greatest })
    }
}

/// A figure of a subject, held against what is asked. Only rounds that have both count.
pub(crate) fn compare(
    results: &Results,
    lane: &str,
    subject: &str,
    figure: &str,
    against: Against,
) -> Option<Spread> {
    let own = results.figures(lane, subject, figure);
    let (other, apply): (&str, fn(f64, f64) -> f64) = match against {
        Against::Itself => (subject, |own, _| own),
        Against::Ratio(other) => (other, |own, other| own / other),
        Against::Difference(other) => (other, |own, other| own - other),
    };
    let others = results.figures(lane, other, figure);
    let compared: Vec<f64> =
        own.iter().filter_map(|(round, own)| Some(apply(*own, *others.get(round)?))).collect();
    Spread::of(&compared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::sample;

    #[test]
    fn figures_are_compared_within_their_round() {
        let mut results = Results::default();
        for (round, floor, on) in [(0, 40.0, 60.0), (1, 50.0, 60.0), (2, 40.0, 80.0)] {
            results.samples.push(sample("chat", "floor", round, &[("cpu_us", floor)]));
            results.samples.push(sample("chat", "on", round, &[("cpu_us", on)]));
        }
        results.samples.push(sample("chat", "on", 3, &[("cpu_us", 1000.0)]));
        let compared = |against| compare(&results, "chat", "on", "cpu_us", against);
        let ratio = compared(Against::Ratio("floor")).expect("both were measured");
        assert_eq!(ratio, Spread { median: 1.5, least: 1.2, greatest: 2.0 });
        let difference = compared(Against::Difference("floor")).expect("both were measured");
        assert_eq!(difference, Spread { median: 20.0, least: 10.0, greatest: 40.0 });
        assert_eq!(compared(Against::Itself).map(|spread| spread.greatest), Some(1000.0));
        assert_eq!(compared(Against::Ratio("litellm")), None);
    }
}
