//! Links in our Markdown lead somewhere, and the map of the house shows every crate.

use crate::findings::Findings;
use crate::{markdown, tree};

/// Every page of ours.
fn pages() -> Vec<String> {
    tree::files(&["."], ".md")
}

#[test]
fn every_relative_link_leads_to_a_file_or_a_heading() {
    let mut findings = Findings::of("links");
    for page in pages() {
        let text = tree::read(&page);
        for (number, line) in markdown::prose(&text) {
            for target in markdown::links(line) {
                if let Some(problem) = problem(&page, &text, target) {
                    findings.note(format!("{page}:{number}: {problem}"));
                }
            }
        }
    }
    findings.finish();
}

fn problem(page: &str, text: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let linked = if path.is_empty() { page.to_owned() } else { joined(folder, path) };
    if !tree::root().join(&linked).exists() {
        return Some(format!("`{target}` leads to {linked}, which does not exist"));
    }
    if anchor.is_empty() || !linked.ends_with(".md") {
        return None;
    }
    let text = if path.is_empty() { text.to_owned() } else { tree::read(&linked) };
    let known = markdown::anchors(&text).iter().any(|known| known == anchor);
    (!known).then(|| format!("`{target}`: {linked} has no heading `#{anchor}`"))
}

fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn every_crate_is_on_the_map() {
    let mut findings = Findings::of("the map in docs/architecture.md");
    let map = tree::read("docs/architecture.md");
    for package in tree::metadata().packages {
        let name = package.name.as_str();
        if !map.contains(&format!("`{name}`")) {
            findings.note(format!("docs/architecture.md does not name `{name}`"));
        }
    }
    findings.finish();
}
