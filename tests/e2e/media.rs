//! Forms, sound, images, rerank and moderations: what is neither chat nor text goes through as it is.

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_testkit::upstream::{Cut, Pause, Script, ScriptedUpstream, Step};

use crate::client::{Answer, post, send};
use crate::server::{Start, Trunkline};

const FORM_TYPE: &str = "multipart/form-data; boundary=----b0undary";

/// A form as clients write it: a file before the model, and bytes that are no text.
fn form(model: &str, extra: &str) -> Vec<u8> {
    let mut form = b"------b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
        Content-Type: audio/wav\r\n\r\nRIFF\x00\xff\r\n------b0undar\r\n\xfe\r\n"
        .to_vec();
    form.extend_from_slice(extra.as_bytes());
    form.extend_from_slice(
        format!("------b0undary\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n------b0undary--\r\n")
            .as_bytes(),
    );
    form
}

fn part(name: &str, value: &str) -> String {
    format!("------b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// A server whose model `m` is this upstream's.
async fn serving(model: &str, scripts: Vec<Script>) -> (ScriptedUpstream, Trunkline) {
    let upstream = ScriptedUpstream::start(scripts).await.expect("a loopback port");
    let row = |group: &str| {
        format!(
            "- model_name: {group}\n  litellm_params:\n    model: {model}\n    api_key: sk-upstream-1\n    \
             api_base: {}/v1\n",
            upstream.url()
        )
    };
    let config = format!("model_list:\n{}{}", row("m"), row("omni-moderation-latest"));
    let server = Start::new().config(config).serve().await;
    (upstream, server)
}

async fn send_form(server: &Trunkline, path: &str, body: &[u8]) -> Answer {
    send(server.address, "POST", path, &[("content-type", FORM_TYPE)], body).await
}

#[tokio::test]
async fn a_form_goes_upstream_as_it_came_but_for_the_model() {
    let reply = r#"{"text":"caf\u00e9","n":1.0}"#;
    let scripts = vec![Script::json(200, reply), Script::text(200, "café\n")];
    let (upstream, server) = serving("openai/whisper-1", scripts).await;
    let language = part("language", "fr");
    let own = part("timeout", "30") + &part("num_retries", "3");
    let answer = send_form(&server, "/v1/audio/transcriptions", &form("m", &(own + &language))).await;
    assert_eq!((answer.status, answer.text()), (200, reply.to_owned()));
    let sent = upstream.requests().pop().expect("one request");
    assert_eq!(
        (sent.target.as_str(), sent.header("content-type")),
        ("/v1/audio/transcriptions", Some(FORM_TYPE))
    );
    assert_eq!(sent.body, form("whisper-1", &language));
    let text = send_form(&server, "/audio/transcriptions", &form("m", "")).await;
    assert_eq!(
        (text.text(), text.header("content-type")),
        ("café\n".to_owned(), Some("text/plain; charset=utf-8"))
    );
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let (upstream, server) = serving("openai/whisper-1", vec![]).await;
    let path = "/v1/audio/transcriptions";
    let cut = form("m", "");
    let cut = send_form(&server, path, &cut[..cut.len() - 10]).await;
    assert_eq!(cut.error(), (400, "invalid_request_error".to_owned(), "null".to_owned()));
    let no_model = send_form(&server, path, &form("", "")).await;
    assert_eq!(no_model.error(), (400, "invalid_request_error".to_owned(), "model".to_owned()));
    let key = send_form(&server, path, &form("m", &part("api_key", "sk-x"))).await;
    assert_eq!(key.error(), (400, "invalid_request_error".to_owned(), "api_key".to_owned()));
    let without_file = send_form(&server, path, part("model", "m").as_bytes()).await;
    assert_eq!(without_file.status, 400);
    let json = post(server.address, path, r#"{"model":"m"}"#).await;
    assert_eq!(json.error(), (400, "invalid_request_error".to_owned(), "file".to_owned()));
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn images_are_edited_by_form_and_by_json() {
    let reply = r#"{"created":1,"data":[{"b64_json":"aGk="}]}"#;
    let scripts = vec![Script::json(200, reply), Script::json(200, reply)];
    let (upstream, server) = serving("vercel_ai_gateway/openai/gpt-image-2.6-flare", scripts).await;
    let prompt = part("prompt", "a hat");
    let by_form = send_form(&server, "/v1/images/edits", &form("m", &prompt)).await;
    assert_eq!((by_form.status, by_form.text()), (200, reply.to_owned()));
    assert_eq!(upstream.requests()[0].body, form("openai/gpt-image-2.6-flare", &prompt));
    let by_json =
        post(server.address, "/v1/images/edits", r#"{"model":"m","prompt":"a hat","images":[]}"#).await;
    assert_eq!((by_json.status, by_json.text()), (200, reply.to_owned()));
}

#[tokio::test]
async fn sound_comes_back_as_it_is_and_a_cut_never_looks_whole() {
    let sound: &[u8] = b"ID3\x04\x00\xff\xfb\x90";
    let whole = Script::reply(200, &[("content-type", "audio/mpeg")], sound);
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 9\r\n\r\n";
    let cut = Script::new([Step::Send([head, sound].concat().into()), Step::Close]);
    let (_upstream, server) = serving("openai/tts-1", vec![whole, cut]).await;
    let body = r#"{"model":"m","input":"hi","voice":"alloy"}"#;
    let answer = post(server.address, "/v1/audio/speech", body).await;
    assert_eq!((answer.header("content-type"), answer.body.as_slice()), (Some("audio/mpeg"), sound));
    assert!(answer.complete && answer.header("x-litellm-model-id").is_some());
    let answer = post(server.address, "/v1/audio/speech", body).await;
    assert!(!answer.complete, "the last chunk must not come: {answer:?}");
    let log = server.stop().await;
    assert!(log.contains("outcome=\"failed: UpstreamCut\""), "{log}");
}

#[tokio::test]
async fn a_stream_of_images_ends_with_its_own_event() {
    let partial = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"aGk=\",\"partial_image_index\":0}\n\n";
    let done = "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"aGk=\",\"usage\":{\"input_tokens\":4,\"output_tokens\":8,\"total_tokens\":12}}\n\n";
    let stream = [partial, done].concat();
    let scripts = vec![
        Script::sse([stream.as_bytes()]),
        Script::sse_cut_at(stream.as_bytes(), partial.len(), Cut::Close),
    ];
    let (_upstream, server) = serving("openai/gpt-image-1", scripts).await;
    let body = r#"{"model":"m","prompt":"a hat","stream":true}"#;
    let answer = post(server.address, "/v1/images/generations", body).await;
    assert_eq!(answer.text(), stream);
    let cut = post(server.address, "/images/generations", body).await.text();
    assert!(cut.starts_with(partial) && cut.contains("\"type\":\"upstream_cut_error\""), "{cut}");
}

#[tokio::test]
async fn rerank_goes_to_the_version_that_was_asked() {
    let reply = r#"{"id":"gen_1","results":[{"index":0,"relevance_score":0.99}],"meta":{"billed_units":{"search_units":1}}}"#;
    let refusal = r#"{"message":"invalid request: query: too_small"}"#;
    let scripts = vec![
        Script::json(200, reply),
        Script::json(200, reply),
        Script::json(200, reply),
        Script::json(400, refusal),
    ];
    let (upstream, server) = serving("vercel_ai_gateway/cohere/rerank-v5-pro", scripts).await;
    let body = r#"{"model":"m","query":"q","documents":["a"]}"#;
    for path in ["/v1/rerank", "/rerank", "/v2/rerank"] {
        assert_eq!(post(server.address, path, body).await.text(), reply);
    }
    let targets: Vec<String> = upstream.requests().iter().map(|sent| sent.target.clone()).collect();
    assert_eq!(targets, ["/v1/rerank", "/v1/rerank", "/v2/rerank"]);
    let refused = post(server.address, "/v2/rerank", body).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json()["message"],
        "vercel_ai_gateway answered 400: invalid request: query: too_small"
    );
}

#[tokio::test]
async fn moderations_may_leave_the_model_out() {
    let reply = r#"{"id":"modr-1","model":"omni-moderation-latest","results":[{"flagged":false}]}"#;
    let (upstream, server) = serving("openai/omni-moderation-latest", vec![Script::json(200, reply)]).await;
    let answer = post(server.address, "/v1/moderations", r#"{"input":"hi"}"#).await;
    assert_eq!((answer.status, answer.text()), (200, reply.to_owned()));
    let sent = upstream.requests().pop().expect("one request");
    assert_eq!(sent.body, r#"{"input":"hi","model":"omni-moderation-latest"}"#);
}

#[tokio::test]
async fn sound_keeps_its_place_until_it_has_ended_or_its_caller_has_left() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 8\r\n\r\nhalf";
    let paused = Script::new([
        Step::Send(Bytes::from_static(head)),
        Step::Pause(Pause::Told),
        Step::Send(Bytes::from_static(b"done")),
    ]);
    let held = Script::new([Step::Send(Bytes::from_static(head)), Step::Hold]);
    let whole = Script::reply(200, &[("content-type", "audio/mpeg")], "x");
    let upstream = ScriptedUpstream::start([paused, held, whole]).await.expect("a loopback port");
    let config = format!(
        "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/tts-1\n    api_key: sk-1\n    \
         max_parallel_requests: 1\n    api_base: {}/v1\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let body = r#"{"model":"m","input":"hi","voice":"alloy"}"#;
    let (mut first, mut begun) = begin(&server, body).await;
    // No place is free while the first is being sent.
    let refused =
        post(server.address, "/v1/audio/speech", r#"{"model":"m","input":"hi","timeout":0.05}"#).await;
    assert_eq!(refused.error().0, 429, "{}", refused.text());
    upstream.tell();
    first.read_to_end(&mut begun).await.expect("the rest");
    assert!(String::from_utf8_lossy(&begun).contains("done"));
    // A caller who leaves gives it back as well, and the upstream hears of it.
    let (second, _) = begin(&server, body).await;
    drop(second);
    upstream.hung_up(1).await;
    assert_eq!(post(server.address, "/v1/audio/speech", body).await.body, b"x");
    let log = server.stop().await;
    assert!(log.contains("outcome=\"caller gone\""), "{log}");
}

/// Asks for sound and reads until its first half is there.
async fn begin(server: &Trunkline, body: &str) -> (TcpStream, Vec<u8>) {
    let mut caller = TcpStream::connect(server.address).await.expect("it listens");
    let request = format!(
        "POST /v1/audio/speech HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    caller.write_all(request.as_bytes()).await.expect("room");
    let mut seen = Vec::new();
    while !seen.windows(4).any(|window| window == b"half") {
        assert_ne!(caller.read_buf(&mut seen).await.expect("a piece"), 0, "the sound goes on");
    }
    (caller, seen)
}
