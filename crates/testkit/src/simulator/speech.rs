//! `POST /v1/audio/speech`: bytes in several writes, or events that carry them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::error;
use super::events::{Event, Events, Failure};
use super::fault::Fault;
use super::identifier::{Identifiers, stable_hash};
use super::money::Tokens;
use super::purchase::Purchase;
use super::reply::{Content, Reply};
use super::request::ChatRequest;
use super::tokens;

const INPUT_CHARACTERS_MAX: usize = 4_096;
/// How many bytes a character of the text becomes, and how many go out in one write.
const CHARACTER_BYTES: usize = 256;
const WRITE_BYTES: usize = 1_024;

#[derive(Debug, Deserialize)]
struct SpeechRequest {
    model: String,
    input: String,
    /// A name, or an object with the id of a voice of one's own.
    voice: Value,
    #[serde(default)]
    response_format: Option<String>,
    #[serde(default)]
    stream_format: Option<String>,
    #[serde(default, rename = "providerOptions")]
    provider_options: Option<Value>,
}

pub(crate) fn speak(call: &Call<'_>, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let asked = serde_json::from_slice::<SpeechRequest>(call.body)
        .map_err(|error| error::invalid_request(&format!("Invalid request body: {error}")))?;
    let characters = asked.input.chars().count();
    if !(1..=INPUT_CHARACTERS_MAX).contains(&characters) {
        return Err(error::invalid_request(&format!(
            "input: between 1 and {INPUT_CHARACTERS_MAX} characters"
        )));
    }
    if !asked.voice.is_string() && !asked.voice["id"].is_string() {
        return Err(error::invalid_request("voice: a name is needed"));
    }
    let format = asked.response_format.as_deref().unwrap_or("mp3");
    let content_type = content_type(format)
        .ok_or_else(|| error::invalid_request(&format!("response_format: unknown value '{format}'")))?;
    let request = ChatRequest {
        model: call.model(&asked.model),
        provider_options: asked.provider_options,
        ..ChatRequest::default()
    };
    let purchase = Purchase::open(call, &request, &["speech"], faults)?;
    let price = purchase.price("speech_input_character_cost") * Decimal::from(characters);
    let (prompt, completion) = (tokens::of_text(&asked.input), characters as u64);
    purchase.settle_at(price, Tokens { prompt, completion, ..Tokens::default() });

    let pieces = pieces(&sound(&asked.input, format));
    if asked.stream_format.as_deref() == Some("sse") {
        let delta = |piece: &Bytes| json!({ "type": "speech.audio.delta", "audio": STANDARD.encode(piece) });
        let usage = json!({ "input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion });
        let done = json!({ "type": "speech.audio.done", "usage": usage });
        let events = pieces.iter().map(delta).chain([done]).map(|event| Event::unnamed(event.to_string()));
        return Ok(Reply::events(Events { events: events.collect(), closing: 1, failure: Failure::OpenAi }));
    }
    let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))];
    Ok(Reply { status: StatusCode::OK, headers, content: Content::Pieces(pieces) })
}

fn content_type(format: &str) -> Option<&'static str> {
    Some(match format {
        "mp3" => "audio/mpeg",
        "opus" => "audio/opus",
        "aac" => "audio/aac",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "pcm" => "audio/pcm",
        _ => return None,
    })
}

/// Noise that is the same for the same text, with every value that a byte can have.
fn sound(text: &str, format: &str) -> Bytes {
    let mut noise = Identifiers::new(stable_hash(text.as_bytes()) ^ stable_hash(format.as_bytes()));
    let words = text.chars().count() * CHARACTER_BYTES / 8;
    (0..words).flat_map(|_| noise.next().to_le_bytes()).collect()
}

fn pieces(bytes: &Bytes) -> Vec<Bytes> {
    let starts = (0..bytes.len()).step_by(WRITE_BYTES);
    starts.map(|start| bytes.slice(start..bytes.len().min(start + WRITE_BYTES))).collect()
}
