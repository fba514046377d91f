//! Names say what a thing is, and each file begins by saying what it is for.

use syn::Item;

use crate::findings::Findings;
use crate::source::{self, SourceFile, SourceText, Token};

/// Names of files and modules that could hold anything.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc"];

/// Words that the house does not use, because each stands for several things (docs/architecture.md, "Words").
const WORDS: &[&str] = &[
    "backend", "backends", "engine", "engines", "manager", "managers", "helper", "helpers", "util", "utils",
    "misc",
];

#[test]
fn every_file_begins_with_one_sentence_that_says_what_it_is_for() {
    let mut findings = Findings::of("first-line");
    for file in source::all() {
        let first = file.text.lines().next().unwrap_or_default();
        match first.strip_prefix("//! ").map(str::trim) {
            None => findings.add(&file.path, "does not begin with a `//!` line"),
            Some(text) if !text.ends_with('.') => {
                findings.add(&file.path, "its first line is not one whole sentence, with a full stop");
            }
            Some(text) if text.trim_end_matches('.').contains(". ") => {
                findings.add(&file.path, "its first line holds more than one sentence");
            }
            Some(_) => {}
        }
    }
    findings.finish();
}

#[test]
fn files_and_modules_are_named_by_what_is_in_them() {
    let mut findings = Findings::of("file-name");
    for file in source::all() {
        let parts = file.path.split('/').map(|part| part.trim_end_matches(".rs"));
        if let Some(name) = parts.into_iter().find(|part| EMPTY_NAMES.contains(part)) {
            findings.add(&file.path, &format!("`{name}` could hold anything"));
        }
        let lines = file.text.lines().map(|line| line.trim().trim_end_matches([';', '{', '}', ' ']));
        let modules = lines.filter_map(|line| line.rsplit_once("mod ").map(|(_, name)| name));
        for name in modules.filter(|name| EMPTY_NAMES.contains(name)) {
            findings.add(&format!("{}::{name}", file.path), "such a module could hold anything");
        }
    }
    findings.finish();
}

#[test]
fn words_that_mean_too_much_are_in_no_name() {
    let mut findings = Findings::of("word");
    let sources = source::all().into_iter().filter(|file| file.path.contains("/src/"));
    let is_word = |word: &String| WORDS.contains(&word.as_str());
    for file in sources.filter(|file| mentions_a_word(&file.text)).map(SourceText::parse) {
        for name in names(&file) {
            if let Some(word) = words(&name.text).into_iter().find(is_word) {
                findings.add(
                    &format!("{}::{}", file.path, name.text),
                    &format!("line {}: `{word}` is no word of the house", name.line),
                );
            }
        }
    }
    findings.finish();
}

fn mentions_a_word(text: &str) -> bool {
    let text = text.to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// The names in a file, less those that others chose: what `use` brings in, what stands before `::`, and what
/// is called behind a dot. Names of our own are found where they are given.
fn names(file: &SourceFile) -> impl Iterator<Item = &Token> {
    let mut in_use = false;
    let text = |index: usize| file.tokens.get(index).map(|token| token.text.as_str());
    file.tokens.iter().enumerate().filter_map(move |(index, token)| {
        // `+ use<'a>` is a bound of a type and brings in nothing.
        in_use |= token.text == "use" && text(index + 1) != Some("<");
        in_use &= token.text != ";";
        let is_name = token.text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
        let leads = text(index + 1) == Some(":") && text(index + 2) == Some(":");
        let follows = index > 0 && text(index - 1) == Some(".");
        (is_name && !in_use && !leads && !follows && !file.is_test(token.line)).then_some(token)
    })
}

/// The words of a name, in lower case: `HttpProvider` and `http_provider` are `http` and `provider`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for letter in name.chars() {
        let begins = letter == '_' || (letter.is_uppercase() && after_small);
        if begins {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut().expect("there is one from the start").extend(letter.to_lowercase());
        }
        after_small = letter.is_lowercase() || letter.is_numeric();
    }
    words
}

#[test]
fn names_are_taken_apart() {
    assert_eq!(words("HttpProvider"), ["http", "provider"]);
    assert_eq!(words("ENGINE_MAX"), ["engine", "max"]);
    assert_eq!(words("is_backend2"), ["is", "backend2"]);
}

#[test]
fn modules_of_tests_are_built_for_tests_alone() {
    let mut findings = Findings::of("cfg(test)");
    let sources = source::mentioning(&["mod tests", "_tests"]);
    for file in sources.iter().filter(|file| file.path.contains("/src/")) {
        for item in &file.syntax.items {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let is_tests = name == "tests" || name.ends_with("_tests");
            if is_tests && !module.attrs.iter().any(source::is_for_tests) {
                findings.note(format!("{}: `mod {name}` lacks #[cfg(test)]", file.path));
            }
        }
    }
    findings.finish();
}
