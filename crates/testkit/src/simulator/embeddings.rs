//! `POST /v1/embeddings`: vectors that are the same for the same text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;

use super::books::Agreed;
use super::call::Call;
use super::catalogue;
use super::error::{self, Circumstances};
use super::fault::Fault;
use super::identifier::{Identifiers, stable_hash};
use super::money::{Rates, Tokens, decimal_text};
use super::purchase::{find, refuse_spending};
use super::reply::Reply;
use super::shape::Shape;
use super::tokens;
use super::wire::{Embedding, EmbeddingList, EmbeddingUsage, Vector};

const DIMENSIONS_DEFAULT: usize = 1_024;

#[derive(Debug, Deserialize)]
struct EmbeddingRequest {
    model: String,
    input: Input,
    #[serde(default)]
    dimensions: Option<usize>,
    #[serde(default)]
    encoding_format: Option<String>,
}

/// Text, or several; token numbers are not among what the gateway documents.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
}

/// Answers a request that carries these faults, and adds those that its model's name asks for.
pub(crate) fn embed(call: &Call<'_>, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let Call { shared, exchange, body, .. } = *call;
    let mut request = serde_json::from_slice::<EmbeddingRequest>(body)
        .map_err(|error| error::invalid_request(&format!("Invalid request body: {error}")))?;
    request.model = call.model(&request.model);
    faults.extend(Fault::by_model_name(&request.model));
    let (_, instead) = Shape::of(faults);
    let clock = shared.state().clock;
    let at = Circumstances { model: &request.model, generation_id: "", clock };
    if let Some(reply) = instead.and_then(|fault| error::of_fault(fault, at)) {
        return Err(reply);
    }
    let texts = match request.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
    };
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err(error::invalid_request("input: at least one text is needed, and none may be empty"));
    }
    let most = dimensions_of(&request.model);
    let dimensions = request.dimensions.unwrap_or(most);
    if !(1..=most).contains(&dimensions) {
        return Err(error::invalid_request(&format!("dimensions: between 1 and {most} for this model")));
    }
    let base64 = match request.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(error::invalid_request(&format!("encoding_format: unknown value '{other}'")));
        }
    };

    let mut state = shared.state();
    let row = find(&state, &request.model, &["embedding"])?;
    refuse_spending(&state, None, false)?;
    let prompt = texts.iter().map(|text| tokens::of_text(text)).sum();
    let share = state.shares.get(&request.model).copied().unwrap_or(Decimal::ONE);
    let tokens = Tokens { prompt, ..Tokens::default() };
    let rates = Rates::of(&row, prompt, None);
    let bill = rates.bill(&tokens, share, false);
    state.charge(bill.cost(), None);
    state.books.note(exchange.id(), |billed| {
        billed.model.clone_from(&request.model);
        catalogue::providers(&request.model)[0].clone_into(&mut billed.provider);
        billed.discount = Decimal::ONE - share;
    });
    state.books.agree(exchange.id(), Agreed { bill, tokens, rates: Some(rates), quota_entity: None }, 0);
    drop(state);
    exchange.note(|request| request.billed = Some(bill.cost()));

    let data = texts.iter().enumerate().map(|(index, text)| {
        let floats = vector(&request.model, text, dimensions);
        let embedding = if base64 { Vector::Base64(packed(&floats)) } else { Vector::Floats(floats) };
        Embedding { object: "embedding", index, embedding }
    });
    let body = EmbeddingList {
        object: "list",
        data: data.collect(),
        model: &request.model,
        usage: EmbeddingUsage { prompt_tokens: prompt, total_tokens: prompt },
        provider_metadata: json!({ "gateway": { "routing": {}, "cost": decimal_text(bill.cost()) } }),
    };
    Ok(Reply::json(StatusCode::OK, &body))
}

fn dimensions_of(model: &str) -> usize {
    match model {
        "openai/text-embedding-3-small" => 1_536,
        "openai/text-embedding-3-large" => 3_072,
        _ => DIMENSIONS_DEFAULT,
    }
}

/// A vector of length 1 that depends on model and text alone; fewer dimensions point as the first of more do.
fn vector(model: &str, text: &str, dimensions: usize) -> Vec<f32> {
    let mut sequence = Identifiers::new(stable_hash(model.as_bytes()) ^ stable_hash(text.as_bytes()));
    // 24 random bits fit a 32-bit float exactly; the shift makes values from -1 to 1.
    let raw = (0..dimensions).map(|_| (sequence.next() >> 40) as f32 / 8_388_608.0 - 1.0).collect::<Vec<_>>();
    let length = raw.iter().map(|value| value * value).sum::<f32>().sqrt();
    raw.into_iter().map(|value| value / length).collect()
}

fn packed(floats: &[f32]) -> String {
    STANDARD.encode(floats.iter().flat_map(|float| float.to_le_bytes()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_depends_on_its_text_and_has_length_one() {
        let hello = vector("m", "hello", 8);
        assert_eq!(hello, vector("m", "hello", 8));
        assert_ne!(hello, vector("m", "world", 8));
        let length = hello.iter().map(|value| value * value).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-6, "{length}");
    }

    #[test]
    fn base64_holds_little_endian_floats() {
        assert_eq!(packed(&[1.0, -2.0]), "AACAPwAAAMA=");
    }
}
