//! The management of keys as endpoints of the gateway.

use async_trait::async_trait;
use http::StatusCode;
use serde_json::Value;
use trunkline_core::{Error, ErrorKind};
use trunkline_gateway::{Caller, Extension, ExtensionRequest, ExtensionRow};
use trunkline_management::{Actor, Asked, ENDPOINTS, Endpoint, EndpointRow, Management};

/// Introduces the two to each other: neither knows the other.
#[derive(Debug)]
pub(crate) struct Managed {
    management: Management,
    /// The endpoints that are served, in the order of `rows`.
    served: Vec<&'static EndpointRow>,
    rows: Vec<ExtensionRow>,
}

/// Deployments that are added while the server runs: they can be kept, and nothing routes to them yet.
const UNSERVED: [Endpoint; 3] = [Endpoint::NewModel, Endpoint::UpdateModel, Endpoint::DeleteModel];

impl Managed {
    pub(crate) fn new(management: Management) -> Self {
        let served: Vec<&EndpointRow> =
            ENDPOINTS.iter().filter(|row| !UNSERVED.contains(&row.does)).collect();
        let row = |row: &&EndpointRow| ExtensionRow {
            method: row.method.clone(),
            path: row.path,
            group: row.group,
        };
        Self { management, rows: served.iter().map(row).collect(), served }
    }
}

#[async_trait]
impl Extension for Managed {
    fn rows(&self) -> &[ExtensionRow] {
        &self.rows
    }

    async fn answer(&self, request: ExtensionRequest<'_>) -> Result<(StatusCode, Value), Error> {
        let ExtensionRequest { row, named, query, body, caller } = request;
        let row = self
            .served
            .get(row)
            .copied()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "this is no endpoint of the management"))?;
        let actor = match caller {
            Caller::Local => Actor::Local,
            Caller::Master => Actor::Master,
            Caller::Key(identity) => Actor::Key(identity.clone()),
        };
        let reply = self.management.answer(Asked { row, named, query, body, actor: &actor }).await?;
        Ok((reply.status, reply.body))
    }
}
