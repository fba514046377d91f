//! One row of `model_list`: a provider, an upstream model, credentials, defaults.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use trunkline_core::{Body, Call, Error, ErrorKind, Operation, Secret, ServiceTier, json};
use trunkline_prices::estimate::OUTPUT_LIMITS;
use trunkline_prices::{Price, Prices, asked_tier};
use trunkline_provider::{CallContext, Provider, Registration, Registry, Target};

use crate::estimate::{Tokens, output_tokens};
use crate::places::Places;
use crate::random::mixed;
use crate::retry_budget::Budget;
use crate::state::{Account, State, States};
use crate::window::Rates;
use crate::{base, parameters};

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
    /// Calls that it answers at one time. Default: no limit.
    pub parallel_calls_max: Option<usize>,
    /// Requests that it answers in a minute (`rpm`). Default: no limit.
    pub requests_per_minute_max: Option<u64>,
    /// Tokens that it reads and writes in a minute (`tpm`), reserved as the input and the most output that a request may
    /// get, and corrected by what it used. Default: no limit.
    pub tokens_per_minute_max: Option<u64>,
    /// How often it is drawn, against the others of its group. Default: by its limits, else as often as they.
    pub weight: Option<f64>,
    /// Tags by which requests reach it.
    pub tags: Vec<String>,
    /// Attempts in its group after it has failed. Default: the group's.
    pub retries: Option<u32>,
    /// How long it is left alone when it has failed. Default: as long as it asks, else as the group says.
    pub cooldown: Option<Duration>,
    /// The longest input that it takes, in tokens.
    pub input_tokens_max: Option<u64>,
    /// How it is probed.
    pub probing: Probing,
    /// Its level in the group: lower ones are tried first. Default 0.
    pub order: i64,
    /// What `/model/info` tells of it.
    pub info: Map<String, Value>,
    /// Its price, for replies whose cost the upstream does not report. Default: that of its model, as far as it is known.
    pub price: Option<Price>,
}

