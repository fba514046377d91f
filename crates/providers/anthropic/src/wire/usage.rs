//! Token counts as Messages tells them: input without what the prompt cache read or was written.

use trunkline_core::{ServiceTier, Usage, json};

/// The largest count that is believed: what a double holds exactly, far beyond any real one.
const TOKENS_MAX: u64 = 1 << 53;

/// Reads a usage object into disjoint buckets.
///
/// `input_tokens` leaves out what the prompt cache read and what was written to it, so that the three add up
/// to the input. `output_tokens` contains the thinking, which some replies count apart. Of `iterations` those
/// are added that the counts beside them leave out: a conversation that was made short, an adviser's turn.
///
/// `None` if it is no object or tells no count.
///
/// ```
/// let json = br#"{"input_tokens": 5, "cache_read_input_tokens": 90, "output_tokens": 2}"#;
/// let usage = trunkline_anthropic::wire::usage(json).expect("there are counts");
/// assert_eq!((usage.uncached_input, usage.cache_read, usage.output), (5, 90, 2));
/// assert_eq!(usage.input(), 95);
/// ```
pub fn usage(raw_usage_object: &[u8]) -> Option<Usage> {
    let mut counts = Counts::default();
    counts.read(raw_usage_object);
    counts.usage()
}

/// Counts as they were told so far. Each that is told again replaces the earlier one.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
    cache_read: Option<u64>,
    cache_write: CacheWrite,
    /// How the call was served.
    tier: Option<ServiceTier>,
    speed: Option<ServiceTier>,
    /// What stands in iterations alone.
    beside: Option<Usage>,
}

/// What was written to the prompt cache, as one figure and by how long it is kept there.
#[derive(Clone, Copy, Debug, Default)]
struct CacheWrite {
    whole: Option<u64>,
    parts: Option<u64>,
}

impl Counts {
    /// Takes over what a usage object tells. Nulls and absent members leave what was told before.
    pub(super) fn read(&mut self, object: &[u8]) {
        let mut cache_write = CacheWrite::default();
        for member in json::members(object) {
            let raw = &object[member.value.clone()];
            match member.key {
                b"input_tokens" => note(&mut self.input, raw),
                b"output_tokens" => note(&mut self.output, raw),
                b"output_tokens_details" => note_member(&mut self.thinking, raw, "thinking_tokens"),
                b"cache_read_input_tokens" => note(&mut self.cache_read, raw),
                b"cache_creation_input_tokens" => note(&mut cache_write.whole, raw),
                b"cache_creation" => cache_write.parts = sum(raw),
                b"service_tier" => self.tier = ServiceTier::of_tier(raw).or(self.tier),
                b"speed" => self.speed = ServiceTier::of_speed(raw).or(self.speed),
                b"iterations" if raw.starts_with(b"[") => self.beside = beside(raw),
                _ => {}
            }
        }
        if cache_write.tokens().is_some() {
            self.cache_write = cache_write;
        }
    }

    /// How the call was served. `None` if nothing was told.
    pub(super) fn service_tier(&self) -> Option<ServiceTier> {
        self.tier.into_iter().chain(self.speed).reduce(ServiceTier::and)
    }

    /// The counts as buckets. `None` if nothing was told.
    pub(super) fn usage(&self) -> Option<Usage> {
        let told = [self.input, self.output, self.cache_read, self.cache_write.tokens()];
        if told.iter().all(Option::is_none) {
            return None;
        }
        let (output, thinking) = (self.output.unwrap_or_default(), self.thinking.unwrap_or_default());
        let own = Usage {
            uncached_input: self.input.unwrap_or_default(),
            cache_read: self.cache_read.unwrap_or_default(),
            cache_write: self.cache_write.tokens().unwrap_or_default(),
            output: output.saturating_sub(thinking),
            reasoning: thinking.min(output),
            inconsistent: thinking > output || self.cache_write.contradicts_itself(),
            lacks_output: self.output.is_none(),
            ..Usage::default()
        };
        Some(match &self.beside {
            Some(beside) => add(&own, beside),
            None => own,
        })
    }
}

impl CacheWrite {
    /// The larger figure: where they differ, one is a zero that stands for nothing.
    fn tokens(self) -> Option<u64> {
        self.whole.max(self.parts)
    }

    fn contradicts_itself(self) -> bool {
        matches!((self.whole, self.parts), (Some(whole), Some(parts)) if whole != parts)
    }
}

/// What the iterations tell that the counts beside them leave out.
///
/// The counts are the sum of those of the type `message`; nobody says so of types that are yet to come.
fn beside(iterations: &[u8]) -> Option<Usage> {
    let apart = json::elements(iterations).filter_map(|span| {
        let iteration = &iterations[span];
        let kind = &iteration[json::member(iteration, "type")?];
        if kind == b"\"compaction\"" || kind == b"\"advisor_message\"" { usage(iteration) } else { None }
    });
    apart.reduce(|sum, next| add(&sum, &next))
}

fn add(left: &Usage, right: &Usage) -> Usage {
    Usage {
        uncached_input: left.uncached_input.saturating_add(right.uncached_input),
        cache_read: left.cache_read.saturating_add(right.cache_read),
        cache_write: left.cache_write.saturating_add(right.cache_write),
        output: left.output.saturating_add(right.output),
        reasoning: left.reasoning.saturating_add(right.reasoning),
        inconsistent: left.inconsistent || right.inconsistent,
        lacks_output: left.lacks_output,
        // No count of this dialect is sound or images.
        ..Usage::default()
    }
}

/// The sum of the members that are counts: `{"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}`.
fn sum(object: &[u8]) -> Option<u64> {
    let counts = json::members(object).filter_map(|member| tokens(&object[member.value]));
    counts.reduce(u64::saturating_add)
}

fn note(count: &mut Option<u64>, raw: &[u8]) {
    *count = tokens(raw).or(*count);
}

fn note_member(count: &mut Option<u64>, object: &[u8], name: &str) {
    if let Some(span) = json::member(object, name) {
        note(count, &object[span]);
    }
}

/// A count of tokens: a whole number, `12.0` too.
fn tokens(raw: &[u8]) -> Option<u64> {
    let count = json::u64(raw).or_else(|| {
        let number: f64 = std::str::from_utf8(raw).ok()?.parse().ok()?;
        (number >= 0.0).then_some(number as u64)
    })?;
    (count <= TOKENS_MAX).then_some(count)
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
