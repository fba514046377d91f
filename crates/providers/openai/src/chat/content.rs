//! What a message says: a text, or parts of several kinds.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Extra;
use crate::RawJson;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// A text.
    Text(String),
    /// Parts, in order.
    Parts(Vec<ContentPart>),
}

/// One part of a message. `kind` says which of the other members is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContentPart {
    /// `text`, `image_url`, `input_audio`, `file`, `refusal`, or a vendor's own.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The text, in a part of kind `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The image, in a part of kind `image_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<ImageUrl>,
    /// The sound, in a part of kind `input_audio`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_audio: Option<InputAudio>,
    /// The file, in a part of kind `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// Why the model refused, in a part of kind `refusal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Anthropic's mark for its prompt cache: `{"type": "ephemeral"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<Value>,
    /// What else the part holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An image by its address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageUrl {
    /// An `https` URL, or a `data` URL with the image in base64.
    pub url: String,
    /// How closely the model looks: `auto` (the default), `low`, `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What else is said of it.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A sound.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InputAudio {
    /// The sound in base64.
    pub data: String,
    /// `wav` or `mp3`.
    pub format: String,
    /// What else is said of it.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A file: by its id with the upstream, or with its bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// The id of a file that the upstream has already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<String>,
    /// The file as a `data` URL in base64, as OpenAI takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_data: Option<String>,
    /// The file in base64 without a `data` URL, as the Vercel AI Gateway takes it; it wants `media_type` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The media type of `data`: `application/pdf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What the file is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// What else is said of it.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Content {
    /// The text, or the texts of the parts one after the other.
    pub fn text(&self) -> String {
        match self {
            Content::Text(text) => text.clone(),
            Content::Parts(parts) => parts.iter().filter_map(|part| part.text.as_deref()).collect(),
        }
    }
}

impl ContentPart {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: "text".to_owned(), text: Some(text.into()), ..Self::default() }
    }

    /// An image, by an `https` or a `data` URL.
    pub fn image_url(url: impl Into<String>) -> Self {
        let image = ImageUrl { url: url.into(), ..ImageUrl::default() };
        Self { kind: "image_url".to_owned(), image_url: Some(image), ..Self::default() }
    }

    /// A sound in base64; the format is `wav` or `mp3`.
    pub fn input_audio(data: impl Into<String>, format: impl Into<String>) -> Self {
        let audio = InputAudio { data: data.into(), format: format.into(), extra: Extra::new() };
        Self { kind: "input_audio".to_owned(), input_audio: Some(audio), ..Self::default() }
    }

    /// A file.
    pub fn file(file: File) -> Self {
        Self { kind: "file".to_owned(), file: Some(file), ..Self::default() }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Content::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Content::Text(text)
    }
}

impl From<Vec<ContentPart>> for Content {
    fn from(parts: Vec<ContentPart>) -> Self {
        Content::Parts(parts)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not serde's `untagged`: what it buffers, numbers of more than 64 bits do not survive.
        let raw = RawJson::deserialize(deserializer)?;
        let content = if raw.as_str().starts_with('"') {
            raw.read().map(Content::Text)
        } else {
            raw.read().map(Content::Parts)
        };
        content.map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Content {
        let content: Content = serde_json::from_str(json).expect("content");
        assert_eq!(serde_json::to_string(&content).expect("it serializes"), json);
        content
    }

    #[test]
    fn texts_and_parts_come_back_as_they_were() {
        check(r#""hello""#);
        check(r#"[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]"#);
        check(r#"[{"type":"image_url","image_url":{"url":"https://a.example/b.png","detail":"low"}}]"#);
        check(r#"[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]"#);
        check(
            r#"[{"type":"file","file":{"data":"AAAA","media_type":"application/pdf","filename":"a.pdf"}}]"#,
        );
    }

    #[test]
    fn parts_of_next_year_are_kept_with_their_numbers() {
        check(r#"[{"type":"hologram","hologram":{"count":12345678901234567890123,"depth":1.50}}]"#);
    }

    #[test]
    fn the_text_of_parts() {
        let content = Content::from(vec![
            ContentPart::text("a"),
            ContentPart::image_url("https://x.example"),
            ContentPart::text("b"),
        ]);
        assert_eq!(content.text(), "ab");
    }

    #[test]
    fn neither_text_nor_parts_is_an_error() {
        assert!(serde_json::from_str::<Content>("7").is_err());
    }
}
