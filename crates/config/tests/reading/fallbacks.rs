//! Fallbacks: LiteLLM's forms, and groups that the file does not have.

use crate::{check, read_clean};

const GROUPS: &str = "model_list:
- {model_name: a, litellm_params: {model: echo/a}}
- {model_name: b, litellm_params: {model: openai/b}, model_info: {id: b-1}}
- {model_name: wild/*, litellm_params: {model: openai/*}}
";

fn list(group: &str, targets: &[&str]) -> (String, Vec<String>) {
    (group.to_owned(), targets.iter().map(|target| (*target).to_owned()).collect())
}

#[test]
fn lists_of_mappings_or_one_mapping_in_their_order() {
    let yaml = format!(
        "{GROUPS}router_settings:
  fallbacks: [{{b: [a, b-1]}}, {{a: [wild/x, alias], wild/*: [openai/b]}}, {{}}]
  context_window_fallbacks: {{b: [a], '*': [wild/long]}}
  content_policy_fallbacks: [{{wild/any: [a]}}, ]
  default_fallbacks: [b, a]
  model_group_alias: {{alias: a}}
"
    );
    let routing = read_clean(&yaml, &[]).settings.routing;
    assert_eq!(
        routing.fallbacks,
        [list("b", &["a", "b-1"]), list("a", &["wild/x", "alias"]), list("wild/*", &["openai/b"])]
    );
    assert_eq!(routing.context_window_fallbacks, [list("b", &["a"]), list("*", &["wild/long"])]);
    assert_eq!(routing.content_policy_fallbacks, [list("wild/any", &["a"])]);
    assert_eq!(routing.default_fallbacks, ["b", "a"]);
}

#[test]
fn the_star_of_fallbacks_is_the_default() {
    let default = |members: &str| {
        let routing = read_clean(&format!("{GROUPS}router_settings: {{{members}}}"), &[]).settings.routing;
        assert_eq!(routing.fallbacks, [list("a", &["b"])]);
        routing.default_fallbacks
    };
    assert_eq!(default("fallbacks: [{'*': [b]}, {a: [b]}]"), ["b"]);
    assert_eq!(default("fallbacks: [{a: [b]}, {'*': [b]}], default_fallbacks: [a]"), ["a"]);
    assert_eq!(default("fallbacks: {a: [b]}"), Vec::<String>::new());
}

#[test]
fn litellm_settings_count_where_the_router_is_silent() {
    let yaml = format!(
        "{GROUPS}litellm_settings: {{fallbacks: [{{a: [b]}}], default_fallbacks: [a], context_window_fallbacks: [{{a: [b]}}]}}
router_settings: {{fallbacks: [{{b: [a]}}], content_policy_fallbacks: [{{a: [wild/x]}}]}}
"
    );
    let routing = read_clean(&yaml, &[]).settings.routing;
    assert_eq!(routing.fallbacks, [list("b", &["a"])]);
    assert_eq!(routing.context_window_fallbacks, [list("a", &["b"])]);
    assert_eq!(routing.content_policy_fallbacks, [list("a", &["wild/x"])]);
    assert_eq!(routing.default_fallbacks, ["a"]);
}

#[test]
fn names_that_lead_nowhere_are_told_of() {
    let loaded = check(
        &format!(
            "{GROUPS}litellm_settings:
  default_fallbacks: [gone]
router_settings:
  fallbacks:
  - a: [b, gone]
  - lost: [a]
  - a: [b]
  context_window_fallbacks: {{b: [wilt/x]}}
"
        ),
        &[
            "config.yaml:6:23: warning: litellm_settings.default_fallbacks[0] names `gone`, which is no group of model_list",
            "config.yaml:9:12: warning: router_settings.fallbacks[0].a[1] names `gone`, which is no group of model_list",
            "config.yaml:10:5: warning: router_settings.fallbacks[1].lost names `lost`, which is no group of model_list",
            "config.yaml:11:5: warning: router_settings.fallbacks[2].a has no effect: this group has its list further up",
            "config.yaml:12:34: warning: router_settings.context_window_fallbacks.b[0] names `wilt/x`, which is no group of model_list",
        ],
    );
    assert_eq!(loaded.settings.routing.fallbacks, [list("a", &["b", "gone"]), list("lost", &["a"])]);
}

#[test]
fn a_group_is_no_fallback_of_its_own() {
    let loaded = check(
        &format!(
            "{GROUPS}router_settings:\n  fallbacks: [{{a: [a, b]}}]\n  context_window_fallbacks: [{{b: [{{model: b}}]}}]\n"
        ),
        &[
            "config.yaml:6:20: warning: router_settings.fallbacks[0].a[0] names the group itself, and is skipped",
            "config.yaml:7:35: warning: router_settings.context_window_fallbacks[0].b[0] names the group itself, and is skipped",
        ],
    );
    assert_eq!(loaded.settings.routing.fallbacks, [list("a", &["b"])]);
}

#[test]
fn a_slip_in_a_name_finds_the_group_that_was_meant() {
    check(
        "model_list: [{model_name: claude-sonnet, litellm_params: {model: echo/a}}]\nrouter_settings: {default_fallbacks: [claude-sonet]}\n",
        &[
            "config.yaml:2:39: warning: router_settings.default_fallbacks[0] names `claude-sonet`, which is no group of model_list; did you mean claude-sonnet?",
        ],
    );
}

#[test]
fn a_group_in_a_mapping_is_taken_without_the_rest() {
    let loaded = check(
        &format!("{GROUPS}router_settings:\n  fallbacks: [{{a: [{{model: b, temperature: 0}}, b-1]}}]\n"),
        &[
            "config.yaml:6:31: warning: router_settings.fallbacks[0].a[0].temperature is not supported: a fallback gets the body as the caller sent it",
        ],
    );
    assert_eq!(loaded.settings.routing.fallbacks, [list("a", &["b", "b-1"])]);
}

#[test]
fn what_is_no_list_of_groups_names_its_place() {
    check(
        &format!(
            "{GROUPS}router_settings:
  fallbacks: [a, {{a: b}}, {{b: [[a], {{temperature: 0}}, true]}}]
  context_window_fallbacks: a
  default_fallbacks: {{a: [b]}}
"
        ),
        &[
            "!config.yaml:6:15: error: router_settings.fallbacks[0] must be a mapping of a group to a list of groups",
            "!config.yaml:6:22: error: router_settings.fallbacks[1].a must be a list of groups",
            "!config.yaml:6:31: error: router_settings.fallbacks[2].b[0] must be the name of a group, not a list",
            "!config.yaml:6:36: error: router_settings.fallbacks[2].b[1] must be the name of a group, not a mapping",
            "!config.yaml:6:54: error: router_settings.fallbacks[2].b[2] must be the name of a group",
            "!config.yaml:7:29: error: router_settings.context_window_fallbacks must be a list",
            "!config.yaml:8:22: error: router_settings.default_fallbacks must be a list of groups, not a mapping",
        ],
    );
}
