//! Where the Redis is that replicas share.

use trunkline_core::{Environment, Secret};

use crate::reader::Reader;

/// Where a Redis or Valkey is. What the file does not say, `REDIS_URL`, `REDIS_HOST` and their like do.
#[derive(Clone, Debug, Default)]
pub struct RedisSettings {
    /// `url`, which says all of it.
    pub url: Option<Secret>,
    /// `host`.
    pub host: Option<String>,
    /// `port`.
    pub port: Option<u16>,
    /// `username`.
    pub username: Option<String>,
    /// `password`.
    pub password: Option<Secret>,
    /// `db`: the number of the database.
    pub database: Option<u32>,
    /// `ssl`: the connection is encrypted. Default false.
    pub tls: bool,
}

impl RedisSettings {
    /// Whether it says where one is.
    pub fn is_named(&self) -> bool {
        self.url.is_some() || self.host.is_some()
    }
}

/// What a section calls its settings of Redis.
pub(crate) struct Names {
    pub(crate) url: &'static str,
    pub(crate) host: &'static str,
    pub(crate) port: &'static str,
    pub(crate) username: &'static str,
    pub(crate) password: &'static str,
    pub(crate) database: &'static str,
    pub(crate) tls: &'static str,
}

/// What `cache_params` calls them.
pub(crate) const OF_CACHE: Names = Names {
    url: "url",
    host: "host",
    port: "port",
    username: "username",
    password: "password",
    database: "db",
    tls: "ssl",
};

/// What `router_settings` calls them.
pub(crate) const OF_ROUTER: Names = Names {
    url: "redis_url",
    host: "redis_host",
    port: "redis_port",
    username: "redis_username",
    password: "redis_password",
    database: "redis_db",
    tls: "redis_ssl",
};

/// Reads what a section and the environment say.
pub(crate) fn read(reader: &mut Reader<'_, '_>, names: &Names, environment: &Environment) -> RedisSettings {
    let variable = |name: &str| environment.get(name).filter(|text| !text.trim().is_empty());
    let text = |name: &str| variable(name).map(|text| text.trim().to_owned());
    let secret = |name: &str| environment.secret(name).filter(|secret| !secret.is_empty());
    let (url, host) = (reader.text(names.url).map(Secret::from), reader.text(names.host));
    // A place that the file names is not to be another one because of where it runs.
    let is_in_file = url.is_some() || host.is_some();
    RedisSettings {
        url: url.or_else(|| secret("REDIS_URL").filter(|_| !is_in_file)),
        host: host.or_else(|| text("REDIS_HOST").filter(|_| !is_in_file)),
        port: port(reader, names.port).or_else(|| text("REDIS_PORT")?.parse().ok()),
        username: reader.text(names.username).or_else(|| text("REDIS_USERNAME")),
        password: reader.text(names.password).map(Secret::from).or_else(|| secret("REDIS_PASSWORD")),
        database: reader.count(names.database).or_else(|| text("REDIS_DB")?.parse().ok()),
        tls: reader
            .boolean(names.tls)
            .unwrap_or_else(|| text("REDIS_SSL").is_some_and(|text| text.eq_ignore_ascii_case("true"))),
    }
}

fn port(reader: &mut Reader<'_, '_>, key: &str) -> Option<u16> {
    let number = reader.integer(key)?;
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    if port.is_none() {
        let location = reader.node(key)?.location.clone();
        reader.refuse(key, &location, "must be a port, from 1 to 65535");
    }
    port
}
