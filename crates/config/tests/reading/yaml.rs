//! YAML as such: places, loose types, and what is no YAML.

use trunkline_config::{Environment, LoadError, parse};

use crate::{check, read_clean};

#[test]
fn nothing_is_a_configuration_too() {
    for text in ["", "# only a comment\n", "---\n", "{}", "model_list:\n", "model_list: []\n"] {
        let loaded = read_clean(text, &[]);
        assert!(loaded.settings.deployments.is_empty(), "{text:?}");
        assert!(!loaded.is_fatal() && !loaded.has_errors());
    }
}

#[track_caller]
fn check_unreadable(text: &str, expected: &str) {
    let error = parse(text, "config.yaml", &Environment::empty(), &[]).expect_err("this is no YAML");
    assert!(matches!(error, LoadError::Yaml { .. }));
    assert_eq!(error.to_string(), expected);
}

#[test]
fn bad_yaml_is_an_error_with_its_place_and_the_parsers_words() {
    check_unreadable("model_list:\n  - a: [1, 2\n", "config.yaml:2:8: unclosed bracket '['");
    check_unreadable("a: 1\n b: 2\n", "config.yaml:2:3: mapping values are not allowed in this context");
    check_unreadable("a: \"open\n", "config.yaml:1:4: unclosed quote");
    check_unreadable("a: 1\n---\nb: 2\n", "config.yaml:3:1: a second document begins; one file holds one");
    check_unreadable("a: *nowhere\n", "config.yaml:1:4: alias references unknown anchor");
}

#[test]
fn bad_yaml_does_not_show_what_stands_around_it() {
    let text = "general_settings:\n  master_key: sk-very-private\n  : [\n";
    let error = parse(text, "config.yaml", &Environment::empty(), &[]).expect_err("this is no YAML");
    assert!(!error.to_string().contains("private"), "{error}");
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(parse(&text, "config.yaml", &Environment::empty(), &[]).is_err());
}

#[test]
fn a_file_cut_anywhere_is_read_or_refused() {
    let text = include_str!("../../../../configs/vercel.yaml");
    let environment = Environment::from_iter([("VERCEL_AI_GATEWAY_API_KEY", "vck-1")]);
    let (mut read, mut refused) = (0, 0);
    for (cut, _) in text.char_indices() {
        match parse(&text[..cut], "config.yaml", &environment, &[]) {
            Ok(_) => read += 1,
            Err(LoadError::Yaml { location, .. }) => {
                assert!(location.line > 0, "a cut at {cut} has no place");
                refused += 1;
            }
            Err(other) => panic!("a cut at {cut} gives {other}"),
        }
    }
    assert!(read > 500 && refused > 50, "{read} read, {refused} refused");
}

#[test]
fn the_file_must_be_a_mapping() {
    check("- a\n", &["!config.yaml:1:1: error: the file must be a mapping, not a list"]);
    check("just text", &["!config.yaml:1:1: error: the file must be a mapping, not text"]);
}

#[test]
fn a_section_must_be_a_mapping() {
    check(
        "general_settings: [1]\nrouter_settings: off\nlitellm_settings:\n",
        &[
            "!config.yaml:1:19: error: general_settings must be a mapping, not a list",
            "!config.yaml:2:18: error: router_settings must be a mapping, not true or false",
        ],
    );
}

#[test]
fn of_a_key_that_stands_twice_the_later_counts() {
    let loaded = check(
        "general_settings:\n  completion_model: a\n  completion_model: b\n",
        &["config.yaml:3:3: warning: completion_model stands twice; it replaces the one of line 2"],
    );
    assert_eq!(loaded.settings.general.completion_model.as_deref(), Some("b"));
}

#[test]
fn loose_types_are_taken_as_litellm_takes_them() {
    let yaml = "
litellm_settings: {request_timeout: '600', sse_keepalive_ping_interval_seconds: 15, json_logs: 'True', http2: 1}
router_settings: {timeout: 1.5, stream_timeout: 0}
general_settings: {enforce_user_param: yes, global_max_parallel_requests: '10', health_check_details: off}
";
    let settings = read_clean(yaml, &[]).settings;
    assert_eq!(settings.upstream.timeout.map(|wait| wait.as_millis()), Some(600_000));
    assert_eq!(settings.upstream.stream_timeout, None);
    assert_eq!(settings.keepalive.map(|wait| wait.as_secs()), Some(15));
    assert!(settings.json_logs && settings.upstream.http2 && settings.general.enforce_user_param);
    assert!(!settings.general.health_check_details);
    assert_eq!(settings.general.global_max_parallel_requests, Some(10));
}

#[test]
fn what_does_not_fit_is_an_error_that_does_not_show_it() {
    check(
        "litellm_settings:\n  request_timeout: soon\n  ssl_verify: /etc/ca.pem\nrouter_settings:\n  timeout: -1\n  stream_timeout: [1]\n",
        &[
            "!config.yaml:2:20: error: litellm_settings.request_timeout must be a number of seconds, from 0 to a year",
            "!config.yaml:3:15: error: litellm_settings.ssl_verify must be true or false",
            "!config.yaml:5:12: error: router_settings.timeout must be a number of seconds, from 0 to a year",
            "!config.yaml:6:19: error: router_settings.stream_timeout must be a number of seconds, from 0 to a year, not a list",
        ],
    );
}

#[test]
fn a_lone_letter_is_a_text() {
    let yaml = "{general_settings: {completion_model: y}, model_list: [{model_name: n, litellm_params: {model: echo/a, stop: [y, N, yes]}}]}";
    let settings = read_clean(yaml, &[]).settings;
    assert_eq!(settings.general.completion_model.as_deref(), Some("y"));
    assert_eq!(settings.deployments[0].group, "n");
    assert_eq!(settings.deployments[0].defaults.get("stop"), Some(r#"["y","N",true]"#));
    check(
        "general_settings: {completion_model: 4.10}",
        &[
            "!config.yaml:1:38: error: general_settings.completion_model must be text, in quotes if it looks like something else",
        ],
    );
}

#[test]
fn anchors_and_merge_keys_work() {
    let yaml = "
model_list:
- model_name: a
  litellm_params: &base {model: echo/a, timeout: 5}
- model_name: b
  litellm_params: {<<: *base, model: echo/b}
";
    let deployments = read_clean(yaml, &[]).settings.deployments;
    assert_eq!(deployments[1].model, "echo/b");
    assert_eq!(deployments[1].timeout.map(|wait| wait.as_secs()), Some(5));
}
