//! Embeddings as types: a request to build, a reply to read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use trunkline_core::{Document, Error, ErrorKind};

use crate::chat::{Extra, UsageView};
use crate::lenient::null_as_default;

/// A request for embeddings. What is not set is not sent.
///
/// ```
/// use trunkline_openai::embeddings::EmbeddingRequest;
///
/// let request = EmbeddingRequest::new("text-embedding-3-small", ["one", "two"]).dimensions(256);
/// assert_eq!(
///     request.into_document()?.to_bytes(),
///     r#"{"model":"text-embedding-3-small","input":["one","two"],"dimensions":256}"#,
/// );
/// # Ok::<(), trunkline_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EmbeddingRequest {
    /// The model that is asked.
    pub model: String,
    /// What is embedded.
    pub input: EmbeddingInput,
    /// How long the vectors are, for models that can shorten them. Default: as long as the model makes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// How the vectors are written: `float` (the default) or `base64`, which is smaller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding_format: Option<String>,
    /// An id of the person who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What else the upstream takes.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What is embedded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EmbeddingInput {
    /// A text.
    Text(String),
    /// Several texts, which give a vector each.
    Texts(Vec<String>),
    /// A text as numbers of tokens.
    Tokens(Vec<u32>),
    /// Several texts as numbers of tokens.
    TokenLists(Vec<Vec<u32>>),
}

/// The reply to a request for embeddings.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct EmbeddingResponse {
    /// `list`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub object: String,
    /// A vector for each input.
    pub data: Vec<Embedding>,
    /// The model that answered.
    #[serde(default, deserialize_with = "null_as_default")]
    pub model: String,
    /// The tokens.
    #[serde(default)]
    pub usage: Option<UsageView>,
    /// What else the reply holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The vector of one input.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Embedding {
    /// Which input it belongs to, from 0.
    #[serde(default)]
    pub index: u32,
    /// The vector. A base64 text is decoded.
    #[serde(deserialize_with = "vector")]
    pub embedding: Vec<f32>,
    /// What else is said of it.
    #[serde(flatten)]
    pub extra: Extra,
}

impl EmbeddingRequest {
    /// Asks a model to embed a text, or several.
    pub fn new(model: impl Into<String>, input: impl Into<EmbeddingInput>) -> Self {
        Self {
            model: model.into(),
            input: input.into(),
            dimensions: None,
            encoding_format: None,
            user: None,
            extra: Extra::new(),
        }
    }

    /// Sets how long the vectors are.
    #[must_use]
    pub fn dimensions(mut self, dimensions: u32) -> Self {
        self.dimensions = Some(dimensions);
        self
    }

    /// Sets how the vectors are written: `float` or `base64`.
    #[must_use]
    pub fn encoding_format(mut self, encoding_format: impl Into<String>) -> Self {
        self.encoding_format = Some(encoding_format.into());
        self
    }

    /// Says who asks.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Sets a parameter that has no field here.
    #[must_use]
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }

    /// Writes the request's body.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if `extra` sets a parameter that is set by its own name too.
    pub fn into_document(self) -> Result<Document, Error> {
        Document::from_serialize(&self).map_err(|error| {
            let message = format!("the request for embeddings cannot be written: {error}");
            Error::new(ErrorKind::InvalidRequest, message).with_source(error)
        })
    }
}

impl EmbeddingResponse {
    /// Reads a reply.
    ///
    /// # Errors
    ///
    /// `UpstreamProtocol` if it holds no embeddings.
    pub fn from_document(document: &Document) -> Result<Self, Error> {
        serde_json::from_slice(&document.to_bytes()).map_err(|error| {
            let message = "the reply is not a list of embeddings";
            Error::new(ErrorKind::UpstreamProtocol, message).having_reached_upstream().with_source(error)
        })
    }
}

impl From<&str> for EmbeddingInput {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for EmbeddingInput {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<String>> for EmbeddingInput {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl<const N: usize> From<[&str; N]> for EmbeddingInput {
    fn from(texts: [&str; N]) -> Self {
        Self::Texts(texts.into_iter().map(str::to_owned).collect())
    }
}

/// A list of numbers, or the base64 of little-endian 32-bit floats.
fn vector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    deserializer.deserialize_any(VectorVisitor)
}

struct VectorVisitor;

impl<'de> Visitor<'de> for VectorVisitor {
    type Value = Vec<f32>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list of numbers or a base64 text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Vec<f32>, A::Error> {
        let mut vector = Vec::new();
        while let Some(number) = numbers.next_element()? {
            vector.push(number);
        }
        Ok(vector)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<f32>, E> {
        let bytes = STANDARD.decode(text).map_err(E::custom)?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(E::custom("the base64 text does not hold whole 32-bit floats"));
        }
        Ok(numbers.iter().copied().map(f32::from_le_bytes).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &'static str) -> Result<EmbeddingResponse, ErrorKind> {
        let document = Document::parse(json.as_bytes()).expect("a document");
        EmbeddingResponse::from_document(&document).map_err(|error| error.kind())
    }

    fn check(json: &'static str, expected: &[f32]) {
        let response = read(json).expect("embeddings");
        let bits = |vector: &[f32]| vector.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&response.data[0].embedding), bits(expected), "{json}");
    }

    #[test]
    fn floats_and_base64() {
        check(r#"{"data":[{"index":0,"embedding":[0.5,-1,1e-3]}]}"#, &[0.5, -1.0, 0.001]);
        check(r#"{"data":[{"index":0,"embedding":"AAAAPwAAgL8="}]}"#, &[0.5, -1.0]);
        check(r#"{"data":[{"embedding":[]}]}"#, &[]);
    }

    #[test]
    fn what_else_is_told() {
        let response = read(
            r#"{"object":"list","model":"m","data":[{"object":"embedding","index":1,"embedding":[]}],
                "usage":{"prompt_tokens":8,"total_tokens":8},"providerMetadata":{"a":1}}"#,
        )
        .expect("embeddings");
        assert_eq!((response.object.as_str(), response.data[0].index), ("list", 1));
        assert_eq!(response.usage.and_then(|usage| usage.prompt_tokens), Some(8));
        assert_eq!(response.extra["providerMetadata"]["a"], 1);
    }

    #[test]
    fn what_is_no_vector_is_an_error() {
        for json in [
            r#"{"data":[{"embedding":"AAA="}]}"#,
            r#"{"data":[{"embedding":"?"}]}"#,
            r#"{"data":[{"embedding":7}]}"#,
            r#"{"data":[{}]}"#,
            "{}",
        ] {
            assert_eq!(read(json), Err(ErrorKind::UpstreamProtocol), "{json}");
        }
    }

    #[test]
    fn inputs() {
        let check = |input: EmbeddingInput, expected: &str| {
            assert_eq!(serde_json::to_string(&input).expect("it serializes"), expected);
        };
        check("a".into(), r#""a""#);
        check(["a", "b"].into(), r#"["a","b"]"#);
        check(EmbeddingInput::Tokens(vec![1, 2]), "[1,2]");
        check(EmbeddingInput::TokenLists(vec![vec![1], vec![2]]), "[[1],[2]]");
    }
}
