//! The management of keys as endpoints of the gateway.

use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use serde_json::value::RawValue;
use trunkline_core::{Error, ErrorKind};
use trunkline_gateway::{Caller, Extension, ExtensionRequest, ExtensionRow};
use trunkline_management::{Actor, Asked, ENDPOINTS, Endpoint, EndpointRow, Management};

use crate::stored::Stored;

/// Introduces the two to each other: neither knows the other.
#[derive(Debug)]
pub(crate) struct Managed {
    management: Management,
    rows: Vec<ExtensionRow>,
    /// What serves deployments that are added, where that is wanted.
    stored: Option<Arc<Stored>>,
}

/// What changes deployments. Whoever is told that it is done can call them.
const OF_MODELS: [Endpoint; 3] = [Endpoint::NewModel, Endpoint::UpdateModel, Endpoint::DeleteModel];

impl Managed {
    pub(crate) fn new(management: Management, stored: Option<Arc<Stored>>) -> Self {
        let row =
            |row: &EndpointRow| ExtensionRow { method: row.method.clone(), path: row.path, group: row.group };
        Self { management, rows: ENDPOINTS.iter().map(row).collect(), stored }
    }
}

#[async_trait]
impl Extension for Managed {
    fn rows(&self) -> &[ExtensionRow] {
        &self.rows
    }

    async fn answer(&self, request: ExtensionRequest<'_>) -> Result<(StatusCode, Box<RawValue>), Error> {
        let ExtensionRequest { row, named, query, body, caller } = request;
        let row = ENDPOINTS
            .get(row)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "this is no endpoint of the management"))?;
        let actor = match caller {
            Caller::Local => Actor::Local,
            Caller::Master => Actor::Master,
            Caller::Key(identity) => Actor::Key(identity.clone()),
        };
        let reply = self.management.answer(Asked { row, named, query, body, actor: &actor }).await?;
        if let Some(stored) = self.stored.as_ref().filter(|_| OF_MODELS.contains(&row.does)) {
            stored.until_taken_up().await;
        }
        Ok((reply.status, reply.body))
    }
}
