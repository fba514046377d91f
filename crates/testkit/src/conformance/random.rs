//! Numbers that look random and are the same in every run, so that a finding can be found again.

/// A source of such numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // It is less than `end`, so that it fits.
        (self.next() % end as u64) as usize
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// Between one and `count_max` offsets inside a body, ascending.
    pub(crate) fn cuts(&mut self, length: usize, count_max: usize) -> Vec<usize> {
        let count = 1 + self.below(count_max);
        let mut cuts: Vec<usize> = (0..count).map(|_| 1 + self.below(length.max(2) - 1)).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_each_time() {
        let mut random = Random::new(0);
        assert_eq!([random.next(), random.next()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }

    #[test]
    fn cuts_lie_inside_and_rise() {
        let mut random = Random::new(7);
        for _ in 0..1000 {
            let cuts = random.cuts(20, 8);
            assert!(!cuts.is_empty() && cuts.iter().all(|&cut| cut > 0 && cut < 20), "{cuts:?}");
            assert!(cuts.is_sorted());
        }
    }
}
