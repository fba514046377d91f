//! The contract: one verb, so that a new operation is not a change of the trait.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use trunkline_core::{Call, Error, ModelInfo, Reply};

use crate::{Capabilities, Target};

/// An upstream that can be called.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// What it can do with this model, named in the upstream's own spelling.
    fn capabilities(&self, model: &str) -> Capabilities;

    /// Sends one call upstream; the reply is a whole document or a stream of events.
    ///
    /// Dropping the future, or the stream that it gave, cancels the call upstream.
    ///
    /// # Errors
    ///
    /// Whatever is not a success: refusals keep the upstream's status and body. An error that the upstream
    /// reports inside a stream has the same kind as its HTTP twin, and is the stream's last item.
    async fn call(&self, context: &CallContext, call: &Call) -> Result<Reply, Error>;

    /// The models on offer, with limits and prices where the upstream tells them.
    ///
    /// # Errors
    ///
    /// As [`Provider::call`]. A provider whose upstream has no catalogue answers with an empty list.
    async fn models(&self, context: &CallContext) -> Result<Vec<ModelInfo>, Error>;
}

/// What surrounds one call.
#[derive(Clone, Debug, Default)]
pub struct CallContext {
    /// Where the call goes.
    pub target: Arc<Target>,
}

impl CallContext {
    /// A call to this target.
    pub fn new(target: Arc<Target>) -> Self {
        Self { target }
    }
}
