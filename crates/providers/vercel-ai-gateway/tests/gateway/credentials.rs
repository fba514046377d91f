//! Which credential the gateway is shown, and that none is shown in vain.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use trunkline_core::ErrorKind;
use trunkline_provider::Target;
use trunkline_testkit::simulator::{Credential, oidc_token};

use crate::world::{World, chat_with};

const MODEL: &str = "openai/gpt-4.1-nano";

/// A token that ends so many seconds from now.
fn token_for(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    oidc_token(now.checked_add_signed(seconds).unwrap())
}

#[tokio::test]
async fn an_oidc_token_is_let_in() {
    let world = World::with(&[("VERCEL_OIDC_TOKEN", &token_for(3600))]).await;
    world.document(chat_with(MODEL)).await;
    assert_eq!(world.request().credential, Credential::OidcToken);
}

#[tokio::test]
async fn an_expired_token_is_refused_before_anything_is_sent() {
    let world = World::with(&[("VERCEL_OIDC_TOKEN", &token_for(-1))]).await;
    let error = world.call(chat_with(MODEL)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialUnusable);
    assert!(error.message().contains("VERCEL_OIDC_TOKEN has expired; renew it with `vercel env pull`"));
    assert!(!error.reached_upstream());
    assert!(world.control().requests().is_empty());
}

#[tokio::test]
async fn a_file_keeps_the_token_current() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), token_for(3600)).unwrap();
    let world = World::with(&[
        ("VERCEL_OIDC_TOKEN_FILE", file.path().to_str().unwrap()),
        ("VERCEL_OIDC_TOKEN", &token_for(-1)),
    ])
    .await;
    world.document(chat_with(MODEL)).await;
    assert_eq!(world.request().credential, Credential::OidcToken);
}

#[tokio::test]
async fn without_any_credential_nothing_is_sent() {
    let world = World::with(&[]).await;
    let error = world.call(chat_with(MODEL)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialMissing);
    assert!(world.control().requests().is_empty());
}

#[tokio::test]
async fn a_deployment_s_own_key_is_shown() {
    let world = World::new().await;
    let target = Target { api_key: Some("vck_own".into()), ..Target::default() };
    world.call_at(target, chat_with(MODEL)).await.unwrap();
    assert_eq!(world.request().header("authorization"), Some("Bearer vck_own"));
}
