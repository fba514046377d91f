//! The models on offer: about 400 rows of every type, with the gaps and oddities that real lists have.

pub(crate) mod rows;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use self::rows::{COUNTS, CREATORS, LANGUAGE, LanguageRow, OTHER};
use super::money::decimal_text;

/// Most real rows share this `created`.
const CREATED: u64 = 1_755_815_280;
/// How many language models also stand there as a `-batch` row at half the price.
const BATCH_ROWS: usize = 48;

/// The rows of `GET /v1/models`, in order.
#[derive(Debug)]
pub(crate) struct Catalogue {
    rows: Vec<Value>,
}

impl Catalogue {
    pub(crate) fn new() -> Self {
        let mut rows = LANGUAGE.iter().map(language).collect::<Vec<_>>();
        rows.extend(LANGUAGE.iter().take(BATCH_ROWS).map(batch));
        rows.push(image_language());
        rows.extend(OTHER.iter().map(|(id, kind, input)| other(id, kind, input)));
        rows.extend(simulated());
        for (kind, count) in COUNTS {
            let present = rows.iter().filter(|row| row["type"] == *kind).count();
            rows.extend((present..*count).map(|index| invented(kind, index)));
        }
        rows.extend(odd());
        Self { rows }
    }

    pub(crate) fn rows(&self) -> &[Value] {
        &self.rows
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Value> {
        self.rows.iter().find(|row| row["id"] == id)
    }

    /// Adds a row, or takes the place of the one with its id.
    pub(crate) fn add(&mut self, row: Value) {
        match self.rows.iter_mut().find(|present| present["id"] == row["id"]) {
            Some(present) => *present = row,
            None => self.rows.push(row),
        }
    }

    /// Removes a row, and says whether it was there.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let before = self.rows.len();
        self.rows.retain(|row| row["id"] != id);
        self.rows.len() < before
    }

    pub(crate) fn list(&self) -> Value {
        json!({ "object": "list", "data": self.rows })
    }
}

/// The row that bills and limits `sim/…` models which stand in no list.
pub(crate) fn unlisted(id: &str) -> Value {
    json!({ "id": id, "type": "language", "pricing": { "input": "0.000001", "output": "0.000002" } })
}

/// The providers behind a model, the first of which serves it by default.
pub(crate) fn providers(model: &str) -> Vec<&str> {
    let creator = model.split('/').next().unwrap_or(model);
    match creator {
        "openai" => vec!["openai", "azure"],
        "anthropic" => vec!["anthropic", "bedrock", "vertex"],
        "google" => vec!["google", "vertex"],
        "meta" => vec!["bedrock", "groq", "togetherai"],
        creator => vec![creator],
    }
}

fn language(row: &LanguageRow) -> Value {
    let (id, _, _, _, _, context, longest, abilities, _) = row;
    let reasons = abilities.contains('R');
    let mut tags = vec!["tool-use", "structured-output"];
    let mut input = vec!["text"];
    let mut parameters = vec!["max_tokens", "temperature", "stop", "tools", "tool_choice", "response_format"];
    if reasons {
        tags.push("reasoning");
        parameters.extend(["reasoning", "include_reasoning"]);
    }
    if abilities.contains('V') {
        tags.extend(["vision", "file-input"]);
        input.extend(["image", "file"]);
    }
    let mut value = json!({
        "id": id, "object": "model", "created": CREATED, "released": CREATED - 86_400, "owned_by": owner(id),
        "name": id.split('/').nth(1), "description": format!("{id}, as the simulator plays it."),
        "context_window": context, "max_tokens": longest, "type": "language", "tags": tags,
        "modalities": { "input": input, "output": ["text"] }, "supported_parameters": parameters,
        "zdr": "all", "no_training": "all", "deprecated_at": null, "pricing": pricing(row),
    });
    if reasons {
        value["reasoning_options"] = json!([{ "type": "effort", "values": ["low", "medium", "high"] }]);
    }
    value
}

