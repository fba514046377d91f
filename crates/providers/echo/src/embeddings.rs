//! Embeddings: a vector for each input, made of nothing but the input.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use trunkline_core::{Document, Error, ErrorKind, Reply};

use crate::input::{self, Texts};
use crate::{Head, refused, whole};

/// How long a vector is if nobody says.
const DIMENSIONS: usize = 8;
/// The longest vector that is made.
const DIMENSIONS_MAX: usize = 4096;

/// Answers a request for embeddings.
pub(crate) fn reply(body: &Document, head: &Head) -> Result<Reply, Error> {
    let texts = input::required::<Texts>(body, "input")?.into_vec();
    let dimensions = dimensions(body)?;
    let encoding = Encoding::of(body)?;
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let embedding = encoding.write(&vector(text, dimensions));
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let usage = input::usage(texts.iter().map(String::as_str), []);
    let body = json!({
        "object": "list",
        "data": data,
        "model": head.model,
        "usage": {"prompt_tokens": usage.input(), "total_tokens": usage.total()},
    });
    whole(&body, usage)
}

fn dimensions(body: &Document) -> Result<usize, Error> {
    let dimensions = input::optional(body, "dimensions")?.unwrap_or(DIMENSIONS);
    if (1..=DIMENSIONS_MAX).contains(&dimensions) {
        return Ok(dimensions);
    }
    let message = format!("`dimensions` is {dimensions}; it must be from 1 to {DIMENSIONS_MAX}");
    Err(refused(ErrorKind::InvalidRequest, message).with_param("dimensions"))
}

/// How a vector is written.
#[derive(Clone, Copy)]
enum Encoding {
    Float,
    Base64,
}

impl Encoding {
    fn of(body: &Document) -> Result<Self, Error> {
        match input::optional::<String>(body, "encoding_format")?.as_deref() {
            None | Some("float") => Ok(Encoding::Float),
            Some("base64") => Ok(Encoding::Base64),
            Some(_) => {
                let message = "`encoding_format` must be `float` or `base64`";
                Err(refused(ErrorKind::InvalidRequest, message).with_param("encoding_format"))
            }
        }
    }

    fn write(self, vector: &[f32]) -> Value {
        match self {
            Encoding::Float => json!(vector),
            Encoding::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                json!(STANDARD.encode(bytes))
            }
        }
    }
}

/// A vector of unit length that depends on the text alone, the same on every machine and in every version.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, mix);
    let numbers: Vec<f32> = (0..dimensions)
        .map(|_| {
            state = mix(state, 0x5a);
            // The upper half of the state varies most; one more than it keeps the vector from being zero.
            (state >> 32) as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.iter().map(|number| number / length.max(f32::MIN_POSITIVE)).collect()
}

/// One step of FNV-1a, a hash that is simple enough to write down.
fn mix(state: u64, byte: u8) -> u64 {
    (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}
