//! What a token costs, for each bucket that tokens are counted in.

use rust_decimal::Decimal;

/// What a token costs in US dollars, for each bucket of [`Usage`](trunkline_core::Usage). `None` is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// A token of uncached input, text and images.
    pub input: Option<Decimal>,
    /// A token of input that was found in the prompt cache.
    pub cache_read: Option<Decimal>,
    /// A token of input that was written to the prompt cache.
    pub cache_write: Option<Decimal>,
    /// A token of input given as sound.
    pub audio_input: Option<Decimal>,
    /// A token of output that the caller sees as text or tool calls.
    pub output: Option<Decimal>,
    /// A token of output spent on reasoning.
    pub reasoning: Option<Decimal>,
    /// A token of output given as sound.
    pub audio_output: Option<Decimal>,
    /// A token of output given as images.
    pub image_output: Option<Decimal>,
}

/// Names one of the [`Rates`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bucket {
    Input,
    CacheRead,
    CacheWrite,
    AudioInput,
    Output,
    Reasoning,
    AudioOutput,
    ImageOutput,
}

impl Bucket {
    /// Every bucket, in the order of the fields of [`Rates`] and of the columns of the table.
    pub(crate) const ALL: [Bucket; 8] = [
        Bucket::Input,
        Bucket::CacheRead,
        Bucket::CacheWrite,
        Bucket::AudioInput,
        Bucket::Output,
        Bucket::Reasoning,
        Bucket::AudioOutput,
        Bucket::ImageOutput,
    ];

    /// What the bucket is called in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Bucket::Input => "input",
            Bucket::CacheRead => "cache_read",
            Bucket::CacheWrite => "cache_write",
            Bucket::AudioInput => "audio_input",
            Bucket::Output => "output",
            Bucket::Reasoning => "reasoning",
            Bucket::AudioOutput => "audio_output",
            Bucket::ImageOutput => "image_output",
        }
    }
}

impl Rates {
    /// Whether no rate is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn get(&self, bucket: Bucket) -> Option<Decimal> {
        match bucket {
            Bucket::Input => self.input,
            Bucket::CacheRead => self.cache_read,
            Bucket::CacheWrite => self.cache_write,
            Bucket::AudioInput => self.audio_input,
            Bucket::Output => self.output,
            Bucket::Reasoning => self.reasoning,
            Bucket::AudioOutput => self.audio_output,
            Bucket::ImageOutput => self.image_output,
        }
    }

    pub(crate) fn slot(&mut self, bucket: Bucket) -> &mut Option<Decimal> {
        match bucket {
            Bucket::Input => &mut self.input,
            Bucket::CacheRead => &mut self.cache_read,
            Bucket::CacheWrite => &mut self.cache_write,
            Bucket::AudioInput => &mut self.audio_input,
            Bucket::Output => &mut self.output,
            Bucket::Reasoning => &mut self.reasoning,
            Bucket::AudioOutput => &mut self.audio_output,
            Bucket::ImageOutput => &mut self.image_output,
        }
    }

    /// Each known rate `factor` times. One that no decimal holds is not known.
    pub(crate) fn times(&self, factor: Decimal) -> Rates {
        let mut rates = Rates::default();
        for bucket in Bucket::ALL {
            let rate = self.get(bucket).and_then(|rate| rate.checked_mul(factor));
            *rates.slot(bucket) = rate.map(|rate| rate.normalize());
        }
        rates
    }

    /// These rates where they are known, else those of `weaker`.
    pub(crate) fn or(&self, weaker: &Rates) -> Rates {
        let mut rates = Rates::default();
        for bucket in Bucket::ALL {
            *rates.slot(bucket) = self.get(bucket).or(weaker.get(bucket));
        }
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_what_is_got() {
        for bucket in Bucket::ALL {
            let mut rates = Rates::default();
            *rates.slot(bucket) = Some(Decimal::ONE);
            let known: Vec<Bucket> =
                Bucket::ALL.into_iter().filter(|other| rates.get(*other).is_some()).collect();
            assert_eq!(known, [bucket]);
        }
    }

    #[test]
    fn the_stronger_rate_counts() {
        let strong = Rates { input: Some(Decimal::ONE), ..Rates::default() };
        let weak = Rates { input: Some(Decimal::TWO), output: Some(Decimal::TEN), ..Rates::default() };
        let both = strong.or(&weak);
        assert_eq!((both.input, both.output), (Some(Decimal::ONE), Some(Decimal::TEN)));
    }
}
