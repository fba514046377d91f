//! `GET /health`: which deployments answer, found out when it is asked, or at intervals.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use trunkline_router::{Deployment, Probed, Router};

use crate::found::Found;
use crate::gateway::Gateway;
use crate::models::{json_reply, parameter};
use crate::reply_body::ReplyBody;

/// How many are asked at one time where nobody says so.
const CONCURRENCY: usize = 32;

/// The shortest pause between two rounds.
const EVERY_MIN: Duration = Duration::from_secs(1);

impl Gateway {
    /// Asks all deployments at intervals, if that is set. Never ends.
    pub async fn probe_at_intervals(&self) {
        let Some(every) = self.settings.probes.every else {
            return std::future::pending().await;
        };
        loop {
            let found = self.probe(|_| true).await;
            self.keep_found(found);
            tokio::time::sleep(every.max(EVERY_MIN)).await;
        }
    }

    async fn probe(&self, is_meant: impl Fn(&Deployment) -> bool) -> Vec<Found> {
        let router = self.router();
        let meant: Vec<Arc<Deployment>> =
            router.deployments().filter(|deployment| is_meant(deployment)).cloned().collect();
        let concurrency = self.settings.probes.concurrency.unwrap_or(CONCURRENCY).max(1);
        let asked = stream::iter(meant).map(|deployment| found(&router, deployment));
        // In their order, whoever answers first.
        asked.buffered(concurrency).filter_map(std::future::ready).collect().await
    }
}

async fn found(router: &Router, deployment: Arc<Deployment>) -> Option<Found> {
    match router.probe(&deployment).await {
        Probed::NotProbed => None,
        Probed::Healthy => Some(Found { deployment, failure: None }),
        Probed::Unhealthy(error) => {
            tracing::debug!(
                deployment.id = &*deployment.id,
                error.kind = ?error.kind(),
                error = %error,
                error.source = error.causes(),
                "probe failed"
            );
            let failure = Some(error.message().to_owned());
            Some(Found { deployment, failure })
        }
    }
}

/// `GET /health`.
pub(crate) async fn health(gateway: &Gateway, query: &str) -> Response<ReplyBody> {
    let (model, id) = (parameter(query, "model"), parameter(query, "model_id"));
    let is_meant = |deployment: &Deployment| {
        let named = |name: &String| **name == *deployment.group || **name == *deployment.model;
        model.as_ref().is_none_or(named) && id.as_ref().is_none_or(|id| **id == *deployment.id)
    };
    let found = match gateway.last_found() {
        Some(found) => found.into_iter().filter(|found| is_meant(&found.deployment)).collect(),
        None => gateway.probe(is_meant).await,
    };
    let has_details = gateway.settings.health_details;
    let told = |is_healthy: bool| -> Vec<Value> {
        let of_kind = found.iter().filter(|found| found.failure.is_none() == is_healthy);
        of_kind.map(|found| row(found, has_details)).collect()
    };
    let (healthy, unhealthy) = (told(true), told(false));
    json_reply(
        StatusCode::OK,
        &json!({
            "healthy_count": healthy.len(),
            "unhealthy_count": unhealthy.len(),
            "healthy_endpoints": healthy,
            "unhealthy_endpoints": unhealthy,
        }),
    )
}

fn row(found: &Found, has_details: bool) -> Value {
    let deployment = &found.deployment;
    let mut told = json!({ "model": &*deployment.model });
    if has_details {
        told["model_id"] = Value::from(&*deployment.id);
        told["model_name"] = Value::from(&*deployment.group);
        if let Some(failure) = &found.failure {
            told["error"] = Value::from(failure.as_str());
        }
    }
    told
}
