//! Images, speech, transcriptions and moderations; forms whose every byte arrived.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use trunkline_testkit::simulator::{CutKind, Fault, Simulator};

use crate::client::{KEY, Received, connect, events, post, receive, send};
use crate::simulator_chat::simulator;
use crate::simulator_messages::named_events;

const BOUNDARY: &str = "----form";

/// A form of these parts: name, head behind the name, bytes.
fn form(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, rest, bytes) in parts {
        let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{rest}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn post_form(simulator: &Simulator, path: &str, body: &[u8]) -> Received {
    let mut stream = connect(&simulator.url()).await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}: {}\r\ncontent-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n",
        KEY.0,
        KEY.1,
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    receive(&mut stream).await
}

#[tokio::test]
async fn images_are_made_as_bytes_or_addresses() {
    let simulator = simulator().await;
    let body = json!({ "model": "openai/gpt-image-1", "prompt": "a cat", "n": 2 });
    let made = post(&simulator.url(), "/v1/images/generations", &body.to_string()).await.json();
    let png = STANDARD.decode(made["data"][1]["b64_json"].as_str().unwrap()).unwrap();
    assert_eq!((made["data"].as_array().unwrap().len(), &png[1..4]), (2, &b"PNG"[..]));
    let usage = json!({ "input_tokens": 2, "output_tokens": 170, "total_tokens": 172,
        "input_tokens_details": { "text_tokens": 2, "image_tokens": 0 } });
    assert_eq!(made["usage"], usage);
    assert_eq!(made["providerMetadata"]["gateway"]["cost"], "0.08");
    let body = json!({ "model": "openai/dall-e-3", "prompt": "a cat", "response_format": "url" });
    let made = post(&simulator.url(), "/v1/images/generations", &body.to_string()).await.json();
    assert!(made["data"][0]["url"].as_str().unwrap().starts_with("https://images.example.com/gen_"));
    let wrong = json!({ "model": "openai/gpt-4o", "prompt": "a cat" });
    let refused = post(&simulator.url(), "/v1/images/generations", &wrong.to_string()).await.json();
    assert_eq!(refused["error"]["param"]["name"], "ModelTypeMismatchError");
}

#[tokio::test]
async fn an_image_is_streamed_with_its_sketches() {
    let simulator = simulator().await;
    let body =
        json!({ "model": "openai/gpt-image-1", "prompt": "a cat", "stream": true, "partial_images": 2 });
    let received = post(&simulator.url(), "/v1/images/generations", &body.to_string()).await;
    let events = named_events(&received);
    let names = events.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let (partial, completed) = ("image_generation.partial_image", "image_generation.completed");
    assert_eq!(names, [partial, partial, completed]);
    assert_eq!(
        (&events[1].1["partial_image_index"], &events[2].1["usage"]["total_tokens"]),
        (&json!(1), &json!(87))
    );
    simulator.control().fault(Fault::ErrorEvent { after_events: 9 });
    let received = post(&simulator.url(), "/v1/images/generations", &body.to_string()).await;
    let events = named_events(&received);
    assert_eq!(
        (events.len(), events[2].0, &events[2].1["error"]["code"]),
        (3, "error", &json!("server_error"))
    );
}

#[tokio::test]
async fn an_edit_is_a_form_whose_every_byte_arrived() {
    let simulator = simulator().await;
    let image = (0..=255).cycle().take(70_000).collect::<Vec<u8>>();
    let file = "; filename=\"a.png\"\r\ncontent-type: image/png";
    let parts: [(&str, &str, &[u8]); 4] = [
        ("model", "", b"openai/gpt-image-1"),
        ("prompt", "", "größer".as_bytes()),
        ("image[]", file, &image),
        ("image[]", file, b"\r\n--"),
    ];
    let body = form(&parts);
    let edited = post_form(&simulator, "/v1/images/edits", &body).await;
    assert_eq!((edited.status, &edited.json()["usage"]["input_tokens"]), (200, &json!(172)));
    let request = simulator.control().requests().pop().unwrap();
    assert_eq!((request.model.as_deref(), &request.body[..]), (Some("openai/gpt-image-1"), &body[..]));
    let recorded = request.parts();
    assert_eq!((recorded.len(), &recorded[2].bytes[..]), (4, &image[..]));
    assert_eq!(recorded[1].sha256(), "45fbf6a67b5efa7dbcc0c0ccf6bdd7ce207300314c009282515896ea4cd7a4e6");
    let told = send(&simulator.url(), "GET", "/__sim/requests", &[], "").await.json();
    let told = &told["requests"][0];
    assert_eq!(
        (&told["parts"][2]["sha256"], &told["parts"][2]["length"]),
        (&json!(recorded[2].sha256()), &json!(70_000))
    );
    assert_eq!(told["body_sha256"], request.body_sha256());

    let refusal = async |body: &[u8]| {
        let received = post_form(&simulator, "/v1/images/edits", body).await;
        (received.status, received.json()["error"]["message"].as_str().unwrap().to_owned())
    };
    let cut = "Invalid multipart body: part 3 is not closed by the boundary".to_owned();
    assert_eq!(refusal(&body[..body.len() - 20]).await, (400, cut));
    assert_eq!(refusal(&form(&parts[1..])).await, (400, "Missing required parameter: 'model'.".to_owned()));
    assert!(refusal(&form(&parts[..2])).await.1.starts_with("image: a part with a filename"));
}

