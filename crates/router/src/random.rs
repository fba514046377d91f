//! Chance: cheap, without a lock, and the same for the same seed.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of chance that threads share. It is no secret: whoever sees enough can foretell it.
#[derive(Debug)]
pub(crate) struct Random(AtomicU64);

impl Random {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// One that differs from process to process.
    pub(crate) fn from_process() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self::from_seed(RandomState::new().hash_one(0))
    }

    /// One that goes its own way from here.
    pub(crate) fn branch(&self) -> Self {
        Self::from_seed(self.next())
    }

    /// The next number (SplitMix64, of Steele, Lea and Flood).
    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        mixed(self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP))
    }

    /// From 0 up to `end`, which is not reached and not 0.
    pub(crate) fn below(&self, end: usize) -> usize {
        // The bias is one part in 2^64 / end.
        let product = u128::from(self.next()) * end as u128;
        (product >> 64) as usize
    }

    /// From 0 up to 1, which is not reached.
    pub(crate) fn share(&self) -> f64 {
        unit(self.next())
    }
}

/// A number whose bits all depend on all bits of `state`.
pub(crate) fn mixed(state: u64) -> u64 {
    let state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ state >> 31
}

/// The number as a share of all there are.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
pub(crate) fn unit(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_even_and_the_same_for_a_seed() {
        let random = Random::from_seed(7);
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            counts[random.below(10)] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        let (one, other) = (Random::from_seed(3), Random::from_seed(3));
        assert!((0..100).all(|_| one.next() == other.next()));
        assert!((0..1_000).all(|_| (0.0..1.0).contains(&random.share())));
    }
}
