//! Where a gateway is and which key it is shown.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use trunkline_core::{Environment, Error, ErrorKind};

use crate::{Key, Value, Variable};

/// A gateway that an agent is pointed at.
#[derive(Clone, Debug)]
pub struct Gateway {
    url: String,
    pub(crate) key: Key,
}

impl Gateway {
    /// A gateway at a URL such as `http://127.0.0.1:4000`; a `/v1` or `/` at its end is taken off.
    ///
    /// # Errors
    ///
    /// If the URL is not one of http or https, or holds what none may hold.
    pub fn new(url: &str, key: Key) -> Result<Self, Error> {
        let trimmed = url.trim().trim_end_matches('/');
        let trimmed = trimmed.strip_suffix("/v1").unwrap_or(trimmed).trim_end_matches('/');
        let rest = trimmed.strip_prefix("http://").or_else(|| trimmed.strip_prefix("https://"));
        let allowed = |letter: char| letter.is_ascii_graphic() && !"\"'`\\<>?#@{}|^".contains(letter);
        if rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(allowed)) {
            return Ok(Self { url: trimmed.to_owned(), key });
        }
        let message = format!("`{url}` is not the URL of a gateway; give one such as http://127.0.0.1:4000");
        Err(Error::new(ErrorKind::Configuration, message))
    }

    /// The URL of a server on this machine that listens at `address`.
    pub fn local_url(address: SocketAddr, with_tls: bool) -> String {
        let scheme = if with_tls { "https" } else { "http" };
        let ip = match address.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
    }

    /// The base for clients of Messages, which put `/v1` into their paths themselves.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The base for clients of OpenAI's operations.
    pub fn openai_url(&self) -> String {
        format!("{}/v1", self.url)
    }

    fn host(&self) -> &str {
        let authority =
            self.url.split("//").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => authority.split(':').next().unwrap_or_default(),
        }
    }

    /// What keeps an agent from asking a proxy for this machine: Claude Code sends even loopback through one.
    pub(crate) fn past_proxies(&self, environment: &Environment) -> Vec<Variable> {
        let host = self.host();
        let is_own = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let proxies = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
        if !is_own || !proxies.iter().any(|name| environment.get(name).is_some()) {
            return Vec::new();
        }
        let present = environment.get("NO_PROXY").or_else(|| environment.get("no_proxy")).unwrap_or_default();
        if present.split(',').any(|entry| entry.trim() == host || entry.trim() == "*") {
            return Vec::new();
        }
        let text = if present.is_empty() { host.to_owned() } else { format!("{present},{host}") };
        let variable = |name| Variable { name, value: Value::Plain(text.clone()) };
        ["NO_PROXY", "no_proxy"].map(variable).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_as_people_have_them() {
        let check = |url: &str, expected: Option<&str>| {
            let gateway = Gateway::new(url, Key::None);
            assert_eq!(gateway.as_ref().ok().map(Gateway::url), expected, "{url}");
        };
        check("http://127.0.0.1:4000", Some("http://127.0.0.1:4000"));
        check(" https://models.example.com/v1/ ", Some("https://models.example.com"));
        check("https://example.com/gateway/", Some("https://example.com/gateway"));
        for url in [
            "127.0.0.1:4000",
            "http://",
            "http:///v1",
            "ftp://example.com",
            "http://a b",
            "http://a'b",
            "http://a?b",
            "http://user@a",
        ] {
            check(url, None);
        }
    }

    #[test]
    fn a_server_on_this_machine_is_called_where_it_listens() {
        let check = |address: &str, with_tls: bool, expected: &str| {
            let address = address.parse().expect("an address");
            assert_eq!(Gateway::local_url(address, with_tls), expected);
        };
        check("0.0.0.0:4000", false, "http://127.0.0.1:4000");
        check("[::]:4000", true, "https://[::1]:4000");
        check("10.0.0.5:80", false, "http://10.0.0.5:80");
    }

    #[test]
    fn this_machine_is_not_asked_for_through_a_proxy() {
        let check = |url: &str, variables: &[(&str, &str)], expected: Option<&str>| {
            let gateway = Gateway::new(url, Key::None).expect("a good URL");
            let found = gateway.past_proxies(&variables.iter().copied().collect());
            let texts: Vec<_> =
                found.iter().map(|variable| (variable.name, variable.value.expose())).collect();
            let expected =
                expected.map(|text| vec![("NO_PROXY", text), ("no_proxy", text)]).unwrap_or_default();
            assert_eq!(texts, expected, "{url} {variables:?}");
        };
        let proxy = ("https_proxy", "http://proxy:3128");
        check("http://127.0.0.1:4000", &[], None);
        check("http://127.0.0.1:4000", &[proxy], Some("127.0.0.1"));
        check("http://[::1]:4000", &[proxy], Some("::1"));
        check("http://localhost:4000", &[proxy, ("NO_PROXY", ".corp")], Some(".corp,localhost"));
        check("http://localhost:4000", &[proxy, ("no_proxy", "localhost, .corp")], None);
        check("https://models.example.com", &[proxy], None);
    }
}
