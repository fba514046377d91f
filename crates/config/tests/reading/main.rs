//! What the reader makes of files: settings, diagnostics and their places.

mod cache;
mod deployments;
mod fallbacks;
mod files;
mod included;
mod references;
mod routed_deployments;
mod routing;
mod sections;
mod stored;
mod table;
mod trunkline;
mod yaml;

use trunkline_config::{Environment, Loaded, parse};

/// Reads a text as `config.yaml` in an environment of its own.
fn read(yaml: &str, variables: &[(&str, &str)]) -> Loaded {
    let environment = Environment::from_iter(variables.iter().copied());
    parse(yaml, "config.yaml", &environment, &[]).expect("the text is YAML")
}

/// Reads a text in which everything is in order.
fn read_clean(yaml: &str, variables: &[(&str, &str)]) -> Loaded {
    let loaded = read(yaml, variables);
    assert_eq!(lines(&loaded), Vec::<String>::new());
    loaded
}

/// The diagnostics as they are printed.
fn lines(loaded: &Loaded) -> Vec<String> {
    loaded.diagnostics.iter().map(ToString::to_string).collect()
}

/// Reads a text and compares what there is to say about it. Fatal diagnostics are marked with `!`.
#[track_caller]
fn check(yaml: &str, expected: &[&str]) -> Loaded {
    check_with(yaml, &[], expected)
}

#[track_caller]
fn check_with(yaml: &str, variables: &[(&str, &str)], expected: &[&str]) -> Loaded {
    let loaded = read(yaml, variables);
    let mark = |fatal| if fatal { "!" } else { "" };
    let found: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|diagnostic| format!("{}{diagnostic}", mark(diagnostic.fatal)))
        .collect();
    assert_eq!(found, expected);
    loaded
}
