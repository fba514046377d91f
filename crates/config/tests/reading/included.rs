//! `include`, and files that cannot be read.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use trunkline_config::{Environment, LoadError, Loaded, load};

use crate::check;

/// A directory with these files in it.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("it stands in the directory"))
            .expect("directories can be made");
        fs::write(path, text).expect("files can be written");
    }
    directory
}

fn open(directory: &TempDir) -> Result<Loaded, LoadError> {
    load(&directory.path().join("config.yaml"), &Environment::empty(), &[])
}

/// The texts without the directory.
fn relative(directory: &TempDir, texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let prefix = format!("{}/", directory.path().display());
    texts.into_iter().map(|text| text.replace(&prefix, "")).collect()
}

fn found(directory: &TempDir, loaded: &Loaded) -> Vec<String> {
    relative(directory, loaded.diagnostics.iter().map(ToString::to_string))
}

#[track_caller]
fn check_fails(files: &[(&str, &str)], expected: &str) {
    let directory = directory(files);
    let error = open(&directory).expect_err("it cannot be read");
    assert_eq!(relative(&directory, [error.to_string()]), [expected]);
}

#[test]
fn lists_are_joined_and_other_keys_replaced() {
    let directory = directory(&[
        (
            "config.yaml",
            "include: [models/a.yaml, models/b.yaml]\nmodel_list:\n- {model_name: one, litellm_params: {model: echo/1}}\ngeneral_settings: {completion_model: x, enforce_user_param: true}\n",
        ),
        (
            "models/a.yaml",
            "include: [c.yaml]\nmodel_list:\n- {model_name: two, litellm_params: {model: echo/2}}\n",
        ),
        ("models/b.yaml", "include: [c.yaml]\ngeneral_settings: {completion_model: y}\n"),
        (
            "models/c.yaml",
            "model_list:\n- {model_name: three, litellm_params: {model: echo/3}}\n\n- {model_name: four}\n",
        ),
    ]);
    let loaded = open(&directory).expect("all files are there");
    let groups: Vec<_> = loaded.settings.deployments.iter().map(|row| row.group.as_str()).collect();
    assert_eq!(groups, ["one", "two", "three"]);
    assert_eq!(loaded.settings.general.completion_model.as_deref(), Some("y"));
    assert!(!loaded.settings.general.enforce_user_param);
    assert_eq!(
        relative(&directory, loaded.files.iter().map(|file| file.display().to_string())),
        ["config.yaml", "models/a.yaml", "models/c.yaml", "models/b.yaml"]
    );
    assert_eq!(
        found(&directory, &loaded),
        [
            "models/c.yaml:4:3: error: model_list[3].litellm_params.model is missing; the row is left out",
            "models/b.yaml:2:1: note: general_settings replaces the one of config.yaml:4:1",
        ]
    );
}

#[test]
fn a_path_that_is_not_beside_the_declaring_file_is_sought_beside_the_first() {
    let directory = directory(&[
        ("config.yaml", "include: [deep/a.yaml]\n"),
        ("deep/a.yaml", "include: [b.yaml]\n"),
        ("b.yaml", "model_list:\n- {model_name: one, litellm_params: {model: echo/1}}\n"),
    ]);
    let loaded = open(&directory).expect("all files are there");
    assert_eq!(loaded.settings.deployments.len(), 1);
    assert_eq!(
        found(&directory, &loaded),
        [
            "deep/a.yaml:1:11: warning: b.yaml does not stand beside the file that includes it; b.yaml is read instead"
        ]
    );
}

#[test]
fn missing_files_and_circles_are_errors_with_their_line() {
    check_fails(
        &[("config.yaml", "include:\n- a.yaml\n- gone.yaml\n"), ("a.yaml", "")],
        "config.yaml:3:3: cannot read the included file gone.yaml",
    );
    check_fails(
        &[("config.yaml", "include: [a.yaml]\n"), ("a.yaml", "include:\n- config.yaml\n")],
        "a.yaml:2:3: config.yaml includes itself",
    );
    check_fails(
        &[("config.yaml", "include: [config.yaml]\n")],
        "config.yaml:1:11: config.yaml includes itself",
    );
    check_fails(&[], "cannot read config.yaml");
    check_fails(
        &[("config.yaml", "include: [a.yaml]\n"), ("a.yaml", "a: [\n")],
        "a.yaml:1:4: unclosed bracket '['",
    );
}

#[test]
fn a_file_that_is_not_text_is_refused() {
    let directory = directory(&[]);
    fs::write(directory.path().join("config.yaml"), b"a: \xff\n").expect("files can be written");
    let error = open(&directory).expect_err("it is no UTF-8");
    assert_eq!(relative(&directory, [error.to_string()]), ["config.yaml is not UTF-8 text"]);
}

#[test]
fn include_must_be_a_list_of_paths() {
    let directory = directory(&[("config.yaml", "include: {a: b}\n")]);
    let loaded = open(&directory).expect("the file is there");
    assert!(loaded.is_fatal());
    assert_eq!(found(&directory, &loaded), ["config.yaml:1:10: error: include must be a list of paths"]);
    let refusal = loaded.refusal().expect("it is fatal");
    assert!(refusal.ends_with("config.yaml:1:10: error: include must be a list of paths"), "{refusal}");
}

#[test]
fn of_several_that_are_fatal_the_first_is_told() {
    let file = "litellm_settings: {cache_params: {mode: no, port: 70000, ttl: -1}}\n";
    let loaded = open(&directory(&[("config.yaml", file)])).expect("the file is there");
    let fatal = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.fatal).count();
    assert!(fatal > 1, "{:?}", loaded.diagnostics);
    let end = format!("; and {} more, which `trunkline check` tells", fatal - 1);
    let refusal = loaded.refusal().expect("it is fatal");
    assert!(refusal.contains("cache_params.mode") && refusal.ends_with(&end), "{refusal}");
    assert_eq!(open(&directory(&[("config.yaml", "")])).expect("the file is there").refusal(), None);
}

#[test]
fn a_text_cannot_include_files() {
    check("include: [a.yaml]\n", &["!config.yaml:1:1: error: include needs a file that it is relative to"]);
    check("include: []\n", &[]);
}

#[test]
fn a_path_without_a_directory_is_read_from_where_the_process_stands() {
    let error =
        load(Path::new("no-such-file.yaml"), &Environment::empty(), &[]).expect_err("it is not there");
    assert_eq!(error.to_string(), "cannot read no-such-file.yaml");
}
