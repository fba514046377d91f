//! What leaves for the gateway, byte by byte, and under which headers.

use trunkline_core::{Body, Document, Form, Secret};

use super::*;

/// Every field of chat completions that the gateway documents, and one that it does not have yet.
const EVERYTHING: &str = r#"{ "model" : "vercel_ai_gateway/anthropic/claude-sonnet-5.5", "models":["openai/gpt-6-sol"],"stream":true,
 "stream_options":{"include_obfuscation":false},
 "messages":[{"role":"system","content":"Be brief.","cache_control":{"type":"ephemeral"}},
  {"role":"user","content":[{"type":"text","text":"Weather in \u004fslo?","cache_control":{"type":"ephemeral"}},
   {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"auto"}},
   {"type":"file","file":{"data":"AAAA","media_type":"application/pdf","filename":"a.pdf"}}]},
  {"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.text","text":"","signature":"c2ln","format":"anthropic-claude-v1","index":0}],
   "tool_calls":[{"id":"call_1","type":"function","function":{"name":"wx","arguments":"{\"city\":\"Oslo\"}"},"extra_content":{"google":{"thought_signature":"s"}}}]}],
 "max_tokens":400,"max_completion_tokens":4e2,"temperature":0.20,"top_p":1.0,"frequency_penalty":0,"presence_penalty":-0.0,"stop":["\n"],
 "n":1,"seed":7,"user":"u","service_tier":"flex","modalities":["text","image"],"parallel_tool_calls":true,
 "tools":[{"type":"function","function":{"name":"wx","description":"","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}],
 "tool_choice":{"type":"function","function":{"name":"wx"}},
 "response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{},"strict":true}},
 "reasoning":{"effort":"low","exclude":false},"reasoning_effort":"low","thinking":{"type":"enabled"},"provider":{"sort":"ttft"},
 "providerOptions":{"gateway":{"order":["bedrock","anthropic"],"only":["bedrock"],"sort":"ttft","models":["a/b"],"user":"u-7","tags":["team:x"],
  "quotaEntityId":"q","caching":"auto","zeroDataRetention":true,"disallowPromptTraining":true,"headquarters":["US"],"has":["vision"],
  "inferenceRegion":{"scope":"zone","geoRegion":"eu"},"serviceTier":"priority","speed":"fast",
  "byok":{"anthropic":[{"apiKey":"sk-ant-1"}]},"providerTimeouts":{"byok":{"anthropic":8000}}},"openai":{"reasoningSummary":"auto"}},
 "next_year":{"number":1.50E+3,"text":"\u00e9"} }"#;

fn codec(variables: &[(&str, &str)]) -> VercelCodec {
    VercelCodec::new(&variables.iter().copied().collect())
}

fn encode(codec: &VercelCodec, call: &Call, target: &Target) -> Request<Segments> {
    let credential = Secret::new("vck_1");
    let context = EncodeContext { target, credential: Some(&credential) };
    codec.encode(call, &context).expect("a request")
}

fn call(operation: Operation, json: &'static str) -> Call {
    Call::new(operation, "anthropic/claude-sonnet-5.5", Document::parse(json).expect("a document"))
}

#[test]
fn every_field_arrives_as_it_was_sent() {
    let call = call(Operation::ChatCompletions, EVERYTHING);
    let request = encode(&codec(&[]), &call, &Target::default());
    assert_eq!(request.uri(), "https://ai-gateway.vercel.sh/v1/chat/completions");
    let sent = request.into_body().into_bytes();
    let (before, after) =
        (Document::parse(EVERYTHING).expect("a document"), Document::parse(sent.clone()).expect("too"));
    assert!(before.names().eq(after.names()), "the same members in the same order");
    for name in before.names() {
        match name.as_ref() {
            "model" => assert_eq!(after.raw("model"), Some(&b"\"anthropic/claude-sonnet-5.5\""[..])),
            "stream_options" => {
                let merged = br#"{"include_obfuscation":false,"include_usage":true}"#;
                assert_eq!(after.raw("stream_options"), Some(&merged[..]));
            }
            name => assert_eq!(after.raw(name), before.raw(name), "{name}"),
        }
    }
    let spliced = EVERYTHING
        .replace("vercel_ai_gateway/anthropic/claude-sonnet-5.5", "anthropic/claude-sonnet-5.5")
        .replace(r#""include_obfuscation":false}"#, r#""include_obfuscation":false,"include_usage":true}"#);
    assert_eq!(sent, spliced, "and every byte between them");
}

const EMBEDDINGS: &str = r#"{"model":"openai/text-embedding-3-small","input":"a"}"#;

fn sent(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8(value.as_bytes().to_vec()).expect("text"))
}

#[test]
fn the_application_is_named_on_every_operation() {
    let environment = [("VERCEL_SITE_URL", "https://app.example"), ("VERCEL_APP_NAME", "Käse")];
    for operation in [Operation::ChatCompletions, Operation::Embeddings] {
        let call = call(operation, EMBEDDINGS);
        let request = encode(&codec(&environment), &call, &Target::default());
        assert_eq!(sent(request.headers(), "http-referer").as_deref(), Some("https://app.example"));
        assert_eq!(sent(request.headers(), "x-title").as_deref(), Some("Käse"));
        assert_eq!(sent(request.headers(), "authorization").as_deref(), Some("Bearer vck_1"));
        let request = encode(&codec(&[]), &call, &Target::default());
        let trunkline = "https://github.com/trunkline/trunkline";
        assert_eq!(sent(request.headers(), "http-referer").as_deref(), Some(trunkline));
        assert_eq!(sent(request.headers(), "x-title").as_deref(), Some("Trunkline"));
    }
}

#[test]
fn the_caller_s_own_names_win_and_the_deployment_s_win_over_them() {
    let codec = codec(&[("VERCEL_SITE_URL", "https://app.example")]);
    let mut call = call(Operation::Embeddings, EMBEDDINGS);
    for (name, value) in [("http-referer", "https://caller.example"), ("x-session-affinity", "s-1")] {
        call.headers.insert(name, value.parse().expect("a header value"));
    }
    let request = encode(&codec, &call, &Target::default());
    assert_eq!(sent(request.headers(), "http-referer").as_deref(), Some("https://caller.example"));
    assert_eq!(sent(request.headers(), "x-title").as_deref(), Some("Trunkline"));
    assert_eq!(sent(request.headers(), "x-session-affinity").as_deref(), Some("s-1"));

    let mut target = Target::default();
    target.extra_headers.insert("http-referer", "https://own.example".parse().expect("a header value"));
    let request = encode(&codec, &call, &target);
    assert_eq!(sent(request.headers(), "http-referer").as_deref(), Some("https://own.example"));
}

#[test]
fn the_address_is_the_deployment_s_then_the_environment_s() {
    let call = call(Operation::Embeddings, EMBEDDINGS);
    let codec = codec(&[("VERCEL_AI_GATEWAY_API_BASE", "http://127.0.0.1:4100/v1/")]);
    let request = encode(&codec, &call, &Target::default());
    assert_eq!(request.uri(), "http://127.0.0.1:4100/v1/embeddings");
    let target = Target { api_base: Some("https://proxy.example/vercel/v1".to_owned()), ..Target::default() };
    let request = encode(&codec, &call, &target);
    assert_eq!(request.uri(), "https://proxy.example/vercel/v1/embeddings");
}

#[test]
fn the_list_of_models_is_asked_for_without_a_credential() {
    let credential = Secret::new("vck_1");
    let mut target = Target::default();
    for name in ["authorization", "x-api-key"] {
        target.extra_headers.insert(name, "Bearer other".parse().expect("a header value"));
    }
    let context = EncodeContext { target: &target, credential: Some(&credential) };
    let request = codec(&[]).encode_models(&context).expect("a request").expect("a list");
    assert_eq!(request.uri(), "https://ai-gateway.vercel.sh/v1/models");
    assert!(!request.headers().contains_key("authorization"));
    assert!(!request.headers().contains_key("x-api-key"));
}

#[test]
fn what_the_gateway_does_not_serve_is_not_offered() {
    let capabilities = codec(&[]).capabilities("openai/gpt-4o");
    assert_eq!(
        capabilities.operation_names(),
        "chat_completions, embeddings, responses, compact_response, messages, count_tokens, rerank, rerank_v2, \
         image_generations, image_edits, evaluate"
    );
    assert!(capabilities.streaming && capabilities.reports_usage && capabilities.reports_cost);
}

/// The base as the gateway's clients are given it: with the version, or the bare origin.
#[test]
fn every_operation_has_its_address_below_either_base() {
    let host = "https://ai-gateway.vercel.sh";
    for base in
        ["https://ai-gateway.vercel.sh", "https://ai-gateway.vercel.sh/", "https://ai-gateway.vercel.sh/v1"]
    {
        let paths = OPERATIONS.iter().map(|&operation| {
            let target = Target { api_base: Some(base.to_owned()), ..Target::default() };
            let request = encode(&codec(&[]), &call(operation, EMBEDDINGS), &target);
            assert_eq!(request.method(), "POST");
            request.uri().to_string().strip_prefix(host).expect("this host").to_owned()
        });
        let expected = [
            "/v1/chat/completions",
            "/v1/embeddings",
            "/v1/responses",
            "/v1/responses/compact",
            "/v1/messages",
            "/v1/messages/count_tokens",
            "/v1/rerank",
            "/v2/rerank",
            "/v1/images/generations",
            "/v1/images/edits",
            "/v1/evaluate",
        ];
        assert_eq!(paths.collect::<Vec<_>>(), expected, "{base}");
    }
}

#[test]
fn a_base_with_a_path_is_taken_as_it_is() {
    let address = |base: &str| {
        let target = Target { api_base: Some(base.to_owned()), ..Target::default() };
        encode(&codec(&[]), &call(Operation::Messages, EMBEDDINGS), &target).uri().to_string()
    };
    assert_eq!(address("https://proxy.example/vercel/v1"), "https://proxy.example/vercel/v1/messages");
    assert_eq!(address("https://proxy.example/vercel"), "https://proxy.example/vercel/messages");
    assert_eq!(address(" http://127.0.0.1:4100\n"), "http://127.0.0.1:4100/v1/messages");
    let bare = codec(&[("VERCEL_AI_GATEWAY_API_BASE", "http://127.0.0.1:4100")]);
    let request = encode(&bare, &call(Operation::RerankV2, EMBEDDINGS), &Target::default());
    assert_eq!(request.uri(), "http://127.0.0.1:4100/v2/rerank");
}

#[test]
fn messages_name_a_version_and_show_the_key_as_the_gateway_s_other_dialects_do() {
    for operation in [Operation::Messages, Operation::CountTokens] {
        let mut call = call(operation, EMBEDDINGS);
        let request = encode(&codec(&[]), &call, &Target::default());
        assert_eq!(sent(request.headers(), "anthropic-version").as_deref(), Some("2023-06-01"));
        assert_eq!(sent(request.headers(), "authorization").as_deref(), Some("Bearer vck_1"));
        assert_eq!(sent(request.headers(), "x-api-key"), None);

        for (name, value) in [("anthropic-version", "2099-01-01"), ("anthropic-beta", "a-1,b-2")] {
            call.headers.insert(name, value.parse().expect("a header value"));
        }
        let request = encode(&codec(&[]), &call, &Target::default());
        assert_eq!(sent(request.headers(), "anthropic-version").as_deref(), Some("2099-01-01"));
        assert_eq!(sent(request.headers(), "anthropic-beta").as_deref(), Some("a-1,b-2"));
    }
    let mut call = call(Operation::Messages, EMBEDDINGS);
    call.headers.insert("x-api-key", "sk-caller".parse().expect("a header value"));
    let request = encode(&codec(&[]), &call, &Target::default());
    assert_eq!(sent(request.headers(), "x-api-key"), None, "a caller's key to us stays here");
    call.operation = Operation::Responses;
    let request = encode(&codec(&[]), &call, &Target::default());
    assert_eq!(sent(request.headers(), "anthropic-version"), None);
}

/// What a coding agent sends in its second turn: signatures, marks for the cache, members of next year.
const MESSAGES: &str = r#"{"model":"m","max_tokens":1e3,"stream":true,"system":[{"type":"text","text":"S","cache_control":{"type":"ephemeral","ttl":"1h"}}],
 "messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"c2ln\/\u002b"},{"type":"redacted_thinking","data":"ZW5j"},
 {"type":"tool_use","id":"toolu_1","name":"wx","input":{"n":1.0}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"}]}],
 "thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"context_management":{"edits":[]},"providerOptions":{"gateway":{"only":["anthropic"],"caching":"auto"}}}"#;

const RESPONSES: &str = r#"{"model":"m","stream":true,"store":false,"include":["reasoning.encrypted_content"],"previous_response_id":"resp_1","caching":"auto","cache_ttl":"1h","cache_anchor_items":2,
 "input":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"Z0FB\/w=="},{"type":"custom_tool_call","call_id":"c","name":"apply_patch","input":"*** Begin"},
 {"type":"custom_tool_call_output","call_id":"c","output":"ok"}],"tools":[{"type":"custom","name":"apply_patch","format":{"type":"grammar","syntax":"lark","definition":"start: /a/"}}],
 "prompt_cache_key":"k","text":{"verbosity":"low"},"providerOptions":{"gateway":{"models":["a/b"]}}}"#;

