//! The tables of docs/benchmarks.md, made of raw results: nothing stands in them that was not measured.

use crate::comparison::{Spread, compare};
use crate::lanes::{Against, Goal, Kind, LANES, Lane};
use crate::peers::NAMES as PEERS;
use crate::results::Results;

const BEGIN: &str = "<!-- results: begin -->";
const END: &str = "<!-- results: end -->";

/// Where the raw results of a page stand, beside it.
pub(crate) const RAW: &str = "benchmarks.json";

/// The page with the results put between its two marks.
///
/// # Errors
///
/// Says which mark is missing.
pub(crate) fn page_with(page: &str, results: &Results) -> Result<String, String> {
    let missing = |mark: &str| format!("the page lacks the line `{mark}`");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(|| missing(BEGIN))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| missing(END))?;
    let raw = format!("\nEvery figure of the run: [{RAW}]({RAW}).\n");
    Ok(format!("{before}{BEGIN}\n{}{raw}{END}{after}", markdown(results)))
}

/// All tables.
pub(crate) fn markdown(results: &Results) -> String {
    let database = if results.database.is_empty() { "SQLite" } else { &results.database };
    let mut text = format!(
        "Machine: {}. Trunkline {}, on with {database}; {} rounds of {} s each; run at {} (seconds since 1970).\n",
        results.machine, results.version, results.rounds, results.seconds, results.taken_at
    );
    section(&mut text, "CPU time, in µs for each call or event", CPU_HEAD, &cpu_rows(results));
    section(&mut text, "Latency, memory, start and scale", OTHER_HEAD, &other_rows(results));
    section(&mut text, "Other gateways in the same run", PEER_HEAD, &peer_rows(results));
    if !results.notes.is_empty() {
        text.push_str("\nWhat went otherwise than it should:\n\n");
        results.notes.iter().for_each(|note| text.push_str(&format!("- {note}\n")));
    }
    text
}

const CPU_HEAD: &[&str] =
    &["lane", "sends", "floor", "off", "on", "off / floor", "on / floor", "spread", "goal", "met"];
const OTHER_HEAD: &[&str] =
    &["lane", "figure", "subject", "median", "spread", "held against", "is", "goal", "met"];
const PEER_HEAD: &[&str] = &["lane", "gateway", "figure", "median", "spread", "times Trunkline (on)"];

fn section(text: &mut String, title: &str, head: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}:\n\n| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len())));
    rows.iter().for_each(|row| text.push_str(&format!("| {} |\n", row.join(" | "))));
}

fn is_cpu(lane: &Lane) -> bool {
    matches!(lane.kind, Kind::Calls(_) | Kind::Paced { .. })
}

fn cpu_rows(results: &Results) -> Vec<Vec<String>> {
    let lanes = LANES.iter().filter(|lane| is_cpu(lane) && !results.subjects(lane.name).is_empty());
    let row = |lane: &Lane| {
        let of = |subject, against| compare(results, lane.name, subject, "cpu_us", against);
        let median = |spread: Option<Spread>| spread.map_or_else(dash, |spread| number(spread.median));
        let ratio = of("on", Against::Ratio("floor"));
        let goals: Vec<&Goal> =
            lane.goals.iter().filter(|goal| judged(results, lane, goal).is_some()).collect();
        let texts = goals.iter().map(|goal| format!("{} {}", goal.subject, goal_text(goal)));
        let met = goals.iter().map(|goal| verdict(results, lane, goal));
        vec![
            lane.name.to_owned(),
            lane.sends.to_owned(),
            median(of("floor", Against::Itself)),
            median(of("off", Against::Itself)),
            median(of("on", Against::Itself)),
            median(of("off", Against::Ratio("floor"))),
            median(ratio),
            ratio.map_or_else(dash, range),
            or_dash(texts.collect::<Vec<_>>().join("; ")),
            or_dash(met.collect::<Vec<_>>().join("; ")),
        ]
    };
    lanes.map(row).collect()
}

/// The one figure that a lane is about, and what other lines of its table are held against.
fn figure_of(lane: &Lane) -> (&'static str, &'static str) {
    match lane.kind {
        Kind::Calls(_) | Kind::Paced { .. } => ("cpu_us", "floor"),
        Kind::Features(_) => ("cpu_us", "off"),
        Kind::Scale(_) => ("cpu_us", "10"),
        Kind::Latency(_) => ("added_p50_us", "floor"),
        Kind::ColdStart => ("first_reply_ms", "floor"),
        Kind::Memory(memory) => match memory {
            crate::lanes::Memory::Idle | crate::lanes::Memory::Load => ("rss_kib", "floor"),
            crate::lanes::Memory::PerStream => ("kib_a_stream", "floor"),
            crate::lanes::Memory::AfterBurst => ("times_idle", "floor"),
        },
    }
}

fn other_rows(results: &Results) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for lane in LANES.iter().filter(|lane| !is_cpu(lane)) {
        let (main, base) = figure_of(lane);
        let figures: Vec<&str> =
            if main == "added_p50_us" { vec!["p50_us", main, "p99_us", "added_p99_us"] } else { vec![main] };
        for figure in figures {
            let subjects = results.subjects(lane.name).into_iter().filter(|name| !PEERS.contains(name));
            rows.extend(subjects.filter_map(|subject| other_row(results, lane, figure, subject, base)));
        }
    }
    rows
}

