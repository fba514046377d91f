//! `POST /v1/rerank` and `/v2/rerank`: documents by how many words of the query they hold.

use http::StatusCode;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::Call;
use super::error;
use super::fault::Fault;
use super::money::Tokens;
use super::purchase::Purchase;
use super::reply::Reply;
use super::request::ChatRequest;
use super::tokens;

/// A search unit is so many documents, and costs so much in thousandths of a USD.
const UNIT_DOCUMENTS: usize = 100;
const UNIT_MILLS: i64 = 2;

/// Which of Cohere's two shapes is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

#[derive(Debug, Deserialize)]
struct RerankRequest {
    model: String,
    query: String,
    documents: Vec<Value>,
    #[serde(default)]
    top_n: Option<usize>,
    #[serde(default)]
    rank_fields: Option<Vec<String>>,
    #[serde(default)]
    return_documents: Option<bool>,
    #[serde(default, rename = "providerOptions")]
    provider_options: Option<Value>,
}

#[derive(Serialize)]
struct Reranked<'a> {
    id: &'a str,
    results: Vec<Ranked>,
    meta: Value,
}

#[derive(Serialize)]
struct Ranked {
    index: usize,
    relevance_score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Value>,
}

pub(crate) fn rerank(call: &Call<'_>, version: Version, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let asked = serde_json::from_slice::<RerankRequest>(call.body)
        .map_err(|error| invalid(&format!("body: {error}")))?;
    if asked.query.is_empty() {
        return Err(invalid("query: too_small"));
    }
    if asked.documents.is_empty() {
        return Err(invalid("documents: too_small"));
    }
    if asked.top_n == Some(0) {
        return Err(invalid("top_n: too_small"));
    }
    let texts = asked.documents.iter().map(|document| text(document, version, asked.rank_fields.as_deref()));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let request = ChatRequest {
        model: call.model(&asked.model),
        provider_options: asked.provider_options.clone(),
        ..ChatRequest::default()
    };
    let purchase = Purchase::open(call, &request, &["reranking"], faults)?;
    let units = texts.len().div_ceil(UNIT_DOCUMENTS);
    let read = texts.iter().map(|text| tokens::of_text(text) + tokens::of_text(&asked.query)).sum();
    let price = Decimal::new(UNIT_MILLS, 3) * Decimal::from(units);
    let settled = purchase.settle_at(price, Tokens { prompt: read, ..Tokens::default() });

    let mut results = texts.iter().enumerate().map(|(index, text)| Ranked {
        index,
        relevance_score: relevance(&asked.query, text),
        document: (version == Version::One && asked.return_documents == Some(true))
            .then(|| returned(&asked.documents[index])),
    });
    let mut results = results.by_ref().collect::<Vec<_>>();
    results.sort_by(|one, other| other.relevance_score.total_cmp(&one.relevance_score));
    results.truncate(asked.top_n.unwrap_or(usize::MAX));
    let version = if version == Version::One { "1" } else { "2" };
    let meta = json!({ "api_version": { "version": version }, "billed_units": { "search_units": units } });
    Ok(Reply::json(StatusCode::OK, &Reranked { id: &settled.id, results, meta }))
}

fn invalid(what: &str) -> Reply {
    error::invalid_request(&format!("invalid request: {what}"))
}

/// The text that is compared: in version 1 a document may be an object, whose fields are told or `text`.
fn text(document: &Value, version: Version, fields: Option<&[String]>) -> Result<String, Reply> {
    match document {
        Value::String(text) => Ok(text.clone()),
        Value::Object(members) if version == Version::One => {
            let text = ["text".to_owned()];
            let fields = fields.unwrap_or(&text).iter();
            let texts = fields.filter_map(|field| members.get(field)?.as_str()).collect::<Vec<_>>();
            if texts.is_empty() { Err(invalid("documents: no field to rank")) } else { Ok(texts.join(" ")) }
        }
        _ => Err(invalid("documents: invalid_type")),
    }
}

fn returned(document: &Value) -> Value {
    if document.is_string() { json!({ "text": document }) } else { document.clone() }
}

/// The share of the query's words that the text holds, between 0.01 and 0.99.
fn relevance(query: &str, text: &str) -> f64 {
    let text = text.to_lowercase();
    let words = query.to_lowercase();
    let words = words.split_whitespace().collect::<Vec<_>>();
    let held = words.iter().filter(|word| text.contains(**word)).count();
    0.01 + 0.98 * held as f64 / words.len().max(1) as f64
}