#[test]
fn other_dialects_lose_nothing_but_the_model_s_name() {
    let bodies = [
        (Operation::Messages, MESSAGES),
        (Operation::CountTokens, MESSAGES),
        (Operation::Responses, RESPONSES),
        (Operation::CompactResponse, RESPONSES),
        (
            Operation::RerankV2,
            r#"{"model":"m","query":"q","documents":["a",{"t":"b"}],"top_n":1,"rank_fields":["t"]}"#,
        ),
        (
            Operation::ImageGenerations,
            r#"{"model":"m","prompt":"p","n":1,"providerOptions":{"blackForestLabs":{}}}"#,
        ),
        (
            Operation::ImageEdits,
            r#"{"model":"m","prompt":"p","images":[{"image_url":"data:image/png;base64,AAAA"}]}"#,
        ),
        (
            Operation::Evaluate,
            r#"{"model":"m","state":[],"questions":{"a":{"type":"score","criteria":"c"}}}"#,
        ),
    ];
    for (operation, body) in bodies {
        let request = encode(&codec(&[]), &call(operation, body), &Target::default());
        let expected = body.replacen("\"m\"", "\"anthropic/claude-sonnet-5.5\"", 1);
        assert_eq!(request.into_body().into_bytes(), expected, "{operation}");
    }
}

#[test]
fn a_form_keeps_its_boundary_and_its_files() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\n\
        Content-Disposition: form-data; name=\"image[]\"; filename=\"a.png\"\r\n\r\n\u{1}PNG\r\n--b--\r\n";
    let form =
        Form::parse(body, HeaderValue::from_static("multipart/form-data; boundary=b")).expect("a form");
    let call = Call::with_body(Operation::ImageEdits, "openai/gpt-image-2.6-flare", Body::Form(form));
    let request = encode(&codec(&[]), &call, &Target::default());
    assert_eq!(sent(request.headers(), "content-type").as_deref(), Some("multipart/form-data; boundary=b"));
    let expected = body.replace("\r\nm\r\n", "\r\nopenai/gpt-image-2.6-flare\r\n");
    assert_eq!(request.into_body().into_bytes(), expected);
}
