//! Where a server is, and who may use it.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};
use trunkline_core::{Error, ErrorKind, Secret};

/// Where a server is, and who may use it. What is not said is as in Redis: port 6379, database 0, no password.
#[derive(Clone, Debug, Default)]
pub struct Address {
    /// All of it in one, as `redis://user:password@host:port/database`; `rediss` is encrypted, `unix` a socket. What stands
    /// beside it counts for nothing then.
    pub url: Option<Secret>,
    /// The host.
    pub host: Option<String>,
    /// The port.
    pub port: Option<u16>,
    /// The name of a user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The number of a database.
    pub database: Option<u32>,
    /// Whether the connection is encrypted, with the certificates that the system trusts.
    pub tls: bool,
}

/// Where Redis listens.
const PORT: u16 = 6379;

impl Address {
    /// # Errors
    ///
    /// `Configuration` if there is neither host nor URL, or the URL cannot be read. It is not shown: there may be a
    /// password in it.
    pub(crate) fn to_info(&self) -> Result<ConnectionInfo, Error> {
        let unreadable = |_| {
            let message =
                "the URL of Redis cannot be read: it is to be redis://user:password@host:port/database";
            Error::new(ErrorKind::Configuration, message)
        };
        if let Some(url) = &self.url {
            return url.expose().into_connection_info().map_err(unreadable);
        }
        let Some(host) = self.host.clone() else {
            return Err(Error::new(ErrorKind::Configuration, "nothing says where Redis is"));
        };
        let port = self.port.unwrap_or(PORT);
        let address = if self.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let mut settings =
            RedisConnectionInfo::default().set_db(i64::from(self.database.unwrap_or_default()));
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password.expose());
        }
        let info = address.into_connection_info().map_err(unreadable)?;
        Ok(info.set_redis_settings(settings))
    }

    /// Where it is, without a password.
    pub(crate) fn shown(&self) -> String {
        match self.to_info() {
            Ok(info) => info.addr().to_string(),
            Err(_) => "an address that cannot be read".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let url = Some(Secret::new("rediss://ann:s3cret@redis.example:6380/2"));
        let address = Address { url, host: Some("other".to_owned()), ..Address::default() };
        assert_eq!(address.shown(), "redis.example:6380");
        let info = address.to_info().expect("an address");
        assert_eq!((info.redis_settings().db(), info.redis_settings().username()), (2, Some("ann")));
        assert!(!format!("{address:?}").contains("s3cret"));
        let parts =
            Address { host: Some("h".to_owned()), database: Some(3), tls: true, ..Address::default() };
        let info = parts.to_info().expect("an address");
        assert_eq!((parts.shown().as_str(), info.redis_settings().db()), ("h:6379", 3));
        assert!(matches!(info.addr(), ConnectionAddr::TcpTls { insecure: false, .. }));
    }

    #[test]
    fn what_cannot_be_read_is_not_shown() {
        let address = Address { url: Some(Secret::new("s3cret")), ..Address::default() };
        let error = address.to_info().expect_err("no address");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!error.to_string().contains("s3cret"));
        assert!(Address::default().to_info().is_err());
    }
}
