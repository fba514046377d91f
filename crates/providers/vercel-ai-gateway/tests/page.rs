//! The page about the gateway says what the provider does.

use trunkline_core::{Dialect, Environment};
use trunkline_provider::Codec;
use trunkline_vercel_ai_gateway::VercelCodec;

const PAGE: &str = include_str!("../../../../docs/vercel-ai-gateway.md");

#[test]
fn the_table_of_operations_is_what_the_provider_has() {
    let table = PAGE.split("<!-- operations: begin -->").nth(1).expect("a table");
    let table = table.split("<!-- operations: end -->").next().expect("its end");
    let told: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    let capabilities = VercelCodec::new(&Environment::empty()).capabilities("openai/gpt-6-sol");
    let rows = capabilities.operations.iter().map(|operation| {
        let dialect = match operation.dialect() {
            Dialect::OpenAi => "OpenAI",
            Dialect::Responses => "OpenAI Responses",
            Dialect::Anthropic => "Anthropic",
            Dialect::Cohere => "Cohere",
        };
        let (version, path) = (operation.version(), operation.path());
        let streams = if operation.streams() { "yes" } else { "–" };
        format!("| `{operation}` | `/{version}/{path}` | {dialect} | {streams} |")
    });
    assert_eq!(told, rows.collect::<Vec<_>>());
}
