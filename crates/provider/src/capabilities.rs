//! What a provider can do with a model: unsupported is a value, not a surprise.

use trunkline_core::Operation;

/// What a provider offers for one model. A wrapper may narrow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The operations that it has.
    pub operations: &'static [Operation],
    /// Whether it can answer as a stream of events.
    pub streaming: bool,
    /// Whether its replies tell the tokens.
    pub reports_usage: bool,
    /// Whether its replies tell what was billed.
    pub reports_cost: bool,
}

impl Capabilities {
    /// Whether it has the operation.
    pub fn supports(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }

    /// The names of its operations, for a message: `chat_completions, embeddings`.
    pub fn operation_names(&self) -> String {
        self.operations.iter().map(|operation| operation.name()).collect::<Vec<_>>().join(", ")
    }
}
