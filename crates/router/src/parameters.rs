//! Which operations know which parameter: what a deployment adds to a chat must not break a count of tokens.

use trunkline_core::Operation::{
    self, ChatCompletions, Completions, CountTokens, Embeddings, ImageEdits, ImageGenerations, Messages,
    ResponseInputTokens, Responses, Speech, Transcriptions,
};

/// Parameters of chats and their kin, each with the operations that have a parameter of this name and meaning.
///
/// WHEN ADDING AN OPERATION: put it to the parameters that it shares. Configurations list them for chats, and a
/// deployment may answer other operations as well. A name that is not here is the operator's own affair.
static KNOWN: &[(&str, &[Operation])] = &[
    ("audio", &[ChatCompletions]),
    ("best_of", &[Completions]),
    ("dimensions", &[Embeddings]),
    ("echo", &[Completions]),
    ("encoding_format", &[Embeddings]),
    ("frequency_penalty", &[ChatCompletions, Completions]),
    ("function_call", &[ChatCompletions]),
    ("functions", &[ChatCompletions]),
    ("include", &[Responses]),
    ("instructions", &[Responses]),
    ("logit_bias", &[ChatCompletions, Completions]),
    ("logprobs", &[ChatCompletions, Completions]),
    ("max_completion_tokens", &[ChatCompletions]),
    ("max_output_tokens", &[Responses]),
    ("max_tokens", &[ChatCompletions, Completions, Messages]),
    ("metadata", &[ChatCompletions, Responses]),
    ("modalities", &[ChatCompletions]),
    ("n", &[ChatCompletions, Completions, ImageGenerations, ImageEdits]),
    ("parallel_tool_calls", &[ChatCompletions, Responses]),
    ("prediction", &[ChatCompletions]),
    ("presence_penalty", &[ChatCompletions, Completions]),
    ("prompt_cache_key", &[ChatCompletions, Responses]),
    ("reasoning", &[ChatCompletions, Responses]),
    ("reasoning_effort", &[ChatCompletions]),
    ("response_format", &[ChatCompletions, ImageGenerations, ImageEdits, Transcriptions, Speech]),
    ("safety_identifier", &[ChatCompletions, Responses]),
    ("seed", &[ChatCompletions, Completions]),
    ("service_tier", &[ChatCompletions, Responses]),
    ("stop", &[ChatCompletions, Completions]),
    ("stop_sequences", &[Messages]),
    ("store", &[ChatCompletions, Responses]),
    ("stream", &[ChatCompletions, Completions, Responses, Messages]),
    ("stream_options", &[ChatCompletions, Completions]),
    ("suffix", &[Completions]),
    ("system", &[Messages, CountTokens]),
    ("temperature", &[ChatCompletions, Completions, Responses, Messages, Transcriptions]),
    ("thinking", &[ChatCompletions, Messages, CountTokens]),
    ("tool_choice", &[ChatCompletions]),
    ("tools", &[ChatCompletions]),
    ("top_k", &[ChatCompletions, Messages]),
    ("top_logprobs", &[ChatCompletions]),
    ("top_p", &[ChatCompletions, Completions, Responses, Messages]),
    ("truncation", &[Responses]),
    ("user", &[ChatCompletions, Completions, Embeddings, Responses, ImageGenerations, ImageEdits]),
    ("verbosity", &[ChatCompletions]),
    ("web_search_options", &[ChatCompletions]),
];

/// Whether a default belongs into a body of this operation. `json` is its value.
pub(crate) fn fits(operation: Operation, name: &str, json: &[u8]) -> bool {
    if name == "response_format" && json.starts_with(b"{") != (operation == ChatCompletions) {
        // An object in chats, a word such as `srt` or `b64_json` everywhere else.
        return false;
    }
    match KNOWN.binary_search_by_key(&name, |(known, _)| known) {
        Ok(place) => KNOWN[place].1.contains(&operation),
        // What is only counted takes what it knows and refuses all else.
        Err(_) => !matches!(operation, CountTokens | ResponseInputTokens),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(KNOWN.is_sorted_by(|(left, _), (right, _)| left < right));
    }

    #[test]
    fn a_chat_s_parameters_stay_with_chats() {
        let fits = |operation, name| fits(operation, name, b"1");
        for operation in Operation::ALL {
            let chat = matches!(operation, ChatCompletions | Completions);
            assert_eq!(fits(operation, "stream_options"), chat, "{operation}");
            assert_eq!(fits(operation, "frequency_penalty"), chat, "{operation}");
        }
        assert!(fits(Messages, "max_tokens") && !fits(CountTokens, "max_tokens"));
        assert!(!fits(Responses, "max_tokens") && fits(Responses, "max_output_tokens"));
    }

    #[test]
    fn a_format_means_one_thing_in_chats_and_another_elsewhere() {
        let format = |operation, json: &[u8]| fits(operation, "response_format", json);
        assert!(format(ChatCompletions, b"{}") && !format(Transcriptions, b"{}"));
        assert!(!format(ChatCompletions, b"\"srt\"") && format(Transcriptions, b"\"srt\""));
    }

    #[test]
    fn what_is_not_known_goes_where_the_operator_s_deployment_goes() {
        assert!(fits(Operation::Rerank, "return_documents", b"true") && fits(Speech, "voice", b"\"alloy\""));
        assert!(!fits(CountTokens, "providerOptions", b"{}"));
    }
}
