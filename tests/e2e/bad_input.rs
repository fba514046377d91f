//! Bad input gets a clear error, and the server is there for the next request.

use std::io::Write;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Answer, get, post, read, send, send_raw};
use crate::server::{Start, Trunkline};

async fn echo() -> Trunkline {
    Start::new().serve().await
}

fn refusal(answer: &Answer) -> (u16, String, String) {
    let error = answer.error();
    assert!(!answer.message().is_empty());
    assert_eq!(answer.json()["error"]["code"], answer.status.to_string());
    assert!(answer.header("x-litellm-call-id").is_some());
    error
}

async fn check(server: &Trunkline, body: &[u8], expected: (u16, &str, &str), says: &str) {
    let answer = send(server.address, "POST", "/v1/chat/completions", &[], body).await;
    let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
    let (status, kind, param) = refusal(&answer);
    assert_eq!((status, kind.as_str(), param.as_str()), expected, "{shown}");
    assert!(answer.message().contains(says), "{shown}: {}", answer.message());
}

#[tokio::test]
async fn bodies_that_are_no_json_object() {
    let server = echo().await;
    let invalid = (400, "invalid_request_error", "null");
    check(&server, b"", invalid, "empty").await;
    check(&server, b"hello", invalid, "byte 0").await;
    check(&server, b"[]", invalid, "not a JSON object").await;
    check(&server, b"{\"model\":\"echo/x\"", invalid, "byte 17").await;
    check(&server, b"{\"model\":\"echo/x\",}", invalid, "byte 18").await;
    check(&server, b"{\"model\":\"echo/x\"} x", invalid, "byte 19").await;
    check(&server, b"\xEF\xBB\xBF{}", invalid, "byte order mark").await;
    check(&server, b"{\"model\":\"\xff\"}", invalid, "UTF-8").await;
    check(&server, b"{\"model\":\"a\x01\"}", invalid, "byte 11").await;
    check(&server, br#"{"model":"\ud800"}"#, invalid, "surrogate").await;
    let deep = format!("{{\"model\":\"echo/x\",\"messages\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    check(&server, deep.as_bytes(), invalid, "128").await;
    let twice = br#"{"model":"echo/x","messages":[],"mod\u0065l":"echo/y"}"#;
    check(&server, twice, (400, "invalid_request_error", "model"), "twice").await;
    assert_eq!(get(server.address, "/health/liveliness").await.status, 200);
}

#[tokio::test]
async fn names_that_are_too_long_or_too_many_to_be_kept() {
    let server = echo().await;
    let parameter = |name: &'static str| (400, "invalid_request_error", name);
    let [long, longest] = ["a".repeat(257), "a".repeat(256)];
    let body = |member: &str| {
        format!(r#"{{"model":"echo/x","messages":[{{"role":"user","content":"hi"}}],{member}}}"#)
    };
    let says = "must not be longer than 256 bytes";
    check(&server, body(&format!("\"user\":\"{long}\"")).as_bytes(), parameter("user"), says).await;
    check(&server, body(&format!("\"tags\":[\"b\",\"{long}\"]")).as_bytes(), parameter("tags"), says).await;
    let header = [("x-litellm-tags", long.as_str())];
    let refused =
        send(server.address, "POST", "/v1/chat/completions", &header, body("\"n\":1").as_bytes()).await;
    assert_eq!(refusal(&refused).2, "tags");
    let many: Vec<String> = (0..33).map(|tag| format!("\"{tag}\"")).collect();
    let says = "more than 32 tags";
    for member in ["\"tags\":", "\"metadata\":{\"tags\":", "\"litellm_metadata\":{\"tags\":"] {
        let end = if member.contains('{') { "}" } else { "" };
        let body = body(&format!("{member}[{}]{end}", many.join(",")));
        check(&server, body.as_bytes(), parameter("tags"), says).await;
    }
    let kept = body(&format!("\"user\":\"{longest}\",\"tags\":[{}]", many[..32].join(",")));
    assert_eq!(post(server.address, "/v1/chat/completions", &kept).await.status, 200);
}

#[tokio::test]
async fn parameters_that_steer_the_reply() {
    let server = echo().await;
    let parameter = |name: &'static str| (400, "invalid_request_error", name);
    check(&server, b"{}", parameter("model"), "Missing required parameter: 'model'").await;
    check(&server, br#"{"model":7,"messages":[]}"#, parameter("model"), "must be a string").await;
    check(&server, br#"{"model":"","messages":[]}"#, parameter("model"), "must not be empty").await;
    check(&server, br#"{"model":"echo/x"}"#, parameter("messages"), "Missing required parameter: 'messages'")
        .await;
    let stream = br#"{"model":"echo/x","messages":[],"stream":"yes"}"#;
    check(&server, stream, parameter("stream"), "boolean").await;
    let options = br#"{"model":"echo/x","messages":[],"stream":true,"stream_options":"usage"}"#;
    check(&server, options, parameter("stream_options"), "object").await;
    check(
        &server,
        br#"{"model":"echo/x","messages":[],"api_key":"sk-mine"}"#,
        parameter("api_key"),
        "api_key",
    )
    .await;
}

#[tokio::test]
async fn names_and_members_without_end_are_refused() {
    let server = echo().await;
    let long = format!(r#"{{"model":"{}","messages":[]}}"#, "x".repeat(2000));
    check(&server, long.as_bytes(), (400, "invalid_request_error", "model"), "longer than 1024 bytes").await;
    let fallback = format!(r#"{{"model":"echo/x","messages":[],"fallbacks":["echo/{}"]}}"#, "x".repeat(2000));
    let refused = (400, "invalid_request_error", "fallbacks");
    check(&server, fallback.as_bytes(), refused, "longer than 1024 bytes").await;
    let members: Vec<String> = (0..2000).map(|number| format!(r#""litellm_{number}":1"#)).collect();
    let many = format!(r#"{{"model":"echo/x","messages":[],{}}}"#, members.join(","));
    check(&server, many.as_bytes(), (400, "invalid_request_error", "null"), "1000 top-level members").await;
}

#[tokio::test]
async fn nul_passes_and_comes_back() {
    let server = echo().await;
    let body = r#"{"model":"echo/x","messages":[{"role":"user","content":"a\u0000b"}]}"#;
    let answer = post(server.address, "/v1/chat/completions", body).await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "a\u{0}b");
}

#[tokio::test]
async fn unknown_names_list_what_is_near_and_known() {
    let config = "model_list:\n- model_name: gpt-4o-gateway\n  litellm_params:\n    model: echo/x\n";
    let server = Start::new().config(config).serve().await;
    let answer =
        post(server.address, "/v1/chat/completions", r#"{"model":"gpt-4o-gatewya","messages":[]}"#).await;
    assert_eq!(refusal(&answer), (400, "invalid_request_error".to_owned(), "model".to_owned()));
    let message = answer.message();
    let litellm = "/chat/completions: Invalid model name passed in model=gpt-4o-gatewya. Call `/v1/models` to view \
                   available models for your key.";
    assert!(message.starts_with(litellm), "{message}");
    assert!(message.contains("nearest names are: gpt-4o-gateway"), "{message}");
}

#[tokio::test]
async fn sizes_have_limits_on_the_wire_and_inflated() {
    let config = "trunkline_settings:\n  body_bytes_max: 1000\n  body_inflated_bytes_max: 2000\n  header_bytes_max: 8192\n\
                  model_list:\n- model_name: echo\n  litellm_params:\n    model: echo/x\n";
    let server = Start::new().config(config).serve().await;
    let body = |length: usize| {
        let frame = r#"{"model":"echo","messages":[{"role":"user","content":""}]}"#.len();
        format!(
            r#"{{"model":"echo","messages":[{{"role":"user","content":"{}"}}]}}"#,
            "x".repeat(length - frame)
        )
    };
    assert_eq!(post(server.address, "/v1/chat/completions", &body(1000)).await.status, 200);
    check(
        &server,
        body(1001).as_bytes(),
        (413, "invalid_request_error", "null"),
        "body_bytes_max (1000 bytes)",
    )
    .await;

    let chunked = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
         3e9\r\n{}\r\n0\r\n\r\n",
        body(1001)
    );
    assert_eq!(send_raw(server.address, chunked.as_bytes(), false).await.status, 413);

    for (encoding, encode) in [("gzip", gzip as fn(&[u8]) -> Vec<u8>), ("zstd", zstd)] {
        let headers = [("content-encoding", encoding)];
        let fits =
            send(server.address, "POST", "/v1/chat/completions", &headers, &encode(body(2000).as_bytes()))
                .await;
        assert_eq!(fits.status, 200, "{encoding}: {}", fits.text());
        let bomb = encode(body(1_000_000).as_bytes());
        let refused = send(server.address, "POST", "/v1/chat/completions", &headers, &bomb).await;
        assert_eq!(refused.status, 413, "{encoding}");
        let broken = send(server.address, "POST", "/v1/chat/completions", &headers, b"not compressed").await;
        assert_eq!(broken.status, 400, "{encoding}");
    }
    let unknown =
        send(server.address, "POST", "/v1/chat/completions", &[("content-encoding", "lzma")], b"x").await;
    assert_eq!(unknown.status, 415);

    let long = "x".repeat(10_000);
    let answer = send(server.address, "GET", "/v1/models", &[("x-long", &long)], b"").await;
    assert_eq!(answer.status, 431);
    assert!(answer.text().contains("header_bytes_max (8192 bytes)"), "{answer:?}");
    // What is far too long has no envelope.
    let longer = "x".repeat(300_000);
    let answer = send(server.address, "GET", "/v1/models", &[("x-long", &longer)], b"").await;
    assert_eq!(answer.status, 431);
    let path = format!("/v1/models?{longer}");
    assert!(matches!(send(server.address, "GET", &path, &[], b"").await.status, 414 | 431));
}

#[tokio::test]
async fn a_body_shorter_than_announced_and_one_that_never_comes() {
    let config = "trunkline_settings:\n  body_idle_timeout_ms: 100\n  header_timeout_ms: 200\n\
                  model_list:\n- model_name: echo\n  litellm_params:\n    model: echo/x\n";
    let server = Start::new().config(config).serve().await;
    let head =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500\r\n\r\n{\"model\"";

    let mut short = TcpStream::connect(server.address).await.expect("it listens");
    short.write_all(head.as_bytes()).await.expect("room");
    let answer = read(short, false).await;
    assert_eq!(refusal(&answer).0, 408, "{}", answer.text());
    assert!(answer.message().contains("body_idle_timeout_ms"), "{}", answer.message());

    let mut gone = TcpStream::connect(server.address).await.expect("it listens");
    gone.write_all(head.as_bytes()).await.expect("room");
    gone.shutdown().await.expect("half closed");
    drop(gone);

    let mut slow = TcpStream::connect(server.address).await.expect("it listens");
    slow.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost: lo").await.expect("room");
    let mut rest = Vec::new();
    let closed = slow.read_to_end(&mut rest);
    tokio::time::timeout(std::time::Duration::from_secs(5), closed).await.expect("it is let go").ok();
    assert_eq!(get(server.address, "/health/liveliness").await.status, 200);
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_usable_or_says_that_it_ends() {
    let config = "general_settings:\n  master_key: sk-callers-key-1\nmodel_list:\n- model_name: m\n  litellm_params:\n    model: echo/x\n";
    let server = Start::new().config(config).serve().await;
    let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
    let body = vec![b' '; 200_000];
    let head = |length: usize, last: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-wrong\r\ncontent-length: {length}\r\n{last}\r\n"
        )
    };
    stream.write_all(head(body.len(), "").as_bytes()).await.expect("it takes the head");
    stream.write_all(&body).await.expect("it takes the body, though the key is wrong");
    // The second request on the same connection is answered as well.
    stream.write_all(head(0, "connection: close\r\n").as_bytes()).await.expect("the connection is open");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.expect("two answers");
    assert_eq!(answers.matches("HTTP/1.1 401").count(), 2, "{answers}");
    // More than that is not waited for, and the caller is told.
    let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
    stream.write_all(head(50_000_000, "").as_bytes()).await.expect("it takes the head");
    let answer = read(stream, false).await;
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_dialect_of_its_path() {
    let config = "general_settings:\n  master_key: sk-callers-key-1\ntrunkline_settings:\n  body_bytes_max: 100\nmodel_list:\n- model_name: m\n  litellm_params:\n    model: echo/x\n";
    let server = Start::new().config(config).serve().await;
    let key = ("authorization", "Bearer sk-callers-key-1");
    let version = ("anthropic-version", "2023-06-01");
    let socket = ("upgrade", "websocket");
    let large = "x".repeat(200);
    let check =
        async |method: &str, path: &str, headers: &[(&str, &str)], body: &str, status: u16, shape: &str| {
            let answer = send(server.address, method, path, headers, body.as_bytes()).await;
            let json = answer.json();
            let came = match (json["type"] == "error", json["error"].is_object(), json["message"].is_string())
            {
                (true, true, false) => "anthropic",
                (false, true, false) => "openai",
                (false, false, true) => "cohere",
                _ => "none",
            };
            assert_eq!((answer.status, came), (status, shape), "{method} {path} {headers:?}: {json}");
            assert_eq!(answer.header("request-id").is_some(), shape == "anthropic", "{method} {path}");
        };
    for (path, shape) in [
        ("/v1/chat/completions", "openai"),
        ("/v1/responses", "openai"),
        ("/v1/messages", "anthropic"),
        ("/v2/rerank", "cohere"),
    ] {
        check("POST", path, &[], "{}", 401, shape).await;
        check("PUT", path, &[key], "", 405, shape).await;
        check("POST", path, &[key, socket], "{}", 426, shape).await;
        check("POST", path, &[key], "{", 400, shape).await;
        check("POST", path, &[key], &large, 413, shape).await;
    }
    check("POST", "/v1/messages/batches", &[key], "{}", 404, "anthropic").await;
    check("GET", "/v1/models/nothing", &[key, version], "", 404, "anthropic").await;
    check("GET", "/v1/models", &[version], "", 401, "anthropic").await;
    check("GET", "/v1/models/nothing", &[key], "", 404, "openai").await;
}
