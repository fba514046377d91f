//! The order of the variables, expiry by the clock, the file that is replaced.

use std::fs;

use super::*;
use crate::clock::settable::SettableClock;
use crate::oidc::tests::token_until;

const NOW: u64 = 1_790_000_000;

fn credentials(variables: &[(&str, &str)]) -> (VercelCredentials, SettableClock) {
    let (set, clock) = SettableClock::at(NOW);
    let environment: Environment = variables.iter().copied().collect();
    (VercelCredentials::with_clock(&environment, clock), set)
}

fn shown(credentials: &VercelCredentials, target: &Target) -> Result<Option<String>, (ErrorKind, String)> {
    credentials
        .credential(target)
        .map(|secret| secret.map(|secret| secret.expose().to_owned()))
        .map_err(|error| (error.kind(), error.message().to_owned()))
}

fn check(variables: &[(&str, &str)], expected: &str) {
    let (credentials, _) = credentials(variables);
    assert_eq!(shown(&credentials, &Target::default()), Ok(Some(expected.to_owned())));
}

#[test]
fn keys_come_in_order() {
    let token = token_until(NOW + 60);
    let all = [
        ("VERCEL_AI_GATEWAY_API_KEY", "first"),
        ("AI_GATEWAY_API_KEY", "second"),
        ("VERCEL_OIDC_TOKEN", token.as_str()),
    ];
    check(&all, "first");
    check(&all[1..], "second");
    check(&all[2..], &token);
    check(&[("VERCEL_AI_GATEWAY_API_KEY", " "), ("AI_GATEWAY_API_KEY", "second\n")], "second");
}

#[test]
fn a_deployment_s_own_key_wins() {
    let (credentials, _) = credentials(&[("AI_GATEWAY_API_KEY", "environment")]);
    let target = Target { api_key: Some("own".into()), ..Target::default() };
    assert_eq!(shown(&credentials, &target), Ok(Some("own".to_owned())));
    let target = Target { api_key: Some("".into()), ..Target::default() };
    assert_eq!(shown(&credentials, &target), Ok(Some("environment".to_owned())));
}

/// The operator may put another address before the gateway; a caller may not collect the operator's key.
#[test]
fn the_environment_s_key_goes_where_the_operator_sends_it() {
    let (credentials, _) = credentials(&[("AI_GATEWAY_API_KEY", "environment")]);
    let mut target = Target { api_base: Some("http://127.0.0.1:9/v1".to_owned()), ..Target::default() };
    assert_eq!(shown(&credentials, &target), Ok(Some("environment".to_owned())));
    target.from_caller = true;
    assert_eq!(shown(&credentials, &target), Ok(None));
    target.api_key = Some("theirs".into());
    assert_eq!(shown(&credentials, &target), Ok(Some("theirs".to_owned())));
}

#[test]
fn nothing_set_names_what_to_set() {
    let (credentials, _) = credentials(&[]);
    let message = "no credential for the Vercel AI Gateway: give the deployment an api_key, or set \
                   VERCEL_AI_GATEWAY_API_KEY, AI_GATEWAY_API_KEY, VERCEL_OIDC_TOKEN_FILE or VERCEL_OIDC_TOKEN";
    assert_eq!(
        shown(&credentials, &Target::default()),
        Err((ErrorKind::CredentialMissing, message.to_owned()))
    );
}

#[test]
fn a_token_is_good_until_it_ends() {
    let (credentials, clock) = credentials(&[("VERCEL_OIDC_TOKEN", &token_until(NOW + 10))]);
    clock.advance(9);
    assert!(shown(&credentials, &Target::default()).is_ok());
    clock.advance(1);
    let message = "the Vercel OIDC token of VERCEL_OIDC_TOKEN has expired; renew it with `vercel env pull`, redeploy on \
                   Vercel, or set VERCEL_AI_GATEWAY_API_KEY";
    assert_eq!(
        shown(&credentials, &Target::default()),
        Err((ErrorKind::CredentialUnusable, message.to_owned()))
    );
}

#[test]
fn a_file_is_looked_at_again_after_a_second() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("a plain path").to_owned();
    let (first, second) = (token_until(NOW + 100), token_until(NOW + 200));
    fs::write(&path, format!("{first}\n")).expect("written");
    let (credentials, clock) =
        credentials(&[("VERCEL_OIDC_TOKEN_FILE", &path), ("VERCEL_OIDC_TOKEN", "opaque")]);
    let target = Target::default();
    assert_eq!(shown(&credentials, &target), Ok(Some(first.clone())));

    fs::write(&path, &second).expect("written");
    assert_eq!(shown(&credentials, &target), Ok(Some(first)), "not within the same second");
    clock.advance(1);
    assert_eq!(shown(&credentials, &target), Ok(Some(second)));

    clock.advance(300);
    assert_eq!(shown(&credentials, &target), Ok(Some("opaque".to_owned())), "the file's token has ended");
    fs::remove_file(&path).expect("removed");
    clock.advance(1);
    assert_eq!(shown(&credentials, &target), Ok(Some("opaque".to_owned())));
}

#[test]
fn a_file_that_holds_nothing_is_named_by_its_variable() {
    let (credentials, _) = credentials(&[("VERCEL_OIDC_TOKEN_FILE", "/no/such/file")]);
    let message = "the file that VERCEL_OIDC_TOKEN_FILE names holds no token that can be read; see that it exists and is \
                   readable, or set VERCEL_AI_GATEWAY_API_KEY";
    assert_eq!(
        shown(&credentials, &Target::default()),
        Err((ErrorKind::CredentialUnusable, message.to_owned()))
    );
}

#[test]
fn the_origin_is_told_without_the_value() {
    let token = token_until(NOW + 60);
    let (credentials, _) = credentials(&[("VERCEL_OIDC_TOKEN", &token)]);
    let origin = credentials.origin().expect("a token");
    assert_eq!(
        origin,
        CredentialOrigin::OidcToken { variable: "VERCEL_OIDC_TOKEN", expires_at: Some(NOW + 60) }
    );
    assert_eq!(origin.to_string(), "the OIDC token of VERCEL_OIDC_TOKEN");
    assert!(!format!("{credentials:?}").contains(&token));
}