fn other_row(
    results: &Results,
    lane: &Lane,
    figure: &str,
    subject: &str,
    base: &'static str,
) -> Option<Vec<String>> {
    let own = compare(results, lane.name, subject, figure, Against::Itself)?;
    let goal = lane.goals.iter().find(|goal| goal.subject == subject && goal.figure == figure);
    let usual = if figure == figure_of(lane).0 { Against::Ratio(base) } else { Against::Itself };
    let against = goal.map_or(usual, |goal| goal.against);
    let held = match against {
        Against::Ratio(other) if other != subject => format!("/ {other}"),
        Against::Difference(other) => format!("− {other}"),
        Against::Ratio(_) | Against::Itself => dash(),
    };
    let compared = compare(results, lane.name, subject, figure, against);
    Some(vec![
        lane.name.to_owned(),
        figure.to_owned(),
        subject.to_owned(),
        number(own.median),
        range(own),
        held.clone(),
        compared.filter(|_| held != "–").map_or_else(dash, |spread| number(spread.median)),
        goal.map_or_else(dash, goal_text),
        goal.map_or_else(dash, |goal| verdict(results, lane, goal)),
    ])
}

fn peer_rows(results: &Results) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for lane in LANES {
        for subject in results.subjects(lane.name).into_iter().filter(|name| PEERS.contains(name)) {
            for figure in ["cpu_us", "first_reply_ms", "rss_kib"] {
                let Some(own) = compare(results, lane.name, subject, figure, Against::Itself) else {
                    continue;
                };
                let times = compare(results, lane.name, subject, figure, Against::Ratio("on"));
                rows.push(vec![
                    lane.name.to_owned(),
                    subject.to_owned(),
                    figure.to_owned(),
                    number(own.median),
                    range(own),
                    times.map_or_else(dash, |spread| number(spread.median)),
                ]);
            }
        }
    }
    rows
}

fn judged(results: &Results, lane: &Lane, goal: &Goal) -> Option<f64> {
    compare(results, lane.name, goal.subject, goal.figure, goal.against).map(|spread| spread.median)
}

fn verdict(results: &Results, lane: &Lane, goal: &Goal) -> String {
    match judged(results, lane, goal) {
        Some(figure) if figure <= goal.most => "met".to_owned(),
        Some(_) => "**missed**".to_owned(),
        None => dash(),
    }
}

fn goal_text(goal: &Goal) -> String {
    match goal.against {
        Against::Ratio("floor") | Against::Itself => format!("≤ {}", number(goal.most)),
        Against::Ratio(other) => format!("≤ {} × {other}", number(goal.most)),
        Against::Difference(other) => format!("≤ {other} + {}", number(goal.most)),
    }
}

fn range(spread: Spread) -> String {
    format!("{}–{}", number(spread.least), number(spread.greatest))
}

/// Three significant digits, or all those before the point.
fn number(figure: f64) -> String {
    let size = figure.abs();
    if size >= 100.0 || size == 0.0 {
        format!("{figure:.0}")
    } else if size >= 10.0 {
        format!("{figure:.1}")
    } else if size >= 0.1 {
        format!("{figure:.2}")
    } else {
        format!("{figure:.4}")
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn or_dash(text: String) -> String {
    if text.is_empty() { dash() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::sample;

    fn results() -> Results {
        let mut results = Results { rounds: 2, seconds: 2.0, ..Results::default() };
        for round in 0..2 {
            for (subject, figure) in [("floor", 40.0), ("off", 48.0), ("on", 60.0), ("litellm", 16_000.0)] {
                results.samples.push(sample("chat-200b", subject, round, &[("cpu_us", figure)]));
            }
            results.samples.push(sample("rss-idle", "on", round, &[("rss_kib", 9_000.0)]));
        }
        results
    }

    #[test]
    fn the_table_says_what_was_measured_and_whether_it_is_enough() {
        let text = markdown(&results());
        let cpu = "| chat-200b | chat, 200 bytes | 40.0 | 48.0 | 60.0 | 1.20 | 1.50 | 1.50–1.50 | off ≤ 1.25; on ≤ \
                   1.40; on ≤ 0.0050 × litellm | met; **missed**; met |";
        assert!(text.contains(cpu), "{text}");
        assert!(
            text.contains("| rss-idle | rss_kib | on | 9000 | 9000–9000 | – | – | ≤ 12288 | met |"),
            "{text}"
        );
        assert!(text.contains("| chat-200b | litellm | cpu_us | 16000 | 16000–16000 | 267 |"), "{text}");
        assert!(!text.contains("stream-"), "what was not measured has no row: {text}");
    }

    #[test]
    fn the_page_keeps_what_stands_around_its_marks() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nend\n");
        let page = page_with(&page, &results()).expect("it has both marks");
        assert!(page.starts_with("# Title\n\n<!-- results: begin -->\nMachine: "));
        assert!(page.ends_with("<!-- results: end -->\n\nend\n") && !page.contains("old"));
        assert!(page_with("", &results()).is_err());
    }
}
