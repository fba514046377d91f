//! Tests of the requests that are written.

use http::header::CONTENT_TYPE;
use trunkline_core::{Form, Secret};
use trunkline_provider::Target;

use super::*;

fn call(operation: Operation, body: &'static str) -> Call {
    Call::new(operation, "m", Document::parse(body.as_bytes()).expect("a document"))
}

fn send(call: &Call, base: &str, target: &Target) -> Result<Request<Segments>, ErrorKind> {
    let context = EncodeContext { target, credential: None };
    encode(call, base, &context).map_err(|error| error.kind())
}

fn check_body(operation: Operation, body: &'static str, expected: &str) {
    let request =
        send(&call(operation, body), "https://a.example/v1", &Target::default()).expect("a request");
    assert_eq!(request.into_body().into_bytes(), expected, "{body}");
}

fn check_uri(base: &str, expected: &str) {
    let request = send(&call(Operation::ChatCompletions, "{}"), base, &Target::default()).expect("a request");
    assert_eq!(request.uri().to_string(), expected, "{base}");
}

#[test]
fn the_address() {
    let expected = "https://a.example/v1/chat/completions";
    check_uri("https://a.example/v1", expected);
    check_uri("https://a.example/v1///", expected);
    check_uri(" https://a.example/v1/\n", expected);
    check_uri("https://a.example/v1/chat/completions", expected);
    check_uri("https://a.example/v1/chat/completions/", expected);
    check_uri("http://[::1]:8080", "http://[::1]:8080/chat/completions");
    check_uri("https://a.example/x?api-version=1", "https://a.example/x/chat/completions?api-version=1");
    check_uri(
        "https://a.example/nochat/completions",
        "https://a.example/nochat/completions/chat/completions",
    );
}

#[test]
fn what_is_no_address_is_refused_without_being_repeated() {
    let call = call(Operation::ChatCompletions, "{}");
    let target = Target::default();
    for base in ["", "a.example/v1", "ftp://a.example", "https://", "https://a b.example", "/v1"] {
        let context = EncodeContext { target: &target, credential: None };
        let error = encode(&call, base, &context).expect_err("no address");
        assert_eq!(error.kind(), ErrorKind::Configuration, "{base}");
        assert!(!error.message().contains("a.example"), "{base}");
    }
}

#[test]
fn every_other_byte_stays() {
    check_body(
        Operation::ChatCompletions,
        "{ \"model\" : \"x\",\n \"temperature\":1.0e0, \"n\":1 , \"é\":[ ]}",
        "{ \"model\" : \"m\",\n \"temperature\":1.0e0, \"n\":1 , \"é\":[ ]}",
    );
    check_body(
        Operation::ChatCompletions,
        r#"{"model":"\u006d","stream":false}"#,
        r#"{"model":"\u006d","stream":false}"#,
    );
    check_body(Operation::Embeddings, r#"{"input":"a"}"#, r#"{"input":"a","model":"m"}"#);
}

#[test]
fn streams_are_asked_for_usage() {
    let check = |given: &'static str, expected: &str| {
        check_body(Operation::ChatCompletions, given, expected);
        check_body(Operation::Completions, given, expected);
    };
    check(
        r#"{"model":"m","stream":true}"#,
        r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
    );
    check(
        r#"{"stream_options":{ "include_usage" : false, "x":1.0 },"model":"m","stream":true}"#,
        r#"{"stream_options":{ "include_usage" : true, "x":1.0 },"model":"m","stream":true}"#,
    );
    check(
        r#"{"stream_options":{"x":{}},"model":"m","stream":true}"#,
        r#"{"stream_options":{"x":{},"include_usage":true},"model":"m","stream":true}"#,
    );
    check(
        r#"{"stream_options":null,"model":"m","stream":true}"#,
        r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#,
    );
    check(
        r#"{"stream_options":{"include_usage":true },"model":"m","stream":true}"#,
        r#"{"stream_options":{"include_usage":true },"model":"m","stream":true}"#,
    );
}

#[test]
fn what_is_not_to_be_merged_stays() {
    for body in [
        r#"{"model":"m","stream":true,"stream_options":[1]}"#,
        r#"{"model":"m","stream":true,"stream_options":"x"}"#,
        r#"{"model":"m","stream":false}"#,
        r#"{"model":"m","stream":false,"stream_options":{}}"#,
        r#"{"model":"m"}"#,
    ] {
        check_body(Operation::ChatCompletions, body, body);
    }
    let embeddings = r#"{"model":"m","stream":true}"#;
    check_body(Operation::Embeddings, embeddings, embeddings);
}

