//! Tests of the requests that are written.

use trunkline_core::{Document, ErrorKind, Operation};
use trunkline_provider::Target;

use super::*;

fn call(body: &'static str) -> Call {
    Call::new(Operation::Messages, "m", Document::parse(body.as_bytes()).expect("a document"))
}

fn send(
    call: &Call,
    base: &str,
    target: &Target,
    credential: Option<&Secret>,
) -> Result<Request<Segments>, ErrorKind> {
    let authentication = credential.map_or(Authentication::ApiKey, Authentication::of);
    let context = EncodeContext { target, credential };
    encode(call, base, &context, authentication).map_err(|error| error.kind())
}

fn check_uri(operation: Operation, base: &str, expected: &str) {
    let call = Call { operation, ..call("{}") };
    let request = send(&call, base, &Target::default(), None).expect("a request");
    assert_eq!(request.uri().to_string(), expected, "{base}");
    assert_eq!(request.method(), Method::POST);
}

#[test]
fn the_address() {
    let expected = "https://api.anthropic.com/v1/messages";
    for base in [
        "https://api.anthropic.com",
        "https://api.anthropic.com/",
        "https://api.anthropic.com/v1",
        " https://api.anthropic.com/v1//\n",
        "https://api.anthropic.com/v1/messages",
    ] {
        check_uri(Operation::Messages, base, expected);
        check_uri(Operation::CountTokens, base, "https://api.anthropic.com/v1/messages/count_tokens");
    }
    check_uri(Operation::Messages, "https://a.example/anthropic", "https://a.example/anthropic/v1/messages");
    check_uri(Operation::Messages, "http://[::1]:80/x/v1?k=1", "http://[::1]:80/x/v1/messages?k=1");
    check_uri(Operation::Messages, "https://a.example/notv1", "https://a.example/notv1/v1/messages");
}

#[test]
fn a_query_of_the_caller_stands_behind_that_of_the_base() {
    let call = Call { query: Some("beta=true".to_owned()), ..call("{}") };
    let uri = |base| send(&call, base, &Target::default(), None).expect("a request").uri().to_string();
    assert_eq!(uri("https://a.example"), "https://a.example/v1/messages?beta=true");
    assert_eq!(uri("https://a.example/v1?k=1"), "https://a.example/v1/messages?k=1&beta=true");
}

#[test]
fn the_catalogue_is_asked_for_in_one_page() {
    let target = Target::default();
    let context = EncodeContext { target: &target, credential: None };
    let request = encode_models("https://a.example/v1", &context, Authentication::ApiKey);
    let request = request.expect("a request");
    assert_eq!(request.uri().to_string(), "https://a.example/v1/models?limit=1000");
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.headers()["anthropic-version"], "2023-06-01");
}

#[test]
fn what_is_no_address_is_refused_without_being_repeated() {
    for base in ["", "api.anthropic.com", "ftp://a.example", "https://exa mple/secret"] {
        let context = EncodeContext { target: &Target::default(), credential: None };
        let error = encode(&call("{}"), base, &context, Authentication::ApiKey).expect_err("no address");
        assert_eq!((error.kind(), error.param()), (ErrorKind::Configuration, Some("api_base")), "{base}");
        assert!(!error.message().contains("secret"));
    }
}

