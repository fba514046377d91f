//! The files of a crate know one another in one direction, as its crates do.

use std::collections::{BTreeMap, BTreeSet};

use crate::findings::Findings;
use crate::source::{self, SourceFile, SourceText, Token};

/// The modules of one crate by their paths (`document::member`), and the files that hold them. The root is empty.
type Modules = BTreeMap<String, SourceFile>;

#[test]
fn no_file_is_in_a_circle_with_another() {
    let mut findings = Findings::of("circle");
    for (root, modules) in crates() {
        let brought = brought_to_the_root(&modules);
        let knows: BTreeMap<&str, BTreeSet<String>> = modules
            .iter()
            .map(|(name, file)| (name.as_str(), known(name, file, &modules, &brought)))
            .collect();
        for (name, file) in modules.iter().filter(|(name, _)| !name.is_empty()) {
            if let Some(way) = way_back(name, &knows) {
                // One line for each circle: at the first of its files by name.
                if way.iter().all(|other| name.as_str() <= other.as_str()) {
                    findings.add(&file.path, &format!("{root}: {name} → {} → {name}", way.join(" → ")));
                }
            }
        }
    }
    findings.finish();
}

/// Every crate with a `src` folder, by that folder. Files of tests alone are left out.
fn crates() -> BTreeMap<String, Modules> {
    let mut crates: BTreeMap<String, Modules> = BTreeMap::new();
    for file in source::all() {
        let Some((folder, inner)) = file.path.split_once("/src/").map(|(a, b)| (a.to_owned(), b.to_owned()))
        else {
            continue;
        };
        let name = inner.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        let name = if matches!(name.as_str(), "lib" | "main") { String::new() } else { name };
        let file = SourceText::parse(file);
        if !file.is_test(1) && !name.starts_with("bin::") {
            crates.entry(folder).or_default().insert(name, file);
        }
    }
    crates
}

/// The names that the root brings up from its modules by `pub use`, with the modules that they stand in.
fn brought_to_the_root(modules: &Modules) -> BTreeMap<String, String> {
    let mut brought = BTreeMap::new();
    let Some(root) = modules.get("") else { return brought };
    for path in used_paths(root, &["pub", "use"]) {
        if let (Some(name), Some(module)) = (path.last(), module_of(&path, modules)) {
            brought.insert(name.clone(), module);
        }
    }
    brought
}

/// The modules of the same crate that a file names, by `crate::`, by `super::`, or as its own children.
fn known(
    name: &str,
    file: &SourceFile,
    modules: &Modules,
    brought: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let own: Vec<String> = segments(name);
    let parent = own[..own.len().saturating_sub(1)].to_vec();
    let mut paths: Vec<Vec<String>> = used_paths(file, &["crate"]);
    let above = used_paths(file, &["super"]);
    paths.extend(above.into_iter().map(|path| [parent.clone(), path].concat()));
    let mut known: BTreeSet<String> = BTreeSet::new();
    for path in paths {
        let of_root = || path.first().and_then(|first| brought.get(first)).cloned();
        known.extend(module_of(&path, modules).or_else(of_root));
    }
    for child in modules.keys().filter(|child| is_child(name, child)) {
        let last = child.rsplit("::").next().unwrap_or_default();
        if !used_paths(file, &[last]).is_empty() {
            known.insert(child.clone());
        }
    }
    // A file and the files in its folder are one thing told in parts: a part may name what it is a part of.
    known.retain(|other| other != name && !name.starts_with(&format!("{other}::")));
    known
}

fn is_child(name: &str, other: &str) -> bool {
    let rest = other.strip_prefix(name).and_then(|rest| rest.strip_prefix("::"));
    !name.is_empty() && rest.is_some_and(|rest| !rest.contains("::"))
}

fn segments(name: &str) -> Vec<String> {
    name.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The longest beginning of a path that is a module, other than the root.
fn module_of(path: &[String], modules: &Modules) -> Option<String> {
    let beginnings = (1..=path.len()).rev().map(|length| path[..length].join("::"));
    beginnings.into_iter().find(|beginning| modules.contains_key(beginning))
}

/// What follows `start ::` wherever it stands outside of tests, groups in braces taken apart.
/// After `pub use` no `::` is needed.
fn used_paths(file: &SourceFile, start: &[&str]) -> Vec<Vec<String>> {
    let tokens = &file.tokens;
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut paths = Vec::new();
    for at in 0..tokens.len() {
        let begins = start.iter().enumerate().all(|(offset, word)| text(at + offset) == *word);
        let is_inside = at >= 2 && text(at - 1) == ":" && text(at - 2) == ":";
        if !begins || file.is_test(tokens[at].line) || (is_inside && start[0] != "pub") {
            continue;
        }
        let mut next = at + start.len();
        if start.last() != Some(&"use") {
            if (text(next), text(next + 1)) != (":", ":") {
                continue;
            }
            next += 2;
        }
        branch(tokens, &mut next, &mut Vec::new(), &mut paths);
    }
    paths
}

/// Reads one branch of a path from `at` on, and moves `at` behind it.
fn branch(tokens: &[Token], at: &mut usize, before: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    if text(*at) == "{" {
        *at += 1;
        while !matches!(text(*at), "}" | "") {
            branch(tokens, at, &mut before.clone(), paths);
            while !matches!(text(*at), "," | "}" | "") {
                *at += 1;
            }
            *at += usize::from(text(*at) == ",");
        }
        *at += 1;
        return;
    }
    before.push(text(*at).to_owned());
    *at += 1;
    if (text(*at), text(*at + 1)) == (":", ":") && text(*at + 2) != "<" {
        *at += 2;
        return branch(tokens, at, before, paths);
    }
    paths.push(std::mem::take(before));
}

/// The modules between one and itself again, by the shortest way; none, where no way leads back.
fn way_back(name: &str, knows: &BTreeMap<&str, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen: BTreeSet<String> = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in &ways {
            let last = way.last().map_or(name, String::as_str);
            for next in knows.get(last).into_iter().flatten() {
                if next == name {
                    return Some(way.clone());
                }
                if seen.insert(next.clone()) {
                    longer.push([way.as_slice(), std::slice::from_ref(next)].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

#[test]
fn paths_are_taken_apart() {
    let text = "use crate::{A, b::{C, d::E}, f::*};\nfn g() { crate::h::i(); }\n#[cfg(test)]\nmod t { use crate::j; }\n";
    let file = SourceText { path: "crates/x/src/y.rs".to_owned(), text: text.to_owned() }.parse();
    let paths: Vec<String> = used_paths(&file, &["crate"]).iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["A", "b::C", "b::d::E", "f::*", "h::i"]);
}
