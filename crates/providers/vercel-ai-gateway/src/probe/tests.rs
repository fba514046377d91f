//! Every place and spelling in which the gateway tells tokens, amounts and the generation id.

use trunkline_core::{Cost, ErrorKind, ReportedCost, Usage};

use super::*;

fn probe(operation: Operation) -> VercelProbe {
    VercelProbe::new(operation, Blame::Credential)
}

fn document(operation: Operation, json: &str) -> Observation {
    let document = Document::parse(json.to_owned()).expect("a document");
    probe(operation).document(&document).expect("a success")
}

fn event(probe: &mut VercelProbe, data: &str) -> Option<Observation> {
    match probe.event(data.as_bytes()) {
        Sight::Nothing => None,
        Sight::Observed(observation) => Some(observation),
        Sight::Failed(failure) => panic!("{data}: {failure:?}"),
    }
}

/// What was billed, its list price, what was debited, and whether an own key paid.
fn amounts(observation: &Observation) -> Option<(String, String, String, bool)> {
    let text =
        |amount: Option<rust_decimal::Decimal>| amount.map_or("-".to_owned(), |amount| amount.to_string());
    match observation.cost.as_ref()? {
        Cost::Reported(reported) => Some((
            text(reported.cost),
            text(reported.market_cost),
            text(reported.gateway_cost),
            reported.is_byok,
        )),
        Cost::Computed(_) => panic!("the gateway reports"),
    }
}

fn expected(
    cost: &str,
    market: &str,
    gateway: &str,
    is_byok: bool,
) -> Option<(String, String, String, bool)> {
    Some((cost.to_owned(), market.to_owned(), gateway.to_owned(), is_byok))
}

const FIRST: &str = r#"{"id":"gen_01","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}"#;
const TEXT: &str = r#"{"id":"gen_01","choices":[{"index":0,"delta":{"content":"about \"usage\": {} and provider_metadata\""}}]}"#;
const FINISH: &str = r#"{"id":"gen_01","choices":[{"index":0,"delta":{"provider_metadata":{"openai":{"responseId":"resp_1"},"gateway":{"routing":{"finalProvider":"openai"},"cost":"0.0000189","marketCost":"0.0000200","surchargeCost":"0","gatewayCost":"0.0000190","generationId":"gen_01"}}},"finish_reason":"stop"}],"usage":{"prompt_tokens":61,"completion_tokens":32,"total_tokens":93,"cost":1.88e-5,"is_byok":false,"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":30},"market_cost":0.00002,"gateway_cost":0.0000188},"generationId":"gen_01"}"#;

#[test]
fn the_finish_event_tells_everything() {
    let mut probe = probe(Operation::ChatCompletions);
    let first = event(&mut probe, FIRST).expect("the id");
    assert_eq!(first, Observation { generation_id: Some("gen_01".to_owned()), ..Observation::default() });
    assert_eq!(event(&mut probe, TEXT), None);
    let finish = event(&mut probe, FINISH).expect("usage and cost");
    assert_eq!(
        finish.usage,
        Some(Usage { uncached_input: 1, cache_read: 60, output: 2, reasoning: 30, ..Usage::default() })
    );
    assert_eq!(amounts(&finish), expected("0.0000189", "0.0000200", "0.0000190", false));
    assert_eq!(finish.generation_id.as_deref(), Some("gen_01"));
    assert!(!finish.usage_only && !finish.terminal);
    let done = event(&mut probe, "[DONE]").expect("the end");
    assert_eq!(done, Observation { terminal: true, ..Observation::default() });
}

/// The decimal texts count before the numbers, whichever comes last.
#[test]
fn texts_beat_numbers_across_events() {
    let metadata = r#"{"id":"gen_01","choices":[{"delta":{"provider_metadata":{"gateway":{"cost":"0.10","gatewayCost":"0.12"}}},"finish_reason":"stop"}]}"#;
    let usage = r#"{"id":"gen_01","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"cost":0.1,"market_cost":0.3,"gateway_cost":0.1,"is_byok":true}}"#;
    for order in [[metadata, usage], [usage, metadata]] {
        let mut probe = probe(Operation::ChatCompletions);
        let mut seen = Observation::default();
        for data in order {
            seen.absorb(event(&mut probe, data).expect("something"));
        }
        assert_eq!(amounts(&seen), expected("0.10", "0.3", "0.12", true));
        assert_eq!(seen.usage.map(|usage| usage.total()), Some(3));
    }
    let mut probe = probe(Operation::ChatCompletions);
    assert!(event(&mut probe, usage).expect("usage").usage_only);
}

