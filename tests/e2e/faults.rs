//! Every fault of an upstream, whole and streamed, with nobody beside it, with another deployment, with a fallback.

mod seen;
mod table;
mod upstreams;

use std::fmt::Write;

use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::client::{Answer, send};
use crate::server::Start;
use seen::Seen;
use table::ROWS;
use upstreams::{DONE, EVENT, FAULTS, Fault, LONG, Shape, WHOLE};

/// Who stands beside the deployment that fails.
const BESIDE: [&str; 3] = ["alone", "two", "fallback"];

fn seen(answer: &Answer, shape: Shape, reached: (Option<usize>, usize)) -> String {
    assert!(answer.complete, "the chunks end properly");
    // Clients that honour it do not multiply the attempts; where waiting helps they are told so instead.
    let retries = answer.header("x-litellm-attempted-retries").unwrap_or("0");
    let is_told = answer.header("x-should-retry") == Some("false") || answer.header("retry-after").is_some();
    assert!(answer.status == 200 || retries == "0" || is_told, "{:?}", answer.headers);
    Seen {
        status: answer.status,
        attempts: answer.header("x-trunkline-attempts").unwrap_or_default(),
        deployment: answer.header("x-litellm-model-id").unwrap_or_default(),
        text: &answer.text(),
        is_stream: shape == Shape::Stream,
        reached,
    }
    .told()
}

/// The rows of the model list for a cell, and its fallback.
fn cell(name: &str, fault: &Fault, beside: &str, bad: &str, good: &str) -> String {
    let row = |group: &str, id: &str, order: u32, base: &str, (timeout, stream_timeout): (f32, f32)| {
        format!(
            "- {{model_name: {group}, model_info: {{id: {name}.{id}}}, litellm_params: {{model: openai/x, api_key: sk-1, \
             api_base: \"{base}/v1\", order: {order}, timeout: {timeout}, stream_timeout: {stream_timeout}}}}}\n"
        )
    };
    let mut rows = row(name, "bad", 1, bad, fault.waits);
    // The path says from which cell a request comes.
    let good = format!("{good}/{name}");
    match beside {
        "two" => rows += &row(name, "good", 2, &good, (LONG, LONG)),
        "fallback" => rows += &row(&format!("{name}-next"), "other", 1, &good, (LONG, LONG)),
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
                upstreams.push(upstream);
                let name = format!("f{number}-{shape:?}-{beside}");
                rows += &cell(&name, fault, beside, &bad, &good.url());
                if beside == "fallback" {
                    writeln!(fallbacks, "  - {{{name}: [{name}-next]}}").expect("a text");
                }
                cells.push((fault, shape, beside, name));
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
    let answers = futures_util::future::join_all(asked).await;
    for ((fault, shape, beside, _), answer) in cells.iter().zip(&answers) {
        if let (Some(lost), "alone") = (fault.lost, *beside) {
            assert!(answer.text().contains(lost(*shape)), "{}: {}", fault.name, answer.text());
        }
    }
    let targets: Vec<String> = good.requests().into_iter().map(|request| request.target).collect();
    let mut seen = cells.iter().zip(&answers).zip(&upstreams).map(|(((_, shape, _, name), answer), bad)| {
        let path = format!("/{name}/v1/chat/completions");
        let good = targets.iter().filter(|target| **target == path).count();
        seen(answer, *shape, (bad.as_ref().map(|bad| bad.requests().len()), good))
    });
    let mut found = String::new();
    for cells in cells.chunks(BESIDE.len()) {
        let (fault, shape, ..) = cells[0];
        let shape = if shape == Shape::Whole { "whole" } else { "stream" };
        let seen: Vec<String> = seen.by_ref().take(BESIDE.len()).collect();
        writeln!(found, "| {} | {shape} | {} |", fault.name, seen.join(" | ")).expect("a text");
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
