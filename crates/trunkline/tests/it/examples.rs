//! The examples, as programs against the simulator.

use std::path::PathBuf;
use std::process::Output;

use tokio::process::Command;
use trunkline_testkit::simulator::{Fault, Simulator};

use crate::simulated::{body, simulator};

/// Where cargo puts the examples of this package: beside the directory of this test.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let directory = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples");
    let program = directory.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        program.exists(),
        "{} is not there: run `cargo build -p trunkline --examples`",
        program.display()
    );
    program
}

/// Runs an example with nothing in its environment but what points it at the simulator.
async fn run(name: &str, simulator: &Simulator, key: Option<&str>) -> Output {
    let mut command = Command::new(example(name));
    command.env_clear().env("VERCEL_AI_GATEWAY_API_BASE", simulator.v1_url());
    if let Some(key) = key {
        command.env("VERCEL_AI_GATEWAY_API_KEY", key);
    }
    command.kill_on_drop(true).output().await.unwrap()
}

/// What it printed, if it went well.
async fn printed(name: &str, simulator: &Simulator) -> String {
    let output = run(name, simulator, Some("vck_of_the_example")).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const ANSWER: &str = "You said “Hello, how are you?”. Voilà, 漢字 🙂.";
const QUESTION: &str =
    r#"{"model":"openai/gpt-4o","messages":[{"role":"user","content":"Hello, how are you?"}]"#;

#[tokio::test]
async fn vercel_completion() {
    let simulator = simulator().await;
    let printed = printed("vercel_completion", &simulator).await;
    assert!(printed.starts_with("Completion {\n"), "{printed}");
    assert!(printed.contains(&format!("content: Some(\n                        {ANSWER:?},")), "{printed}");
    assert!(printed.ends_with(&format!("}}\n{ANSWER}\n")), "{printed}");

    let request = &simulator.control().requests()[0];
    assert_eq!(body(&simulator, 0), format!("{QUESTION}}}"));
    assert_eq!(request.header("authorization"), Some("Bearer vck_of_the_example"));
}

#[tokio::test]
async fn vercel_streaming() {
    let simulator = simulator().await;
    let printed = printed("vercel_streaming", &simulator).await;
    let lines: Vec<&str> = printed.lines().collect();
    let (summary, chunks) = lines.split_last().unwrap();
    assert!(chunks.len() > 2 && chunks.iter().all(|line| line.starts_with("ChatChunk {")), "{printed}");
    assert!(chunks[1].contains(r#"content: Some("You sa")"#), "{}", chunks[1]);
    assert!(summary.starts_with("StreamSummary { usage: Some(Usage {"), "{summary}");
    assert!(summary.ends_with("complete: true }"), "{summary}");
    assert_eq!(
        body(&simulator, 0),
        format!("{QUESTION},\"stream\":true,\"stream_options\":{{\"include_usage\":true}}}}")
    );
}

#[tokio::test]
async fn a_stream_that_is_cut_ends_the_program_with_an_error() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::Truncate { after_events: 3 });
    let output = run("vercel_streaming", &simulator, Some("vck_of_the_example")).await;
    assert!(!output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3);
    assert!(String::from_utf8_lossy(&output.stderr).contains("kind: UpstreamCut"));
}

#[tokio::test]
async fn without_a_key_the_program_names_the_variables() {
    let simulator = simulator().await;
    let output = run("vercel_completion", &simulator, None).await;
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("or set VERCEL_AI_GATEWAY_API_KEY, AI_GATEWAY_API_KEY,"), "{said}");
}

#[tokio::test]
async fn an_environment_that_makes_no_client_is_an_error_of_the_call() {
    let mut command = Command::new(example("vercel_completion"));
    let output = command.env_clear().env("HTTPS_PROXY", "http://[").output().await.unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("kind: Configuration"));
}

#[tokio::test]
async fn tools() {
    let simulator = simulator().await;
    let printed = printed("tools", &simulator).await;
    let expected = concat!(
        "weather({\"city\":\"city é 漢字\"})\n",
        "The tool said “{\"city\":\"city é 漢字\",\"sky\":\"clear\",\"temperature_celsius\":21}”. Voilà, 漢字 🙂.\n",
    );
    assert_eq!(printed, expected);
    assert_eq!(simulator.control().requests().len(), 2);
}

#[tokio::test]
async fn anthropic_messages() {
    let simulator = simulator().await;
    let mut command = Command::new(example("anthropic_messages"));
    let base = simulator.v1_url().replace("/v1", "/anthropic");
    command.env_clear().env("ANTHROPIC_API_BASE", base).env("ANTHROPIC_API_KEY", "sk-ant-of-the-example");
    let output = command.kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    let [whole, usage, streamed] = lines[..] else { panic!("{printed}") };
    assert_eq!((whole, streamed), (ANSWER, ANSWER));
    assert!(usage.starts_with("Some(Usage { uncached_input: "), "{usage}");

    let question = r#""max_tokens":1024,"messages":[{"content":"Hello, how are you?","role":"user"}]"#;
    let model = r#""model":"claude-sonnet-4-5""#;
    assert_eq!(body(&simulator, 0), format!("{{{question},{model}}}"));
    assert_eq!(body(&simulator, 1), format!("{{{question},\"stream\":true,{model}}}"));
    let request = &simulator.control().requests()[1];
    assert_eq!(request.header("x-api-key"), Some("sk-ant-of-the-example"));
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn own_provider() {
    let simulator = simulator().await;
    let printed = printed("own_provider", &simulator).await;
    assert_eq!(printed, "CAN YOU HEAR ME? (4 tokens)\nAND \nWORD \nBY \nWORD?\n");
    assert!(simulator.control().requests().is_empty());
}
