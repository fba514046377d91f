//! Tokens before anybody has counted them: of a text, of a request's input, and of the most output that it may get.
//!
//! Estimates serve to reserve money and to fill limits, and to settle streams that were cut; where an upstream counts,
//! its count is what is charged.

mod input;
mod script;

use trunkline_core::{Document, Operation, json};

pub use input::{input_tokens, written_tokens};

use script::Weight;

/// Tokens of an image, whatever its size. An image of a million pixels costs about as many with most vendors.
pub const IMAGE_TOKENS: u64 = 1_000;
/// Tokens of an image that is asked to be looked at in low detail.
pub const IMAGE_LOW_DETAIL_TOKENS: u64 = 85;
/// Tokens of a piece of sound: a minute and a half.
pub const AUDIO_TOKENS: u64 = 1_000;
/// Tokens of a file or a video: some ten pages.
pub const FILE_TOKENS: u64 = 5_000;
/// Tokens that stand around each message: its role, and where it begins and ends.
pub const MESSAGE_TOKENS: u64 = 4;
/// Tokens of output that are reserved where neither request nor model name a limit, or the model's is higher.
pub const RESERVE_OUTPUT_TOKENS: u64 = 4_096;
/// What a limit of the output is called, whatever the operation: [`limit_members`] are those of one.
pub const OUTPUT_LIMITS: [&str; 3] = ["max_completion_tokens", "max_tokens", "max_output_tokens"];

/// Estimates the tokens of a text by its scripts.
///
/// A token is four bytes of Latin prose, three of code, of JSON and of other scripts, one and a half of Chinese,
/// Japanese and Korean. ASCII text is taken for code if more than one byte in sixteen is a mark that prose has few of.
///
/// Held against OpenAI's tokenizers o200k and cl100k on the pages and sources of this repository and on short texts:
/// English and German prose 0.9 to 1.3 times the count, code and scripts 1.2 to 1.4, dense JSON and lock files 0.75 to
/// 0.9. Other scripts, on o200k 1.9 to 2.9 times; on cl100k Chinese, Japanese and Korean 1.7 to 2.0, Russian 1.4, Arabic
/// and Hindi 0.8.
///
/// ```
/// use trunkline_prices::estimate::tokens;
///
/// assert_eq!(tokens(""), 0);
/// assert_eq!(tokens("The quick brown fox jumps over the lazy dog."), 11);
/// ```
pub fn tokens(text: &str) -> u64 {
    let mut weight = Weight::default();
    weight.add_text(text.as_bytes());
    weight.tokens()
}

/// The most tokens of output that a request for text may get, all its choices together.
///
/// For each choice the largest of the [limits](limit_members) that it names, else the smaller of `model_max` and `reserve`
/// ([`RESERVE_OUTPUT_TOKENS`] by default). There are `n` choices, or `best_of` where that is more, for each prompt of a
/// list. Embeddings, reranking and moderations have no output; do not ask for those.
pub fn output_bound(operation: Operation, document: &Document, model_max: Option<u64>, reserve: u64) -> u64 {
    let usual = || model_max.map_or(reserve, |model_max| model_max.min(reserve));
    stated_limit(operation, document).unwrap_or_else(usual).saturating_mul(answers(document))
}

/// The most tokens of one answer that a request for text asks for. `None` if it says nothing; 0 is a limit.
pub fn stated_limit(operation: Operation, document: &Document) -> Option<u64> {
    limit_members(operation).iter().filter_map(|name| document.raw(name).and_then(json::u64)).max()
}

/// The members of a body that limit an answer. A limit of another operation's is none: an upstream passes over it.
pub fn limit_members(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::ChatCompletions => &["max_completion_tokens", "max_tokens"],
        Operation::Completions | Operation::Messages => &["max_tokens"],
        Operation::Responses | Operation::CompactResponse => &["max_output_tokens"],
        Operation::Embeddings
        | Operation::ResponseInputTokens
        | Operation::RetrieveResponse
        | Operation::DeleteResponse
        | Operation::CancelResponse
        | Operation::ListResponseInputItems
        | Operation::CountTokens
        | Operation::Rerank
        | Operation::RerankV2
        | Operation::ImageGenerations
        | Operation::ImageEdits
        | Operation::Transcriptions
        | Operation::Speech
        | Operation::Moderations
        | Operation::Evaluate => &[],
    }
}

