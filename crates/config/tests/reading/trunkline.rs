//! `trunkline_settings`: defaults, file, environment.

use trunkline_config::{Section, TrunklineSettings, key_table};

use crate::{check, check_with, read_clean};

#[test]
fn defaults_then_file_then_environment() {
    let yaml = "trunkline_settings: {connect_timeout_ms: '1000', idle_timeout_ms: 5, cors_origins: [https://a.example]}";
    let settings = read_clean(yaml, &[("TRUNKLINE_IDLE_TIMEOUT_MS", "7")]).settings.trunkline;
    let expected = TrunklineSettings {
        connect_timeout_ms: 1000,
        idle_timeout_ms: 7,
        cors_origins: vec!["https://a.example".to_owned()],
        ..TrunklineSettings::default()
    };
    assert_eq!(settings, expected);

    let variables = [
        ("TRUNKLINE_CORS_ORIGINS", "https://a.example, https://b.example"),
        ("TRUNKLINE_REASONING_CONTENT", "false"),
    ];
    let settings = read_clean("", &variables).settings.trunkline;
    assert_eq!(settings.cors_origins, ["https://a.example", "https://b.example"]);
    assert!(!settings.reasoning_content);
}

#[test]
fn unknown_keys_are_errors_here() {
    check(
        "trunkline_settings:\n  body_byte_max: 1\n  wholly_unheard_of: 1\n",
        &[
            "!config.yaml:2:3: error: trunkline_settings.body_byte_max is not a key of trunkline_settings; did you mean body_bytes_max?",
            "!config.yaml:3:3: error: trunkline_settings.wholly_unheard_of is not a key of trunkline_settings",
        ],
    );
}

#[test]
fn what_does_not_fit_names_where_it_came_from() {
    check(
        "trunkline_settings:\n  idle_timeout_ms: soon\n",
        &["!config.yaml:2:20: error: trunkline_settings.idle_timeout_ms must be a whole number from 0"],
    );
    check(
        "trunkline_settings:\n  reasoning_content: 3\n",
        &["!config.yaml:2:22: error: trunkline_settings.reasoning_content must be true or false"],
    );
    check(
        "trunkline_settings:\n  connections_max: 0\n  event_bytes_max: 0\n",
        &["!config.yaml:3:20: error: trunkline_settings.event_bytes_max must be more than 0"],
    );
    check_with(
        "trunkline_settings:\n  idle_timeout_ms: 1\n",
        &[("TRUNKLINE_IDLE_TIMEOUT_MS", "soon")],
        &["!environment: error: TRUNKLINE_IDLE_TIMEOUT_MS must be a whole number from 0"],
    );
}

#[test]
fn foreign_variables_with_our_prefix_are_left_alone() {
    let kubernetes = [("TRUNKLINE_PORT", "tcp://10.0.0.1:4000"), ("TRUNKLINE_SERVICE_HOST", "10.0.0.1")];
    read_clean("", &kubernetes);
    check_with(
        "",
        &[("TRUNKLINE_BODY_BYTE_MAX", "1")],
        &[
            "environment: warning: TRUNKLINE_BODY_BYTE_MAX is not a variable that Trunkline knows; did you mean TRUNKLINE_BODY_BYTES_MAX?",
        ],
    );
}

#[test]
fn litellms_size_limits_lower_ours() {
    let yaml = "general_settings: {max_request_size_mb: 1, max_response_size_mb: 2}";
    let settings = read_clean(yaml, &[]).settings.trunkline;
    assert_eq!(settings.body_bytes_max, 1024 * 1024);
    assert_eq!(settings.body_inflated_bytes_max, 1024 * 1024);
    assert_eq!(settings.reply_bytes_max, 2 * 1024 * 1024);
    let yaml = "general_settings: {max_request_size_mb: 1000}";
    assert_eq!(read_clean(yaml, &[]).settings.trunkline.body_bytes_max, 104_857_600);
}

#[test]
fn the_table_has_the_fields_of_the_struct_with_their_defaults() {
    let defaults = serde_json::to_value(TrunklineSettings::default()).expect("numbers and texts");
    let fields: Vec<(String, String)> = defaults
        .as_object()
        .expect("a struct")
        .iter()
        .map(|(field, value)| (field.clone(), value.to_string()))
        .collect();
    let mut rows: Vec<(String, String)> = key_table()
        .iter()
        .filter(|row| row.section == Section::TrunklineSettings)
        .map(|row| (row.key.to_owned(), row.default.to_owned()))
        .collect();
    rows.sort();
    assert_eq!(rows, fields);
}
