//! A value that must not be seen: keys and tokens, from configuration to header.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use subtle::ConstantTimeEq;

/// A key or a token. It has no `Display` and no `Serialize`, and its `Debug` shows nothing of it.
///
/// The text is reached through [`Secret::expose`] alone, so that every place that reads one can be found.
#[derive(Clone)]
pub struct Secret(Arc<Kept>);

struct Kept {
    text: Box<str>,
    /// Made when it is first asked for: most requests that show a key show the same one.
    bearer: OnceLock<Option<HeaderValue>>,
}

impl Secret {
    /// Takes a text into keeping. White space around it is dropped: keys come out of files and shells.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(Arc::new(Kept { text: text.as_ref().trim().into(), bearer: OnceLock::new() }))
    }

    /// Gives the text out, to be put into a header or compared.
    pub fn expose(&self) -> &str {
        &self.0.text
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.text.is_empty()
    }

    /// Compares with what a caller sent, in a time that depends on the lengths alone.
    pub fn matches(&self, candidate: &str) -> bool {
        self.0.text.as_bytes().ct_eq(candidate.as_bytes()).into()
    }

    /// `Bearer <text>`, marked sensitive so that no client prints it.
    ///
    /// `None` if the text holds a character that no header may hold.
    pub fn bearer(&self) -> Option<HeaderValue> {
        let bearer = self.0.bearer.get_or_init(|| {
            let mut value = HeaderValue::try_from(format!("Bearer {}", self.0.text)).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        bearer.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nothing_of_itself() {
        let secret = Secret::new(" sk-very-private\n");
        assert_eq!(secret.expose(), "sk-very-private");
        assert!(!format!("{secret:?}").contains("private"));
        let header = secret.bearer().expect("a plain key fits a header");
        assert!(!format!("{header:?}").contains("private"));
    }

    #[test]
    fn compares_whole_texts() {
        let secret = Secret::new("sk-1");
        assert!(secret.matches("sk-1"));
        assert!(!secret.matches("sk-"));
        assert!(!secret.matches("sk-12"));
    }

    #[test]
    fn refuses_what_no_header_may_hold() {
        assert!(Secret::new("sk-1\r\nx-admin: 1").bearer().is_none());
    }
}
