//! What can be configured has an effect: whatever the configuration reads, assembly or server hands on.

use std::collections::BTreeSet;

use syn::{Fields, Item, Visibility};

use crate::findings::Findings;
use crate::source::{self, SourceFile, SourceText};

/// The files whose public structs are what a configuration says.
const READ: [&str; 4] = [
    "crates/config/src/settings.rs",
    "crates/config/src/deployment_settings.rs",
    "crates/config/src/routing_settings.rs",
    "crates/config/src/trunkline_settings.rs",
];

/// The files whose public structs are what the server sets of the gateway and of calls to upstreams.
const SET: [&str; 2] = ["crates/gateway/src/settings.rs", "crates/provider/src/target.rs"];

#[test]
fn every_setting_that_is_read_has_an_effect() {
    let mut findings = Findings::of("setting");
    let mut used = accessed(&["crates/assembly/src/", "crates/server/src/"]);
    for path in READ {
        // Some are handed on together, by a method of the settings.
        used.extend(own(&source::one(path)));
    }
    for path in READ {
        for (name, line) in fields(&source::one(path)) {
            if !used.contains(&name) {
                findings.add(
                    &format!("{path}::{name}"),
                    &format!("line {line}: neither crates/assembly nor crates/server looks at it"),
                );
            }
        }
    }
    // What is handed on must be looked at where it arrives.
    let used = accessed(&[
        "crates/gateway/src/",
        "crates/provider/src/",
        "crates/providers/",
        "crates/router/src/",
        "crates/transport/src/",
    ]);
    for path in SET {
        for (name, line) in fields(&source::one(path)) {
            if !used.contains(&name) {
                findings.add(&format!("{path}::{name}"), &format!("line {line}: nothing looks at it"));
            }
        }
    }
    findings.finish();
}

/// The public fields of a file's public structs.
fn fields(file: &SourceFile) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for item in &file.syntax.items {
        let Item::Struct(item) = item else { continue };
        let Fields::Named(fields) = &item.fields else { continue };
        for field in &fields.named {
            if let (Visibility::Public(_), Some(name)) = (&field.vis, &field.ident) {
                found.push((name.to_string(), name.span().start().line));
            }
        }
    }
    found
}

/// The fields that a file's own methods look at.
fn own(file: &SourceFile) -> impl Iterator<Item = String> {
    let reached = file.tokens.windows(3).filter(|three| three[0].text == "self" && three[1].text == ".");
    reached.map(|three| three[2].text.clone())
}

/// Every name that is reached through a dot in these folders, outside of tests.
fn accessed(folders: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let inside = |file: &SourceText| folders.iter().any(|folder| file.path.starts_with(folder));
    for file in source::all().into_iter().filter(inside).map(SourceText::parse) {
        for pair in file.tokens.windows(2) {
            if pair[0].text == "." && !file.is_test(pair[1].line) {
                names.insert(pair[1].text.clone());
            }
        }
    }
    names
}
