//! Durations, counted by how long they were.

use std::time::Duration;

/// The upper ends of the buckets in microseconds, as LiteLLM has them, and how they are spelled in seconds.
pub(crate) const BUCKETS: [(u64, &str); 17] = [
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1.0"),
    (2_000_000, "2.0"),
    (5_000_000, "5.0"),
    (10_000_000, "10.0"),
    (30_000_000, "30.0"),
    (60_000_000, "60.0"),
    (120_000_000, "120.0"),
    (300_000_000, "300.0"),
    (420_000_000, "420.0"),
    (600_000_000, "600.0"),
];

/// How often durations fell into each bucket, and their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spread {
    /// The last one is for what is longer than all.
    counts: [u64; BUCKETS.len() + 1],
    sum: Duration,
}

impl Spread {
    pub(crate) fn note(&mut self, duration: Duration) {
        let nanoseconds = duration.as_nanos();
        let bucket = BUCKETS.partition_point(|(end, _)| u128::from(*end) * 1_000 < nanoseconds);
        self.counts[bucket] += 1;
        self.sum = self.sum.saturating_add(duration);
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many were as long as each bucket's end or shorter. The last figure is that of all.
    pub(crate) fn up_to(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        })
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(crate) fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_as_long_as_its_end() {
        let mut spread = Spread::default();
        for microseconds in [0, 5_000, 5_001, 600_000_000, 600_000_001] {
            spread.note(Duration::from_micros(microseconds));
        }
        let up_to: Vec<u64> = spread.up_to().collect();
        assert_eq!((up_to[0], up_to[1], up_to[15], up_to[16], up_to[17]), (2, 3, 3, 4, 5));
        assert_eq!((spread.count(), spread.sum()), (5, Duration::from_micros(1_200_010_002)));
        let mut twice = spread.clone();
        twice.absorb(&spread);
        assert_eq!((twice.count(), twice.sum()), (10, spread.sum() * 2));
    }

    #[test]
    fn the_spelling_of_a_bucket_is_its_length() {
        for (microseconds, spelling) in BUCKETS {
            let seconds: f64 = spelling.parse().expect("a number");
            assert!((seconds * 1e6 - microseconds as f64).abs() < 0.5, "{spelling}");
        }
    }
}
