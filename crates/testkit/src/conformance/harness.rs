//! What a provider's author tells the suite: how the provider is registered, and what its upstream says.

use std::fmt;
use std::sync::Arc;

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
    /// `stream` and `model` are set by the suite. `None` keeps the suite's own, and so do forms.
    #[must_use]
    pub fn asking(
        mut self,
        question: impl Fn(Operation) -> Option<Document> + Send + Sync + 'static,
    ) -> Self {
        self.question = Some(Arc::new(question));
        self
    }

    /// The JSON object that the author asks an operation with, where there is one.
    pub(crate) fn own_question(&self, operation: Operation) -> Option<Document> {
        self.question.as_ref().and_then(|question| question(operation))
    }
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
