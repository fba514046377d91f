//! Streams: chunk by chunk, to the end or to the cut.

use trunkline::chat::StreamOptions;
use trunkline::futures_util::StreamExt;
use trunkline::serde_json::Value;
use trunkline::{ChatStream, Error, ErrorKind, Message, Tool, Usage, json};
use trunkline_testkit::simulator::{CutKind, Fault, Outcome};

use crate::simulated::{body, client, simulator};

const MODEL: &str = "vercel_ai_gateway/openai/gpt-4.1-nano";

/// The text up to the end or the error.
async fn read(stream: &mut ChatStream) -> (String, Option<Error>) {
    let mut text = String::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => text += chunk.text().unwrap_or_default(),
            Err(error) => return (text, Some(error)),
        }
    }
    (text, None)
}

#[tokio::test]
async fn a_stream_to_its_end_with_its_summary() {
    let simulator = simulator().await;
    let mut stream = client(&simulator).chat(MODEL, "Hé!").stream().await.unwrap();
    assert_eq!(stream.summary(), Default::default());
    let (text, error) = read(&mut stream).await;
    assert_eq!(text, "You said “Hé!”. Voilà, 漢字 🙂.");
    assert!(error.is_none(), "{error:?}");

    let summary = stream.summary();
    assert!(summary.complete);
    assert_eq!(summary.usage, Some(Usage { uncached_input: 8, output: 11, ..Usage::default() }));
    assert_eq!(summary.cost.unwrap().spend().unwrap().to_string(), "0.0000052");
    let given_out = simulator.control().requests()[0].generation_id.clone();
    assert_eq!(summary.generation_id, given_out);
    assert_eq!(
        body(&simulator, 0),
        r#"{"model":"openai/gpt-4.1-nano","messages":[{"role":"user","content":"Hé!"}],"stream":true,"stream_options":{"include_usage":true}}"#
    );
}

#[tokio::test]
async fn it_is_a_stream_for_those_who_combine_streams() {
    let simulator = simulator().await;
    let stream = client(&simulator).chat(MODEL, "Hé!").stream().await.unwrap();
    let texts: Vec<String> =
        stream.filter_map(async |chunk| chunk.unwrap().text().map(str::to_owned)).collect().await;
    assert_eq!(texts.concat(), "You said “Hé!”. Voilà, 漢字 🙂.");
}

#[tokio::test]
async fn the_pieces_make_the_reply_that_comes_without_a_stream() {
    let simulator = simulator().await;
    let client = client(&simulator);
    for model in ["anthropic/claude-sonnet-4.5", "deepseek/deepseek-v3.2", "openai/gpt-5.4"] {
        let call = || client.chat(format!("vercel_ai_gateway/{model}"), "Hé!").reasoning_effort("low");
        let whole = call().await.unwrap();
        let mut stream = call().stream().await.unwrap();
        let mut reasoning = String::new();
        while let Some(chunk) = stream.next().await {
            reasoning += chunk.unwrap().choices[0].delta.reasoning.as_deref().unwrap_or_default();
        }
        assert_eq!(Some(reasoning.as_str()), whole.reasoning(), "{model}");
        assert_eq!(stream.text(), whole.text(), "{model}");
        let (told, made) = (whole.to_message(), stream.to_message());
        assert_eq!(made.content, told.content, "{model}");
        let details =
            |message: &Message| -> Value { message.reasoning_details.as_ref().unwrap().read().unwrap() };
        assert_eq!(details(&made), details(&told), "{model}");
    }
}

