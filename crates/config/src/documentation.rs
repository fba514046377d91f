//! The key table as Markdown, for `docs/configuration.md`.

use std::fmt::Write as _;

use crate::keys::{self, KeyRow, Section, State, Values};

/// The key table as Markdown, one table a section. A test holds `docs/configuration.md` to it.
pub fn key_table_markdown() -> String {
    let core = || keys::key_table().iter().filter(|row| row.core);
    let supported = core().filter(|row| row.state == State::Supported).count();
    let accepted = core().filter(|row| matches!(row.state, State::Accepted { .. })).count();
    let mut page = format!(
        "★ marks the {} keys that LiteLLM's documentation and users turn to most: {supported} of them are supported, {accepted} accepted.\nA `*` in a key stands for any text.\n\n",
        core().count(),
    );
    for section in Section::ALL {
        let title = match section.path() {
            "" => "Top level".to_owned(),
            path => format!("`{path}`"),
        };
        let _ =
            write!(page, "### {title}\n\n| key | state | default | meaning |\n| --- | --- | --- | --- |\n");
        for row in keys::rows(section) {
            let _ = writeln!(page, "{}", line(row));
        }
        page.push('\n');
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn line(row: &KeyRow) -> String {
    let star = if row.core { " ★" } else { "" };
    let default = if row.default.is_empty() { String::new() } else { format!("`{}`", row.default) };
    format!("| `{}`{star} | {} | {default} | {} |", row.key, state(row.state), row.meaning)
}

fn state(state: State) -> String {
    match state {
        State::Supported => "**supported**".to_owned(),
        State::Accepted { when: Values::Any, why } => format!("accepted: {why}"),
        State::Accepted { when, why } => format!("accepted if {}: {why}", values(when)),
        State::NotSupported { restricts: Values::Nothing, why, .. } => format!("not supported: {why}"),
        State::NotSupported { restricts: Values::Any, why, .. } => {
            format!("not supported, stops the start: {why}")
        }
        State::NotSupported { restricts, why, .. } => {
            format!("not supported, stops the start if {}: {why}", values(restricts))
        }
    }
}

fn values(values: Values) -> String {
    match values {
        Values::Any => "anything".to_owned(),
        Values::Nothing => "nothing".to_owned(),
        Values::On => "true".to_owned(),
        Values::Off => "off or 0".to_owned(),
        Values::OneOf(texts) => format!("`{}`", texts.join("`, `")),
    }
}
