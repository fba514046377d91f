//! Token counts, in the spellings that upstreams of this dialect use.

use trunkline_core::{InclusiveUsage, Usage, json};

/// The largest count that is believed: what a double holds exactly, far beyond any real one.
const TOKENS_MAX: u64 = 1 << 53;

/// Reads a usage object into disjoint buckets.
///
/// All spellings are understood (`prompt_tokens`, `input_tokens`, `inputTokens`), and details wherever upstreams put them;
/// nulls, `12.0` and absent members too. `None` if it is no object or tells no count.
///
/// ```
/// let json = br#"{"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}"#;
/// let usage = trunkline_openai::wire::usage(json).expect("there are counts");
/// assert_eq!((usage.uncached_input, usage.cache_read, usage.output), (5, 4, 2));
/// ```
pub fn usage(raw_usage_object: &[u8]) -> Option<Usage> {
    let mut counts = Counts::default();
    for member in json::members(raw_usage_object) {
        counts.read(member.key, &raw_usage_object[member.value.clone()]);
    }
    counts.into_usage()
}

/// Counts as they stand in the object, before absent ones are filled in.
#[derive(Default)]
struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    audio_input: Option<u64>,
    reasoning: Option<u64>,
    audio_output: Option<u64>,
    image_output: Option<u64>,
}

impl Counts {
    fn read(&mut self, key: &[u8], raw: &[u8]) {
        match key {
            b"prompt_tokens" | b"input_tokens" | b"inputTokens" => note(&mut self.input, raw),
            b"completion_tokens" | b"output_tokens" | b"outputTokens" => note(&mut self.output, raw),
            b"total_tokens" | b"totalTokens" => note(&mut self.total, raw),
            // Transcriptions have `input_token_details`, in the singular.
            b"prompt_tokens_details" | b"input_tokens_details" | b"input_token_details" => {
                self.read_input_details(raw);
            }
            b"completion_tokens_details" | b"output_tokens_details" | b"output_token_details" => {
                self.read_output_details(raw);
            }
            b"cache_creation_input_tokens" => note(&mut self.cache_write, raw),
            b"cache_read_input_tokens" | b"prompt_cache_hit_tokens" | b"cached_tokens" => {
                note(&mut self.cache_read, raw);
            }
            b"reasoning_tokens" => note(&mut self.reasoning, raw),
            _ => {}
        }
    }

    fn read_input_details(&mut self, details: &[u8]) {
        for member in json::members(details) {
            let raw = &details[member.value.clone()];
            match member.key {
                b"cached_tokens" => note(&mut self.cache_read, raw),
                b"cache_write_tokens" | b"cache_creation_tokens" => note(&mut self.cache_write, raw),
                b"audio_tokens" => note(&mut self.audio_input, raw),
                _ => {}
            }
        }
    }

    fn read_output_details(&mut self, details: &[u8]) {
        for member in json::members(details) {
            let raw = &details[member.value.clone()];
            match member.key {
                b"reasoning_tokens" => note(&mut self.reasoning, raw),
                b"audio_tokens" => note(&mut self.audio_output, raw),
                b"image_tokens" => note(&mut self.image_output, raw),
                _ => {}
            }
        }
    }

    fn into_usage(self) -> Option<Usage> {
        let mut usage = self.inclusive()?;
        let details = usage.reasoning;
        // xAI counts reasoning beside the output, and its total says so.
        if details > 0 && usage.total == Some(usage.input + usage.output + details) {
            usage.output += details;
        }
        let only_the_sum = self.input.is_none() && self.output.is_none();
        let mut buckets = Usage::from_inclusive(&usage);
        buckets.inconsistent |= only_the_sum;
        buckets.lacks_output = self.output.is_none() && self.total.is_none() && buckets.all_output() == 0;
        Some(buckets)
    }

    /// The counts with an absent one worked out of the total. `None` if there is nothing to work with.
    fn inclusive(&self) -> Option<InclusiveUsage> {
        let (input, output) = match (self.input, self.output, self.total) {
            (None, None, None) => return None,
            (Some(input), Some(output), _) => (input, output),
            (Some(input), None, total) => (input, total.unwrap_or(input).saturating_sub(input)),
            (None, Some(output), total) => (total.unwrap_or(output).saturating_sub(output), output),
            (None, None, Some(total)) => (total, 0),
        };
        Some(InclusiveUsage {
            input,
            output,
            total: self.total,
            cache_read: self.cache_read.unwrap_or_default(),
            cache_write: self.cache_write.unwrap_or_default(),
            audio_input: self.audio_input.unwrap_or_default(),
            reasoning: self.reasoning.unwrap_or_default(),
            audio_output: self.audio_output.unwrap_or_default(),
            image_output: self.image_output.unwrap_or_default(),
        })
    }
}

