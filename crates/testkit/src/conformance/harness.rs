//! What a provider's author tells the suite: how the provider is registered, and what its upstream says.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use trunkline_core::{Document, Operation};
use trunkline_provider::Registry;

use super::Fixtures;

type Register = Arc<dyn Fn(&mut Registry) + Send + Sync>;
type Question = Arc<dyn Fn(Operation) -> Option<Document> + Send + Sync>;

/// A provider as the suite sees it.
#[derive(Clone)]
pub struct Harness {
    pub(crate) model: String,
    pub(crate) register: Register,
    pub(crate) fixtures: Option<Fixtures>,
    question: Option<Question>,
}

impl Harness {
    /// A provider that answers without a network.
    ///
    /// `model` is a model of it with its prefix, as a caller writes it; `register` is what the crate exports.
    pub fn new(model: impl Into<String>, register: impl Fn(&mut Registry) + Send + Sync + 'static) -> Self {
        Self { model: model.into(), register: Arc::new(register), fixtures: None, question: None }
    }

    /// The same with an upstream, which says what the fixtures hold.
    #[must_use]
    pub fn with_upstream(mut self, fixtures: Fixtures) -> Self {
        self.fixtures = Some(fixtures);
        self
    }

    /// Asks other questions than the suite's own, where those are of no use to the provider.
    ///
    /// `stream` and `model` are set by the suite. `None` keeps the suite's own.
    #[must_use]
    pub fn asking(
        mut self,
        question: impl Fn(Operation) -> Option<Document> + Send + Sync + 'static,
    ) -> Self {
        self.question = Some(Arc::new(question));
        self
    }

    /// The body that asks for an operation, whole or as a stream.
    pub(crate) fn question(&self, operation: Operation, streaming: bool) -> Document {
        let asked = self.question.as_ref().and_then(|question| question(operation));
        let mut document = asked.unwrap_or_else(|| own_question(operation));
        document.set_raw("model", trunkline_core::json::text(&self.model));
        if streaming {
            document.set_raw("stream", Bytes::from_static(b"true"));
        }
        document
    }
}

fn own_question(operation: Operation) -> Document {
    let body = match operation {
        Operation::ChatCompletions => {
            r#"{"messages":[{"role":"user","content":"What is a café to 茶, in three words? 😀"}]}"#
        }
        Operation::Completions => r#"{"prompt":"What is a café to 茶, in three words? 😀"}"#,
        _ => r#"{"input":"What is a café to 茶, in three words? 😀"}"#,
    };
    Document::parse(body).expect("it is a JSON object")
}

impl fmt::Debug for Harness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Harness")
            .field("model", &self.model)
            .field("fixtures", &self.fixtures)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_of_the_author_s_own_is_asked_of_this_model() {
        let harness = Harness::new("plain/m", |_| {}).asking(|operation| match operation {
            Operation::ChatCompletions => Document::parse(r#"{"messages":[],"max_tokens":5}"#).ok(),
            _ => None,
        });
        let asked = |operation, streaming| harness.question(operation, streaming).to_bytes();
        assert_eq!(
            asked(Operation::ChatCompletions, true),
            r#"{"messages":[],"max_tokens":5,"model":"plain/m","stream":true}"#
        );
        let own = r#"{"input":"What is a café to 茶, in three words? 😀","model":"plain/m"}"#;
        assert_eq!(asked(Operation::Embeddings, false), own);
    }
}