#[test]
fn a_whole_reply_has_it_in_the_message() {
    for key in ["provider_metadata", "providerMetadata"] {
        let json = format!(
            r#"{{"id":"gen_02","choices":[{{"index":0,"message":{{"role":"assistant","content":"Hi.","{key}":{{"gateway":{{"cost":"0.5","marketCost":"0.7"}}}}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":4,"completion_tokens":1,"total_tokens":5,"cost":0.4}}}}"#
        );
        let seen = document(Operation::ChatCompletions, &json);
        assert_eq!(amounts(&seen), expected("0.5", "0.7", "-", false));
        assert_eq!(seen.generation_id.as_deref(), Some("gen_02"));
        assert_eq!(seen.usage.map(|usage| (usage.uncached_input, usage.output)), Some((4, 1)));
    }
}

#[test]
fn embeddings_have_it_at_the_root() {
    let seen = document(
        Operation::Embeddings,
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.01]}],"model":"openai/text-embedding-3-small","usage":{"prompt_tokens":6,"total_tokens":6},"providerMetadata":{"gateway":{"routing":{},"cost":"0.00000012","generationId":"gen_03"}}}"#,
    );
    assert_eq!(amounts(&seen), expected("0.00000012", "-", "-", false));
    assert_eq!(seen.generation_id.as_deref(), Some("gen_03"));
    assert_eq!(seen.usage, Some(Usage { uncached_input: 6, ..Usage::default() }));
}

