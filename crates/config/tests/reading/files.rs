//! The files of `configs/`: each is in order, and `full.yaml` knows every supported key.

use std::path::{Path, PathBuf};

use trunkline_config::{Environment, Loaded, State, TrunklineSettings, key_table, load};

fn configs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs")
}

#[track_caller]
fn open(name: &str, variables: &[(&str, &str)]) -> Loaded {
    let environment = Environment::from_iter(variables.iter().copied());
    let loaded = load(&configs().join(name), &environment, &[]).expect("the file can be read");
    let found: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(found, Vec::<String>::new());
    loaded
}

#[test]
fn the_local_file_needs_no_key() {
    let loaded = open("local.yaml", &[]);
    let models: Vec<_> = loaded.settings.deployments.iter().map(|row| row.model.as_str()).collect();
    assert_eq!(models, ["echo/local", "openai/*"]);
}

#[test]
fn the_vercel_file_needs_its_key() {
    let loaded = open("vercel.yaml", &[("VERCEL_AI_GATEWAY_API_KEY", "vck-1")]);
    let groups: Vec<_> = loaded.settings.deployments.iter().map(|row| row.group.as_str()).collect();
    assert_eq!(groups, ["gpt-4o-gateway", "claude-4-sonnet-gateway", "vercel_ai_gateway/*"]);
}

#[test]
fn the_full_file_names_every_supported_key() {
    let loaded = open("full.yaml", &[("VERCEL_AI_GATEWAY_API_KEY", "vck-1"), ("TRUNKLINE_MASTER", "own")]);
    assert_eq!(loaded.settings.trunkline, TrunklineSettings::default());
    let text = std::fs::read_to_string(configs().join("full.yaml")).expect("the file can be read");
    for row in key_table().iter().filter(|row| row.state == State::Supported && !row.key.contains('*')) {
        assert!(text.contains(&format!("{}:", row.key)), "full.yaml does not name {}", row.key);
    }
}

#[test]
fn every_file_has_a_test() {
    let mut names: Vec<_> = std::fs::read_dir(configs())
        .expect("the directory is there")
        .map(|entry| entry.expect("it can be listed").file_name().into_string().expect("names are text"))
        .collect();
    names.sort();
    assert_eq!(names, ["full.yaml", "local.yaml", "vercel.yaml"]);
}