/// How many answers a request for text gets: its choices, for each of its prompts.
pub fn answers(document: &Document) -> u64 {
    let number = |name: &str| document.raw(name).and_then(json::u64);
    let choices = number("n").unwrap_or(1).max(number("best_of").unwrap_or(1)).max(1);
    choices.saturating_mul(prompts(document))
}

/// How many prompts a text completion has: a list of numbers is one.
fn prompts(document: &Document) -> u64 {
    let Some(prompt) = document.raw("prompt").filter(|raw| raw.starts_with(b"[")) else {
        return 1;
    };
    let counted = json::elements(prompt).filter(|span| matches!(prompt[span.start], b'"' | b'['));
    u64::try_from(counted.count()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_the_output() {
        #[track_caller]
        fn check(body: &str, model_max: Option<u64>, expected: u64) {
            let document = Document::parse(body.to_owned()).expect("a document");
            let operation = if body.contains("prompt") || body.contains("best_of") {
                Operation::Completions
            } else {
                Operation::ChatCompletions
            };
            let bound = output_bound(operation, &document, model_max, RESERVE_OUTPUT_TOKENS);
            assert_eq!(bound, expected, "{body}");
        }
        check("{}", None, 4096);
        check("{}", Some(1000), 1000);
        check("{}", Some(100_000), 4096);
        check(r#"{"max_tokens": 10}"#, Some(5), 10);
        check(r#"{"max_tokens": 10, "max_completion_tokens": 20}"#, None, 20);
        check(r#"{"max_tokens": 20, "max_completion_tokens": 10}"#, None, 20);
        check(r#"{"max_tokens": null, "max_output_tokens": 30}"#, None, 4096);
        check(r#"{"max_tokens": 10, "n": 3}"#, None, 30);
        check(r#"{"max_tokens": 10, "n": 0}"#, None, 10);
        check(r#"{"max_tokens": 10, "n": 2, "best_of": 4}"#, None, 40);
        check(r#"{"max_tokens": 10, "n": 2, "prompt": ["a", "b", "c"]}"#, None, 60);
        check(r#"{"max_tokens": 10, "prompt": [[1, 2], [3]]}"#, None, 20);
        check(r#"{"max_tokens": 10, "prompt": [1, 2, 3]}"#, None, 10);
        check(r#"{"max_tokens": 18446744073709551615, "n": 9}"#, None, u64::MAX);
        check(r#"{"max_tokens": "many"}"#, None, 4096);
    }

    #[test]
    fn each_operation_has_limits_of_its_own() {
        let body = r#"{"max_tokens": 1, "max_completion_tokens": 2, "max_output_tokens": 3}"#;
        let document = Document::parse(body).expect("a document");
        let bound = |operation| output_bound(operation, &document, None, 9);
        assert_eq!(bound(Operation::ChatCompletions), 2);
        assert_eq!(bound(Operation::Completions), 1);
        assert_eq!(bound(Operation::Messages), 1);
        assert_eq!(bound(Operation::Responses), 3);
        assert_eq!(bound(Operation::ImageGenerations), 9);
        let nothing = Document::parse(r#"{"max_tokens": 0}"#).expect("a document");
        assert_eq!(output_bound(Operation::Completions, &nothing, None, 9), 0, "0 is a limit");
    }

    #[test]
    fn scripts_weigh_differently() {
        assert_eq!(tokens(&"word ".repeat(80)), 100);
        assert_eq!(tokens(&"{\"a\":1},".repeat(60)), 160);
        assert_eq!(tokens(&"汉".repeat(100)), 200);
        assert_eq!(tokens(&"ж".repeat(300)), 200);
        assert_eq!(tokens("a"), 1);
    }
}
