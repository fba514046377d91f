//! What a tally adds up.

use rust_decimal::Decimal;
use trunkline_core::{Cost, Usage};
use trunkline_gateway::Record;

use crate::spread::Spread;

/// The sums of all that was counted together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) count: u64,
    pub(crate) tokens: Tokens,
    /// US dollars.
    pub(crate) spend: Decimal,
    /// How often nobody knows what was spent.
    pub(crate) unpriced: u64,
    /// How often a kept reply was given.
    pub(crate) cache_hits: u64,
    /// How often one was looked for in vain.
    pub(crate) cache_misses: u64,
    /// Only where replies are completed.
    pub(crate) durations: Option<Box<Durations>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
    pub(crate) audio_input: u64,
    pub(crate) reasoning: u64,
    pub(crate) audio_output: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Durations {
    pub(crate) whole: Spread,
    pub(crate) upstream: Spread,
    pub(crate) first_event: Spread,
    pub(crate) overhead: Spread,
}

impl Totals {
    /// Notes what was used, and what that cost. Where nobody knows, `is_used` says whether something was.
    pub(crate) fn note_use(
        &mut self,
        usage: Option<&Usage>,
        cost: Option<&Cost>,
        is_used: impl FnOnce() -> bool,
    ) {
        if let Some(usage) = usage {
            self.tokens.note(usage);
        }
        match cost.and_then(Cost::spend) {
            Some(spend) => self.spend = self.spend.checked_add(spend).unwrap_or(self.spend),
            None if is_used() => self.unpriced += 1,
            None => {}
        }
    }

    /// Notes whether a kept reply was given, or looked for.
    pub(crate) fn note_cache(&mut self, record: &Record) {
        if record.cache_key.is_some() {
            self.cache_hits += 1;
        } else if record.is_cache_miss {
            self.cache_misses += 1;
        }
    }

    /// Notes how long a completed request took, and what of it.
    pub(crate) fn note_durations(&mut self, record: &Record) {
        let durations = self.durations.get_or_insert_default();
        let Some(whole) = record.duration else { return };
        durations.whole.note(whole);
        let (Some(upstream), Some(until_reply)) = (record.upstream_duration, record.until_reply) else {
            return;
        };
        if let Some(overhead) = record.overhead {
            durations.overhead.note(overhead);
        }
        if record.streamed {
            durations.first_event.note(upstream);
            durations.upstream.note(upstream.saturating_add(whole.saturating_sub(until_reply)));
        } else {
            durations.upstream.note(upstream);
        }
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        self.unpriced += other.unpriced;
        self.cache_hits += other.cache_hits;
        self.cache_misses += other.cache_misses;
        self.tokens.absorb(&other.tokens);
        if let Some(sum) = self.spend.checked_add(other.spend) {
            self.spend = sum;
        }
        if let Some(others) = &other.durations {
            let durations = self.durations.get_or_insert_default();
            durations.whole.absorb(&others.whole);
            durations.upstream.absorb(&others.upstream);
            durations.first_event.absorb(&others.first_event);
            durations.overhead.absorb(&others.overhead);
        }
    }
}

impl Tokens {
    fn note(&mut self, usage: &Usage) {
        self.absorb(&Self {
            input: usage.input(),
            output: usage.all_output(),
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            audio_input: usage.audio_input,
            reasoning: usage.reasoning,
            audio_output: usage.audio_output,
        });
    }

    fn absorb(&mut self, other: &Self) {
        // An upstream may claim any figure.
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.input, other.input);
        add(&mut self.output, other.output);
        add(&mut self.cache_read, other.cache_read);
        add(&mut self.cache_write, other.cache_write);
        add(&mut self.audio_input, other.audio_input);
        add(&mut self.reasoning, other.reasoning);
        add(&mut self.audio_output, other.audio_output);
    }
}