fn pricing(row: &LanguageRow) -> Value {
    let (id, input, output, read, write, _, _, _, tier) = row;
    let mut pricing = Map::new();
    let prices =
        [("input", input), ("output", output), ("input_cache_read", read), ("input_cache_write", write)];
    for (index, (key, price)) in prices.into_iter().enumerate() {
        if price.is_empty() {
            continue;
        }
        pricing.insert(key.to_owned(), json!(per_token(price)));
        let Some((above, high)) = tier else { continue };
        if high[index].is_empty() {
            continue;
        }
        // Both spellings of a first tier are on the wire: with `min` 0, and without `min`.
        let mut first = json!({ "cost": per_token(price), "max": above + 1 });
        if id.starts_with("openai/") {
            first["min"] = json!(0);
        }
        let second = json!({ "cost": per_token(high[index]), "min": above + 1 });
        pricing.insert(format!("{key}_tiers"), json!([first, second]));
    }
    Value::Object(pricing)
}

fn batch(row: &LanguageRow) -> Value {
    let mut value = language(row);
    value["id"] = json!(format!("{}-batch", row.0));
    value["pricing"] = json!({ "input": half(row.1), "output": half(row.2) });
    value
}

/// A language model that can answer with images.
fn image_language() -> Value {
    json!({
        "id": "google/gemini-3.1-flash-image", "object": "model", "created": CREATED, "owned_by": "google",
        "name": "Gemini 3.1 Flash Image", "context_window": 65_536, "max_tokens": 32_768, "type": "language",
        "tags": ["image-generation", "vision"], "modalities": { "input": ["text", "image"], "output": ["text", "image"] },
        "pricing": { "input": "0.0000005", "output": "0.000003", "image": "0.04" },
    })
}

fn other(id: &str, kind: &str, input: &str) -> Value {
    let pricing = match kind {
        "embedding" | "evaluation" => json!({ "input": per_token(input) }),
        "image" => {
            json!({ "image": "0.04", "image_dimension_quality_pricing": [{ "cost": "0.04", "size": "1024x1024" }] })
        }
        "video" => {
            json!({ "video_duration_pricing": [{ "cost_per_second": "0.1", "resolution": "720p", "audio": true }] })
        }
        "speech" => json!({ "speech_input_character_cost": "0.000015" }),
        "transcription" => json!({ "transcription_duration_cost_per_second": "0.0001" }),
        _ => json!({}),
    };
    let context = if kind == "embedding" { 8_192 } else { 0 };
    json!({
        "id": id, "object": "model", "created": CREATED, "owned_by": owner(id), "name": id.split('/').nth(1),
        "context_window": context, "max_tokens": 0, "type": kind, "tags": [], "pricing": pricing,
    })
}

/// Models of the simulator's own, for prices that need a case.
fn simulated() -> [Value; 5] {
    let row = |name: &str, pricing: Value| {
        json!({
            "id": format!("sim/{name}"), "object": "model", "created": CREATED, "owned_by": "sim", "name": name,
            "context_window": 200_000, "max_tokens": 64_000, "type": "language", "tags": ["tool-use"], "pricing": pricing,
        })
    };
    let price = json!({ "input": "0.000002", "output": "0.000008" });
    let tiers = |low: &str, high: &str| json!([{ "cost": low, "max": 101 }, { "cost": high, "min": 101 }]);
    let tiered = json!({
        "input": "0.000001", "output": "0.000002",
        "input_tiers": tiers("0.000001", "0.000003"), "output_tiers": tiers("0.000002", "0.000006"),
    });
    let served = json!({
        "input": "0.000002", "output": "0.000008", "input_cache_read": "0.0000005", "input_cache_write": "0.0000025",
        "service_tiers": {
            "flex": { "input": "0.000001", "output": "0.000004", "input_cache_read": "0.00000025" },
            "priority": { "input": "0.000004", "output": "0.000016" },
        },
    });
    let tiers_of_service = row("service-tiers", served);
    let surcharged = row("surcharged", price.clone());
    [
        tiers_of_service,
        surcharged,
        row("discounted", price),
        row("free", json!({ "input": "0", "output": "0" })),
        row("tiered", tiered),
    ]
}

fn invented(kind: &str, index: usize) -> Value {
    let creator = CREATORS[index % CREATORS.len()];
    let id = format!("{creator}/sample-{kind}-{index}");
    let mut row = other(&id, kind, "0.1");
    if kind == "language" {
        row["context_window"] = json!(32_768);
        row["max_tokens"] = json!(8_192);
        row["pricing"] = json!({ "input": "0.0000001", "output": "0.0000004" });
    }
    row
}

