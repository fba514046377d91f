//! Asks a deployment for next to nothing, to see whether it answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use trunkline_core::{Body, Call, Document, Error, ErrorKind, Operation, ReplyBody};
use trunkline_provider::{CallContext, Provider, Target};

use crate::deployment::{Probing, Upstream};
use crate::first_events::{FirstWait, first_events};
use crate::health::Look;
use crate::notice::Whom;
use crate::{Deployment, Router};

/// How long a probe may take where nobody says so.
const WAIT: Duration = Duration::from_secs(60);

/// The newer name of `max_tokens`. Models that think refuse the older one, and need room for a thought.
const NEWER_LIMIT: &str = "max_completion_tokens";
const NEWER_LIMIT_JSON: &[u8] = b"16";

/// What a probe found.
#[derive(Debug)]
pub enum Probed {
    /// It answered.
    Healthy,
    /// It did not.
    Unhealthy(Error),
    /// There was nothing to ask, and why.
    NotProbed(&'static str),
}

impl Router {
    /// Asks a deployment for one token, or for one vector, as its `mode` says. One that rested and answers is back; one
    /// that fails is none the worse for it. Nothing of its limits is used.
    pub async fn probe(&self, deployment: &Arc<Deployment>) -> Probed {
        let Probing { disabled, model, timeout } = &deployment.probing;
        if *disabled {
            return Probed::NotProbed("disable_background_health_check leaves it out");
        }
        let Some((provider, model)) = self.probed(deployment, model.as_deref()) else {
            return Probed::NotProbed("a wildcard is asked only with health_check_model");
        };
        let Some((operation, body)) = question(provider.as_ref(), &model, deployment) else {
            return Probed::NotProbed("its mode has no operation that is cheap enough");
        };
        let mut target = Target::clone(&deployment.context().target);
        let waits = &mut target.send.waits;
        waits.total = timeout.unwrap_or(WAIT).min(waits.total);
        let context = CallContext::new(Arc::new(target));
        let mut call = Call::new(operation, Arc::clone(&model), body);
        deployment.complete(operation, &mut call.body);
        let sent = Instant::now();
        let mut asked = ask(provider.as_ref(), &context, &call).await;
        if asked.as_ref().is_err_and(wants_newer_limit) && use_newer_limit(&mut call.body) {
            asked = ask(provider.as_ref(), &context, &call).await;
        }
        match asked {
            Ok(()) => {
                self.is_back(deployment, &model, sent);
                Probed::Healthy
            }
            Err(error) => Probed::Unhealthy(error),
        }
    }

    /// Ends the rests of a deployment that has answered what was sent then, and of its credential.
    fn is_back(&self, deployment: &Deployment, model: &str, sent: Instant) {
        let whom = Whom { deployment, model: deployment.has_many_models().then_some(model) };
        if deployment.account.accepted(sent) {
            whom.credential_is_back();
        }
        let known = deployment.has_many_models().then(|| deployment.state.known(model));
        let standing = match &known {
            None => deployment.state.own(),
            Some(Some(standing)) => standing,
            // A model of which there is nothing to say stays so.
            Some(None) => return,
        };
        if standing.health.look() != Look::InService {
            if standing.health.succeeded(sent) {
                whom.is_back();
            }
            self.states.freed.tell();
        }
    }

    /// Whom to ask for which model. `None` where the name that is asked for decides, and none is given.
    fn probed(&self, deployment: &Deployment, model: Option<&str>) -> Option<(Arc<dyn Provider>, Arc<str>)> {
        match (&deployment.upstream, model) {
            (Upstream::Fixed { provider, .. }, Some(model)) => {
                // The deployment's key goes to its own provider alone, whose ids may begin as other prefixes do.
                let own = model.strip_prefix(&*deployment.prefix).and_then(|rest| rest.strip_prefix('/'));
                Some((Arc::clone(provider), own.unwrap_or(model).into()))
            }
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

async fn ask(provider: &dyn Provider, context: &CallContext, call: &Call) -> Result<(), Error> {
    let wait = FirstWait { since: Instant::now(), most: context.target.send.waits.total };
    let mut reply = provider.call(context, call).await?;
    if let ReplyBody::Events(events) = &mut reply.body {
        first_events(events, None, || wait).await?;
    }
    Ok(())
}

/// The least that the model can be asked.
fn question(provider: &dyn Provider, model: &str, deployment: &Deployment) -> Option<(Operation, Document)> {
    let capabilities = provider.capabilities(model);
    let messages = json!([{ "role": "user", "content": "hi" }]);
    let questions: [(Operation, Value); 5] = [
        (Operation::ChatCompletions, json!({ "model": model, "messages": messages, "max_tokens": 1 })),
        (Operation::Messages, json!({ "model": model, "messages": messages, "max_tokens": 1 })),
        // Sixteen are the least that OpenAI takes there.
        (Operation::Responses, json!({ "model": model, "input": "hi", "max_output_tokens": 16 })),
        (Operation::Completions, json!({ "model": model, "prompt": "hi", "max_tokens": 1 })),
        (Operation::Embeddings, json!({ "model": model, "input": "hi" })),
    ];
    let meant: &[Operation] = match deployment.info.get("mode").and_then(Value::as_str) {
        Some("chat") => &[Operation::ChatCompletions, Operation::Messages],
        Some("responses") => &[Operation::Responses],
        Some("completion") => &[Operation::Completions],
        Some("embedding") => &[Operation::Embeddings],
        Some(_) => &[],
        // Nobody says what the model is for; its name often does.
        None if model.contains("embed") => &[Operation::Embeddings],
        None => &[Operation::ChatCompletions, Operation::Messages],
    };
    let fits = |operation: Operation| meant.contains(&operation) && capabilities.supports(operation);
    let (operation, body) = questions.into_iter().find(|(operation, _)| fits(*operation))?;
    let mut body = Document::from_serialize(&body).ok()?;
    if operation == Operation::ChatCompletions && deployment.added(NEWER_LIMIT).is_some() {
        body.remove("max_tokens");
        body.set_raw(NEWER_LIMIT, NEWER_LIMIT_JSON);
    }
    Some((operation, body))
}

/// Whether an upstream refuses `max_tokens` and names the one that it wants.
fn wants_newer_limit(error: &Error) -> bool {
    error.kind() == ErrorKind::UpstreamInvalidRequest
        && error.upstream().is_some_and(|answer| {
            std::str::from_utf8(&answer.body).is_ok_and(|body| body.contains(NEWER_LIMIT))
        })
}

fn use_newer_limit(body: &mut Body) -> bool {
    let Body::Document(document) = body else { return false };
    let is_other = document.remove("max_tokens");
    document.set_raw(NEWER_LIMIT, NEWER_LIMIT_JSON);
    is_other
}
