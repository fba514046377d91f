//! An embedding call: its parameters, and what comes back.

use trunkline_core::{Cost, Document, Error, Observation, Operation, Usage};
use trunkline_openai::embeddings::{EmbeddingRequest, EmbeddingResponse};

use crate::call_builder::{Answer, CallBuilder, whole};

/// A request for embeddings that is being put together, and sent when it is awaited.
pub type EmbeddingCall = CallBuilder<EmbeddingRequest>;

/// The vectors of what was embedded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Embeddings {
    /// The reply, typed.
    pub response: EmbeddingResponse,
    /// The tokens. `None` where the upstream does not tell.
    pub usage: Option<Usage>,
    /// What was billed. `None` where the upstream does not tell, which is not the same as nothing.
    pub cost: Option<Cost>,
    /// The upstream's own id of the call, under which its bill can be looked up.
    pub generation_id: Option<String>,
    /// The reply as it came, byte for byte.
    pub document: Document,
}

impl CallBuilder<EmbeddingRequest> {
    /// Sets how long the vectors are, for models that can shorten them.
    pub fn dimensions(mut self, dimensions: u32) -> Self {
        self.request.dimensions = Some(dimensions);
        self
    }

    /// Sets how the vectors are written on the wire: `float` or `base64`, which is smaller. Both are read here.
    pub fn encoding_format(mut self, encoding_format: impl Into<String>) -> Self {
        self.request.encoding_format = Some(encoding_format.into());
        self
    }

    /// Says who asks.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.request.user = Some(user.into());
        self
    }

    async fn send(self) -> Result<Embeddings, Error> {
        let Self { request, mut delivery } = self;
        let model = request.model.clone();
        let mut document = request.into_document()?;
        delivery.complete(&mut document);
        let reply = delivery.send(Operation::Embeddings, &model, document).await?;
        let (document, observation) = whole(reply)?;
        Embeddings::new(document, observation)
    }
}

impl IntoFuture for CallBuilder<EmbeddingRequest> {
    type Output = Result<Embeddings, Error>;
    type IntoFuture = Answer<Embeddings>;

    fn into_future(self) -> Answer<Embeddings> {
        Box::pin(self.send())
    }
}

impl Embeddings {
    fn new(document: Document, observation: Observation) -> Result<Self, Error> {
        let mut response = EmbeddingResponse::from_document(&document)?;
        // Upstreams number the vectors and need not send them in order.
        response.data.sort_by_key(|embedding| embedding.index);
        let Observation { usage, cost, generation_id, .. } = observation;
        Ok(Self { response, usage, cost, generation_id, document })
    }

    /// The vectors, in the order of the inputs.
    pub fn vectors(&self) -> Vec<&[f32]> {
        self.response.data.iter().map(|embedding| embedding.embedding.as_slice()).collect()
    }

    /// The same, taken out.
    pub fn into_vectors(self) -> Vec<Vec<f32>> {
        self.response.data.into_iter().map(|embedding| embedding.embedding).collect()
    }
}
