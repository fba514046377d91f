//! What is asked of images, as JSON or as a form that is checked strictly.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::call::Call;
use super::super::error;
use super::super::multipart::{self, Form, RecordedPart};
use super::super::reply::Reply;

const IMAGES_MAX: u64 = 10;
const PARTIAL_IMAGES_MAX: u64 = 3;

#[derive(Debug, Deserialize)]
pub(crate) struct ImageRequest {
    pub(crate) model: String,
    pub(crate) prompt: String,
    #[serde(default)]
    pub(crate) n: Option<u64>,
    #[serde(default)]
    pub(crate) size: Option<String>,
    #[serde(default)]
    pub(crate) quality: Option<String>,
    #[serde(default)]
    pub(crate) response_format: Option<String>,
    #[serde(default)]
    pub(crate) stream: Option<bool>,
    #[serde(default)]
    pub(crate) partial_images: Option<u64>,
    /// The images to be edited, in JSON.
    #[serde(default)]
    images: Option<Vec<ImageReference>>,
    #[serde(default, rename = "providerOptions")]
    pub(crate) provider_options: Option<Value>,
    /// How many images are to be edited.
    #[serde(skip)]
    pub(crate) edited: u64,
}

#[derive(Debug, Deserialize)]
struct ImageReference {
    image_url: String,
}

impl ImageRequest {
    pub(crate) fn read(call: &Call<'_>) -> Result<Self, Reply> {
        let request = serde_json::from_slice::<Self>(call.body)
            .map_err(|error| error::invalid_request(&format!("Invalid request body: {error}")))?;
        request.checked()
    }

    /// An edit, which comes as a form or as JSON.
    pub(crate) fn read_edit(call: &Call<'_>) -> Result<Self, Reply> {
        let content_type = call.header("content-type").unwrap_or_default();
        if content_type.starts_with("multipart/") {
            return Self::of_form(&form(call)?)?.checked();
        }
        let mut request = Self::read(call)?;
        let images = request.images.take().unwrap_or_default();
        let known = |image: &ImageReference| {
            image.image_url.starts_with("data:image/") || image.image_url.starts_with("https://")
        };
        if images.is_empty() || !images.iter().all(known) {
            return Err(error::invalid_request(
                "images: at least one image_url, as data: or https:, is needed",
            ));
        }
        request.edited = images.len() as u64;
        Ok(request)
    }

    fn of_form(form: &Form) -> Result<Self, Reply> {
        let named_so = |part: &&RecordedPart| matches!(part.name.as_str(), "image" | "image[]");
        let images = form.parts.iter().filter(named_so).collect::<Vec<_>>();
        let is_image = |part: &&RecordedPart| {
            let kind = part.content_type.as_deref().unwrap_or_default();
            part.filename.is_some() && kind.starts_with("image/") && !part.bytes.is_empty()
        };
        if images.is_empty() || !images.iter().all(is_image) {
            let message = "image: a part with a filename, a content-type of an image, and bytes is needed";
            return Err(error::invalid_request(message));
        }
        let text = |name: &str| form.text(name).map(str::to_owned);
        let needed = |name: &str| {
            text(name)
                .ok_or_else(|| error::invalid_request(&format!("Missing required parameter: '{name}'.")))
        };
        Ok(Self {
            model: needed("model")?,
            prompt: needed("prompt")?,
            n: read(form, "n")?,
            size: text("size"),
            quality: text("quality"),
            response_format: text("response_format"),
            stream: read(form, "stream")?,
            partial_images: read(form, "partial_images")?,
            images: None,
            provider_options: read(form, "providerOptions")?,
            edited: images.len() as u64,
        })
    }

    fn checked(self) -> Result<Self, Reply> {
        let refusal = if self.prompt.is_empty() {
            "prompt: must not be empty".to_owned()
        } else if !(1..=IMAGES_MAX).contains(&self.n.unwrap_or(1)) {
            format!("n: between 1 and {IMAGES_MAX}")
        } else if self.partial_images.unwrap_or_default() > PARTIAL_IMAGES_MAX {
            format!("partial_images: at most {PARTIAL_IMAGES_MAX}")
        } else if !matches!(self.response_format.as_deref(), None | Some("b64_json" | "url")) {
            "response_format: 'b64_json' or 'url'".to_owned()
        } else {
            return Ok(self);
        };
        Err(error::invalid_request(&refusal))
    }
}

/// The form that a call must bring.
pub(crate) fn form(call: &Call<'_>) -> Result<Form, Reply> {
    let boundary = multipart::boundary(call.headers).ok_or_else(|| {
        error::invalid_request("Invalid multipart body: the content type names no boundary")
    })?;
    Form::read(&boundary, call.body)
        .map_err(|wrong| error::invalid_request(&format!("Invalid multipart body: {wrong}")))
}

/// A part that is spelt as JSON spells its value.
pub(crate) fn read<T: DeserializeOwned>(form: &Form, name: &str) -> Result<Option<T>, Reply> {
    let Some(text) = form.text(name) else { return Ok(None) };
    let value = serde_json::from_str(text);
    value.map(Some).map_err(|error| error::invalid_request(&format!("{name}: {error}")))
}
