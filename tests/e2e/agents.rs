//! `trunkline claude` and `trunkline codex`: what they print, what they start, and the page about them.

use std::os::unix::fs::symlink;

use crate::server::Start;

const KEY: &str = "sk-e2e-0123456789abcdef0123456789";
const PAGE: &str = include_str!("../../docs/coding-agents.md");

/// The arguments of a command line without quotes.
fn command(line: &str) -> Start {
    line.split_whitespace().fold(Start::new(), Start::argument)
}

#[tokio::test]
async fn claude_code_is_told_by_variables() {
    let start = command("--port 4001 claude --model anthropic/claude-sonnet-4.5");
    let (status, lines, notes) = start.variable("LITELLM_MASTER_KEY", KEY).run().await;
    assert!(status.success(), "{notes}");
    assert_eq!(
        lines,
        "export ANTHROPIC_BASE_URL=http://127.0.0.1:4001;\n\
         export ANTHROPIC_AUTH_TOKEN=\"$LITELLM_MASTER_KEY\";\n\
         export CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1;\n\
         export ANTHROPIC_MODEL=anthropic/claude-sonnet-4.5;\n\
         export ANTHROPIC_DEFAULT_OPUS_MODEL=anthropic/claude-sonnet-4.5;\n\
         export ANTHROPIC_DEFAULT_SONNET_MODEL=anthropic/claude-sonnet-4.5;\n\
         export ANTHROPIC_DEFAULT_HAIKU_MODEL=anthropic/claude-sonnet-4.5;\n\
         export ANTHROPIC_DEFAULT_FABLE_MODEL=anthropic/claude-sonnet-4.5;\n",
    );
    assert_eq!(notes, "");
}

#[tokio::test]
async fn codex_is_told_by_overrides() {
    let (status, lines, notes) = command("codex").variable("PORT", "4002").run().await;
    assert!(status.success(), "{notes}");
    assert_eq!(
        lines,
        "codex() { command codex -c 'model_provider=\"trunkline\"' \
         -c 'model_providers.trunkline.name=\"Trunkline\"' \
         -c 'model_providers.trunkline.base_url=\"http://127.0.0.1:4002/v1\"' \
         -c 'model_providers.trunkline.wire_api=\"responses\"' \"$@\"; };\n",
    );
    assert_eq!(
        notes,
        "trunkline: no model is named, so Codex asks for its own default; name one of the gateway's with --model\n",
    );
}

#[tokio::test]
async fn a_key_that_stands_in_the_file_is_not_printed() {
    let config = format!("general_settings:\n  master_key: {KEY}\n");
    let (status, lines, notes) = command("claude --model m").config(config.clone()).run().await;
    assert_eq!(status.code(), Some(1));
    assert_eq!(lines, "");
    assert!(notes.contains("--run") && notes.contains("TRUNKLINE_API_KEY"), "{notes}");
    assert!(!notes.contains(KEY), "{notes}");

    // The key of this server's file is not for another server.
    let elsewhere = command("claude --model m --url https://models.example.com").config(config);
    let (status, lines, _) = elsewhere.run().await;
    assert!(status.success());
    assert!(lines.contains("export ANTHROPIC_AUTH_TOKEN=unused;\n"), "{lines}");
}

/// A shell stands in for the agent: it gets the agent's arguments, and can say what it was told.
#[tokio::test]
async fn run_becomes_the_agent() {
    let programs = tempfile::tempdir().expect("a temporary directory");
    symlink("/bin/sh", programs.path().join("claude")).expect("a link is made");
    let said = r#"echo "$ANTHROPIC_BASE_URL $ANTHROPIC_AUTH_TOKEN ${ANTHROPIC_API_KEY-none} $1"; exit 7"#;
    let (status, lines, notes) = command("--port 4003 claude --run -c")
        .argument(said)
        .argument("sh")
        .argument("--api_key=a_b")
        .config(format!("general_settings:\n  master_key: {KEY}\n"))
        .variable("PATH", programs.path().to_string_lossy())
        .variable("ANTHROPIC_API_KEY", "sk-ant-another")
        .run()
        .await;
    assert_eq!(status.code(), Some(7), "{notes}");
    assert_eq!(lines, format!("http://127.0.0.1:4003 {KEY} none --api_key=a_b\n"));
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_said() {
    let (status, _, notes) = command("codex --model m --run").variable("PATH", "/nowhere").run().await;
    assert_eq!(status.code(), Some(1));
    assert!(notes.contains("codex did not start"), "{notes}");
    assert!(notes.contains("npm install --global @openai/codex"), "{notes}");
}

#[tokio::test]
async fn every_file_of_the_page_is_in_order() {
    let mut files = 0;
    for block in PAGE.split("```yaml\n").skip(1) {
        let file = block.split("```").next().expect("a block ends");
        let (status, findings, notes) = command("check --strict")
            .config(file)
            .variable("VERCEL_AI_GATEWAY_API_KEY", "vck-1")
            .variable("ANTHROPIC_API_KEY", "sk-ant-1")
            .variable("OPENAI_API_KEY", "sk-1")
            .variable("LITELLM_MASTER_KEY", KEY)
            .run()
            .await;
        assert!(status.success(), "{file}\n{findings}{notes}");
        files += 1;
    }
    assert!(files >= 2, "the page shows {files} files");
}
