//! What is read, what is refused, and what goes on.

use super::*;

fn check(body: &str, expected: Result<&str, &str>) {
    check_in(Dialect::OpenAi, body, expected);
}

fn check_in(dialect: Dialect, body: &str, expected: Result<&str, &str>) {
    let mut document = Body::Document(Document::parse(body.to_owned()).expect("a document"));
    let outcome = take(dialect, &mut document, |_| false).map_err(|error| error.message().to_owned());
    let left = String::from_utf8(document.segments().into_bytes().to_vec()).expect("text");
    match expected {
        Ok(expected) => assert_eq!(outcome.map(|_| left), Ok(expected.to_owned()), "{body}"),
        Err(expected) => assert!(outcome.is_err_and(|message| message.contains(expected)), "{body}"),
    }
}

#[test]
fn what_is_meant_for_the_gateway_stays_here() {
    check(
        r#"{"model":"m", "num_retries": 3,"tags":["a"],"litellm_metadata":{},"mock_response":"x","n":1}"#,
        Ok(r#"{"model":"m","n":1}"#),
    );
    check(r#"{"additional_drop_params":["seed"],"seed":1,"n":1}"#, Ok(r#"{"n":1}"#));
}

#[test]
fn what_is_not_known_goes_on_untouched() {
    let body = r#"{"model":"m","providerOptions":{"gateway":{"order":["a"]}},"invented_next_year": 1.50}"#;
    check(body, Ok(body));
}

#[test]
fn metadata_goes_upstream_only_as_openai_means_it() {
    let stored = r#"{"store":true,"metadata":{"a":"b"}}"#;
    check(stored, Ok(stored));
    check(r#"{"metadata":{"a":"b"}}"#, Ok("{}"));
    check(r#"{"store":true,"metadata":{"tags":["b"]}}"#, Ok(r#"{"store":true}"#));
}

#[test]
fn other_dialects_keep_their_own_metadata() {
    let anthropic = r#"{"metadata":{"user_id":"u"},"cache_control":{"type":"ephemeral"}}"#;
    check_in(Dialect::Anthropic, anthropic, Ok(anthropic));
    let rerank = r#"{"priority":3,"tags":[]}"#;
    check_in(Dialect::Cohere, rerank, Ok(r#"{"priority":3}"#));
    let responses = r#"{"metadata":{"n":"1"},"litellm_metadata":{}}"#;
    check_in(Dialect::Responses, responses, Ok(r#"{"metadata":{"n":"1"}}"#));
}

#[test]
fn a_form_asks_for_waits_and_is_refused_the_same() {
    let form = |name: &str, value: &str| {
        let text = format!(
            "--b\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n--b--\r\n"
        );
        let kind = http::HeaderValue::from_static("multipart/form-data; boundary=b");
        Body::Form(Form::parse(text, kind).expect("a form"))
    };
    let mut waiting = form("timeout", "2.5");
    let asked = take(Dialect::OpenAi, &mut waiting, |_| false).expect("nothing refused");
    assert_eq!(asked.timeout, Some(Duration::from_millis(2500)));
    let left = waiting.segments().into_bytes();
    assert_eq!(left, "--b\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--b--\r\n");
    let refused = |name: &str, value: &str| {
        take(Dialect::OpenAi, &mut form(name, value), |_| false).map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(refused("api_key", "sk-x"), Err(ErrorKind::InvalidRequest));
    assert_eq!(refused("timeout", "soon"), Err(ErrorKind::InvalidRequest));
    assert_eq!(refused("response_format", "text"), Ok(()));
}

#[test]
fn credentials_and_promises_that_cannot_be_kept_are_refused() {
    check(r#"{"api_key":"sk-x"}"#, Err("`api_key` is not accepted"));
    check(r#"{"base_url":"http://x"}"#, Err("`base_url` is not accepted"));
    check(r#"{"guardrails":["pii"]}"#, Err("`guardrails` is not accepted"));
    check(r#"{"guardrails":[],"mock_testing_fallbacks":false}"#, Ok("{}"));
    check(r#"{"mock_testing_fallbacks":true}"#, Err("`mock_testing_fallbacks` is not accepted"));
    check(r#"{"timeout":"soon"}"#, Err("`timeout` cannot be read"));
}

#[test]
fn a_fallback_s_changes_are_looked_through_as_the_body_is() {
    let changes = |dialect, list: &str, more: &str, changes: &str| {
        let body = format!(r#"{{"{list}":[{{"model":"n",{changes}}}]{more}}}"#);
        let mut body = Body::Document(Document::parse(body).expect("a document"));
        let asked = take(dialect, &mut body, |_| true).map_err(|error| error.message().to_owned())?;
        let lists = [asked.fallbacks, asked.context_window_fallbacks, asked.content_policy_fallbacks];
        let fallback = lists.into_iter().flatten().flatten().next().expect("a fallback");
        let left = fallback.changes.expect("an object").segments().into_bytes();
        Ok::<_, String>(String::from_utf8(left.to_vec()).expect("text"))
    };
    let check = |given: &str, expected: Result<&str, &str>| {
        for list in ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"] {
            let outcome = changes(Dialect::OpenAi, list, "", given);
            match expected {
                Ok(expected) => assert_eq!(outcome.as_deref(), Ok(expected), "{given}"),
                Err(expected) => assert!(outcome.is_err_and(|told| told.contains(expected)), "{given}"),
            }
        }
    };
    for name in ["api_key", "api_base", "base_url", "user_config", "mock_testing_fallbacks", "mock_timeout"] {
        // Not even where the body itself may have it.
        check(&format!(r#""{name}":"x""#), Err(&format!("`{name}` is not accepted in a fallback")));
    }
    check(r#""api\u005fkey":"x""#, Err("`api_key` is not accepted in a fallback"));
    check(r#""guardrails":["pii"]"#, Err("`guardrails` is not accepted in a fallback"));
    check(
        r#""api_key":null,"timeout":1,"fallbacks":["o"],"mock_response":"x","litellm_metadata":{},"tags":[],"metadata":{"a":"b"},"n":1"#,
        Ok(r#"{"n":1}"#),
    );
    check(r#""store":true,"metadata":{"a":"b"}"#, Ok(r#"{"store":true,"metadata":{"a":"b"}}"#));
    check(r#""store":true,"metadata":{"tags":["b"]}"#, Ok(r#"{"store":true}"#));
    let openai = |more: &str, given: &str| changes(Dialect::OpenAi, "fallbacks", more, given);
    assert_eq!(
        openai(r#","additional_drop_params":["seed"]"#, r#""seed":1,"n":1"#).as_deref(),
        Ok(r#"{"n":1}"#)
    );
    assert_eq!(
        openai(r#","store":true"#, r#""metadata":{"a":"b"}"#).as_deref(),
        Ok(r#"{"metadata":{"a":"b"}}"#)
    );
    let own = changes(Dialect::Anthropic, "fallbacks", "", r#""metadata":{"user_id":"u"}"#);
    assert_eq!(own.as_deref(), Ok(r#"{"metadata":{"user_id":"u"}}"#));
}

#[test]
fn test_switches_are_known_by_name() {
    let allowed = |body: &str| {
        let mut body = Body::Document(Document::parse(body.to_owned()).expect("a document"));
        take(Dialect::OpenAi, &mut body, |_| true).map_err(|error| error.message().to_owned())
    };
    for (name, failure) in [
        ("mock_testing_fallbacks", MockFailure::Any),
        ("mock_testing_context_fallbacks", MockFailure::ContextWindow),
        ("mock_testing_content_policy_fallbacks", MockFailure::ContentPolicy),
        ("mock_testing_rate_limit_error", MockFailure::RateLimit),
        ("mock_timeout", MockFailure::Timeout),
    ] {
        let asked = allowed(&format!(r#"{{"{name}":true,"mock_delay":0.25}}"#)).expect("allowed");
        assert_eq!(asked.mock_failure, Some(failure));
        assert_eq!(asked.mock_delay, Some(Duration::from_millis(250)));
        check(&format!(r#"{{"{name}":true}}"#), Err(&format!("`{name}` is not accepted")));
    }
    // One that is not known would be believed in, and test nothing.
    let unknown = allowed(r#"{"mock_testing_fallback":true}"#).expect_err("not known");
    assert!(unknown.contains("no test switch of this name"), "{unknown}");
    check(r#"{"mock_delay":1}"#, Err("`mock_delay` is not accepted"));
    assert!(allowed(r#"{"mock_delay":"soon"}"#).is_err());
}

#[test]
fn waits_are_read() {
    let document = Document::parse(&br#"{"timeout":1.5,"stream_timeout":null}"#[..]).expect("a document");
    let asked = take(Dialect::OpenAi, &mut Body::Document(document), |_| false).expect("nothing refused");
    assert_eq!(asked.timeout, Some(Duration::from_millis(1500)));
    assert_eq!(asked.stream_timeout, None);
}
