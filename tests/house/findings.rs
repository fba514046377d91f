//! What a rule found, less what `exceptions.txt` allows.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The rules that exceptions can be made from, by the names that they have in `exceptions.txt`.
const RULES: &[&str] = &[
    "circle",
    "conduct",
    "environment",
    "file-lines",
    "file-name",
    "first-line",
    "function-lines",
    "inheritance",
    "setting",
    "spawn",
    "word",
];

static EXCEPTIONS: &str = include_str!("exceptions.txt");

/// Collects the offenders of one rule.
pub(crate) struct Findings {
    rule: &'static str,
    offenders: Vec<String>,
    /// What is exempt, and whether anything needed it.
    exempt: BTreeMap<String, bool>,
}

impl Findings {
    /// None yet. A rule that is not in `RULES` has no exceptions.
    pub(crate) fn of(rule: &'static str) -> Self {
        let exempt = exceptions().filter(|line| line.rule == rule).map(|line| (line.what.to_owned(), false));
        Self { rule, offenders: Vec::new(), exempt: exempt.collect() }
    }

    /// Notes that `what`, a path or `path::name`, breaks the rule, unless it is exempt.
    pub(crate) fn add(&mut self, what: &str, how: &str) {
        if let Some(used) = self.exempt.get_mut(what) {
            *used = true;
        } else {
            self.offenders.push(format!("{what}: {how}"));
        }
    }

    /// Notes something that has no place of its own.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.offenders.push(what.into());
    }

    /// Fails if there are offenders, or exceptions that nothing needs.
    pub(crate) fn finish(mut self) {
        for (what, used) in &self.exempt {
            if !used {
                let rule = self.rule;
                self.offenders.push(format!("exceptions.txt: {rule} | {what}: nothing needs it any more"));
            }
        }
        let mut list = String::new();
        for offender in &self.offenders {
            writeln!(list, "  {offender}").expect("writing to a text does not fail");
        }
        assert!(self.offenders.is_empty(), "{} against `{}`:\n{list}", self.offenders.len(), self.rule);
    }
}

struct Exception<'t> {
    rule: &'t str,
    what: &'t str,
    why: &'t str,
}

fn exceptions() -> impl Iterator<Item = Exception<'static>> {
    EXCEPTIONS.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).map(|line| {
        let mut parts = line.splitn(3, '|').map(str::trim);
        let mut part = || parts.next().unwrap_or_default();
        Exception { rule: part(), what: part(), why: part() }
    })
}

#[test]
fn every_exception_names_a_rule_and_a_reason() {
    let mut findings = Findings::of("exceptions");
    for Exception { rule, what, why } in exceptions() {
        if !RULES.contains(&rule) {
            findings.note(format!("`{rule}` is no rule that has exceptions; those are {}", RULES.join(", ")));
        }
        if what.is_empty() || why.split_whitespace().count() < 3 {
            findings.note(format!("{rule} | {what} | {why}: needs what is exempt, and why"));
        }
    }
    findings.finish();
}