/// Rows that a strict reader would trip over.
fn odd() -> Vec<Value> {
    vec![
        json!({ "id": "stealth/bare" }),
        json!({ "id": "stealth/no-type", "object": "model", "context_window": 4_096, "pricing": { "input": "0.000001" } }),
        json!({ "id": "stealth/nulls", "type": "language", "name": null, "context_window": null, "max_tokens": null,
            "pricing": null, "tags": null, "modalities": null, "owned_by": null }),
        json!({ "id": "stealth/zero-context", "type": "language", "context_window": 0, "max_tokens": 0,
            "pricing": { "input": "0", "output": "0" } }),
        json!({ "id": "stealth/deprecated", "type": "language", "deprecated_at": 1_780_000_000, "released": 1_600_000_000,
            "pricing": { "input": "0.00001", "output": "0.00003" } }),
        json!({ "id": "stealth/hologram", "type": "hologram", "supported_specifications": ["v9"],
            "frobnication": { "depth": 3, "kinds": ["a", null] }, "pricing": { "per_photon": "0.0000000001" } }),
        json!({ "id": "stealth/tiers-only", "type": "language", "context_window": 1_000_000,
            "description": "Größe „groß“ 漢字 🙂\u{2028}\"quoted\"", "regions": { "eu": true },
            "pricing": { "input_tiers": [{ "cost": "0.000001", "max": 1_000 }, { "cost": "0.000002", "min": 1_000 }],
                "output_tiers": [{ "cost": "0.000004" }],
                "service_tiers": { "priority": { "input": "0.000002" }, "flex": { "input": "5e-7" } } } }),
        json!({ "id": "stealth/deep/slashes/in-id", "type": "language", "zdr": "some", "no_training": "none" }),
    ]
}

fn owner(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}

fn per_token(per_million: &str) -> String {
    decimal_text(per_million.parse::<Decimal>().unwrap_or_default() / Decimal::from(1_000_000))
}

fn half(per_million: &str) -> String {
    decimal_text(per_million.parse::<Decimal>().unwrap_or_default() / Decimal::from(2_000_000))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_is_as_long_and_as_varied_as_the_real_one() {
        let catalogue = Catalogue::new();
        assert_eq!(catalogue.rows().len(), 419);
        let ids = catalogue.rows().iter().map(|row| row["id"].as_str().unwrap()).collect::<BTreeSet<_>>();
        assert_eq!(ids.len(), catalogue.rows().len());
        for id in [
            "openai/gpt-4o",
            "anthropic/claude-4-sonnet",
            "anthropic/claude-sonnet-4.5",
            "openai/gpt-4.1-nano",
            "openai/text-embedding-3-small",
        ] {
            assert!(ids.contains(id), "{id}");
        }
        let kinds = catalogue.rows().iter().filter_map(|row| row["type"].as_str()).collect::<BTreeSet<_>>();
        let expected = [
            "decision",
            "embedding",
            "evaluation",
            "hologram",
            "image",
            "language",
            "realtime",
            "reranking",
            "speech",
            "transcription",
            "video",
        ];
        assert_eq!(kinds, BTreeSet::from(expected));
    }

    #[test]
    fn prices_are_per_token_with_tiers() {
        let catalogue = Catalogue::new();
        let nano = catalogue.find("openai/gpt-4.1-nano").unwrap();
        assert_eq!(
            nano["pricing"],
            json!({"input": "0.0000001", "output": "0.0000004", "input_cache_read": "0.00000003"})
        );
        let sonnet = &catalogue.find("anthropic/claude-sonnet-4.5").unwrap()["pricing"];
        let tiers = json!([{"cost": "0.000003", "max": 200_001}, {"cost": "0.000006", "min": 200_001}]);
        assert_eq!(sonnet["input_tiers"], tiers);
        assert_eq!(catalogue.find("openai/gpt-6-astra").unwrap()["pricing"]["input_tiers"][0]["min"], 0);
        assert_eq!(catalogue.find("openai/gpt-6-astra-batch").unwrap()["pricing"]["input"], "0.000005");
    }
}