#[test]
fn stream_options_are_taken_out_where_they_are_refused() {
    let call = call(
        Operation::ChatCompletions,
        r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
    );
    let target = Target::default();
    let context = EncodeContext { target: &target, credential: None };
    let request =
        encode_with(&call, "https://a.example", &context, StreamOptions::Remove).expect("a request");
    assert_eq!(request.into_body().into_bytes(), r#"{"model":"m","stream":true}"#);
}

#[test]
fn forms_keep_their_type_and_get_the_model() {
    let form = |model: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--x--\r\n")
    };
    let kind = HeaderValue::from_static("multipart/form-data; boundary=x");
    let body = Form::parse(form("public"), kind.clone()).expect("a form");
    let call = Call::with_body(Operation::Transcriptions, "whisper-1", Body::Form(body));
    let request = send(&call, "https://a.example/v1", &Target::default()).expect("a request");
    assert_eq!(request.uri(), "https://a.example/v1/audio/transcriptions");
    assert_eq!(request.headers()[CONTENT_TYPE], kind);
    assert_eq!(request.into_body().into_bytes(), form("whisper-1"));
}

#[test]
fn objects_stand_in_the_address() {
    let mut call = Call::with_body(Operation::ListResponseInputItems, "m", Body::Empty);
    call.object = Some("resp_1".to_owned());
    call.query = Some("limit=5".to_owned());
    let request = send(&call, "https://a.example/v1?key=k", &Target::default()).expect("a request");
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.uri(), "https://a.example/v1/responses/resp_1/input_items?key=k&limit=5");
    assert!(!request.headers().contains_key(CONTENT_TYPE));
}

#[test]
fn the_second_version_stands_beside_the_first() {
    let address = |base: &str| {
        let request = send(&call(Operation::RerankV2, "{}"), base, &Target::default());
        request.expect("a request").uri().to_string()
    };
    assert_eq!(address("https://a.example/v1/"), "https://a.example/v2/rerank");
    assert_eq!(address("https://a.example/api"), "https://a.example/api/rerank");
}

fn header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}

#[test]
fn headers_in_order_of_rank() {
    let mut call = call(Operation::ChatCompletions, "{}");
    call.headers.extend([
        header("x-title", "the caller's"),
        header("traceparent", "00-1"),
        header("authorization", "Bearer the-caller-s"),
        header("content-type", "text/plain"),
        header("accept-encoding", "gzip"),
        header("host", "b.example"),
    ]);
    let target = Target {
        organization: Some("org-1".to_owned()),
        extra_headers: HeaderMap::from_iter([header("x-title", "the deployment's")]),
        ..Target::default()
    };
    let secret = Secret::new("sk-1");
    let context = EncodeContext { target: &target, credential: Some(&secret) };
    let request = encode(&call, "https://a.example", &context).expect("a request");
    let mut found: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = value.to_str().expect("a text");
            (name.to_string(), value.to_owned())
        })
        .collect();
    found.sort();
    let expected = [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("authorization", "Bearer sk-1"),
        ("content-type", "application/json"),
        ("openai-organization", "org-1"),
        ("traceparent", "00-1"),
        ("x-title", "the deployment's"),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(request.headers()[AUTHORIZATION].is_sensitive());
}

#[test]
fn without_a_credential_there_is_none() {
    let mut call = call(Operation::ChatCompletions, "{}");
    call.headers.extend([header("authorization", "Bearer the-caller-s")]);
    let request = send(&call, "https://a.example", &Target::default()).expect("a request");
    assert!(!request.headers().contains_key(AUTHORIZATION));
}

#[test]
fn a_key_that_fits_no_header_is_refused_without_being_repeated() {
    let secret = Secret::new("sk-1\nx-admin: 1");
    let target = Target::default();
    let context = EncodeContext { target: &target, credential: Some(&secret) };
    let error = encode(&call(Operation::ChatCompletions, "{}"), "https://a.example", &context)
        .expect_err("it fits no header");
    assert_eq!(error.kind(), ErrorKind::CredentialUnusable);
    assert!(!error.message().contains("sk-1"));
}

#[test]
fn the_list_of_models() {
    let target = Target::default();
    let context = EncodeContext { target: &target, credential: None };
    let request = encode_models("https://a.example/v1/", &context).expect("a request");
    assert_eq!(
        (request.method(), request.uri().to_string().as_str()),
        (&Method::GET, "https://a.example/v1/models")
    );
    assert!(request.body().is_empty());
    assert!(!request.headers().contains_key(CONTENT_TYPE));
}

#[test]
fn sound_is_not_asked_for_as_json() {
    let accept = |operation| {
        let request = send(&call(operation, "{}"), "https://a.example/v1", &Target::default());
        request.expect("a request").headers()[ACCEPT].clone()
    };
    assert_eq!(accept(Operation::Speech), "*/*");
    assert_eq!(accept(Operation::Moderations), "application/json");
}
