//! Every key of a section held against the key table: what is unknown or without effect is told of.

use crate::diagnostic::{Report, Severity};
use crate::keys::{self, KeyRow, Section, State, Values};
use crate::node::Member;
use crate::reference::join;

/// The keys that an operator allows to be without effect although they restrict something.
pub(crate) struct Allowances<'a> {
    allowed: &'a [String],
    used: Vec<bool>,
}

impl<'a> Allowances<'a> {
    pub(crate) fn new(allowed: &'a [String]) -> Self {
        Self { allowed, used: vec![false; allowed.len()] }
    }

    /// Whether the path is allowed: in full, with or without indices, or by its last segments.
    fn allow(&mut self, path: &str) -> bool {
        let plain = without_indices(path);
        let mut allowed = false;
        for (entry, used) in self.allowed.iter().zip(&mut self.used) {
            if ends_in(path, entry) || ends_in(&plain, entry) {
                *used = true;
                allowed = true;
            }
        }
        allowed
    }

    /// The entries that fitted nothing.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &str> {
        self.allowed.iter().zip(&self.used).filter(|(_, used)| !**used).map(|(entry, _)| entry.as_str())
    }
}

/// Whether the path is the entry, or ends in it at a segment's boundary.
fn ends_in(path: &str, entry: &str) -> bool {
    path.strip_suffix(entry).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// `model_list[2].model_info` as `model_list.model_info`.
fn without_indices(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    for (index, part) in path.split(['[', ']']).enumerate() {
        if index % 2 == 0 {
            plain.push_str(part);
        }
    }
    plain
}

/// Reviews the members of one section that stands at `path`.
pub(crate) fn review(
    section: Section,
    members: &[Member],
    path: &str,
    allowances: &mut Allowances<'_>,
    report: &mut Report,
) {
    for member in members {
        let path = join(path, &member.key);
        match keys::find(section, &member.key) {
            Some(row) => judge(row, member, &path, allowances, report),
            None => unknown(section, member, &path, report),
        }
    }
}

fn judge(row: &KeyRow, member: &Member, path: &str, allowances: &mut Allowances<'_>, report: &mut Report) {
    if member.node.is_null() {
        return;
    }
    match row.state {
        State::Supported => {}
        State::Accepted { when, why } => {
            if !when.contain(&member.node) {
                report.warn(&member.location, path, format!("has no effect with this value: {why}"));
            }
        }
        State::NotSupported { harmless, restricts, why } => {
            if harmless.contain(&member.node) {
                return;
            }
            if !restricts.contain(&member.node) {
                report.warn(&member.location, path, format!("is not supported: {why}"));
            } else if allowances.allow(path) {
                let message = format!("is not supported and restricts nothing, as was allowed: {why}");
                report.warn(&member.location, path, message);
            } else {
                let message = format!(
                    "is not supported, and what it restricts would go unrestricted: {why}; remove it, or start with --allow-unsupported {}",
                    member.key
                );
                report.fatal(&member.location, path, message);
            }
        }
    }
}

fn unknown(section: Section, member: &Member, path: &str, report: &mut Report) {
    const UNKNOWN: &str = "is not a key that Trunkline or LiteLLM knows";
    let near = keys::nearest(section, &member.key);
    let suggestion = near.map(str::to_owned).or_else(|| {
        let row = keys::elsewhere(section, &member.key)?;
        Some(join(row.section.path(), row.key))
    });
    // A short name is near many, and a parameter of an upstream's is no slip.
    let may_be_slip = !matches!(section, Section::LitellmParams | Section::ModelInfo) && member.key.len() > 5;
    let suggestion =
        suggestion.or_else(|| may_be_slip.then(|| keys::begun_alike(section, &member.key)).flatten());
    let (severity, message) = match section {
        Section::TrunklineSettings => (Severity::Error, "is not a key of trunkline_settings".to_owned()),
        Section::RouterSettings if member.key == "health_check_interval" => {
            (Severity::Error, "belongs in general_settings".to_owned())
        }
        // LiteLLM keeps whatever stands there, and so does `/model/info` here: only a slip is worth a word.
        Section::ModelInfo if near.is_none() => return,
        Section::LitellmParams if is_sent_upstream(&member.key) => (
            Severity::Warning,
            format!("{UNKNOWN}; it goes upstream as it stands when the caller does not send it"),
        ),
        Section::TopLevel
        | Section::ModelList
        | Section::LitellmParams
        | Section::ModelInfo
        | Section::LitellmSettings
        | Section::RouterSettings
        | Section::GeneralSettings => (Severity::Warning, UNKNOWN.to_owned()),
    };
    let diagnostic = report.add(severity, &member.location, path, message);
    diagnostic.fatal = severity == Severity::Error;
    diagnostic.suggestion = suggestion;
}

/// Whether a key of `litellm_params` that nobody knows goes upstream as a parameter, as it does in LiteLLM.
///
/// One that looks like a slip of a key with another purpose stays here: it may well be a credential.
pub(crate) fn is_sent_upstream(key: &str) -> bool {
    keys::nearest(Section::LitellmParams, key).is_none_or(keys::is_parameter)
}

/// Whether a key must not lose its value to a variable that is not set.
pub(crate) fn needs_its_value(section: Section, key: &str) -> bool {
    match keys::find(section, key).map(|row| row.state) {
        Some(State::Supported) => true,
        Some(State::NotSupported { restricts, .. }) => restricts != Values::Nothing,
        Some(State::Accepted { .. }) | None => false,
    }
}
