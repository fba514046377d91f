//! Asks a deployment for next to nothing, to see whether it answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use trunkline_core::{Call, Document, Error, ErrorKind, Operation, ReplyBody};
use trunkline_provider::{CallContext, Provider, Target};

use crate::deployment::{Probing, Upstream};
use crate::first_events::first_events;
use crate::health::Look;
use crate::{Deployment, Router};

/// How long a probe may take where nobody says so.
const WAIT: Duration = Duration::from_secs(60);

/// What a probe found.
#[derive(Debug)]
pub enum Probed {
    /// It answered.
    Healthy,
    /// It did not.
    Unhealthy(Error),
    /// There was nothing to ask: it is a wildcard without `health_check_model`, has no operation that is cheap enough, or
    /// wants no probes.
    NotProbed,
}

impl Router {
    /// Asks a deployment for one token, or for one vector. One that rested and answers is back.
    pub async fn probe(&self, deployment: &Arc<Deployment>) -> Probed {
        let Probing { disabled, model, timeout } = &deployment.probing;
        if *disabled {
            return Probed::NotProbed;
        }
        let Some((provider, model)) = self.probed(deployment, model.as_deref()) else {
            return Probed::NotProbed;
        };
        let Some((operation, body)) = question(provider.as_ref(), &model) else {
            return Probed::NotProbed;
        };
        let mut target = Target::clone(&deployment.context().target);
        let waits = &mut target.send.waits;
        waits.total = timeout.unwrap_or(WAIT).min(waits.total);
        let mut call = Call::new(operation, model, body);
        deployment.complete(operation, &mut call.body);
        let context = CallContext::new(Arc::new(target));
        let sent = Instant::now();
        let asked = async {
            let mut reply = provider.call(&context, &call).await?;
            if let ReplyBody::Events(events) = &mut reply.body {
                first_events(events, None).await?;
            }
            Ok::<(), Error>(())
        };
        match asked.await {
            Ok(()) => {
                deployment.account.accepted(sent);
                let health = &deployment.state.own().health;
                if health.look() != Look::InService {
                    health.succeeded(sent);
                }
                Probed::Healthy
            }
            Err(error) => Probed::Unhealthy(error),
        }
    }

    /// Whom to ask for which model. `None` where the name that is asked for decides, and none is given.
    fn probed(&self, deployment: &Deployment, model: Option<&str>) -> Option<(Arc<dyn Provider>, Arc<str>)> {
        let own = |model: &str| self.registry().find(model).map_or(model, |(_, rest)| rest).into();
        match (&deployment.upstream, model) {
            (Upstream::Fixed { provider, .. }, Some(model)) => Some((Arc::clone(provider), own(model))),
            (Upstream::Fixed { provider, model }, None) if !model.contains('*') => {
                Some((Arc::clone(provider), Arc::clone(model)))
            }
            (Upstream::ByName, Some(model)) => {
                let (registration, rest) = self.registry().find(model)?;
                Some((Arc::clone(&registration.provider), rest.into()))
            }
            (_, None) => None,
        }
    }
}

/// The least that the model can be asked.
fn question(provider: &dyn Provider, model: &str) -> Option<(Operation, Document)> {
    let capabilities = provider.capabilities(model);
    let messages = json!([{ "role": "user", "content": "hi" }]);
    let questions: [(Operation, Value); 3] = [
        (Operation::ChatCompletions, json!({ "model": model, "messages": messages, "max_tokens": 1 })),
        (Operation::Messages, json!({ "model": model, "messages": messages, "max_tokens": 1 })),
        (Operation::Embeddings, json!({ "model": model, "input": "hi" })),
    ];
    // Catalogues do not say what a model is for; its name often does.
    let embeds = model.contains("embed");
    let fits = |operation: &Operation| {
        capabilities.supports(*operation) && (*operation == Operation::Embeddings) == embeds
    };
    let (operation, body) = questions.into_iter().find(|(operation, _)| fits(operation))?;
    let body =
        Document::from_serialize(&body).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()));
    Some((operation, body.ok()?))
}
