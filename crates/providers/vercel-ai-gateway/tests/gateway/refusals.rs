//! Every refusal that the gateway knows, from the wire to the router's advice.

use std::time::Duration;

use trunkline_core::{Error, ErrorKind, Retry};
use trunkline_testkit::simulator::{Fault, RetryAfter};

use crate::world::{World, chat, chat_with, streamed_with};

async fn refused(fault: Fault) -> Error {
    let world = World::new().await;
    world.control().fault(fault);
    world.call(chat_with("openai/gpt-4.1-nano")).await.unwrap_err()
}

async fn check(fault: Fault, status: u16, kind: ErrorKind, retry: Retry, credential_fault: bool) {
    let error = refused(fault.clone()).await;
    assert_eq!(
        (error.upstream_status().map(|status| status.as_u16()), error.kind(), error.retry()),
        (Some(status), kind, retry),
        "{fault:?}: {error:?}"
    );
    assert_eq!(error.is_credential_fault(), credential_fault, "{fault:?}");
    assert!(error.reached_upstream());
    assert_eq!(error.provider(), Some("vercel_ai_gateway"));
}

#[tokio::test]
async fn the_account() {
    check(Fault::InvalidKey, 401, ErrorKind::UpstreamCredential, Retry::NextTarget, true).await;
    check(Fault::InsufficientFunds, 402, ErrorKind::UpstreamCredential, Retry::NextTarget, true).await;
    check(Fault::VerificationRequired, 403, ErrorKind::UpstreamCredential, Retry::NextTarget, true).await;
    check(Fault::QuotaExceeded, 402, ErrorKind::UpstreamQuotaExceeded, Retry::NextTarget, false).await;
}

#[tokio::test]
async fn what_is_forbidden_or_not_there() {
    for fault in [Fault::RestrictedModel, Fault::RuleDenied, Fault::TermsViolated] {
        check(fault, 403, ErrorKind::UpstreamForbidden, Retry::NextTarget, false).await;
    }
    check(Fault::UnknownModel, 404, ErrorKind::UpstreamNotFound, Retry::NextTarget, false).await;
    check(Fault::NoProviders, 400, ErrorKind::UpstreamInvalidRequest, Retry::Never, false).await;
    check(Fault::FlatError, 400, ErrorKind::UpstreamInvalidRequest, Retry::Never, false).await;
    check(Fault::PlainTextError, 400, ErrorKind::UpstreamInvalidRequest, Retry::Never, false).await;
    check(Fault::ContextTooLong, 400, ErrorKind::ContextWindowExceeded, Retry::NextTarget, false).await;
}

#[tokio::test]
async fn what_may_pass_later_or_elsewhere() {
    let limited = |retry_after| Fault::RateLimited { retry_after };
    check(limited(None), 429, ErrorKind::UpstreamRateLimited, Retry::SameTarget, false).await;
    let wait = Retry::After(Duration::from_secs(7));
    check(limited(Some(RetryAfter::Seconds(7))), 429, ErrorKind::UpstreamRateLimited, wait, false).await;
    check(Fault::InternalError, 500, ErrorKind::UpstreamFailed, Retry::SameTarget, false).await;
    check(Fault::Unavailable, 503, ErrorKind::UpstreamFailed, Retry::SameTarget, false).await;
    check(Fault::HtmlBadGateway, 502, ErrorKind::UpstreamFailed, Retry::SameTarget, false).await;
    check(Fault::GatewayTimeout, 504, ErrorKind::UpstreamTimeout, Retry::SameTarget, false).await;
    check(Fault::EmptyError { status: 500 }, 500, ErrorKind::UpstreamFailed, Retry::SameTarget, false).await;
    check(Fault::FailedDependency, 424, ErrorKind::UpstreamFailed, Retry::NextTarget, false).await;
    let error = refused(Fault::ProviderRateLimited).await;
    assert_eq!(error.kind(), ErrorKind::UpstreamRateLimited);
    assert_eq!(error.upstream_status().map(|status| status.as_u16()), Some(429));
}

/// The caller is told what the gateway said, in its words.
#[tokio::test]
async fn the_gateway_s_own_words_survive() {
    let error = refused(Fault::InsufficientFunds).await;
    let message = "Insufficient funds. Please add credits to your account to continue using AI Gateway.";
    assert_eq!(error.message(), message);
    assert_eq!(error.upstream_type(), Some("insufficient_funds"));
    let body = error.upstream().expect("an answer").body.clone();
    let expected = format!(r#"{{"error":{{"message":"{message}","type":"insufficient_funds"}}}}"#);
    assert_eq!(String::from_utf8(body.to_vec()).unwrap(), expected);
}

#[tokio::test]
async fn a_success_that_is_none() {
    let error = refused(Fault::Garbage).await;
    assert_eq!(error.kind(), ErrorKind::UpstreamProtocol);
    assert_eq!(error.message(), "vercel_ai_gateway answered with something that is no JSON object");
}

/// A caller that brings its own keys or names its own quota must not close the deployment to everybody else.
#[tokio::test]
async fn what_the_caller_brought_is_not_the_deployment_s_fault() {
    for options in [r#""byok":{"openai":[{"apiKey":"sk-own"}]}"#, r#""quotaEntityId":"q-1""#] {
        let world = World::new().await;
        world.control().fault(Fault::InvalidKey);
        let body = format!(
            r#"{{"model":"x","messages":[{{"role":"user","content":"Hi"}}],"providerOptions":{{"gateway":{{{options}}}}}}}"#
        );
        let error = world.call(chat(&body)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UpstreamCredential);
        assert!(!error.is_credential_fault(), "{options}");
    }
}

#[tokio::test]
async fn a_stream_is_refused_like_a_document() {
    let world = World::new().await;
    world.control().fault(Fault::InsufficientFunds);
    let error = world.call(streamed_with("openai/gpt-4.1-nano")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamCredential);
    assert!(error.is_credential_fault());
}

/// A gateway in front of the gateway may quote what it was sent.
#[tokio::test]
async fn the_key_is_never_quoted_back() {
    let error = refused(Fault::Answer {
        status: 401,
        content_type: "application/json".to_owned(),
        body: r#"{"error":{"message":"bad key vck_environment","type":"authentication_error"}}"#.to_owned(),
    })
    .await;
    assert_eq!(error.message(), "bad key [redacted]");
}
