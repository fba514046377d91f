//! Sizes that keep the house liveable: files, functions, and the one crate that must stay thin.

use crate::findings::Findings;
use crate::{source, tree};

const FILE_LINES_MAX: usize = 500;
const FILE_LINES_WARN: usize = 300;
const FUNCTION_LINES_MAX: usize = 100;
const FUNCTION_LINES_WARN: usize = 70;
/// Flags, folders, signals, and who knows whom: what only a process has. WHEN IT GROWS past this, look for what a library
/// could do.
const SERVER_LINES_MAX: usize = 2_000;

/// Tests at the end of a file do not count; files of tests do.
#[test]
fn files_are_short() {
    let mut findings = Findings::of("file-lines");
    for file in source::all().into_iter().filter(|file| file.lines() > FILE_LINES_WARN) {
        let whole = file.lines();
        let file = file.parse();
        let without_tests = file.lines_without_tests();
        let lines = if without_tests == 0 { whole } else { without_tests };
        if lines > FILE_LINES_MAX {
            findings.add(&file.path, &format!("{lines} lines, of {FILE_LINES_MAX} at most"));
        } else if lines > FILE_LINES_WARN {
            println!("warning: {} has {lines} lines; most have under {FILE_LINES_WARN}", file.path);
        }
    }
    findings.finish();
}

#[test]
fn functions_are_short() {
    let mut findings = Findings::of("function-lines");
    for file in source::all().into_iter().filter(|file| file.lines() > FUNCTION_LINES_WARN) {
        let file = file.parse();
        for function in &file.functions {
            let what = format!("{}::{}", file.path, function.name);
            if function.lines > FUNCTION_LINES_MAX {
                findings.add(&what, &format!("{} lines, of {FUNCTION_LINES_MAX} at most", function.lines));
            } else if function.lines > FUNCTION_LINES_WARN {
                println!(
                    "warning: {what} has {} lines; most have under {FUNCTION_LINES_WARN}",
                    function.lines
                );
            }
        }
    }
    findings.finish();
}

#[test]
fn the_server_stays_thin() {
    let mut findings = Findings::of("server-lines");
    let files = source::all().into_iter().filter(|file| file.path.starts_with("crates/server/src/"));
    let sizes: Vec<(String, usize)> =
        files.map(|file| (file.path.clone(), file.parse().lines_without_tests())).collect();
    let sum: usize = sizes.iter().map(|(_, lines)| lines).sum();
    if sum > SERVER_LINES_MAX {
        findings
            .note(format!("crates/server/src has {sum} lines without tests, of {SERVER_LINES_MAX} at most"));
        for (path, lines) in sizes {
            findings.note(format!("{lines:5} {path}"));
        }
    }
    let told = format!("`crates/server` under {},{:03}", SERVER_LINES_MAX / 1000, SERVER_LINES_MAX % 1000);
    if !tree::read("docs/architecture.md").contains(&told) {
        findings.note(format!("docs/architecture.md does not say `{told}`"));
    }
    findings.finish();
}
