//! Every fault of an upstream, whole and streamed, with nobody beside it, with another deployment, with a fallback.

mod seen;
mod table;
mod upstreams;

use std::fmt::Write;

use futures_util::{StreamExt, stream};
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::client::{Answer, send};
use crate::server::Start;
use seen::Seen;
use table::ROWS;
use upstreams::{DONE, EVENT, FAULTS, Shape, WHOLE};

/// Cells that are asked at one time.
const AT_ONCE: usize = 30;

/// Who stands beside the deployment that fails.
const BESIDE: [&str; 3] = ["alone", "two", "fallback"];

fn seen(answer: &Answer, shape: Shape) -> String {
    assert!(answer.complete, "the chunks end properly");
    Seen {
        status: answer.status,
        attempts: answer.header("x-trunkline-attempts").unwrap_or_default(),
        deployment: answer.header("x-litellm-model-id").unwrap_or_default(),
        text: &answer.text(),
        is_stream: shape == Shape::Stream,
    }
    .told()
}

/// The rows of the model list for a cell, and its fallback.
fn cell(name: &str, beside: &str, bad: &str, good: &str) -> String {
    let row = |group: &str, id: &str, order: u32, base: &str| {
        format!(
            "- {{model_name: {group}, model_info: {{id: {name}.{id}}}, litellm_params: {{model: openai/x, api_key: sk-1, \
             api_base: \"{base}/v1\", order: {order}, timeout: 0.3, stream_timeout: 0.3}}}}\n"
        )
    };
    let mut rows = row(name, "bad", 1, bad);
    match beside {
        "two" => rows += &row(name, "good", 2, good),
        "fallback" => rows += &row(&format!("{name}-next"), "other", 1, good),
        _ => {}
    }
    rows
}

#[tokio::test]
async fn every_fault_is_met_as_the_table_says() {
    let good = ScriptedUpstream::answering(|_, request| {
        let asks = String::from_utf8_lossy(&request.body).contains("\"stream\":true");
        if asks { Script::sse([EVENT, DONE]) } else { Script::json(200, WHOLE) }
    });
    let good = good.await.expect("a loopback port");
    let (mut rows, mut fallbacks, mut cells, mut upstreams) =
        (String::new(), String::new(), Vec::new(), Vec::new());
    for (number, fault) in FAULTS.iter().enumerate() {
        for shape in [Shape::Whole, Shape::Stream] {
            for beside in BESIDE {
                // Each cell has an origin of its own, so that no cell spends another one's further attempts.
                let (bad, upstream) = fault.base(shape).await;
                upstreams.extend(upstream);
                let name = format!("f{number}-{shape:?}-{beside}");
                rows += &cell(&name, beside, &bad, &good.url());
                if beside == "fallback" {
                    writeln!(fallbacks, "  - {{{name}: [{name}-next]}}").expect("a text");
                }
                cells.push((fault.name, shape, beside, name));
            }
        }
    }
    let config = format!("model_list:\n{rows}litellm_settings:\n  fallbacks:\n{fallbacks}");
    let server = Start::new().config(config).serve().await;
    let asked = cells.iter().map(|(_, shape, _, model)| {
        let stream = if *shape == Shape::Stream { r#""stream":true,"# } else { "" };
        let body = format!(r#"{{"model":"{model}",{stream}"messages":[{{"role":"user","content":"hi"}}]}}"#);
        async move {
            let headers = [("content-type", "application/json"), ("x-trunkline-trace", "1")];
            send(server.address, "POST", "/v1/chat/completions", &headers, body.as_bytes()).await
        }
    });
    // Few enough at one time that the upstream which is well answers in time on a busy machine too.
    let answers: Vec<Answer> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    let mut found = String::new();
    for (cells, answers) in cells.chunks(BESIDE.len()).zip(answers.chunks(BESIDE.len())) {
        let (fault, shape, ..) = cells[0];
        let shape_name = if shape == Shape::Whole { "whole" } else { "stream" };
        let seen: Vec<String> = answers.iter().map(|answer| seen(answer, shape)).collect();
        writeln!(found, "| {fault} | {shape_name} | {} |", seen.join(" | ")).expect("a text");
    }
    let expected: String = ROWS.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
    assert_eq!(found, expected, "\n{found}");
}

#[test]
fn the_page_has_the_table() {
    let page = include_str!("../../docs/failure-modes.md");
    let rows: String = ROWS.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
    let table = format!(
        "<!-- faults: begin -->\n| fault | asked for | alone | with another deployment | with a fallback |\n\
         | --- | --- | --- | --- | --- |\n{rows}<!-- faults: end -->"
    );
    assert!(page.contains(&table), "docs/failure-modes.md lacks this table:\n{table}");
}
