//! Images: made from words, and changed, by JSON and by a form.

use http::HeaderValue;
use trunkline_core::{Body, Call, ErrorKind, Form, Operation};
use trunkline_testkit::simulator::{Fault, FaultRule};

use crate::world::{World, call_of, parsed, seen, spend, value};

const MODEL: &str = "openai/gpt-image-2.6-flare";
const TYPE: &str = "multipart/form-data; boundary=----trunkline-7f";

/// A form as client programs write it: with a file in which every byte matters.
fn form(options: &str) -> Vec<u8> {
    let part = |name: &str, value: &str| {
        format!("------trunkline-7f\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let head = "------trunkline-7f\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n";
    let mut body = (part("model", "x") + &part("prompt", "Mehr Käse")).into_bytes();
    if !options.is_empty() {
        body.extend_from_slice(part("providerOptions", options).as_bytes());
    }
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(b"\x89PNG\r\n\x1a\n\x00\xff\r\n--\r\n");
    body.extend_from_slice(b"\r\n------trunkline-7f--\r\n");
    body
}

fn edit(body: Vec<u8>) -> Call {
    let form = Form::parse(body, HeaderValue::from_static(TYPE)).unwrap();
    Call::with_body(Operation::ImageEdits, MODEL, Body::Form(form))
}

#[tokio::test]
async fn images_come_with_their_bill() {
    for (operation, path, body) in [
        (Operation::ImageGenerations, "/v1/images/generations", r#"{"model":"x","prompt":"Käse","n":1}"#),
        (
            Operation::ImageEdits,
            "/v1/images/edits",
            r#"{"model":"x","prompt":"Mehr","images":[{"image_url":"data:image/png;base64,iVBORw0KGgo="}]}"#,
        ),
    ] {
        let world = World::new().await;
        let (document, seen) = world.document(call_of(operation, MODEL, body)).await;
        let request = world.request();
        assert_eq!((request.path.as_str(), request.model.as_deref()), (path, Some(MODEL)));
        let sent = body.replacen("\"x\"", "\"openai/gpt-image-2.6-flare\"", 1);
        assert_eq!(String::from_utf8(request.body.to_vec()).unwrap(), sent);
        assert!(value(&document, "data")[0]["b64_json"].is_string());
        assert!(request.billed.is_some());
        assert_eq!(spend(&seen), request.billed);
        assert_eq!(seen.generation_id, request.generation_id);
    }
}

#[tokio::test]
async fn sketches_come_before_the_image_and_its_bill() {
    for (operation, name, rest) in [
        (Operation::ImageGenerations, "image_generation", ""),
        (
            Operation::ImageEdits,
            "image_edit",
            r#","images":[{"image_url":"data:image/png;base64,iVBORw0KGgo="}]"#,
        ),
    ] {
        let world = World::new().await;
        let body = format!(r#"{{"model":"x","prompt":"Käse","stream":true,"partial_images":2{rest}}}"#);
        let (events, error) = world.events(call_of(operation, MODEL, &body)).await;
        assert!(error.is_none(), "{error:?}");
        let said = parsed(&events);
        let kinds: Vec<_> = said.iter().filter_map(|event| event["type"].as_str()).collect();
        let (partial, completed) = (format!("{name}.partial_image"), format!("{name}.completed"));
        assert_eq!(kinds, [partial.as_str(), &partial, &completed]);
        let (seen, request) = (seen(&events), world.request());
        assert!(seen.terminal && request.billed.is_some());
        assert_eq!(spend(&seen), request.billed);
        assert_eq!(seen.generation_id, request.generation_id);
        assert_eq!(seen.usage.map(|usage| usage.total()), said[2]["usage"]["total_tokens"].as_u64());
    }
}

#[tokio::test]
async fn a_form_arrives_with_its_files_as_they_are() {
    let world = World::new().await;
    let (_, seen) = world.document(edit(form(""))).await;
    let request = world.request();
    assert_eq!(request.path, "/v1/images/edits");
    assert_eq!(request.header("content-type"), Some(TYPE));
    let marker = b"name=\"model\"\r\n\r\nx\r\n";
    let expected = form("");
    let at = expected.windows(marker.len()).position(|window| window == marker).unwrap();
    let model = b"name=\"model\"\r\n\r\nopenai/gpt-image-2.6-flare\r\n";
    let expected = [&expected[..at], model, &expected[at + marker.len()..]].concat();
    assert_eq!(request.body, expected);
    assert!(request.billed.is_some());
    assert_eq!(spend(&seen), request.billed);
}

/// In a form, too, the caller may bring keys of its own.
#[tokio::test]
async fn nobody_is_blamed_for_keys_in_a_form() {
    for (options, blamed) in [("", true), (r#"{"gateway":{"byok":{"openai":[{"apiKey":"sk-own"}]}}}"#, false)]
    {
        let world = World::new().await;
        world.control().fault(FaultRule::new([Fault::InvalidKey]).for_path("/v1/images/edits"));
        let error = world.call(edit(form(options))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UpstreamCredential);
        assert_eq!(error.is_credential_fault(), blamed, "{options}");
    }
}
