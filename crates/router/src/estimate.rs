//! About how many tokens a request takes.

use std::time::Duration;

use trunkline_core::{Body, Call, Operation};
use trunkline_prices::estimate::{self, AUDIO_TOKENS, RESERVE_OUTPUT_TOKENS};

/// More than this is as good as without end, and leaves room for sums.
const TOKENS_MAX: u64 = 1 << 40;

/// About how many tokens the input of a body has. Files of a form are not looked into.
pub(crate) fn input_tokens(body: &Body) -> u64 {
    match body {
        Body::Document(document) => estimate::input_tokens(document),
        Body::Form(_) | Body::Empty => 0,
    }
}

/// Bytes of a form's file for each of its tokens: speech at 16 kbit/s, of which a minute has some 600.
const FILE_BYTES: u64 = 200;

/// The most tokens of input that money is reserved for. A form counts by its size, and no less than a piece of sound in a
/// chat: none is taken for free.
pub(crate) fn paid_input_tokens(body: &Body) -> u64 {
    match body {
        Body::Form(form) => (form.segments().len() as u64 / FILE_BYTES).max(AUDIO_TOKENS),
        Body::Document(_) | Body::Empty => input_tokens(body),
    }
}

/// The tokens of output that money is reserved for where what is made is no answer of a model for text: `reserve` for each
/// image, piece of sound or transcript. 0 for all others.
pub(crate) fn made_output_tokens(operation: Operation, body: &Body, reserve: u64) -> u64 {
    let many = match operation {
        Operation::ImageGenerations
        | Operation::ImageEdits
        | Operation::Transcriptions
        | Operation::Speech => match body {
            Body::Document(document) => estimate::answers(document),
            Body::Form(form) => form.text("n").and_then(|text| text.trim().parse().ok()).unwrap_or(1),
            Body::Empty => 1,
        },
        _ => 0,
    };
    reserve.saturating_mul(many)
}

/// What a request may take, before anybody has counted it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tokens {
    /// About so many.
    pub(crate) input: u64,
    /// The most that all its choices may get, if it says so.
    output_stated: Option<u64>,
    /// How many answers it wants, where answers are text.
    choices: u64,
}

impl Tokens {
    pub(crate) fn of(operation: Operation, body: &Body) -> Self {
        let input = input_tokens(body);
        let Body::Document(document) = body else { return Self { input, ..Self::default() } };
        if !answers_in_text(operation) {
            return Self { input, ..Self::default() };
        }
        let choices = estimate::answers(document);
        let output_stated =
            estimate::stated_limit(operation, document).map(|limit| limit.saturating_mul(choices));
        Self { input, output_stated, choices }
    }

    /// What is reserved of a deployment's `tpm`: its input, and the most that it may get, which is `usual` for each answer
    /// where it does not say, and never more than the model can give.
    pub(crate) fn reserved(&self, usual: u64, model_max: Option<u64>) -> u64 {
        let output = match self.output_stated {
            None => self.choices.saturating_mul(usual),
            Some(stated) => model_max.map_or(stated, |max| stated.min(self.choices.saturating_mul(max))),
        };
        self.input.saturating_add(output).min(TOKENS_MAX)
    }
}

/// The most tokens of an answer to a request that names no limit: what is put into its body, else what the model can
/// give and is usual.
pub(crate) fn output_tokens(added: Option<u64>, model_max: Option<u64>) -> u64 {
    added.or(model_max.map(|max| max.min(RESERVE_OUTPUT_TOKENS))).unwrap_or(RESERVE_OUTPUT_TOKENS)
}

/// How many tokens a model is taken to write in a second, while nobody sees it write. Most write fewer.
const TOKENS_A_SECOND: u128 = 100;

/// Bytes of a whole reply that count as a token, where it broke off and cannot be read.
const REPLY_BYTES: u64 = 4;

/// About how many tokens of a whole reply were written by then, and no more than the most that it may have: by the time, or
/// by how many bytes of it are known. 0 for a stream that has not begun.
pub(crate) fn written(call: &Call, took: Duration, bytes: u64) -> u64 {
    let Body::Document(document) = &call.body else { return 0 };
    if call.streaming() || !answers_in_text(call.operation) {
        return 0;
    }
    let most = estimate::output_bound(call.operation, document, None, RESERVE_OUTPUT_TOKENS);
    let written = took.as_millis() * TOKENS_A_SECOND / 1_000;
    u64::try_from(written).unwrap_or(u64::MAX).max(bytes / REPLY_BYTES).min(most)
}

pub(crate) fn answers_in_text(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::ChatCompletions
            | Operation::Completions
            | Operation::Responses
            | Operation::CompactResponse
            | Operation::Messages
    )
}