/// How a deployment is probed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probing {
    /// Whether it is left out. Default false.
    pub disabled: bool,
    /// The model that is asked for, with or without its prefix. Default: its own; a wildcard has none.
    pub model: Option<String>,
    /// How long it may take. Default 60 s.
    pub timeout: Option<Duration>,
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
    /// Its price, if it is known. A wildcard's is that of each model ([`Router::price`](crate::Router::price)).
    pub price: Option<Arc<Price>>,
    /// Tags by which requests reach it.
    pub tags: Vec<String>,
    /// The longest input that it takes, in tokens.
    pub input_tokens_max: Option<u64>,
    /// How it is probed.
    pub probing: Probing,
    /// What is said of its price and its limits, whatever is known of its model.
    own_price: Option<Arc<Price>>,
    own_input_tokens_max: Option<u64>,
    pub(crate) upstream: Upstream,
    /// Whether stars of the asked-for name are filled into the model.
    has_stars: bool,
    pub(crate) context: CallContext,
    pub(crate) parallel: Option<Arc<Places>>,
    pub(crate) rates: Rates,
    pub(crate) weight: Option<f64>,
    pub(crate) retries: Option<u32>,
    pub(crate) cooldown: Option<Duration>,
    /// The prices of a token in and a token out, added.
    pub(crate) price_of_two: Option<Decimal>,
    /// Tokens of output that are reserved for a request that names no limit.
    pub(crate) output_tokens: u64,
    /// The most of an answer that its model can give, where that is known.
    pub(crate) output_tokens_max: Option<u64>,
    /// What draws conversations to it.
    pub(crate) affinity: u64,
    pub(crate) state: Arc<State>,
    pub(crate) account: Arc<Account>,
    pub(crate) origin: Arc<Budget>,
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
    /// Where its calls go.
    pub fn target(&self) -> &Arc<Target> {
        &self.context.target
    }

    /// Finds the provider that the specification names.
    /// `id` is what it is known by.
    pub(crate) fn new(
        spec: DeploymentSpec,
        id: Arc<str>,
        registry: &Registry,
        states: &States,
        prices: &Prices,
    ) -> Result<Self, Error> {
        let (prefix, upstream) = upstream(&spec, registry)?;
        let state = states.deployment(&id);
        let api_base = spec.target.api_base.as_deref();
        let deployment = Self {
            affinity: mixed(first_bytes(&Sha256::digest(id.as_bytes()))),
            account: states.account(&account(&prefix, &spec)),
            origin: states.origin(api_base.map_or(&*prefix, base::origin)),
            parallel: spec.parallel_calls_max.map(|max| state.places(max)),
            state,
            id,
            group: spec.group.into(),
            model: spec.model.into(),
            prefix,
            client_side_fields: spec.client_side_fields,
            order: spec.order,
            info: spec.info,
            price_of_two: None,
            output_tokens: output_tokens(None, None),
            output_tokens_max: None,
            tags: spec.tags,
            input_tokens_max: None,
            own_input_tokens_max: spec.input_tokens_max,
            own_price: spec.price.map(Arc::new),
            price: None,
            probing: spec.probing,
            rates: Rates { requests: spec.requests_per_minute_max, tokens: spec.tokens_per_minute_max },
            weight: spec.weight,
            retries: spec.retries,
            cooldown: spec.cooldown,
            has_stars: matches!(&upstream, Upstream::Fixed { model, .. } if model.contains('*')),
            upstream,
            context: CallContext::new(Arc::new(spec.target)),
            defaults: spec.defaults,
            overrides: spec.overrides,
        };
        Ok(deployment.with_prices(prices))
    }

    /// The same, with what is known of its model by these prices, where nothing is said of its own.
    pub(crate) fn with_prices(self, prices: &Prices) -> Self {
        let of_model = prices.get(&self.model);
        let price = match (self.own_price.as_deref().cloned(), of_model) {
            (Some(own), Some(of_model)) => Some(own.over(of_model)),
            (own, of_model) => own.or(of_model),
        };
        let limit = price.as_ref().and_then(|price| price.input_tokens_max);
        let output_tokens_max = price.as_ref().and_then(|price| price.output_tokens_max);
        let price = price.map(Arc::new);
        Self {
            price_of_two: price.as_deref().and_then(price_of_two),
            input_tokens_max: self.own_input_tokens_max.or(limit),
            output_tokens: output_tokens(
                added_limit(&self.overrides).or_else(|| added_limit(&self.defaults)),
                output_tokens_max,
            ),
            output_tokens_max,
            price,
            ..self
        }
    }

    /// What a name leads to that begins with a known prefix and is not configured: one allocation for its three names.
    pub(crate) fn direct(
        name: &str,
        registration: &Registration,
        model: &str,
        context: CallContext,
        known: &Known,
    ) -> Self {
        let name: Arc<str> = name.into();
        Self {
            id: Arc::clone(&name),
            group: Arc::clone(&name),
            model: name,
            prefix: Arc::clone(&registration.prefix),
            client_side_fields: Vec::new(),
            order: 0,
            info: Map::new(),
            price: None,
            tags: Vec::new(),
            input_tokens_max: None,
            probing: Probing::default(),
            own_price: None,
            own_input_tokens_max: None,
            upstream: Upstream::Fixed { provider: Arc::clone(&registration.provider), model: model.into() },
            has_stars: false,
            context,
            parallel: None,
            rates: Rates::default(),
            weight: None,
            retries: None,
            cooldown: None,
            price_of_two: None,
            output_tokens: output_tokens(None, None),
            output_tokens_max: None,
            affinity: 0,
            state: Arc::clone(&known.state),
            account: Arc::clone(&known.account),
            origin: Arc::clone(&known.origin),
            defaults: Vec::new(),
            overrides: Vec::new(),
        }
    }

    /// What a request reserves of its minute.
    pub(crate) fn reserved(&self, tokens: Tokens) -> u64 {
        tokens.reserved(self.output_tokens, self.output_tokens_max)
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

    /// The service tier that a call asks for when it is sent here.
    pub fn asked_tier(&self, call: &Call) -> ServiceTier {
        let Body::Document(document) = &call.body else { return ServiceTier::Default };
        let of = |list: &'_ [(String, Bytes)], name: &str| list.iter().position(|(added, _)| added == name);
        asked_tier(|name| {
            if let Some(at) = of(&self.overrides, name) {
                return Some(&*self.overrides[at].1);
            }
            document.raw(name).or_else(|| {
                let at = of(&self.defaults, name)?;
                let (name, json) = &self.defaults[at];
                parameters::fits(call.operation, name, json).then_some(&**json)
            })
        })
    }

    /// Whether it adds anything to a body.
    pub(crate) fn adds_to_bodies(&self) -> bool {
        !(self.defaults.is_empty() && self.overrides.is_empty())
    }

    /// Whether it adds the same as another.
    pub(crate) fn adds_as(&self, other: &Self) -> bool {
        self.defaults == other.defaults && self.overrides == other.overrides
    }

    /// What it puts into bodies under this name, as JSON text.
    pub fn added(&self, name: &str) -> Option<&[u8]> {
        let of = |list: &'_ [(String, Bytes)]| list.iter().position(|(added, _)| added == name);
        of(&self.overrides)
            .map(|at| &self.overrides[at].1)
            .or_else(|| of(&self.defaults).map(|at| &self.defaults[at].1))
            .map(|json| &json[..])
    }

    /// Whether the name that is asked for decides on the model.
    pub fn has_many_models(&self) -> bool {
        match &self.upstream {
            Upstream::Fixed { .. } => self.has_stars,
            Upstream::ByName => true,
        }
    }

    /// The model that it calls, where it is always the same.
    pub(crate) fn only_model(&self) -> Option<&str> {
        match &self.upstream {
            Upstream::Fixed { model, .. } if !self.has_stars => Some(model),
            Upstream::Fixed { .. } | Upstream::ByName => None,
        }
    }

    /// Its base URL, where it has one of its own, without what may be a key: user, password and query.
    pub fn shown_base(&self) -> Option<String> {
        self.context.target.api_base.as_deref().map(base::shown)
    }

    /// Scheme, host and port of the same.
    pub(crate) fn shown_origin(&self) -> Option<String> {
        self.context.target.api_base.as_deref().map(base::shown_origin)
    }

    /// What surrounds a call to it.
    pub fn context(&self) -> &CallContext {
        &self.context
    }
}

