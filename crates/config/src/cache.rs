//! `cache` and `cache_params`: whether replies are kept, which, for how long, and where.

use std::time::Duration;

use trunkline_core::{Environment, Operation};

use crate::node::member;
use crate::reader::Reader;
use crate::redis::{self, RedisSettings};
use crate::{coerce, spelling};

/// The key that turns the cache on.
const CACHE: &str = "cache";
/// The mapping that says how.
const PARAMS: &str = "cache_params";

/// The cache of replies, as `litellm_settings` sets it.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// `cache`: replies are kept. Default false.
    pub is_on: bool,
    /// `cache_params.type`: where. Default the memory of each process, unless a Redis is named.
    pub place: CachePlace,
    /// `cache_params.mode`: requests that say nothing use the cache. Default true, which is `default_on`.
    pub on_by_default: bool,
    /// How long a reply is kept where a request says nothing: `cache_params.default_in_memory_ttl`, or
    /// `default_in_redis_ttl`, else `ttl`.
    pub ttl: Option<Duration>,
    /// `cache_params.max_messages`: longer conversations use no cache. Default 4; null is no limit.
    pub messages_max: Option<u64>,
    /// `cache_params.namespace`: a name that keeps the replies of several gateways apart.
    pub namespace: Option<String>,
    /// `cache_params.supported_call_types`: the operations whose replies are kept. `None` is all that can be.
    pub operations: Option<Vec<Operation>>,
    /// Where Redis is.
    pub redis: RedisSettings,
}

/// Where replies are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachePlace {
    /// `local`: in the memory of each process.
    #[default]
    Memory,
    /// `redis`: in a Redis or Valkey that replicas share.
    Redis,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            is_on: false,
            place: CachePlace::default(),
            on_by_default: true,
            ttl: None,
            messages_max: Some(4),
            namespace: None,
            operations: None,
            redis: RedisSettings::default(),
        }
    }
}

/// What LiteLLM calls the operations. Those with an `a` before are the same, called in another way.
const CALL_TYPES: [(&str, &[Operation]); 6] = [
    ("completion", &[Operation::ChatCompletions]),
    ("text_completion", &[Operation::Completions]),
    ("embedding", &[Operation::Embeddings]),
    ("rerank", &[Operation::Rerank, Operation::RerankV2]),
    ("responses", &[Operation::Responses]),
    ("anthropic_messages", &[Operation::Messages]),
];

/// The keys of `cache_params` that are read.
const KNOWN: [&str; 15] = [
    "type",
    "mode",
    "ttl",
    "default_in_memory_ttl",
    "default_in_redis_ttl",
    "max_messages",
    "namespace",
    "supported_call_types",
    "url",
    "host",
    "port",
    "username",
    "password",
    "db",
    "ssl",
];

/// Reads what stands in `litellm_settings`.
pub(crate) fn read(reader: &mut Reader<'_, '_>, environment: &Environment) -> CacheSettings {
    let is_on = reader.boolean(CACHE).unwrap_or(false);
    let mut settings = reader.below(PARAMS, |reader| params(reader, environment));
    if is_on
        && settings.place == CachePlace::Redis
        && !settings.redis.is_named()
        && let Some(node) = reader.node(PARAMS)
    {
        let message = "says that replies are kept in Redis, and nothing says where it is: set `host` or `url`, or REDIS_HOST";
        reader.refuse(PARAMS, &node.location, message);
    }
    settings.is_on = is_on;
    settings
}

fn params(reader: &mut Reader<'_, '_>, environment: &Environment) -> CacheSettings {
    reader.warn_of_others(&KNOWN);
    let redis = redis::read(reader, &redis::OF_CACHE, environment);
    let place = place(reader, if redis.is_named() { CachePlace::Redis } else { CachePlace::Memory });
    let ttl = reader.seconds("ttl");
    let (in_memory, in_redis) =
        (reader.seconds("default_in_memory_ttl"), reader.seconds("default_in_redis_ttl"));
    CacheSettings {
        is_on: false,
        place,
        on_by_default: is_on_by_default(reader),
        ttl: match place {
            CachePlace::Memory => in_memory.or(ttl),
            CachePlace::Redis => in_redis.or(ttl),
        },
        messages_max: messages_max(reader),
        namespace: reader.text("namespace"),
        operations: operations(reader),
        redis,
    }
}

/// What is kept elsewhere in LiteLLM is kept in memory here: the same replies are found, by fewer processes.
fn place(reader: &mut Reader<'_, '_>, unsaid: CachePlace) -> CachePlace {
    const KEY: &str = "type";
    let (Some(name), Some(node)) = (reader.text(KEY), reader.node(KEY)) else {
        return unsaid;
    };
    match name.as_str() {
        "local" => CachePlace::Memory,
        "redis" => CachePlace::Redis,
        _ => {
            let near = spelling::nearest(&name, ["local", "redis"].into_iter());
            let message = format!("is not supported: `{name}` is taken as `local`");
            reader.warn(KEY, &node.location, message).suggestion = near.map(str::to_owned);
            CachePlace::Memory
        }
    }
}

/// A slip would turn the cache on for all who have not asked for it.
fn is_on_by_default(reader: &mut Reader<'_, '_>) -> bool {
    const KEY: &str = "mode";
    let (Some(mode), Some(node)) = (reader.text(KEY), reader.node(KEY)) else {
        return true;
    };
    match mode.as_str() {
        "default_on" => true,
        "default_off" => false,
        _ => {
            reader.refuse(KEY, &node.location, "must be `default_on` or `default_off`");
            false
        }
    }
}

/// A key that is there and empty is no limit, as in LiteLLM.
fn messages_max(reader: &mut Reader<'_, '_>) -> Option<u64> {
    const KEY: &str = "max_messages";
    let default = CacheSettings::default().messages_max;
    match member(reader.all(), KEY) {
        None => default,
        Some(member) if member.node.is_null() => None,
        Some(_) => reader.integer(KEY).or(default),
    }
}

fn operations(reader: &mut Reader<'_, '_>) -> Option<Vec<Operation>> {
    const KEY: &str = "supported_call_types";
    reader.node(KEY)?;
    let mut operations = Vec::new();
    for (index, item) in reader.items(KEY).iter().enumerate() {
        let name = match coerce::text(item) {
            Ok(name) => name,
            Err(wanted) => {
                reader.misfit(&format!("{KEY}[{index}]"), item, wanted);
                continue;
            }
        };
        let is_called = |known: &str| name == known || name.strip_prefix('a') == Some(known);
        let known = CALL_TYPES.iter().find(|(known, _)| is_called(known));
        match known {
            Some((_, named)) => operations.extend(named.iter().copied()),
            None => {
                let near = spelling::nearest(&name, CALL_TYPES.iter().map(|(known, _)| *known));
                let message = format!("`{name}` is not supported: its replies are not kept");
                reader.warn(KEY, &item.location, message).suggestion = near.map(str::to_owned);
            }
        }
    }
    operations.sort_unstable();
    operations.dedup();
    Some(operations)
}