#[tokio::test]
async fn tool_calls_come_in_pieces() {
    let simulator = simulator().await;
    let client = client(&simulator);
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = Tool::function("weather", "tells the weather", parameters);
    let mut stream = client.chat(MODEL, "which weather?").tool(tool).stream().await.unwrap();
    let (text, error) = read(&mut stream).await;
    assert!(text.is_empty() && error.is_none(), "{text} {error:?}");
    let [call] = stream.tool_calls() else { panic!("{:?}", stream.tool_calls()) };
    let function = call.function.as_ref().unwrap();
    assert!(call.id.starts_with("call_"));
    assert_eq!(
        (function.name.as_str(), function.arguments.as_str()),
        ("weather", r#"{"city":"city é 漢字"}"#)
    );
    let response = stream.response();
    assert_eq!(response.choices[0].finish_reason.as_deref(), Some("tool_calls"));

    let messages = [Message::user("which weather?"), stream.to_message(), Message::tool(&call.id, "21 °C")];
    let last = client.chat(MODEL, messages).await.unwrap();
    assert_eq!(last.text(), "The tool said “21 °C”. Voilà, 漢字 🙂.");
}

#[tokio::test]
async fn a_chunk_without_choices_is_for_those_who_asked_for_it() {
    let simulator = simulator().await;
    let client = client(&simulator);
    for (asked, without_choices) in [(None, 0), (Some(false), 0), (Some(true), 1)] {
        simulator.control().fault(Fault::UsageOnlyChunk);
        let mut call = client.chat(MODEL, "Hé!");
        if asked.is_some() {
            call = call.stream_options(StreamOptions { include_usage: asked, ..StreamOptions::default() });
        }
        let mut stream = call.stream().await.unwrap();
        let mut found = 0;
        while let Some(chunk) = stream.next().await {
            found += usize::from(chunk.unwrap().choices.is_empty());
        }
        assert_eq!(found, without_choices, "{asked:?}");
        assert_eq!(stream.summary().usage.map(|usage| usage.total()), Some(19), "{asked:?}");
    }
}

#[tokio::test]
async fn a_cut_is_an_error_and_never_an_end() {
    let simulator = simulator().await;
    let client = client(&simulator);
    let cuts = [
        Fault::Cut { after_bytes: 700, how: CutKind::Close },
        Fault::Cut { after_bytes: 700, how: CutKind::Reset },
        Fault::Truncate { after_events: 3 },
        Fault::NoDone,
    ];
    for cut in cuts {
        simulator.control().fault(cut.clone());
        let mut stream = client.chat(MODEL, "Hé!").stream().await.unwrap();
        let (text, error) = read(&mut stream).await;
        let error = error.unwrap_or_else(|| panic!("{cut:?} passed for an end"));
        assert_eq!(error.kind(), ErrorKind::UpstreamCut, "{cut:?}");
        assert!("You said “Hé!”. Voilà, 漢字 🙂.".starts_with(&text), "{cut:?} {text}");
        assert!(stream.next().await.is_none(), "{cut:?}: nothing follows an error");
        assert!(!stream.summary().complete, "{cut:?}");
    }
}

#[tokio::test]
async fn an_error_inside_a_stream_is_its_last_item() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::ErrorEvent { after_events: 3 });
    let mut stream = client(&simulator).chat(MODEL, "Hé!").stream().await.unwrap();
    let (text, error) = read(&mut stream).await;
    assert!(!text.is_empty());
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::UpstreamFailed);
    assert!(error.upstream().is_some());
}

#[tokio::test]
async fn dropping_a_stream_hangs_up() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::Stall { after_events: 2 });
    let mut stream = client(&simulator).chat(MODEL, "Hé!").stream().await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);
    let request = simulator.control().wait_until_ended(0).await;
    assert_eq!(request.ended.unwrap().outcome, Outcome::CallerLeft);
}

#[tokio::test]
async fn dropping_a_call_hangs_up() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::Hang);
    let client = client(&simulator);
    tokio::select! {
        answer = client.chat(MODEL, "Hé!") => panic!("{answer:?}"),
        _ = simulator.control().wait_for_requests(1) => {}
    }
    let request = simulator.control().wait_until_ended(0).await;
    assert_eq!(request.ended.unwrap().outcome, Outcome::CallerLeft);
}
