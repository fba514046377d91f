//! What processes share in Redis: limits and budgets, and kept replies.

use std::sync::Arc;
use std::time::Duration;

use trunkline_cache::Cache;
use trunkline_config::{CachePlace, RedisSettings, WithoutRedis};
use trunkline_core::Error;
use trunkline_keys::random_pepper;
use trunkline_limits::{OnOutage, Sharing};
use trunkline_redis::{Address, Connection, Leases, Replies, Writer};

use crate::sources::Sources;

/// The leases of limits and budgets, and how they are shared. `None` where there is no Redis, or no database that other
/// processes could read the same keys from.
pub(crate) fn leases(sources: &Sources) -> Result<Option<(Leases, Sharing)>, Error> {
    let settings = &sources.loaded.settings;
    if settings.accounts.database_url.is_none() || !settings.redis.is_named() {
        return Ok(None);
    }
    let own = &settings.trunkline;
    let connection = connection(&settings.redis, sources)?;
    // Nobody else has it, and neither has this one after another start.
    let replica = random_pepper()?;
    let sharing = Sharing {
        limits_on_outage: policy(own.limits_without_redis),
        budgets_on_outage: policy(own.budgets_without_redis),
        deadline: Duration::from_millis(own.redis_timeout_ms),
        ..Sharing::new(Arc::<str>::from(replica.expose()))
    };
    tracing::info!(redis = connection.shown(), "limits and budgets are shared with other processes");
    Ok(Some((Leases::new(connection, settings.cache.namespace.as_deref()), sharing)))
}

/// The cache of replies, and what writes to it where it is not in memory.
pub(crate) fn cache(
    sources: &Sources,
    options: trunkline_cache::Options,
) -> Result<(Cache, Option<Writer>), Error> {
    let settings = &sources.loaded.settings;
    if settings.cache.place != CachePlace::Redis || !settings.cache.redis.is_named() {
        return Ok((Cache::in_memory(options), None));
    }
    let connection = connection(&settings.cache.redis, sources)?;
    tracing::info!(redis = connection.shown(), "replies are kept where other processes find them");
    let (replies, writer) = Replies::new(connection, settings.cache.namespace.as_deref());
    Ok((Cache::with_storage(Box::new(replies), options), Some(writer)))
}

fn connection(redis: &RedisSettings, sources: &Sources) -> Result<Connection, Error> {
    let RedisSettings { url, host, port, username, password, database, tls } = redis.clone();
    let address = Address { url, host, port, username, password, database, tls };
    Connection::new(&address, Duration::from_millis(sources.loaded.settings.trunkline.redis_timeout_ms))
}

fn policy(asked: WithoutRedis) -> OnOutage {
    match asked {
        WithoutRedis::Allow => OnOutage::AllowLocally,
        WithoutRedis::Refuse => OnOutage::Refuse,
    }
}
