//! What code does not do here, in tests or outside of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::findings::Findings;
use crate::source;

/// Tokens that stand nowhere, and why.
const NOWHERE: &[(&str, &str)] = &[
    ("# [ ignore", "a test that does not run protects nothing"),
    ("# [ should_panic", "it passes for any panic; assert what is returned"),
    ("todo !", "a stub is a defect"),
    ("unimplemented !", "a stub is a defect"),
    ("dbg !", "left over from a search"),
    ("set_var", "the environment is a value, handed down"),
    ("remove_var", "the environment is a value, handed down"),
];

/// Tokens that stand in tests alone, and why.
const TESTS_ONLY: &[(&str, &str)] = &[
    (". unwrap ( )", "say with `expect` why it cannot fail, or return the error"),
    (". unwrap_err ( )", "say with `expect_err` why it cannot succeed"),
    ("panic !", "no input may reach a panic; return the error"),
];

/// Tokens that stand outside of tests alone, and why. The testkit's simulator is no test and may take its time.
const NEVER_IN_TESTS: &[(&str, &str)] = &[
    ("sleep", "pause the clock, or wait for what is to happen"),
    ("sleep_until", "pause the clock, or wait for what is to happen"),
];

#[test]
fn nothing_is_left_undone_unsaid_or_asleep() {
    let mut findings = Findings::of("conduct");
    let patterns = [NOWHERE, TESTS_ONLY, NEVER_IN_TESTS].concat();
    let words: Vec<&str> = patterns.iter().flat_map(|(pattern, _)| word_of(pattern)).collect();
    for file in source::mentioning(&words) {
        for (pattern, why) in NOWHERE {
            for line in file.find(pattern) {
                findings.add(&file.path, &format!("line {line}: `{pattern}`: {why}"));
            }
        }
        for (pattern, why) in TESTS_ONLY {
            for line in file.find(pattern).into_iter().filter(|line| !file.is_test(*line)) {
                findings.add(&file.path, &format!("line {line}: `{pattern}`: {why}"));
            }
        }
        for (pattern, why) in NEVER_IN_TESTS {
            for line in file.find(pattern).into_iter().filter(|line| file.is_test(*line)) {
                findings.add(&file.path, &format!("line {line}: `{pattern}`: {why}"));
            }
        }
    }
    findings.finish();
}

/// The one word of a pattern, which a file without it need not be parsed for.
fn word_of(pattern: &'static str) -> Option<&'static str> {
    pattern.split(' ').find(|token| token.starts_with(char::is_alphabetic))
}

/// Every task has an owner that ends it: a `JoinSet`, or the one file that keeps the handles.
#[test]
fn tasks_are_spawned_in_one_file_of_a_crate() {
    let mut findings = Findings::of("spawn");
    let mut spawning: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in source::mentioning(&["spawn"]) {
        let lines = ["tokio : : spawn", "task : : spawn"].map(|pattern| file.find(pattern)).concat();
        if lines.into_iter().any(|line| !file.is_test(line)) {
            spawning.entry(file.folder().to_owned()).or_default().insert(file.path);
        }
    }
    for (folder, files) in spawning {
        if files.len() > 1 {
            let files: Vec<String> = files.into_iter().collect();
            findings.add(&folder, &format!("tasks are spawned in {}", files.join(", ")));
        }
    }
    findings.finish();
}

/// The environment is a value: whoever reads the process's own stands in `exceptions.txt`.
#[test]
fn the_environment_is_read_in_few_places() {
    let mut findings = Findings::of("environment");
    for file in source::mentioning(&["env::"]).iter().filter(|file| !file.path.starts_with("tests/")) {
        for pattern in ["env : : var", "env : : vars", "env : : var_os", "env : : vars_os"] {
            for line in file.find(pattern).into_iter().filter(|line| !file.is_test(*line)) {
                findings.add(&file.path, &format!("line {line}: `{pattern}`: take an `Environment`"));
            }
        }
    }
    findings.finish();
}
