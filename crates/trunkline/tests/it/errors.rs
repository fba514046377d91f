//! What goes wrong, as an embedder meets it.

use std::error::Error as _;
use std::time::Duration;

use serde::{Serialize, Serializer};
use trunkline::{ChatRequest, Client, Environment, Error, ErrorKind, Fault as At, Message, Wishes};
use trunkline_testkit::simulator::Fault;

use crate::simulated::{client, simulator};

const MODEL: &str = "vercel_ai_gateway/openai/gpt-4o";

/// One attempt, so that what fails once is not made good.
fn once() -> Wishes {
    Wishes { retries: Some(0), ..Wishes::default() }
}

async fn refused(client: &Client, model: &str) -> Error {
    client.chat(model, "hi").wishes(once()).await.unwrap_err()
}

#[tokio::test]
async fn an_unknown_prefix_lists_the_known_ones_and_the_nearest() {
    let client = Client::builder().build().unwrap();
    let error = refused(&client, "vercel_ai_gatway/openai/gpt-4o").await;
    assert_eq!((error.kind(), error.param()), (ErrorKind::UnknownModel, Some("model")));
    let begin = "model `vercel_ai_gatway/openai/gpt-4o` begins with no known provider prefix; did you mean \
                 `vercel_ai_gateway/`?; known prefixes: ";
    assert!(error.message().starts_with(begin), "{error}");
    for prefix in ["echo", "openai", "vercel_ai_gateway"] {
        assert!(error.message()[begin.len()..].split(", ").any(|known| known == prefix), "{error}");
    }
    assert_eq!(refused(&client, "fast").await.kind(), ErrorKind::UnknownModel);
}

#[tokio::test]
async fn a_missing_credential_names_the_variables() {
    let client = Client::builder().build().unwrap();
    let error = refused(&client, MODEL).await;
    assert_eq!((error.kind(), error.fault()), (ErrorKind::CredentialMissing, At::Gateway));
    assert_eq!(
        error.message(),
        "no credential for the Vercel AI Gateway: give the deployment an api_key, or set \
         VERCEL_AI_GATEWAY_API_KEY, AI_GATEWAY_API_KEY, VERCEL_OIDC_TOKEN_FILE or VERCEL_OIDC_TOKEN"
    );
    let error = refused(&client, "openai/gpt-4o").await;
    assert_eq!(error.message(), "no key for OpenAI: set OPENAI_API_KEY, or api_key on the deployment");
}

#[tokio::test]
async fn a_refusal_keeps_what_the_upstream_said() {
    let simulator = simulator().await;
    let error = client(&simulator).chat(MODEL, "hi").api_key("vck_invalid").await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::UpstreamCredential, At::Upstream));
    assert_eq!(error.upstream_status().unwrap().as_u16(), 401);
    assert_eq!(error.upstream_type(), Some("authentication_error"));
    assert_eq!(error.provider(), Some("vercel_ai_gateway"));
    assert!(error.upstream().unwrap().body.starts_with(br#"{"error":{"message":"#));

    simulator.control().fault(Fault::RateLimited { retry_after: None });
    let error = refused(&client(&simulator), MODEL).await;
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::UpstreamRateLimited, true));
    let error = refused(&client(&simulator), "vercel_ai_gateway/openai/none").await;
    assert_eq!((error.kind(), error.fault()), (ErrorKind::UpstreamNotFound, At::Caller));
}

#[tokio::test]
async fn a_stream_that_is_refused_fails_before_its_first_chunk() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::Unavailable);
    let error = client(&simulator).chat(MODEL, "hi").wishes(once()).stream().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamFailed);
    assert_eq!(error.upstream_status().unwrap().as_u16(), 503);
}

#[tokio::test]
async fn a_timeout_ends_a_call() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::Hang);
    let call = client(&simulator).chat(MODEL, "hi").timeout(Duration::from_millis(20));
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::UpstreamTimeout);
}

#[tokio::test]
async fn a_whole_call_and_a_request_for_a_stream_contradict() {
    let simulator = simulator().await;
    let request = ChatRequest::new(MODEL, [Message::user("hi")]).stream(true);
    let error = client(&simulator).chat_request(request.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.param()), (ErrorKind::InvalidRequest, Some("stream")));
    assert!(simulator.control().requests().is_empty());
    assert!(client(&simulator).chat_request(request).stream().await.is_ok());
}

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_when_the_call_is_sent() {
    let client = Client::builder().build().unwrap();
    let error = client.chat("echo/any", "hi").extra("top_k", Unwritable).await.unwrap_err();
    assert_eq!((error.kind(), error.param()), (ErrorKind::InvalidRequest, Some("top_k")));
    assert_eq!(error.to_string(), "the value of `top_k` cannot be written as JSON");
    assert_eq!(error.source().unwrap().to_string(), "not today");
    let error = client.chat("echo/any", "hi").header("x-a\n", "secret").await.unwrap_err();
    assert_eq!(error.to_string(), "the header `x-a\\n` cannot be sent");
}

#[test]
fn a_proxy_that_is_no_url_is_told_when_the_client_is_built() {
    let environment = Environment::from_iter([("HTTPS_PROXY", "http://[")]);
    let error = Client::builder().environment(environment).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}
