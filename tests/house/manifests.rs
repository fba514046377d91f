//! Manifests: one place for versions, everything sorted, everything inherited.

use crate::findings::Findings;
use crate::tree;

/// A line `name = …` of a manifest, under its section.
struct Entry {
    section: String,
    /// Which run of lines without a blank one between them it belongs to.
    block: usize,
    name: String,
    value: String,
}

/// What every member takes from `[workspace.package]`.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "repository"];

fn manifests() -> Vec<(String, Vec<Entry>)> {
    let found = tree::metadata().packages.into_iter().map(|package| {
        let path = package.manifest_path.as_str();
        let folder = tree::root().canonicalize().expect("the root exists");
        let own = path.strip_prefix(&folder.to_string_lossy().into_owned()).unwrap_or(path);
        own.trim_start_matches('/').to_owned()
    });
    found.map(|path| (path.clone(), entries(&tree::read(&path)))).collect()
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let (mut section, mut block) = (String::new(), 0);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').filter(|line| line.ends_with(']')) {
            section = name.trim_matches(['[', ']']).to_owned();
        }
        block += usize::from(line.is_empty() || line.starts_with('['));
        // A section for one system has a `=` in its name.
        let is_entry = !line.starts_with(['#', '[']);
        let Some((name, value)) = line.split_once('=').filter(|_| is_entry) else { continue };
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        entries.push(Entry { section: section.clone(), block, name, value });
    }
    entries
}

/// The name of a dependency: `serde.workspace` is `serde`.
fn dependency(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn is_dependencies(section: &str) -> bool {
    section.ends_with("dependencies")
}

#[test]
fn versions_stand_in_the_workspace_alone() {
    let mut findings = Findings::of("workspace = true");
    for (path, entries) in manifests() {
        for entry in entries.iter().filter(|entry| is_dependencies(&entry.section)) {
            let inherits = entry.name.ends_with(".workspace") && entry.value == "true"
                || entry.value.contains("workspace = true");
            if !inherits {
                findings.note(format!("{path}: `{}` does not say `workspace = true`", entry.name));
            }
        }
    }
    findings.finish();
}

#[test]
fn every_version_in_the_workspace_is_used() {
    let mut findings = Findings::of("unused versions");
    let members = manifests();
    for entry in entries(&tree::read("Cargo.toml")) {
        let is_used = |entries: &[Entry]| {
            entries.iter().any(|used| is_dependencies(&used.section) && dependency(&used.name) == entry.name)
        };
        let is_own = entry.name.starts_with("trunkline");
        if entry.section == "workspace.dependencies"
            && !is_own
            && !members.iter().any(|(_, entries)| is_used(entries))
        {
            findings.note(format!("Cargo.toml: no crate uses `{}`", entry.name));
        }
    }
    findings.finish();
}

#[test]
fn dependencies_are_sorted() {
    let mut findings = Findings::of("sorted dependencies");
    let mut all = manifests();
    all.push(("Cargo.toml".to_owned(), entries(&tree::read("Cargo.toml"))));
    for (path, entries) in all {
        let listed: Vec<&Entry> = entries.iter().filter(|entry| is_dependencies(&entry.section)).collect();
        for pair in listed.windows(2) {
            let (first, second) = (dependency(&pair[0].name), dependency(&pair[1].name));
            if pair[0].block == pair[1].block && first >= second {
                findings.note(format!("{path}: `{second}` stands behind `{first}`"));
            }
        }
    }
    findings.finish();
}

#[test]
fn members_inherit_what_the_workspace_says() {
    let mut findings = Findings::of("inheritance");
    for (path, entries) in manifests() {
        let says = |section: &str, name: &str| {
            entries
                .iter()
                .any(|entry| entry.section == section && entry.name == name && entry.value == "true")
        };
        for name in INHERITED {
            if !says("package", &format!("{name}.workspace")) {
                findings.note(format!("{path}: `{name}` is not inherited"));
            }
        }
        if !says("lints", "workspace") {
            findings.add(&path, "the lints are not inherited");
        }
        if !entries.iter().any(|entry| entry.section == "package" && entry.name == "description") {
            findings.note(format!("{path}: no description"));
        }
    }
    findings.finish();
}

/// A crate that cannot inherit the lints, since it must lower one that is forbidden, spells out all the others.
#[test]
fn lints_that_are_not_inherited_are_the_same() {
    let mut findings = Findings::of("spelled lints");
    let lints = |path: &str, start: &str| -> Vec<(String, String, String)> {
        let entries = entries(&tree::read(path)).into_iter();
        let lints = entries.filter_map(|entry| {
            let section = entry.section.strip_prefix(start)?.to_owned();
            Some((section, entry.name, entry.value)).filter(|(_, name, _)| name != "unsafe_code")
        });
        lints.collect()
    };
    let expected = lints("Cargo.toml", "workspace.lints.");
    for (path, _) in manifests() {
        let own = lints(&path, "lints.");
        if !own.is_empty() && own != expected {
            findings.note(format!("{path}: its lints are not those of the workspace"));
        }
    }
    findings.finish();
}