/// What is known of a provider that is called by its prefix, without a deployment.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    state: Arc<State>,
    account: Arc<Account>,
    origin: Arc<Budget>,
}

impl Known {
    pub(crate) fn new(prefix: &str, states: &States) -> Self {
        let account = states.account(&account(prefix, &DeploymentSpec::default()));
        Self { state: Arc::new(State::new()), account, origin: states.origin(prefix) }
    }
}

/// A JSON value as a form has it: a text without its quotes, anything else as it is written.
fn form_text(json: &[u8]) -> String {
    json::string(json).map_or_else(|| String::from_utf8_lossy(json).into_owned(), |text| text.into_owned())
}

/// What a deployment is known by, where nobody named it.
pub(crate) fn identity(spec: &DeploymentSpec) -> String {
    let key = spec.target.api_key.as_ref().map(Secret::expose);
    let hash = digest([Some(spec.group.as_str()), Some(&spec.model), spec.target.api_base.as_deref(), key]);
    let mut id = String::with_capacity(32);
    for byte in &hash[..16] {
        write!(id, "{byte:02x}").expect("writing to a text does not fail");
    }
    id
}

/// What a credential at a base is known by.
fn account(prefix: &str, spec: &DeploymentSpec) -> [u8; 32] {
    let key = spec.target.api_key.as_ref().map(Secret::expose);
    digest([Some(prefix), spec.target.api_base.as_deref(), key])
}

fn digest<const N: usize>(parts: [Option<&str>; N]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        // Lengths keep `ab` + `c` apart from `a` + `bc`, and nothing apart from an empty text.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    hash.finalize().into()
}

fn first_bytes(hash: &[u8]) -> u64 {
    hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The prices of a token in and a token out, added.
pub(crate) fn price_of_two(price: &Price) -> Option<Decimal> {
    Some(price.rates.input? + price.rates.output?)
}

/// The limit of output that is put into bodies.
fn added_limit(added: &[(String, Bytes)]) -> Option<u64> {
    let value = |limit: &&str| json::u64(&added.iter().find(|(name, _)| name == limit)?.1);
    OUTPUT_LIMITS.iter().find_map(value)
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
