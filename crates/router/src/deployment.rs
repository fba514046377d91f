//! One row of `model_list`: a provider, an upstream model, credentials, defaults.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use trunkline_core::{Document, Error, ErrorKind, TokenPrices};
use trunkline_provider::{CallContext, Provider, Registry, Target};

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
    /// Its identity. The default is the group and its place in it: `gpt-4o#1`.
    pub id: Option<String>,
    /// Where its calls go.
    pub target: Target,
    /// Members that are put into a body that lacks them: name and JSON text.
    pub defaults: Vec<(String, Bytes)>,
    /// Members that are put into every body, whatever it says: name and JSON text.
    pub overrides: Vec<(String, Bytes)>,
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
    pub id: String,
    /// Its model group.
    pub group: String,
    /// The model with its prefix, as configured.
    pub model: String,
    /// The provider's prefix; empty where the name that is asked for decides.
    pub prefix: String,
    /// Its level in the group: lower ones are tried first.
    pub order: i64,
    /// What `/model/info` tells of it.
    pub info: Map<String, Value>,
    /// Its prices, if they are configured.
    pub prices: Option<TokenPrices>,
    pub(crate) upstream: Upstream,
    pub(crate) context: CallContext,
    defaults: Vec<(String, Bytes)>,
    overrides: Vec<(String, Bytes)>,
}

/// Which provider a deployment calls.
#[derive(Clone, Debug)]
pub(crate) enum Upstream {
    /// Always this one, with this model, in which stars may stand.
    Fixed {
        provider: Arc<dyn Provider>,
        model: String,
    },
    /// Whichever has the prefix that the filled name begins with: `model: "*"`.
    ByName,
}

impl Deployment {
    /// Finds the provider that the specification names.
    pub(crate) fn new(spec: DeploymentSpec, place: usize, registry: &Registry) -> Result<Self, Error> {
        let (prefix, upstream) = upstream(&spec, registry)?;
        Ok(Self {
            id: spec.id.unwrap_or_else(|| format!("{}#{place}", spec.group)),
            group: spec.group,
            model: spec.model,
            prefix,
            order: spec.order,
            info: spec.info,
            prices: spec.prices,
            upstream,
            context: CallContext::new(Arc::new(spec.target)),
            defaults: spec.defaults,
            overrides: spec.overrides,
        })
    }

    /// Puts in what the deployment adds to a body: defaults where the caller said nothing, overrides always.
    pub fn complete(&self, document: &mut Document) {
        for (name, json) in &self.defaults {
            if !document.contains(name) {
                document.set_raw(name, json.clone());
            }
        }
        for (name, json) in &self.overrides {
            document.set_raw(name, json.clone());
        }
    }

    /// What surrounds a call to it.
    pub fn context(&self) -> &CallContext {
        &self.context
    }
}

fn upstream(spec: &DeploymentSpec, registry: &Registry) -> Result<(String, Upstream), Error> {
    if let Some(provider) = &spec.provider {
        let model = registry
            .find(&spec.model)
            .map_or(spec.model.as_str(), |(_, rest)| rest);
        let prefix = spec.model[..spec.model.len() - model.len()]
            .trim_end_matches('/')
            .to_owned();
        return Ok((
            prefix,
            Upstream::Fixed {
                provider: Arc::clone(provider),
                model: model.to_owned(),
            },
        ));
    }
    if let Some(prefix) = &spec.provider_prefix {
        let registration = registry
            .by_prefix(prefix)
            .ok_or_else(|| unknown_prefix(&spec.model, registry))?;
        // A model that repeats the prefix means the same thing as one that leaves it out.
        let own = format!("{prefix}/");
        let model = spec.model.strip_prefix(&own).unwrap_or(&spec.model).to_owned();
        return Ok((
            prefix.clone(),
            Upstream::Fixed {
                provider: Arc::clone(&registration.provider),
                model,
            },
        ));
    }
    if let Some((registration, rest)) = registry.find(&spec.model) {
        let provider = Arc::clone(&registration.provider);
        return Ok((
            registration.prefix.clone(),
            Upstream::Fixed {
                provider,
                model: rest.to_owned(),
            },
        ));
    }
    let first = spec.model.split('/').next().unwrap_or_default();
    if first.contains('*') {
        return Ok((String::new(), Upstream::ByName));
    }
    Err(unknown_prefix(&spec.model, registry))
}

/// The refusal of a model string that begins with no prefix that is known.
pub(crate) fn unknown_prefix(model: &str, registry: &Registry) -> Error {
    let registrations = registry.registrations();
    let prefixes: Vec<&str> = registrations
        .iter()
        .map(|registration| registration.prefix.as_str())
        .collect();
    let first = model.split('/').next().unwrap_or_default();
    let meant = crate::nearest::nearest(first, prefixes.iter().copied());
    let hint = meant
        .first()
        .map(|prefix| format!("; did you mean `{prefix}/`?"))
        .unwrap_or_default();
    let known = prefixes.join(", ");
    let message =
        format!("model `{model}` begins with no known provider prefix{hint}; known prefixes: {known}");
    Error::new(ErrorKind::UnknownModel, message).with_param("model")
}
