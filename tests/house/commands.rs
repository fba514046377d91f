//! The commands that our pages tell people to run exist.

use std::collections::BTreeSet;

use syn::{Fields, Item};

use crate::findings::Findings;
use crate::{markdown, source, tree};

/// What a command can name.
struct Known {
    recipes: BTreeSet<String>,
    packages: BTreeSet<String>,
    binaries: BTreeSet<String>,
    examples: BTreeSet<String>,
    flags: BTreeSet<String>,
}

#[test]
fn every_command_in_the_docs_exists() {
    let mut findings = Findings::of("commands in the docs");
    let known = Known::read();
    for page in tree::files(&["."], ".md") {
        for (line, command) in markdown::commands(&tree::read(&page)) {
            for part in command.split(['|', ';']).flat_map(|part| part.split("&&")) {
                for problem in known.problems(part) {
                    findings.note(format!("{page}:{line}: {problem}"));
                }
            }
        }
    }
    findings.finish();
}

/// The README's two commands, which every other page takes for granted.
#[test]
fn the_readme_starts_the_server_and_runs_the_tests() {
    let mut findings = Findings::of("README.md");
    let commands = markdown::commands(&tree::read("README.md"));
    for wanted in ["cargo run --release", "./tests/run"] {
        if !commands.iter().any(|(_, command)| command.split('#').next().is_some_and(|c| c.trim() == wanted))
        {
            findings.note(format!("README.md does not say `{wanted}` in a block of commands"));
        }
    }
    let root = tree::read("Cargo.toml");
    if !root.contains("default-members = [\"crates/server\"]") {
        findings.note("Cargo.toml: `cargo run` starts something other than crates/server");
    }
    findings.finish();
}

impl Known {
    fn read() -> Self {
        let metadata = tree::metadata();
        let targets = |kind: &str| {
            let targets = metadata.packages.iter().flat_map(|package| &package.targets);
            let of_kind = targets.filter(|target| target.kind.iter().any(|found| found.to_string() == kind));
            of_kind.map(|target| target.name.clone()).collect()
        };
        Self {
            recipes: recipes(),
            packages: metadata.packages.iter().map(|package| package.name.to_string()).collect(),
            binaries: targets("bin"),
            examples: targets("example"),
            flags: flags(),
        }
    }

    /// What is wrong with a command; nothing, where it is not one of ours.
    fn problems(&self, command: &str) -> Vec<String> {
        let words: Vec<&str> = command.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
        let begin = words.iter().position(|word| !is_variable(word)).unwrap_or(words.len());
        let words = &words[begin..];
        let Some(program) = words.first() else { return Vec::new() };
        let mut problems: Vec<String> = words.iter().filter_map(|word| missing_file(word)).collect();
        let named = |flag: &str, known: &BTreeSet<String>| {
            let given = words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1));
            given.filter(|name| !known.contains(**name)).map(|name| format!("there is no `{flag} {name}`"))
        };
        match *program {
            "just" => {
                let recipe = words.get(1).filter(|recipe| !self.recipes.contains(**recipe));
                problems.extend(recipe.map(|recipe| format!("the justfile has no recipe `{recipe}`")));
            }
            "cargo" => {
                problems.extend(named("-p", &self.packages));
                problems.extend(named("--bin", &self.binaries));
                problems.extend(named("--example", &self.examples));
                if let Some(at) = words.iter().position(|word| *word == "--").filter(|_| words[1] == "run") {
                    problems.extend(self.unknown_flags(&words[at + 1..]));
                }
            }
            "trunkline" => problems.extend(self.unknown_flags(&words[1..])),
            _ => {}
        }
        problems
    }

    fn unknown_flags(&self, words: &[&str]) -> Vec<String> {
        let flags = words.iter().filter_map(|word| word.strip_prefix("--"));
        let names = flags.map(|flag| flag.split('=').next().unwrap_or(flag).replace('-', "_"));
        let unknown = names.filter(|name| !self.flags.contains(name));
        unknown.map(|name| format!("trunkline has no flag `--{name}`")).collect()
    }
}

fn is_variable(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| {
        name.chars().all(|letter| letter.is_ascii_uppercase() || matches!(letter, '_' | '0'..='9'))
    })
}

/// Files of ours that a command names: `./tests/run`, `configs/vercel.yaml`.
fn missing_file(word: &str) -> Option<String> {
    let own = ["./", "configs/", "crates/", "docs/", "tests/"].iter().any(|start| word.starts_with(start));
    let path = word.trim_start_matches("./");
    let missing = own && !word.contains(['<', '…', '*']) && !tree::root().join(path).exists();
    missing.then(|| format!("`{word}` does not exist"))
}

/// The names before the colons of the justfile.
fn recipes() -> BTreeSet<String> {
    let text = tree::read("justfile");
    let lines = text.lines().filter(|line| line.starts_with(|letter: char| letter.is_ascii_alphabetic()));
    let heads = lines.filter_map(|line| line.split_once(':')).filter(|(_, rest)| !rest.starts_with('='));
    heads.filter_map(|(head, _)| head.split_whitespace().next().map(str::to_owned)).collect()
}

/// The long flags of the server: the fields of the structs in flags.rs.
fn flags() -> BTreeSet<String> {
    let file = source::one("crates/server/src/flags.rs");
    let mut flags: BTreeSet<String> = ["help", "strict"].map(str::to_owned).into();
    for item in &file.syntax.items {
        if let Item::Struct(item) = item
            && let Fields::Named(fields) = &item.fields
        {
            flags.extend(fields.named.iter().filter_map(|field| Some(field.ident.as_ref()?.to_string())));
        }
    }
    flags
}
