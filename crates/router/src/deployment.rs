//! One row of `model_list`: a provider, an upstream model, credentials, defaults.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use trunkline_core::{Body, Error, ErrorKind, Operation, Secret, TokenPrices, json};
use trunkline_provider::{CallContext, Provider, Registration, Registry, Target};

use crate::parameters;

/// What a deployment is made from.
#[derive(Clone, Debug, Default)]
pub struct DeploymentSpec {
    /// The public name that it shares with the other deployments of its model group. It may hold `*`.
    pub group: String,
    /// The model with its provider's prefix. Each `*` is filled with what the one in `group` stood for.
    pub model: String,
    /// The provider's prefix, where `model` does not begin with one.
    pub provider_prefix: Option<String>,
    /// A provider of its own, where no registered one is meant.
    pub provider: Option<Arc<dyn Provider>>,
    /// Its identity. The default is a hash of group, model, base and credential: it outlives a restart, and a
    /// change of anything else.
    pub id: Option<String>,
    /// Where its calls go.
    pub target: Target,
    /// Members that are put into a body that lacks them: name and JSON text.
    pub defaults: Vec<(String, Bytes)>,
    /// Members that are put into every body, whatever it says: name and JSON text.
    pub overrides: Vec<(String, Bytes)>,
    /// The credential fields that a caller may name itself: `api_key`, `api_base`. Default: none.
    pub client_side_fields: Vec<String>,
    /// Calls that it answers at one time; further ones wait. Default: no limit.
    pub parallel_calls_max: Option<usize>,
    /// Its level in the group: lower ones are tried first. Default 0.
    pub order: i64,
    /// What `/model/info` tells of it.
    pub info: Map<String, Value>,
    /// Its prices, for replies whose cost the upstream does not report.
    pub prices: Option<TokenPrices>,
}

/// A provider, an upstream model and credentials under a public name.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its identity.
    pub id: Arc<str>,
    /// Its model group.
    pub group: Arc<str>,
    /// The model with its prefix, as configured.
    pub model: Arc<str>,
    /// The provider's prefix; empty where the name that is asked for decides.
    pub prefix: Arc<str>,
    /// The credential fields that a caller may name itself.
    pub client_side_fields: Vec<String>,
    /// Its level in the group: lower ones are tried first.
    pub order: i64,
    /// What `/model/info` tells of it.
    pub info: Map<String, Value>,
    /// Its prices, if they are configured.
    pub prices: Option<TokenPrices>,
    pub(crate) upstream: Upstream,
    pub(crate) context: CallContext,
    pub(crate) parallel: Option<Arc<Semaphore>>,
    defaults: Vec<(String, Bytes)>,
    overrides: Vec<(String, Bytes)>,
}

/// Which provider a deployment calls.
#[derive(Clone, Debug)]
pub(crate) enum Upstream {
    /// Always this one, with this model, in which stars may stand.
    Fixed { provider: Arc<dyn Provider>, model: Arc<str> },
    /// Whichever has the prefix that the filled name begins with: `model: "*"`.
    ByName,
}

impl Deployment {
    /// Finds the provider that the specification names.
    pub(crate) fn new(spec: DeploymentSpec, registry: &Registry) -> Result<Self, Error> {
        let (prefix, upstream) = upstream(&spec, registry)?;
        Ok(Self {
            id: spec.id.clone().unwrap_or_else(|| identity(&spec)).into(),
            group: spec.group.into(),
            model: spec.model.into(),
            prefix,
            client_side_fields: spec.client_side_fields,
            order: spec.order,
            info: spec.info,
            prices: spec.prices,
            upstream,
            parallel: spec
                .parallel_calls_max
                .map(|max| Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)))),
            context: CallContext::new(Arc::new(spec.target)),
            defaults: spec.defaults,
            overrides: spec.overrides,
        })
    }

    /// What a name leads to that begins with a known prefix and is not configured: one allocation for its three names.
    pub(crate) fn direct(name: &str, registration: &Registration, model: &str, context: CallContext) -> Self {
        let name: Arc<str> = name.into();
        Self {
            id: Arc::clone(&name),
            group: Arc::clone(&name),
            model: name,
            prefix: Arc::clone(&registration.prefix),
            client_side_fields: Vec::new(),
            order: 0,
            info: Map::new(),
            prices: None,
            upstream: Upstream::Fixed { provider: Arc::clone(&registration.provider), model: model.into() },
            context,
            parallel: None,
            defaults: Vec::new(),
            overrides: Vec::new(),
        }
    }

    /// Puts in what the deployment adds to a body: defaults where the caller said nothing and the operation has such a
    /// parameter, overrides always.
    pub fn complete(&self, operation: Operation, body: &mut Body) {
        if self.defaults.is_empty() && self.overrides.is_empty() {
            return;
        }
        let defaults = self.defaults.iter().filter(|(name, json)| parameters::fits(operation, name, json));
        match body {
            Body::Document(document) => {
                for (name, json) in defaults {
                    let fits = match name.as_str() {
                        // OpenAI refuses stream options where there is no stream.
                        "stream_options" => document.is_true("stream"),
                        // Anthropic refuses them beside thinking, which agents always ask for.
                        "temperature" | "top_k" | "top_p" => {
                            operation != Operation::Messages || !document.contains("thinking")
                        }
                        _ => true,
                    };
                    if fits && !document.contains(name) {
                        document.set_raw(name, json.clone());
                    }
                }
                for (name, json) in &self.overrides {
                    document.set_raw(name, json.clone());
                }
            }
            Body::Form(form) => {
                for (name, json) in defaults.filter(|(name, _)| !form.contains(name)).collect::<Vec<_>>() {
                    form.set(name, &form_text(json));
                }
                for (name, json) in &self.overrides {
                    form.set(name, &form_text(json));
                }
            }
            Body::Empty => {}
        }
    }

    /// What surrounds a call to it.
    pub fn context(&self) -> &CallContext {
        &self.context
    }
}

