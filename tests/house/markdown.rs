//! Reading our Markdown: marked tables, links, headings, code blocks.

use crate::findings::Findings;
use crate::tree;

/// The rows of the table that stands between `<!-- name: begin -->` and `<!-- name: end -->`, without its head.
pub(crate) fn table(path: &str, name: &str) -> Vec<Vec<String>> {
    let text = tree::read(path);
    let (begin, end) = (format!("<!-- {name}: begin -->"), format!("<!-- {name}: end -->"));
    let marked = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
    let (marked, _) = marked.unwrap_or_else(|| panic!("{path} has no `{begin}` and `{end}`"));
    marked.lines().filter(|line| line.starts_with('|')).skip(2).map(cells).collect()
}

fn cells(row: &str) -> Vec<String> {
    let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// Holds the first cells of a marked table against what they must be, in that order.
pub(crate) fn compare(
    findings: &mut Findings,
    path: &str,
    name: &str,
    cells: usize,
    expected: &[Vec<String>],
) {
    let shown = |row: &[String]| format!("| {} |", row.join(" | "));
    let found: Vec<Vec<String>> =
        table(path, name).into_iter().map(|row| row.into_iter().take(cells).collect()).collect();
    for row in expected.iter().filter(|row| !found.contains(row)) {
        findings.note(format!("{path} lacks the row {}", shown(row)));
    }
    for row in found.iter().filter(|row| !expected.contains(row)) {
        findings.note(format!("{path} has the row {}, which the code has not", shown(row)));
    }
    let same = found.len() == expected.len() && expected.iter().all(|row| found.contains(row));
    if same && found != expected {
        findings.note(format!("the rows of {path} stand in another order than in the code"));
    }
}

/// The lines outside of fenced code blocks, with their numbers.
pub(crate) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        (!in_code).then_some((index + 1, line))
    })
}

/// The lines of fenced blocks of shell commands, continued lines joined.
pub(crate) fn commands(text: &str) -> Vec<(usize, String)> {
    let mut commands: Vec<(usize, String)> = Vec::new();
    let mut language: Option<&str> = None;
    let mut continues = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(after) = line.trim_start().strip_prefix("```") {
            language = if language.is_some() { None } else { Some(after.trim()) };
        } else if matches!(language, Some("sh" | "bash" | "console")) {
            let part = line.trim_end_matches('\\').trim();
            match commands.last_mut() {
                Some((_, command)) if continues => *command = format!("{command} {part}"),
                _ => commands.push((index + 1, part.to_owned())),
            }
            continues = line.ends_with('\\');
        }
    }
    commands.retain(|(_, command)| !command.is_empty() && !command.starts_with('#'));
    commands
}

/// The targets of a line's inline links.
pub(crate) fn links(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    let mut rest = line;
    while let Some((_, after)) = rest.split_once("](") {
        let Some((target, more)) = after.split_once(')') else { break };
        targets.push(target.split_whitespace().next().unwrap_or_default());
        rest = more;
    }
    targets
}

/// What a link to a heading of this text may end with, as the sites that show Markdown make it.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        if !line.starts_with('#') || !title.starts_with(' ') {
            continue;
        }
        let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' ');
        let slug: String = title.trim().to_lowercase().chars().filter(kept).collect();
        let slug = slug.replace(' ', "-");
        let twins = anchors.iter().filter(|other| {
            other.strip_prefix(slug.as_str()).is_some_and(|rest| {
                rest.is_empty() || rest.strip_prefix('-').is_some_and(|count| count.parse::<usize>().is_ok())
            })
        });
        let twins = twins.count();
        anchors.push(if twins == 0 { slug } else { format!("{slug}-{twins}") });
    }
    anchors
}

#[test]
fn headings_become_anchors() {
    let text = "# The `walk` of one request\n```sh\n# no heading\n```\n## `a_b`\n### `a_b`\n#hash\n";
    assert_eq!(anchors(text), ["the-walk-of-one-request", "a_b", "a_b-1"]);
}

#[test]
fn commands_are_joined_where_a_line_goes_on() {
    let text = "```sh\n# a comment\njust ci\ncargo run \\\n  --release\n```\n```rust\nlet no = 1;\n```\n";
    assert_eq!(commands(text), [(3, "just ci".to_owned()), (4, "cargo run --release".to_owned())]);
}
