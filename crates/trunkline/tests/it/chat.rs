//! Whole chat completions: what goes upstream, and what comes back.

use serde::Deserialize;
use serde_json::value::RawValue;
use trunkline::{
    Content, ContentPart, Cost, Message, RawJson, ResponseFormat, Tool, ToolChoice, Usage, json,
};

use crate::simulated::{KEY, body, client, simulator};

#[tokio::test]
async fn an_answer_with_its_tokens_its_bill_and_its_bytes() {
    let simulator = simulator().await;
    let completion = client(&simulator).chat("vercel_ai_gateway/openai/gpt-4.1-nano", "Hé!").await.unwrap();

    assert_eq!(completion.text(), "You said “Hé!”. Voilà, 漢字 🙂.");
    assert_eq!(completion.finish_reason(), Some("stop"));
    assert_eq!(completion.response.model, "openai/gpt-4.1-nano");
    assert!(completion.tool_calls().is_empty());
    assert_eq!(completion.reasoning(), None);
    assert_eq!(completion.usage, Some(Usage { uncached_input: 8, output: 11, ..Usage::default() }));
    let Some(Cost::Reported(reported)) = &completion.cost else { panic!("{:?}", completion.cost) };
    assert_eq!(reported.cost.unwrap().to_string(), "0.0000052");
    assert_eq!(completion.cost.unwrap().spend().unwrap().to_string(), "0.0000052");
    assert_eq!(completion.generation_id.as_deref(), Some(completion.response.id.as_str()));
    assert!(completion.generation_id.unwrap().starts_with("gen_"));
    let usage = completion.document.raw("usage").unwrap();
    assert!(usage.starts_with(br#"{"prompt_tokens":8,"completion_tokens":11,"total_tokens":19,"#));

    let request = &simulator.control().requests()[0];
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
}

#[tokio::test]
async fn only_what_is_set_goes_upstream_and_extra_goes_byte_for_byte() {
    let simulator = simulator().await;
    // The order of members and the spelling of numbers would not survive a JSON value.
    let text =
        r#"{"gateway": {"sort":"ttft", "only":["openai"],"zeta": 1.0e2, "alpha":12345678901234567890123}}"#;
    let options: &RawValue = serde_json::from_str(text).unwrap();
    client(&simulator)
        .chat("vercel_ai_gateway/openai/gpt-4o", [Message::system("be brief"), Message::user("hi")])
        .temperature(0.2)
        .max_tokens(100)
        .stop(["END"])
        .metadata("team", "x")
        .extra("providerOptions", options)
        .extra("top_k", 40)
        .extra("temperature", 0.5)
        .header("x-session-affinity", "session-1")
        .await
        .unwrap();

    let expected = format!(
        "{}{text},\"top_k\":40}}",
        concat!(
            r#"{"model":"openai/gpt-4o","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}],"#,
            r#""max_tokens":100,"metadata":{"team":"x"},"stop":["END"],"temperature":0.5,"providerOptions":"#,
        )
    );
    assert_eq!(body(&simulator, 0), expected);
    assert_eq!(simulator.control().requests()[0].header("x-session-affinity"), Some("session-1"));
}

#[tokio::test]
async fn every_form_of_a_conversation() {
    let simulator = simulator().await;
    let client = client(&simulator);
    let model = "vercel_ai_gateway/openai/gpt-4o";
    let messages = vec![Message::user("hi")];
    client.chat(model, "hi").await.unwrap();
    client.chat(model, "hi".to_owned()).await.unwrap();
    client.chat(model, Message::user("hi")).await.unwrap();
    client.chat(model, [Message::user("hi")]).await.unwrap();
    client.chat(model, &messages).await.unwrap();
    client.chat(model, messages.as_slice()).await.unwrap();
    client.chat(model, messages).await.unwrap();
    let request = trunkline::ChatRequest::new(model, [Message::user("hi")]);
    client.chat_request(request).await.unwrap();
    for index in 0..8 {
        let expected = r#"{"model":"openai/gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
        assert_eq!(body(&simulator, index), expected);
    }
}

#[tokio::test]
async fn parts_and_cache_marks_go_upstream() {
    let simulator = simulator().await;
    let mut part = ContentPart::text("long");
    part.cache_control = Some(json!({"type": "ephemeral"}));
    let parts = Content::Parts(vec![part, ContentPart::image_url("https://example.com/a.png")]);
    client(&simulator).chat("vercel_ai_gateway/openai/gpt-4o", Message::user(parts)).await.unwrap();
    let expected = concat!(
        r#"{"model":"openai/gpt-4o","messages":[{"role":"user","content":["#,
        r#"{"type":"text","text":"long","cache_control":{"type":"ephemeral"}},"#,
        r#"{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}"#,
    );
    assert_eq!(body(&simulator, 0), expected);
}

#[tokio::test]
async fn reasoning_is_read_and_goes_back_with_its_signature() {
    let simulator = simulator().await;
    let client = client(&simulator);
    let model = "vercel_ai_gateway/anthropic/claude-sonnet-4.5";
    let first = client.chat(model, "Hé!").reasoning_effort("low").await.unwrap();
    assert_eq!(first.reasoning(), Some("Thinking about “Hé!”: naïve, 考え中 🙂."));
    assert_eq!(first.text(), "You said “Hé!”. Voilà, 漢字 🙂.");

    let details: RawJson = first.message().unwrap().reasoning_details.clone().unwrap();
    assert!(details.as_str().contains(r#""signature":""#), "{details:?}");
    let messages = [Message::user("Hé!"), first.to_message(), Message::user("and now?")];
    client.chat(model, messages).reasoning_effort("low").await.unwrap();
    let expected = format!(
        r#"{{"role":"assistant","content":"You said “Hé!”. Voilà, 漢字 🙂.","reasoning_details":{}}}"#,
        details.as_str()
    );
    assert!(body(&simulator, 1).contains(&expected), "{}", body(&simulator, 1));
}

#[tokio::test]
async fn tools_are_called_and_answered() {
    let simulator = simulator().await;
    let client = client(&simulator);
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = Tool::function("weather", "tells the weather", parameters);
    let call = client
        .chat("vercel_ai_gateway/openai/gpt-4o", "which weather?")
        .tool(tool.clone())
        .tool_choice(ToolChoice::Required)
        .parallel_tool_calls(false);
    let answer = call.await.unwrap();
    assert_eq!((answer.text(), answer.finish_reason()), ("", Some("tool_calls")));
    let [call] = answer.tool_calls() else { panic!("{:?}", answer.tool_calls()) };
    let function = call.function.as_ref().unwrap();
    assert_eq!(
        (function.name.as_str(), function.arguments.as_str()),
        ("weather", r#"{"city":"city é 漢字"}"#)
    );

    let messages = [Message::user("which weather?"), answer.to_message(), Message::tool(&call.id, "21 °C")];
    let last = client.chat("vercel_ai_gateway/openai/gpt-4o", messages).tool(tool).await.unwrap();
    assert_eq!(last.text(), "The tool said “21 °C”. Voilà, 漢字 🙂.");
}

#[derive(Debug, PartialEq, Deserialize)]
struct Capital {
    name: String,
}

#[tokio::test]
async fn an_answer_by_a_schema_is_read_as_a_type() {
    let simulator = simulator().await;
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    let completion = client(&simulator)
        .chat("vercel_ai_gateway/openai/gpt-4o", "the capital of Norway?")
        .response_format(ResponseFormat::json_schema("capital", schema))
        .await
        .unwrap();
    assert_eq!(completion.json::<Capital>().unwrap(), Capital { name: "name é 漢字".to_owned() });
    let refused = completion.json::<u64>().map_err(|error| error.kind());
    assert_eq!(refused, Err(trunkline::ErrorKind::UpstreamProtocol));
}