#[test]
fn only_the_model_is_written() {
    let check = |body, expected: &str| {
        let request = send(&call(body), "https://a.example", &Target::default(), None).expect("a request");
        assert_eq!(request.into_body().into_bytes(), expected);
    };
    check(
        r#"{ "model" : "alias", "max_tokens":1.0e2,"messages":[{"role":"user","content":[{"type":"text","text":"\u00e9","cache_control":{"type":"ephemeral"}}]}],"stream":true}"#,
        r#"{ "model" : "m", "max_tokens":1.0e2,"messages":[{"role":"user","content":[{"type":"text","text":"\u00e9","cache_control":{"type":"ephemeral"}}]}],"stream":true}"#,
    );
    check(r#"{"model":"\u006d","messages":[]}"#, r#"{"model":"\u006d","messages":[]}"#);
}

#[test]
fn a_version_that_the_caller_or_the_deployment_names_is_kept() {
    let version = |call: &Call, target: &Target| {
        let request = send(call, "https://a.example", target, None).expect("a request");
        let versions: Vec<_> = request.headers().get_all("anthropic-version").iter().cloned().collect();
        versions
    };
    let mut call = call("{}");
    assert_eq!(version(&call, &Target::default()), ["2023-06-01"]);
    call.headers.insert("anthropic-version", HeaderValue::from_static("2023-01-01"));
    assert_eq!(version(&call, &Target::default()), ["2023-01-01"]);
    let mut target = Target::default();
    target.extra_headers.insert("anthropic-version", HeaderValue::from_static("2099-01-01"));
    assert_eq!(version(&call, &target), ["2099-01-01"]);
}

fn credentials(key: &str, callers_beta: Option<&'static str>) -> [Vec<String>; 3] {
    let mut call = call("{}");
    call.headers.insert("x-api-key", HeaderValue::from_static("sk-caller"));
    call.headers.insert("authorization", HeaderValue::from_static("Bearer sk-caller"));
    if let Some(beta) = callers_beta {
        call.headers.insert("anthropic-beta", HeaderValue::from_static(beta));
    }
    let secret = Secret::new(key);
    let request = send(&call, "https://a.example", &Target::default(), Some(&secret)).expect("a request");
    ["x-api-key", "authorization", "anthropic-beta"].map(|name| {
        let values = request.headers().get_all(name).iter();
        values.map(|value| value.to_str().expect("a text").to_owned()).collect()
    })
}

#[test]
fn a_key_goes_as_api_key_and_never_the_caller_s() {
    let [key, bearer, beta] = credentials("sk-ant-api03-x", Some("context-1m-2025-08-07"));
    assert_eq!(key, ["sk-ant-api03-x"]);
    assert_eq!(bearer, [""; 0]);
    assert_eq!(beta, ["context-1m-2025-08-07"]);
}

#[test]
fn a_token_of_a_login_goes_as_bearer_with_its_beta() {
    let [key, bearer, beta] = credentials("sk-ant-oat01-x", None);
    assert_eq!(key, [""; 0]);
    assert_eq!(bearer, ["Bearer sk-ant-oat01-x"]);
    assert_eq!(beta, ["oauth-2025-04-20"]);
    let [_, _, beta] = credentials("sk-ant-oat01-x", Some("context-1m-2025-08-07"));
    assert_eq!(beta, ["context-1m-2025-08-07", "oauth-2025-04-20"]);
    let [_, _, beta] = credentials("sk-ant-oat01-x", Some("a, oauth-2025-04-20"));
    assert_eq!(beta, ["a, oauth-2025-04-20"]);
}

#[test]
fn a_deployment_s_betas_do_not_lose_a_login_its_own() {
    let mut target = Target::default();
    target.extra_headers.insert("anthropic-beta", HeaderValue::from_static("a"));
    let secret = Secret::new("sk-ant-oat01-x");
    let request = send(&call("{}"), "https://a.example", &target, Some(&secret)).expect("a request");
    let betas: Vec<_> = request.headers().get_all("anthropic-beta").iter().collect();
    assert_eq!(betas, ["a", "oauth-2025-04-20"]);
}

#[test]
fn a_key_is_marked_as_sensitive_and_must_fit_a_header() {
    let secret = Secret::new("sk-ant-1");
    let request =
        send(&call("{}"), "https://a.example", &Target::default(), Some(&secret)).expect("a request");
    assert!(request.headers()["x-api-key"].is_sensitive());
    for key in ["sk-ant-1\r\nx: y", "sk-ant-oat1\r\nx: y"] {
        let refused = send(&call("{}"), "https://a.example", &Target::default(), Some(&Secret::new(key)));
        assert_eq!(refused.expect_err("no header holds it"), ErrorKind::CredentialUnusable);
    }
}