#[tokio::test]
async fn an_edit_may_be_json() {
    let simulator = simulator().await;
    let edit = async |images: Value| {
        let body = json!({ "model": "bfl/flux-3-image", "prompt": "x", "images": images });
        post(&simulator.url(), "/v1/images/edits", &body.to_string()).await.status
    };
    assert_eq!(edit(json!([{ "image_url": "data:image/png;base64,AA==" }])).await, 200);
    assert_eq!(edit(json!([])).await, 400);
    assert_eq!(edit(json!([{ "image_url": "file:///etc" }])).await, 400);
}

#[tokio::test]
async fn speech_is_bytes_in_several_writes() {
    let simulator = simulator().await;
    let body = json!({ "model": "openai/tts-1", "input": "Voilà, 漢字!", "voice": "alloy" });
    let speech = post(&simulator.url(), "/v1/audio/speech", &body.to_string()).await;
    assert_eq!((speech.header("content-type"), speech.header("content-length")), (Some("audio/mpeg"), None));
    assert_eq!((speech.chunks.clone(), speech.complete), (vec![1_024, 1_024, 512], true));
    let recorded = simulator.control().requests().pop().unwrap();
    assert_eq!(recorded.billed.map(|billed| billed.to_string()).as_deref(), Some("0.00015"));
    let again =
        json!({ "model": "tts-1", "input": "Voilà, 漢字!", "voice": "alloy", "stream_format": "sse" });
    let streamed = post(&simulator.url(), "/v1/audio/speech", &again.to_string()).await;
    let deltas = events(&streamed).into_iter().map(|event| serde_json::from_str::<Value>(event).unwrap());
    let sound = deltas.filter_map(|event| STANDARD.decode(event["audio"].as_str()?).ok());
    assert_eq!(sound.collect::<Vec<_>>().concat(), speech.body);
    simulator.control().fault(Fault::Cut { after_bytes: 1_500, how: CutKind::Close });
    let cut = post(&simulator.url(), "/v1/audio/speech", &body.to_string()).await;
    assert_eq!((cut.status, &cut.body[..], cut.complete), (200, &speech.body[..1_500], false));
    let wrong = json!({ "model": "openai/tts-1", "input": "x", "voice": "alloy", "response_format": "midi" });
    assert_eq!(post(&simulator.url(), "/v1/audio/speech", &wrong.to_string()).await.status, 400);
}

#[tokio::test]
async fn a_transcription_says_what_arrived() {
    let simulator = simulator().await;
    let sound = vec![7; 40_000];
    let file = "; filename=\"a.wav\"\r\ncontent-type: audio/wav";
    let transcribe = async |model: &[u8], extra: &[(&str, &str, &[u8])]| {
        let parts = [&[("model", "", model), ("file", file, &sound[..])], extra].concat();
        post_form(&simulator, "/v1/audio/transcriptions", &form(&parts)).await
    };
    let text = "You sent “a.wav”, 40000 bytes. Voilà, 漢字 🙂.";
    let json = transcribe(b"whisper-1", &[]).await.json();
    assert_eq!(json, json!({ "text": text, "usage": { "type": "duration", "seconds": 3 } }));
    let plain = transcribe(b"whisper-1", &[("response_format", "", b"text")]).await;
    assert_eq!(
        (plain.header("content-type"), plain.text()),
        (Some("text/plain; charset=utf-8"), &*format!("{text}\n"))
    );
    let srt = transcribe(b"whisper-1", &[("response_format", "", b"srt")]).await;
    assert_eq!(srt.text(), format!("1\n00:00:00,000 --> 00:00:03,000\n{text}\n\n"));
    let verbose = transcribe(b"openai/whisper-1", &[("response_format", "", b"verbose_json")]).await.json();
    assert_eq!((&verbose["duration"], &verbose["segments"][0]["text"]), (&json!(3), &json!(text)));
    let streamed = transcribe(b"gpt-4o-transcribe", &[("stream", "", b"true")]).await;
    let events = events(&streamed).into_iter().map(|event| serde_json::from_str::<Value>(event).unwrap());
    let events = events.collect::<Vec<_>>();
    let (last, deltas) = events.split_last().unwrap();
    assert_eq!(deltas.iter().filter_map(|it| it["delta"].as_str()).collect::<String>(), text);
    assert_eq!((&last["type"], &last["usage"]["input_tokens"]), (&json!("transcript.text.done"), &json!(30)));
    let missing = form(&[("model", "", b"whisper-1")]);
    assert_eq!(post_form(&simulator, "/v1/audio/transcriptions", &missing).await.status, 400);
    let no_form = post(&simulator.url(), "/v1/audio/transcriptions", "{}").await;
    assert_eq!(
        no_form.json()["error"]["message"],
        "Invalid multipart body: the content type names no boundary"
    );
}

#[tokio::test]
async fn moderation_flags_what_is_named() {
    let simulator = simulator().await;
    let moderate = async |body: Value| post(&simulator.url(), "/v1/moderations", &body.to_string()).await;
    let flagged = moderate(json!({ "input": ["hello", "violence"] })).await.json();
    assert_eq!(
        (&flagged["model"], &flagged["results"][0]["flagged"]),
        (&json!("omni-moderation-latest"), &json!(false))
    );
    let result = &flagged["results"][1];
    assert_eq!(
        (&result["flagged"], &result["categories"]["violence"], &result["category_scores"]["hate"]),
        (&json!(true), &json!(true), &json!(0.0003))
    );
    let parts = json!({ "model": "omni-moderation-latest", "input": [{ "type": "text", "text": "hate" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==" } }] });
    assert_eq!(moderate(parts).await.json()["results"][0]["categories"]["hate"], true);
    assert_eq!(moderate(json!({ "model": "gpt-4o", "input": "x" })).await.status, 404);
}
