//! Writes the bundled table anew, from a price file in LiteLLM's form: `compile_table FILE SOURCE`.
//!
//! Of the file, the rows of the providers are taken that Trunkline knows; SOURCE says in words what the file is, and
//! its first word abbreviates it. `just prices` runs this.

use std::error::Error;
use std::path::Path;

use trunkline_core::json;
use trunkline_prices::{PriceFile, Table};

/// WHEN ADDING A VENDOR: its prefix, where price files have rows of it.
const PROVIDERS: &[&str] = &[
    "anthropic",
    "cerebras",
    "dashscope",
    "deepinfra",
    "deepseek",
    "fireworks_ai",
    "fireworks_ai-embedding-models",
    "groq",
    "mistral",
    "moonshot",
    "nebius",
    "nvidia_nim",
    "ollama",
    "openai",
    "openrouter",
    "sambanova",
    "text-completion-openai",
    "together_ai",
    "vercel_ai_gateway",
    "xai",
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(source)) = (arguments.next(), arguments.next()) else {
        return Err("usage: compile_table FILE SOURCE".into());
    };
    let name = source.split(' ').next().unwrap_or(&source);
    let text = std::fs::read_to_string(&path)?;
    let file = PriceFile::parse_from(&text, &path)?;
    let known = rows_of_providers(&text);
    let rows = file.rows().filter(|(model, _)| known.iter().any(|known| known == model));
    let table = Table::compile(rows, name, &source);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/prices.tsv");
    std::fs::write(&target, &table)?;
    println!("{}: {} rows, {} bytes", target.display(), Table::new(&table).models().count(), table.len());
    Ok(())
}

/// The names of the rows whose provider is known.
fn rows_of_providers(text: &str) -> Vec<String> {
    let text = text.as_bytes();
    let rows = json::members(text).filter_map(|row| {
        let value = &text[row.value];
        let provider = json::string(&value[json::member(value, "litellm_provider")?])?.into_owned();
        let name = String::from_utf8_lossy(row.key).into_owned();
        PROVIDERS.contains(&provider.as_str()).then_some(name)
    });
    rows.collect()
}
