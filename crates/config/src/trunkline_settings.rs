//! `trunkline_settings`: limits and waits of Trunkline's own, merged from defaults, file and environment.

use std::collections::BTreeMap;

use figment::error::Kind;
use figment::providers::Serialized;
use figment::value::{Dict, Map, Value as FigmentValue};
use figment::{Figment, Metadata, Profile, Provider};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, de};
use trunkline_core::Environment;

use crate::diagnostic::Report;
use crate::keys::{self, Section};
use crate::node::{Member, Node, Value, member};
use crate::reference::join;
use crate::{GlobalLimits, GroupWaits, Location};

const SECTION: &str = "trunkline_settings";
const VARIABLE_PREFIX: &str = "TRUNKLINE_";

/// The limits and waits that are Trunkline's own. Each can be set in the file, and by a variable
/// `TRUNKLINE_<KEY>`, which wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrunklineSettings {
    /// A request body, as it comes over the wire. Default 100 MiB.
    pub body_bytes_max: u64,
    /// A request body, inflated. Default 100 MiB.
    pub body_inflated_bytes_max: u64,
    /// How deep a request body may be nested. Default 128.
    pub json_depth_max: u64,
    /// A whole reply of an upstream. Default 100 MiB.
    pub reply_bytes_max: u64,
    /// One event of a stream. Default 32 MiB.
    pub event_bytes_max: u64,
    /// What all streams together may hold back. Default 256 MiB.
    pub stream_buffer_total_bytes: u64,
    /// The headers of a request. Default 64 KiB.
    pub header_bytes_max: u64,
    /// Until a request's headers are there. Default 10 s.
    pub header_timeout_ms: u64,
    /// Between two pieces of a request body. Default 30 s.
    pub body_idle_timeout_ms: u64,
    /// For a caller to take what is written. Default 60 s.
    pub downstream_write_timeout_ms: u64,
    /// Callers' connections. Default 0, which leaves it to the limit on open files.
    pub connections_max: u64,
    /// Until a connection to an upstream stands. Default 5 s.
    pub connect_timeout_ms: u64,
    /// Until the first event of a stream. Default 300 s.
    pub first_event_timeout_ms: u64,
    /// Between two pieces of a reply. Default 300 s.
    pub idle_timeout_ms: u64,
    /// Until the end of a reply. Default 6,000 s.
    pub total_timeout_ms: u64,
    /// Waits of single groups, by their names. Default none.
    pub group_waits: BTreeMap<String, GroupWaits>,
    /// What all callers together may use. Default no limits.
    pub global_limits: GlobalLimits,
    /// For open calls to end after SIGTERM. Default 600.
    pub shutdown_grace_seconds: u64,
    /// Between SIGTERM and the closed door. Default 0.
    pub shutdown_delay_seconds: u64,
    /// Origins of pages that may call; `*` for all, which is the default.
    pub cors_origins: Vec<String>,
    /// Whether `reasoning_content` is added where an upstream says `reasoning`. Default true.
    pub reasoning_content: bool,
    /// How long an upstream's list of models is kept. Default 300.
    pub model_catalogue_ttl_seconds: u64,
    /// How often the prices of upstreams' lists of models are taken up. Default 0: never, and no list is asked for.
    pub catalogue_prices_refresh_seconds: u64,
    /// A file of prices in LiteLLM's form, beside the file that names it. Default empty: none.
    pub price_file: String,
    /// How long a call may wait for a deployment to be free again. Default 0: it is refused at once.
    pub queue_wait_ms: u64,
    /// How many calls may wait so at one time. Default 1,000.
    pub queue_length_max: u64,
    /// Attempts for one call, fallbacks among them. Default 8.
    pub attempts_max: u64,
    /// Whether calls that begin with the same long prompt go to the same deployment. Default true.
    pub prompt_cache_affinity: bool,
    /// Whether a second deployment is asked when the first is slow to begin. Default false.
    pub hedging: bool,
    /// After how long. Default 0, which stands for the group's own 95th percentile.
    pub hedge_delay_ms: u64,
    /// For how many of a hundred calls at most. Default 5.
    pub hedge_percent_max: u64,
    /// Further attempts at one origin, for a hundred first ones. Default 10.
    pub retry_budget_percent: u64,
    /// Further attempts at one origin that are free of the budget: one a second, and as many as this at once.
    /// Default 10.
    pub retry_budget_burst: u64,
    /// Whether keys other than the master key may ask for a call's attempts. Default false.
    pub trace_for_keys: bool,
    /// Whether `/metrics` is served, also where no callback asks for it. Default false.
    pub metrics: bool,
    /// Combinations of labels that are counted apart; the rest is `other`. Default 10,000.
    pub metrics_tallies_max: u64,
    /// Where SQLite, the journal and the pepper of keys stand. Default empty: `$XDG_STATE_HOME/trunkline`.
    pub data_dir: String,
    /// How long a request waits for the store. Default 50.
    pub store_timeout_ms: u64,
    /// Keys that are kept in memory. Default 200,000.
    pub keys_cached_max: u64,
    /// How long Redis has to answer. Default 50.
    pub redis_timeout_ms: u64,
    /// What holds of requests and tokens a minute while Redis does not answer. Default `allow`.
    pub limits_without_redis: WithoutRedis,
    /// What holds of budgets then. Default `refuse`.
    pub budgets_without_redis: WithoutRedis,
    /// How safe a row of the ledger is when its reply ends. Default `write`.
    pub ledger_durability: LedgerDurability,
    /// What the journal may hold that the store has not taken yet. Default 1 GiB.
    pub ledger_bytes_max: u64,
    /// Tokens that are reserved of a budget for a reply without a limit of its own. Default 4,096.
    pub reserve_output_tokens: u64,
    /// How long a request waits for what others have reserved of a budget. Default 5 s; 0 is not at all.
    pub budget_wait_ms: u64,
    /// Who may call models whose price nobody knows. Default `deny_with_budget`.
    pub unknown_price: UnknownPrice,
    /// What such a call is reserved and charged at with `cap`, in US dollars. Default none; `cap` wants one.
    #[serde(deserialize_with = "amount")]
    pub unknown_price_cap: Option<Decimal>,
    /// What virtual keys may say in `providerOptions.gateway` of who is billed. Default `allow`.
    pub gateway_attribution: GatewayAttribution,
    /// What kept replies may take of memory. Default 64 MiB.
    pub cache_bytes_max: u64,
    /// The largest reply that is kept. Default 1 MiB.
    pub cache_entry_bytes_max: u64,
    /// How long a request waits for an equal one that is upstream. Default 30,000; at 0 it goes upstream too.
    pub cache_wait_ms: u64,
    /// Kept replies are given to every caller, instead of to the team or key that asked alone. Default false.
    pub cache_shared: bool,
    /// Whether the file is watched, and read again when it changes. Default true.
    pub reload: bool,
}

