//! `POST /v1/moderations`: a text is flagged for each category that it names, which costs nothing.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::books::Agreed;
use super::call::Call;
use super::error::{self, Circumstances};
use super::reply::Reply;
use super::request::ChatRequest;
use super::routing;

const MODEL_DEFAULT: &str = "omni-moderation-latest";
const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

#[derive(Debug, Deserialize)]
struct ModerationRequest {
    #[serde(default)]
    model: Option<String>,
    input: Input,
}

/// Parts of several kinds are one thing that is looked at; texts are each looked at alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Debug, Deserialize)]
struct ImageUrl {
    url: String,
}

#[derive(Serialize)]
struct Moderation<'a> {
    id: String,
    model: &'a str,
    results: Vec<Value>,
}

pub(crate) fn moderate(call: &Call<'_>) -> Result<Reply, Reply> {
    let asked = serde_json::from_slice::<ModerationRequest>(call.body)
        .map_err(|error| error::invalid_request(&format!("Invalid request body: {error}")))?;
    let model = asked.model.as_deref().unwrap_or(MODEL_DEFAULT);
    let mut state = call.shared.state();
    let request = ChatRequest { model: model.to_owned(), ..ChatRequest::default() };
    let at = Circumstances { model, generation_id: "", clock: state.clock };
    routing::route(&request, at)?;
    // No list of the gateway's has them, as the gateway does not moderate.
    if !model.contains("moderation") && !model.starts_with("sim/fault-") {
        return Err(error::unknown_model(model));
    }
    let texts = match asked.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
        Input::Parts(parts) => vec![parts.iter().map(Part::text).collect::<Vec<_>>().join(" ")],
    };
    if texts.is_empty() {
        return Err(error::invalid_request("input: at least one text is needed"));
    }
    let results = texts.iter().map(|text| result(text)).collect();
    let id = state.identifiers.prefixed("modr-");
    // Nobody pays for it, and it is on the bill like any call that was served.
    state.books.agree(call.exchange.id(), Agreed::default(), 0);
    Ok(Reply::json(StatusCode::OK, &Moderation { id, model, results }))
}

impl Part {
    fn text(&self) -> &str {
        match self {
            Self::Text { text } => text,
            Self::ImageUrl { image_url } => &image_url.url,
        }
    }
}

fn result(text: &str) -> Value {
    let each = |value: &dyn Fn(bool) -> Value| {
        let members = CATEGORIES.map(|category| (category.to_owned(), value(text.contains(category))));
        Value::Object(Map::from_iter(members))
    };
    json!({
        "flagged": CATEGORIES.iter().any(|category| text.contains(category)),
        "categories": each(&|named| json!(named)),
        "category_scores": each(&|named| json!(if named { 0.97 } else { 0.0003 })),
        "category_applied_input_types": each(&|_| json!(["text"])),
    })
}