#[test]
fn rerank_images_and_decisions_have_it_at_the_root() {
    let metadata = r#""providerMetadata":{"gateway":{"cost":"0.002","marketCost":"0.002","gatewayCost":"0.0021","generationId":"gen_05"}}"#;
    let rerank = r#""id":"gen_05","results":[{"index":1,"relevance_score":0.99}],"meta":{"billed_units":{"search_units":1}}"#;
    for (operation, members) in [
        (Operation::Rerank, rerank),
        (Operation::RerankV2, rerank),
        (Operation::ImageGenerations, r#""created":1790000000,"data":[{"b64_json":"AAAA"}]"#),
        (Operation::ImageEdits, r#""created":1790000000,"data":[{"url":"https://x"}]"#),
        (Operation::Evaluate, r#""model":"m","answers":{"a":{"type":"boolean","probability":0.9}}"#),
    ] {
        let seen = document(operation, &format!("{{{members},{metadata}}}"));
        assert_eq!(amounts(&seen), expected("0.002", "0.002", "0.0021", false), "{operation}");
        assert_eq!(seen.generation_id.as_deref(), Some("gen_05"), "{operation}");
    }
}

#[test]
fn an_own_key_is_seen_by_the_attempt_that_succeeded() {
    let with = |success: &str, kind: &str| {
        let json = format!(
            r#"{{"data":[],"usage":{{"prompt_tokens":6}},"providerMetadata":{{"gateway":{{"cost":"0","routing":{{"modelAttempts":[{{"providerAttempts":[{{"credentialType":"byok","success":false}},{{"credentialType":"{kind}","success":{success}}}]}}]}}}}}}}}"#
        );
        amounts(&document(Operation::Embeddings, &json))
    };
    assert_eq!(with("true", "byok"), expected("0", "-", "-", true));
    assert_eq!(with("true", "system"), expected("0", "-", "-", false));
}

#[test]
fn what_is_not_told_is_unknown() {
    let seen = document(Operation::ChatCompletions, r#"{"id":"chatcmpl-1","choices":[]}"#);
    assert_eq!(seen, Observation::default());
    let seen = document(
        Operation::ChatCompletions,
        r#"{"id":7,"choices":[{"message":{"provider_metadata":{"gateway":{"cost":null,"marketCost":"free"}}}}],"usage":null}"#,
    );
    assert_eq!(seen, Observation::default());
    let seen = document(
        Operation::ChatCompletions,
        r#"{"choices":[{"message":{"provider_metadata":{"gateway":{"cost":"-1","gatewayCost":"0"}}}}]}"#,
    );
    let expected =
        ReportedCost { gateway_cost: Some(rust_decimal::Decimal::ZERO), ..ReportedCost::default() };
    assert_eq!(seen.cost, Some(Cost::Reported(expected)));
}

#[test]
fn an_id_of_another_kind_is_no_generation_id() {
    let mut probe = probe(Operation::ChatCompletions);
    assert_eq!(event(&mut probe, r#"{"id":"chatcmpl-1","choices":[{"delta":{}}]}"#), None);
    let late = r#"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":1},"generationId":"gen_04"}"#;
    assert_eq!(event(&mut probe, late).expect("usage").generation_id.as_deref(), Some("gen_04"));
}

#[test]
fn an_error_inside_a_stream_is_the_gateway_s() {
    let mut probe = probe(Operation::ChatCompletions);
    let data =
        r#"{"error":{"message":"Quota limit exceeded","type":"quota_for_entity_exceeded","param":null}}"#;
    let Sight::Failed(failure) = probe.event(data.as_bytes()) else {
        panic!("it is a failure");
    };
    assert_eq!(failure.kind, ErrorKind::UpstreamQuotaExceeded);
    let relayed = r#"{"message":"Stream error occurred","name":"AI_TypeValidationError","value":{"error_message":"{\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\"}}","error_type":"upstream"}}"#;
    let Sight::Failed(failure) = probe.event(relayed.as_bytes()) else {
        panic!("it is a failure");
    };
    assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::UpstreamFailed, "Overloaded"));
}

const MESSAGE_START: &str = r#"{"type":"message_start","message":{"id":"gen_06","type":"message","role":"assistant","model":"openai/gpt-6-sol","content":[],"stop_reason":null,"usage":{"input_tokens":0,"output_tokens":0}}}"#;
const THINKING: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\"usage\":{} \"provider_metadata\":{\"gateway\":{\"cost\":\"9\"}}"}}"#;
const MESSAGE_DELTA: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":5,"cache_creation_input_tokens":30,"cache_read_input_tokens":7,"output_tokens":11},"provider_metadata":{"gateway":{"cost":"0.01","marketCost":"0.02","surchargeCost":"0.001","routing":{"modelAttempts":[{"providerAttempts":[{"credentialType":"byok","success":true}]}]}}}}"#;

/// The first event says that there are no tokens, and the last but one says how many there are.
#[test]
fn messages_tell_the_id_first_and_the_bill_last() {
    let mut probe = probe(Operation::Messages);
    let mut seen = Observation::default();
    let start = event(&mut probe, MESSAGE_START).expect("the id");
    assert_eq!((start.generation_id.as_deref(), &start.cost), (Some("gen_06"), &None));
    seen.absorb(start);
    assert_eq!(event(&mut probe, r#"{"type":"ping"}"#), None);
    assert_eq!(event(&mut probe, THINKING), None);
    let delta = event(&mut probe, MESSAGE_DELTA).expect("the bill");
    assert!(!delta.terminal);
    seen.absorb(delta);
    let stop = event(&mut probe, r#"{"type":"message_stop"}"#).expect("the end");
    assert!(stop.terminal);
    seen.absorb(stop);
    let expected_usage =
        Usage { uncached_input: 5, cache_read: 7, cache_write: 30, output: 11, ..Usage::default() };
    assert_eq!(seen.usage, Some(expected_usage));
    assert_eq!(amounts(&seen), expected("0.01", "0.02", "-", true));
    assert_eq!(
        seen.cost.and_then(|cost| cost.spend()).map(|spend| spend.to_string()).as_deref(),
        Some("0.011")
    );
    assert_eq!(seen.generation_id.as_deref(), Some("gen_06"));
}

#[test]
fn a_whole_message_has_its_bill_at_the_root() {
    let seen = document(
        Operation::Messages,
        r#"{"id":"gen_07","type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2},"provider_metadata":{"gateway":{"cost":"0.5","gatewayCost":"0.6"}}}"#,
    );
    assert_eq!(amounts(&seen), expected("0.5", "-", "0.6", false));
    assert_eq!(seen.generation_id.as_deref(), Some("gen_07"));
    assert_eq!(seen.usage, Some(Usage { uncached_input: 3, output: 2, ..Usage::default() }));
    let counted = document(Operation::CountTokens, r#"{"input_tokens":12}"#);
    assert_eq!((counted.cost, counted.generation_id), (None, None));
}

const COMPLETED: &str = r#"{"type":"response.completed","sequence_number":9,"response":{"id":"resp_1","object":"response","status":"completed","model":"openai/gpt-6-sol","output":[],"usage":{"input_tokens":61,"input_tokens_details":{"cached_tokens":60},"output_tokens":32,"output_tokens_details":{"reasoning_tokens":30},"total_tokens":93},"metadata":{},"provider_metadata":{"gateway":{"cost":"0.0000189","gatewayCost":"0.0000190","generationId":"gen_08"}}}}"#;

#[test]
fn responses_tell_everything_in_the_event_that_ends_them() {
    let created = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","output":[],"usage":null,"metadata":{}}}"#;
    let delta = r#"{"type":"response.output_text.delta","item_id":"msg_1","delta":"\"type\":\"response.completed\" provider_metadata\""}"#;
    for end in ["completed", "incomplete"] {
        let mut probe = probe(Operation::Responses);
        let mut seen = Observation::default();
        assert_eq!(event(&mut probe, created), None);
        assert_eq!(event(&mut probe, delta), None);
        seen.absorb(event(&mut probe, &COMPLETED.replace("completed", end)).expect("the end"));
        assert!(seen.terminal && seen.failed.is_none());
        assert_eq!(
            seen.usage,
            Some(Usage { uncached_input: 1, cache_read: 60, output: 2, reasoning: 30, ..Usage::default() })
        );
        assert_eq!(amounts(&seen), expected("0.0000189", "-", "0.0000190", false));
        assert_eq!(seen.generation_id.as_deref(), Some("gen_08"));
    }
}

/// A response that failed has been billed as well, and says so in its last event.
#[test]
fn a_response_that_failed_has_the_kind_of_the_gateway_s_words() {
    let failed = |error: &str| {
        let data = format!(
            r#"{{"type":"response.failed","response":{{"id":"gen_09","object":"response","status":"failed","error":{error},"output":[],"provider_metadata":{{"gateway":{{"cost":"0.3"}}}}}}}}"#
        );
        let mut probe = probe(Operation::Responses);
        event(&mut probe, &data).expect("the end")
    };
    let seen = failed(r#"{"code":"rate_limit_exceeded","message":"Rate limit exceeded"}"#);
    assert_eq!((seen.terminal, seen.failed), (true, Some(ErrorKind::UpstreamRateLimited)));
    assert_eq!(amounts(&seen), expected("0.3", "-", "-", false));
    assert_eq!(seen.generation_id.as_deref(), Some("gen_09"));
    let seen = failed(r#"{"code":"quota_for_entity_exceeded","message":"Quota limit exceeded"}"#);
    assert_eq!(seen.failed, Some(ErrorKind::UpstreamQuotaExceeded));
    let seen = failed(r#"{"type":"insufficient_funds","message":"Insufficient funds"}"#);
    assert_eq!(seen.failed, Some(ErrorKind::UpstreamCredential));
}

#[test]
fn errors_inside_streams_of_other_dialects_are_the_gateway_s_too() {
    let failure = |operation: Operation, data: &str| match probe(operation).event(data.as_bytes()) {
        Sight::Failed(failure) => (failure.kind, failure.message, failure.credential_fault),
        other => panic!("{data}: {other:?}"),
    };
    let message =
        |error_type: &str| format!(r#"{{"type":"error","error":{{"type":"{error_type}","message":"No."}}}}"#);
    let said = || "No.".to_owned();
    use ErrorKind::{UpstreamCredential, UpstreamFailed, UpstreamQuotaExceeded};
    let messages = |error_type| failure(Operation::Messages, &message(error_type));
    assert_eq!(messages("overloaded_error"), (UpstreamFailed, said(), false));
    assert_eq!(messages("authentication_error"), (UpstreamCredential, said(), true));
    assert_eq!(messages("quota_for_entity_exceeded"), (UpstreamQuotaExceeded, said(), false));
    let event =
        r#"{"type":"error","sequence_number":3,"code":"insufficient_funds","message":"No.","param":null}"#;
    assert_eq!(failure(Operation::Responses, event), (UpstreamCredential, said(), true));
}

/// An event of an image may be megabytes long, and none of its first members is an id.
#[test]
fn the_id_is_not_looked_for_without_end() {
    let mut probe = probe(Operation::ImageGenerations);
    let partial = r#"{"type":"image_generation.partial_image","b64_json":"AAAA","partial_image_index":0}"#;
    for _ in 0..4 {
        assert_eq!(event(&mut probe, partial), None);
    }
    let late = r#"{"type":"image_generation.partial_image","b64_json":"AAAA","id":"gen_10"}"#;
    assert_eq!(event(&mut probe, late), None);
}
