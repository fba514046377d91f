//! A transport that holds a client's own waits.

use std::sync::Arc;

use async_trait::async_trait;
use trunkline_core::{Error, Segments};
use trunkline_provider::{SendOptions, Transport, TransportBody, Waits};

/// Sends with the client's waits wherever neither a deployment nor a call set any of its own.
///
/// It stands below the providers because a model that is called by its prefix has no deployment whose waits
/// could be set.
#[derive(Debug)]
pub(crate) struct Waiting {
    transport: Arc<dyn Transport>,
    waits: Waits,
}

impl Waiting {
    pub(crate) fn new(transport: Arc<dyn Transport>, waits: Waits) -> Self {
        Self { transport, waits }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Transport for Waiting {
    async fn send(
        &self,
        request: http::Request<Segments>,
        options: &SendOptions,
    ) -> Result<http::Response<TransportBody>, Error> {
        if options.waits != Waits::default() {
            return self.transport.send(request, options).await;
        }
        let options = SendOptions { waits: self.waits, ..options.clone() };
        self.transport.send(request, &options).await
    }
}
