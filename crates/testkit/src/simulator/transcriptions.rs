//! `POST /v1/audio/transcriptions`: a form with a recording in, what was heard out.

use http::StatusCode;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

use super::call::Call;
use super::error;
use super::events::{Event, Events, Failure};
use super::fault::Fault;
use super::images::{form, read};
use super::money::Tokens;
use super::multipart::Form;
use super::pieces::pieces;
use super::purchase::Purchase;
use super::reply::Reply;
use super::request::ChatRequest;
use super::tokens;

/// So many bytes are taken for a second of sound, which is ten tokens.
const SECOND_BYTES: usize = 16_000;
const SECOND_TOKENS: u64 = 10;
const TEXT_CHARACTERS: usize = 6;

#[derive(Serialize)]
struct Transcript<'a> {
    text: &'a str,
    usage: Value,
}

pub(crate) fn transcribe(call: &Call<'_>, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let form = form(call)?;
    let model = form.text("model").unwrap_or_default();
    if model.is_empty() {
        return Err(error::invalid_request("Missing required parameter: 'model'."));
    }
    let file = form.part("file").filter(|file| file.filename.is_some() && !file.bytes.is_empty());
    let file =
        file.ok_or_else(|| error::invalid_request("file: a part with a filename and bytes is needed"))?;
    let format = form.text("response_format").unwrap_or("json");
    if !matches!(format, "json" | "verbose_json" | "text" | "srt" | "vtt") {
        return Err(error::invalid_request(&format!("response_format: unknown value '{format}'")));
    }
    let streamed = read::<bool>(&form, "stream")?;
    let request = ChatRequest {
        model: call.model(model),
        stream: streamed,
        provider_options: read(&form, "providerOptions")?,
        ..ChatRequest::default()
    };
    let purchase = Purchase::open(call, &request, &["transcription"], faults)?;
    let seconds = file.bytes.len().div_ceil(SECOND_BYTES) as u64;
    let price = purchase.price("transcription_duration_cost_per_second") * Decimal::from(seconds);
    let name = file.filename.as_deref().unwrap_or_default();
    let text = format!("You sent “{name}”, {} bytes. Voilà, 漢字 🙂.", file.bytes.len());
    let counted =
        Tokens { prompt: seconds * SECOND_TOKENS, completion: tokens::of_text(&text), ..Tokens::default() };
    purchase.settle_at(price, counted);
    let usage = usage(model, seconds, &counted);
    Ok(if streamed == Some(true) {
        Reply::events(stream(&text, &usage))
    } else {
        whole(&form, format, &text, seconds, usage)
    })
}

/// Whisper is paid by the second, the others by tokens.
fn usage(model: &str, seconds: u64, tokens: &Tokens) -> Value {
    if model.ends_with("whisper-1") {
        return json!({ "type": "duration", "seconds": seconds });
    }
    json!({
        "type": "tokens", "input_tokens": tokens.prompt,
        "input_token_details": { "text_tokens": 0, "audio_tokens": tokens.prompt },
        "output_tokens": tokens.completion, "total_tokens": tokens.prompt + tokens.completion,
    })
}

fn whole(form: &Form, format: &str, text: &str, seconds: u64, usage: Value) -> Reply {
    let plain = |body: String| Reply::whole(StatusCode::OK, "text/plain; charset=utf-8", body);
    let (minutes, rest) = (seconds / 60, seconds % 60);
    match format {
        "text" => plain(format!("{text}\n")),
        "srt" => plain(format!("1\n00:00:00,000 --> 00:{minutes:02}:{rest:02},000\n{text}\n\n")),
        "vtt" => plain(format!("WEBVTT\n\n00:00:00.000 --> 00:{minutes:02}:{rest:02}.000\n{text}\n\n")),
        "verbose_json" => {
            let segment = json!({
                "id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": text, "tokens": [1, 2, 3],
                "temperature": 0.0, "avg_logprob": -0.25, "compression_ratio": 1.0, "no_speech_prob": 0.01,
            });
            let language = form.text("language").unwrap_or("english");
            let body = json!({ "task": "transcribe", "language": language, "duration": seconds, "text": text,
                "segments": [segment], "usage": usage });
            Reply::json(StatusCode::OK, &body)
        }
        _ => Reply::json(StatusCode::OK, &Transcript { text, usage }),
    }
}

fn stream(text: &str, usage: &Value) -> Events {
    let delta = |delta| json!({ "type": "transcript.text.delta", "delta": delta }).to_string();
    let done = json!({ "type": "transcript.text.done", "text": text, "usage": usage }).to_string();
    let events = pieces(text, TEXT_CHARACTERS).map(delta).chain([done]).map(Event::unnamed);
    Events { events: events.collect(), closing: 1, failure: Failure::OpenAi }
}