/// A JSON value as a form has it: a text without its quotes, anything else as it is written.
fn form_text(json: &[u8]) -> String {
    json::string(json).map_or_else(|| String::from_utf8_lossy(json).into_owned(), |text| text.into_owned())
}

/// What a deployment is known by, where nobody named it.
fn identity(spec: &DeploymentSpec) -> String {
    let mut hash = Sha256::new();
    let key = spec.target.api_key.as_ref().map(Secret::expose);
    for part in [Some(spec.group.as_str()), Some(&spec.model), spec.target.api_base.as_deref(), key] {
        // Lengths keep `ab` + `c` apart from `a` + `bc`, and nothing apart from an empty text.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    let mut id = String::with_capacity(32);
    for byte in &hash.finalize()[..16] {
        write!(id, "{byte:02x}").expect("writing to a text does not fail");
    }
    id
}

fn upstream(spec: &DeploymentSpec, registry: &Registry) -> Result<(Arc<str>, Upstream), Error> {
    if let Some(provider) = &spec.provider {
        let model = registry.find(&spec.model).map_or(spec.model.as_str(), |(_, rest)| rest);
        let prefix = spec.model[..spec.model.len() - model.len()].trim_end_matches('/').into();
        return Ok((prefix, Upstream::Fixed { provider: Arc::clone(provider), model: model.into() }));
    }
    if let Some(prefix) = &spec.provider_prefix {
        let registration = registry.by_prefix(prefix).ok_or_else(|| unknown_prefix(&spec.model, registry))?;
        // A model that repeats the prefix means the same thing as one that leaves it out.
        let own = format!("{prefix}/");
        let model = spec.model.strip_prefix(&own).unwrap_or(&spec.model).into();
        let provider = Arc::clone(&registration.provider);
        return Ok((Arc::clone(&registration.prefix), Upstream::Fixed { provider, model }));
    }
    if let Some((registration, rest)) = registry.find(&spec.model) {
        let provider = Arc::clone(&registration.provider);
        return Ok((Arc::clone(&registration.prefix), Upstream::Fixed { provider, model: rest.into() }));
    }
    let first = spec.model.split('/').next().unwrap_or_default();
    if first.contains('*') {
        return Ok((Arc::default(), Upstream::ByName));
    }
    Err(unknown_prefix(&spec.model, registry))
}

/// The refusal of a model string that begins with no prefix that is known.
pub(crate) fn unknown_prefix(model: &str, registry: &Registry) -> Error {
    let registrations = registry.registrations();
    let prefixes: Vec<&str> = registrations.iter().map(|registration| &*registration.prefix).collect();
    let first = model.split('/').next().unwrap_or_default();
    let meant = crate::nearest::nearest(first, prefixes.iter().copied());
    let hint = meant.first().map(|prefix| format!("; did you mean `{prefix}/`?")).unwrap_or_default();
    let known = prefixes.join(", ");
    let message =
        format!("model `{model}` begins with no known provider prefix{hint}; known prefixes: {known}");
    Error::new(ErrorKind::UnknownModel, message).with_param("model")
}
