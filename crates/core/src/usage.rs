//! Tokens, in buckets that do not overlap.

use serde::{Deserialize, Serialize};

/// The tokens of one call, each counted in exactly one bucket.
///
/// Upstreams count inclusively (OpenAI's `prompt_tokens` contains the cached ones); [`Usage::from_inclusive`]
/// takes such counts apart. All figures are tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Input that was read anew, text and images.
    pub uncached_input: u64,
    /// Input that was found in the prompt cache.
    pub cache_read: u64,
    /// Input that was written to the prompt cache.
    pub cache_write: u64,
    /// Input given as sound.
    pub audio_input: u64,
    /// Output that the caller sees as text or tool calls.
    pub output: u64,
    /// Output spent on reasoning, where the upstream counts it apart.
    pub reasoning: u64,
    /// Output given as sound.
    pub audio_output: u64,
    /// Output given as images, where the upstream counts it in tokens.
    pub image_output: u64,
    /// Whether the upstream's own figures contradicted one another, so that the buckets are a best reading.
    pub inconsistent: bool,
    /// Whether the upstream left out how much output there was, so that the buckets have none of it. It is not kept: whoever
    /// keeps such figures estimates first.
    #[serde(skip)]
    pub lacks_output: bool,
}

/// Counts as OpenAI-like upstreams give them: totals that contain their details.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InclusiveUsage {
    /// All input, cached or not.
    pub input: u64,
    /// The part of the input that was found in the cache.
    pub cache_read: u64,
    /// The part of the input that was written to the cache.
    pub cache_write: u64,
    /// The part of the input that was sound.
    pub audio_input: u64,
    /// All output.
    pub output: u64,
    /// The part of the output that was reasoning.
    pub reasoning: u64,
    /// The part of the output that was sound.
    pub audio_output: u64,
    /// The part of the output that was images.
    pub image_output: u64,
    /// The upstream's own sum, where it gave one.
    pub total: Option<u64>,
}

impl Usage {
    /// Takes inclusive counts apart into disjoint buckets.
    ///
    /// Details that exceed what should contain them, and a sum that is not the sum, set `inconsistent`; no
    /// bucket goes below zero.
    pub fn from_inclusive(counts: &InclusiveUsage) -> Self {
        let input_details =
            counts.cache_read.saturating_add(counts.cache_write).saturating_add(counts.audio_input);
        let output_details =
            counts.reasoning.saturating_add(counts.audio_output).saturating_add(counts.image_output);
        let usage = Self {
            uncached_input: counts.input.saturating_sub(input_details),
            cache_read: counts.cache_read,
            cache_write: counts.cache_write,
            audio_input: counts.audio_input,
            output: counts.output.saturating_sub(output_details),
            reasoning: counts.reasoning,
            audio_output: counts.audio_output,
            image_output: counts.image_output,
            inconsistent: false,
            lacks_output: false,
        };
        let adds_up = usage.input() == counts.input
            && usage.all_output() == counts.output
            && counts.total.is_none_or(|total| total == counts.input.saturating_add(counts.output));
        Self { inconsistent: !adds_up, ..usage }
    }

    /// All input tokens.
    pub fn input(&self) -> u64 {
        let buckets = [self.uncached_input, self.cache_read, self.cache_write, self.audio_input];
        buckets.into_iter().fold(0, u64::saturating_add)
    }

    /// All output tokens.
    pub fn all_output(&self) -> u64 {
        let buckets = [self.output, self.reasoning, self.audio_output, self.image_output];
        buckets.into_iter().fold(0, u64::saturating_add)
    }

    /// All tokens: the sum of every bucket.
    pub fn total(&self) -> u64 {
        self.input().saturating_add(self.all_output())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(counts: &InclusiveUsage, uncached: u64, output: u64, inconsistent: bool) {
        let usage = Usage::from_inclusive(counts);
        assert_eq!(
            (usage.uncached_input, usage.output, usage.inconsistent),
            (uncached, output, inconsistent)
        );
    }

    fn counts(input: u64, output: u64) -> InclusiveUsage {
        InclusiveUsage { input, output, ..InclusiveUsage::default() }
    }

    #[test]
    fn cached_tokens_are_counted_once() {
        let counts = InclusiveUsage { cache_read: 9519, total: Some(9530), ..counts(9520, 10) };
        check(&counts, 1, 10, false);
        assert_eq!(Usage::from_inclusive(&counts).total(), 9530);
    }

    #[test]
    fn reasoning_is_part_of_the_output() {
        check(&InclusiveUsage { reasoning: 30, ..counts(5, 32) }, 5, 2, false);
    }

    #[test]
    fn figures_that_contradict_are_flagged_and_never_negative() {
        check(&InclusiveUsage { cache_read: 9, ..counts(5, 1) }, 0, 1, true);
        check(&InclusiveUsage { total: Some(7), ..counts(5, 1) }, 5, 1, true);
    }
}
