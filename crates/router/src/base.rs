//! A base URL as it may be shown: without what may be a key.

/// Scheme, host and port, with the user and the password that may stand in front of them.
pub(crate) fn origin(base: &str) -> &str {
    let host = base.find("://").map_or(0, |at| at + 3);
    base[host..].find(['/', '?', '#']).map_or(base, |end| &base[..host + end])
}

/// Scheme, host and port.
pub(crate) fn shown_origin(base: &str) -> String {
    let origin = origin(base);
    let (scheme, host) = origin.split_at(origin.find("://").map_or(0, |at| at + 3));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}{host}")
}

/// The same with the path, and without what follows it.
pub(crate) fn shown(base: &str) -> String {
    let path = base[origin(base).len()..].split(['?', '#']).next().unwrap_or_default();
    shown_origin(base) + path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown_that_may_be_a_key() {
        for (base, expected, path) in [
            ("https://api.example.com:8443/v1", "https://api.example.com:8443", "/v1"),
            ("http://[::1]:9/v1/", "http://[::1]:9", "/v1/"),
            ("https://user:secret@api.example.com/v1/@x", "https://api.example.com", "/v1/@x"),
            ("https://api.example.com?key=secret", "https://api.example.com", ""),
            ("https://api.example.com/v1?key=secret/@x#y", "https://api.example.com", "/v1"),
            ("https://u:s@api.example.com#a?b=c@d", "https://api.example.com", ""),
            ("api.example.com/v1", "api.example.com", "/v1"),
        ] {
            assert_eq!(shown_origin(base), expected, "{base}");
            assert_eq!(shown(base), format!("{expected}{path}"), "{base}");
        }
    }
}
