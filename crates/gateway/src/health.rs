//! `GET /health`: which deployments answer, found out when it is asked, or at intervals.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_router::{Deployment, Probed, Router};

use crate::found::{Found, Outcome};
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
        asked.buffered(concurrency).collect().await
    }
}

async fn found(router: &Router, deployment: Arc<Deployment>) -> Found {
    let outcome = match router.probe(&deployment).await {
        Probed::NotProbed(why) => Outcome::NotProbed(why),
        Probed::Healthy => Outcome::Healthy,
        Probed::Unhealthy(error) => {
            tracing::debug!(
                deployment.id = &*deployment.id,
                error.kind = ?error.kind(),
                error = %error,
                error.source = error.causes(),
                "probe failed"
            );
            Outcome::Unhealthy(error.message().to_owned())
        }
    };
    Found { deployment, outcome }
}

/// `GET /health`. Where a model is picked of which nobody answers, the status is 503.
///
/// # Errors
///
/// `NotFound` if nothing is picked.
pub(crate) async fn health(gateway: &Gateway, query: &str) -> Result<Response<ReplyBody>, Error> {
    let (model, id) = (parameter(query, "model"), parameter(query, "model_id"));
    let is_picked = model.is_some() || id.is_some();
    let is_meant = |deployment: &Deployment| {
        let named = |name: &String| **name == *deployment.group || **name == *deployment.model;
        model.as_ref().is_none_or(named) && id.as_ref().is_none_or(|id| **id == *deployment.id)
    };
    let found = match gateway.last_found() {
        Some(found) => found.into_iter().filter(|found| is_meant(&found.deployment)).collect(),
        None => gateway.probe(is_meant).await,
    };
    if is_picked && found.is_empty() {
        let message = "no deployment has this model and id; GET /model/info lists those that there are";
        return Err(Error::new(ErrorKind::NotFound, message).with_param("model"));
    }
    let has_details = gateway.settings.health_details;
    let (mut healthy, mut unhealthy, mut not_probed) = (Vec::new(), Vec::new(), Vec::new());
    for found in &found {
        let rows = match found.outcome {
            Outcome::Healthy => &mut healthy,
            Outcome::Unhealthy(_) => &mut unhealthy,
            Outcome::NotProbed(_) => &mut not_probed,
        };
        rows.push(row(found, has_details));
    }
    let is_down = is_picked && healthy.is_empty() && !unhealthy.is_empty();
    let told = json!({
        "healthy_count": healthy.len(),
        "unhealthy_count": unhealthy.len(),
        "healthy_endpoints": healthy,
        "unhealthy_endpoints": unhealthy,
        "not_probed_endpoints": not_probed,
    });
    Ok(json_reply(if is_down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, &told))
}

fn row(found: &Found, has_details: bool) -> Value {
    let deployment = &found.deployment;
    let mut told = json!({ "model": &*deployment.model });
    if has_details {
        told["model_id"] = Value::from(&*deployment.id);
        told["model_name"] = Value::from(&*deployment.group);
        match &found.outcome {
            Outcome::Healthy => {}
            Outcome::Unhealthy(error) => told["error"] = Value::from(error.as_str()),
            Outcome::NotProbed(why) => told["reason"] = Value::from(*why),
        }
    }
    told
}