/// Notes a count. One that is told in two places is the larger one: the other place says null or zero.
fn note(count: &mut Option<u64>, raw: &[u8]) {
    *count = (*count).max(tokens(raw));
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
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<Usage>) {
        let read = usage(json.as_bytes());
        assert_eq!((json, read), (json, expected));
    }

    fn plain(uncached_input: u64, output: u64) -> Usage {
        Usage { uncached_input, output, ..Usage::default() }
    }

    #[test]
    fn the_plain_counts() {
        check(r#"{"prompt_tokens":61,"completion_tokens":32,"total_tokens":93}"#, Some(plain(61, 32)));
        check(r#"{"input_tokens":5,"output_tokens":2}"#, Some(plain(5, 2)));
        check(r#"{"prompt_tokens":8,"total_tokens":8}"#, Some(plain(8, 0)));
    }

    #[test]
    fn details_leave_their_totals() {
        check(
            r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
                "prompt_tokens_details":{"cached_tokens":60,"audio_tokens":10,"video_tokens":0},
                "completion_tokens_details":{"reasoning_tokens":20,"audio_tokens":5,"image_tokens":1},
                "cache_creation_input_tokens":7}"#,
            Some(Usage {
                uncached_input: 23,
                cache_read: 60,
                cache_write: 7,
                audio_input: 10,
                output: 24,
                reasoning: 20,
                audio_output: 5,
                image_output: 1,
                ..Usage::default()
            }),
        );
    }

    #[test]
    fn the_spellings_of_other_operations() {
        check(
            r#"{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45,"total_tokens":59}"#,
            Some(Usage { audio_input: 10, ..plain(4, 45) }),
        );
        check(
            r#"{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40},"output_tokens_details":{"image_tokens":48,"text_tokens":2}}"#,
            Some(Usage { image_output: 48, ..plain(50, 2) }),
        );
        check(r#"{"inputTokens":7,"outputTokens":3}"#, Some(plain(7, 3)));
        check(r#"{"type":"duration","seconds":9}"#, None);
    }

    #[test]
    fn cache_writes_told_in_two_places_count_once() {
        check(
            r#"{"prompt_tokens":10,"completion_tokens":1,"cache_creation_input_tokens":4,
                "prompt_tokens_details":{"cache_write_tokens":4,"cached_tokens":null}}"#,
            Some(Usage { cache_write: 4, ..plain(6, 1) }),
        );
    }

    #[test]
    fn other_places_for_cache_hits() {
        let expected = Some(Usage { cache_read: 3, ..plain(4, 1) });
        check(
            r#"{"prompt_tokens":7,"completion_tokens":1,"prompt_cache_hit_tokens":3,"prompt_cache_miss_tokens":4}"#,
            expected.clone(),
        );
        check(r#"{"prompt_tokens":7,"completion_tokens":1,"cached_tokens":3}"#, expected);
    }

    #[test]
    fn reasoning_beside_the_output_is_seen_by_the_total() {
        check(
            r#"{"prompt_tokens":10,"completion_tokens":2,"total_tokens":42,
                "completion_tokens_details":{"reasoning_tokens":30}}"#,
            Some(Usage { reasoning: 30, ..plain(10, 2) }),
        );
    }

    #[test]
    fn lenient_about_spelling() {
        let of_input = Some(Usage { lacks_output: true, ..plain(12, 0) });
        check(
            r#"{"prompt_tokens":12.0,"completion_tokens":null,"prompt_tokens_details":null}"#,
            of_input.clone(),
        );
        check(r#"{"prompt_tokens":1.2e1,"completion_tokens":-3,"x":[{}]}"#, of_input);
        check(r#"{"prompt_tokens":12,"completion_tokens":0}"#, Some(plain(12, 0)));
    }

    #[test]
    fn a_sum_alone_is_a_best_reading() {
        check(r#"{"total_tokens":9}"#, Some(Usage { inconsistent: true, ..plain(9, 0) }));
    }

    #[test]
    fn what_tells_nothing_is_unknown() {
        check("{}", None);
        check("null", None);
        check(r#"{"cost":0.1}"#, None);
        check(r#"{"prompt_tokens":"many"}"#, None);
        check(r#"{"prompt_tokens":1e300}"#, None);
        check(r#"{"prompt_tokens":18446744073709551615}"#, None);
        check(r#"{"prompt_tokens":"#, None);
    }
}