/// How safe a row of the ledger is when the last byte of its reply goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerDurability {
    /// In memory: lost with the process.
    Memory,
    /// With the kernel: it survives a process that is killed.
    Write,
    /// On the disk: it survives a power cut.
    Sync,
}

/// What holds of limits that replicas share, once a replica has used up what it holds, while Redis does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutRedis {
    /// Each replica allows the whole limit by what it counts itself.
    Allow,
    /// Nothing passes that is limited.
    Refuse,
}

/// Who may call models whose price nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPrice {
    /// Everybody. Rows say that their cost is unknown.
    Allow,
    /// Nobody.
    Deny,
    /// Whoever has no budget.
    DenyWithBudget,
    /// Everybody; a budget is charged `unknown_price_cap` for each call whose cost nobody tells.
    Cap,
}

/// What virtual keys may say of who is billed, in `user`, `tags`, `quotaEntityId` and `byok` of `providerOptions.gateway`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayAttribution {
    /// Whatever they like.
    Allow,
    /// Who they are stands in the place of what they say.
    Stamp,
    /// Nothing.
    Refuse,
}

/// An amount of US dollars, more than 0, as a number or as text.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
        Nothing,
    }
    const EXPECTED: &str = "an amount in US dollars, more than 0";
    let text = match Option::<Written>::deserialize(deserializer) {
        Ok(Some(Written::Number(number))) => Some(number.to_string()),
        Ok(Some(Written::Text(text))) => Some(text),
        Ok(Some(Written::Nothing) | None) => return Ok(None),
        Err(_) => None,
    };
    let read = text.and_then(|text| trunkline_core::cost::amount(text.as_bytes()));
    let amount = read.filter(|amount| *amount > Decimal::ZERO);
    amount
        .map(Some)
        .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Other("another value"), &EXPECTED))
}

