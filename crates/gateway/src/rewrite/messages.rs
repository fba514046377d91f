//! Messages: the model stands in the first event alone, within its message.

use bytes::Bytes;
use memchr::memmem;
use trunkline_core::json;

use super::Splice;

/// The changes to one reply in Anthropic's dialect.
#[derive(Debug)]
pub(super) struct Messages {
    model: memmem::Finder<'static>,
    restamped: bool,
}

impl Messages {
    pub(super) fn new() -> Self {
        Self { model: memmem::Finder::new(b"\"model\""), restamped: false }
    }

    pub(super) fn splices(&mut self, data: &[u8], model: Option<&Bytes>) -> Vec<Splice> {
        let Some(model) = model.filter(|_| !self.restamped && self.model.find(data).is_some()) else {
            return Vec::new();
        };
        let Some(span) = json::path(data, &["message", "model"]) else {
            return Vec::new();
        };
        self.restamped = true;
        vec![(span, model.clone())]
    }
}