impl Default for TrunklineSettings {
    fn default() -> Self {
        Self {
            body_bytes_max: 100 * 1024 * 1024,
            body_inflated_bytes_max: 100 * 1024 * 1024,
            json_depth_max: 128,
            reply_bytes_max: 100 * 1024 * 1024,
            event_bytes_max: 32 * 1024 * 1024,
            stream_buffer_total_bytes: 256 * 1024 * 1024,
            header_bytes_max: 64 * 1024,
            header_timeout_ms: 10_000,
            body_idle_timeout_ms: 30_000,
            downstream_write_timeout_ms: 60_000,
            connections_max: 0,
            connect_timeout_ms: 5_000,
            first_event_timeout_ms: 300_000,
            idle_timeout_ms: 300_000,
            total_timeout_ms: 6_000_000,
            group_waits: BTreeMap::new(),
            global_limits: GlobalLimits::default(),
            shutdown_grace_seconds: 600,
            shutdown_delay_seconds: 0,
            cors_origins: vec!["*".to_owned()],
            reasoning_content: true,
            model_catalogue_ttl_seconds: 300,
            catalogue_prices_refresh_seconds: 0,
            price_file: String::new(),
            queue_wait_ms: 0,
            queue_length_max: 1_000,
            attempts_max: 8,
            prompt_cache_affinity: true,
            hedging: false,
            hedge_delay_ms: 0,
            hedge_percent_max: 5,
            retry_budget_percent: 10,
            retry_budget_burst: 10,
            trace_for_keys: false,
            metrics: false,
            metrics_tallies_max: 10_000,
            data_dir: String::new(),
            store_timeout_ms: 50,
            keys_cached_max: 200_000,
            redis_timeout_ms: 50,
            limits_without_redis: WithoutRedis::Allow,
            budgets_without_redis: WithoutRedis::Refuse,
            ledger_durability: LedgerDurability::Write,
            ledger_bytes_max: 1024 * 1024 * 1024,
            reserve_output_tokens: 4096,
            budget_wait_ms: 5_000,
            unknown_price: UnknownPrice::DenyWithBudget,
            unknown_price_cap: None,
            gateway_attribution: GatewayAttribution::Allow,
            cache_bytes_max: 64 * 1024 * 1024,
            cache_entry_bytes_max: 1024 * 1024,
            cache_wait_ms: 30_000,
            cache_shared: false,
            reload: true,
        }
    }
}

/// Keys for which 0 has a meaning; of all others it would make a gateway that serves nothing.
const MAY_BE_ZERO: [&str; 11] = [
    "budget_wait_ms",
    "cache_wait_ms",
    "connections_max",
    "shutdown_grace_seconds",
    "shutdown_delay_seconds",
    "model_catalogue_ttl_seconds",
    "catalogue_prices_refresh_seconds",
    "queue_wait_ms",
    "hedge_delay_ms",
    "retry_budget_percent",
    "retry_budget_burst",
];

/// The key that is a share of all calls.
const SHARE: &str = "hedge_percent_max";

/// The keys that hold a mapping with names of groups.
pub(crate) const GROUP_WAITS: &str = "group_waits";
pub(crate) const GLOBAL_LIMITS: &str = "global_limits";

/// Merges defaults, the members of the file's section, and the environment, in this order.
pub(crate) fn read(members: &[Member], environment: &Environment, report: &mut Report) -> TrunklineSettings {
    let mut file = Layer::from_file(members);
    let mut variables = Layer::from_environment(environment, report);
    // The first value that will not do ends a reading: without it the others are read, so that all are told of.
    let settings = loop {
        let merged =
            Figment::from(Serialized::defaults(TrunklineSettings::default())).merge(&file).merge(&variables);
        let errors = match merged.extract::<TrunklineSettings>() {
            Ok(settings) => break settings,
            Err(errors) => errors,
        };
        let mut is_mended = false;
        for error in errors {
            let key = error.path.first().cloned().unwrap_or_default();
            let (location, path) = origin(&key, members, &variables);
            report.fatal(&location, path, wanted(&error.kind));
            is_mended |= variables.values.remove(&key).or_else(|| file.values.remove(&key)).is_some();
        }
        if !is_mended {
            break TrunklineSettings::default();
        }
    };
    refuse_senseless(&file, &variables, members, report);
    if settings.unknown_price == UnknownPrice::Cap && settings.unknown_price_cap.is_none() {
        let (location, path) = origin("unknown_price", members, &variables);
        report.fatal(&location, path, "needs `unknown_price_cap` beside it: US dollars a call");
    }
    for (group, _) in settings.group_waits.iter().filter(|(_, waits)| waits.has_zero()) {
        let (location, path) = origin(GROUP_WAITS, members, &variables);
        report.fatal(&location, join(&path, group), "must be more than 0");
    }
    settings
}

/// Where the value of a key came from, and under which name.
fn origin(key: &str, members: &[Member], variables: &Layer) -> (Location, String) {
    if variables.values.contains_key(key) {
        return (Location::whole("environment"), variable(key));
    }
    let location =
        member(members, key).map_or_else(|| Location::whole(SECTION), |member| member.node.location.clone());
    (location, join(SECTION, key))
}

/// Refuses numbers that have the right type and no sense.
fn refuse_senseless(file: &Layer, variables: &Layer, members: &[Member], report: &mut Report) {
    for key in file.values.keys().chain(variables.values.keys()) {
        let value = variables.values.get(key).or_else(|| file.values.get(key));
        let message = match value.and_then(FigmentValue::to_u128) {
            Some(0) if !MAY_BE_ZERO.contains(&key.as_str()) => "must be more than 0",
            Some(101..) if key == SHARE => "must be 100 at most",
            Some(_) | None => continue,
        };
        let (location, path) = origin(key, members, variables);
        report.fatal(&location, path, message);
    }
}

/// What a value should have been, without showing it.
fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::InvalidType(_, expected)
        | Kind::InvalidValue(_, expected)
        | Kind::InvalidLength(_, expected) => match expected.as_str() {
            "u64" => "must be a whole number from 0".to_owned(),
            "a boolean" => "must be true or false".to_owned(),
            "a sequence" => "must be a list".to_owned(),
            "a string" => "must be text".to_owned(),
            other => format!("must be {other}"),
        },
        other => other.to_string(),
    }
}

/// One source of values, as figment wants it.
struct Layer {
    name: &'static str,
    values: Dict,
}

impl Layer {
    /// Members with unknown keys have been told of already and are left out.
    fn from_file(members: &[Member]) -> Self {
        let known = members.iter().filter(|member| !member.node.is_null() && is_known(&member.key));
        Self { name: "file", values: known.map(|member| (member.key.clone(), typed(&member.node))).collect() }
    }

    /// The variables `TRUNKLINE_<KEY>`. Others with this prefix are none of ours (Kubernetes makes some for a
    /// service of this name), unless they look like a slip.
    fn from_environment(environment: &Environment, report: &mut Report) -> Self {
        let mut values = Dict::new();
        for name in environment.names() {
            let Some(key) = name.strip_prefix(VARIABLE_PREFIX).map(str::to_ascii_lowercase) else {
                continue;
            };
            if is_known(&key) {
                if let Some(text) = environment.get(name) {
                    let value = if key == "cors_origins" { list(text) } else { scalar(text) };
                    values.insert(key, value);
                }
            } else if let Some(near) = keys::nearest(Section::TrunklineSettings, &key) {
                let location = Location::whole("environment");
                let severity = crate::Severity::Warning;
                report.add(severity, &location, name, "is not a variable that Trunkline knows").suggestion =
                    Some(variable(near));
            }
        }
        Self { name: "environment", values }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

fn is_known(key: &str) -> bool {
    keys::find(Section::TrunklineSettings, key).is_some()
}

fn variable(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.to_ascii_uppercase())
}

fn typed(node: &Node) -> FigmentValue {
    match &node.value {
        Value::Text(text) => scalar(text),
        Value::List(items) => items.iter().map(typed).collect::<Vec<_>>().into(),
        Value::Bool(value) => (*value).into(),
        Value::Integer(number) => scalar(&number.to_string()),
        Value::Float(number) => scalar(&number.to_string()),
        Value::Map(members) => {
            let set = members.iter().filter(|member| !member.node.is_null());
            set.map(|member| (member.key.clone(), typed(&member.node))).collect::<Dict>().into()
        }
        Value::Null => Dict::new().into(),
    }
}

/// Text as what it spells: a whole number, true, false, or itself.
fn scalar(text: &str) -> FigmentValue {
    let text = text.trim();
    match (text.parse::<u64>(), text.parse::<bool>()) {
        (Ok(number), _) => number.into(),
        (_, Ok(value)) => value.into(),
        (Err(_), Err(_)) => text.into(),
    }
}

/// A list of texts with commas between them.
fn list(text: &str) -> FigmentValue {
    text.split(',').map(|item| FigmentValue::from(item.trim())).collect::<Vec<_>>().into()
}
