//! A path with one place that stands for everything between its fixed ends.

use percent_encoding::percent_decode_str;

/// A path such as `/v1/models/{model}`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    path: &'static str,
    /// Where the braces begin and end, so that no request has to look for them.
    span: Option<(usize, usize)>,
}

impl Pattern {
    pub(crate) const fn of(path: &'static str) -> Self {
        let bytes = path.as_bytes();
        let (mut at, mut open) = (0, None);
        let mut span = None;
        while at < bytes.len() {
            match (bytes[at], open) {
                (b'{', _) => open = Some(at),
                (b'}', Some(open)) => {
                    span = Some((open, at + 1));
                    break;
                }
                _ => {}
            }
            at += 1;
        }
        Self { path, span }
    }

    /// Whether it names nothing.
    pub(crate) fn is_fixed(&self) -> bool {
        self.span.is_none()
    }

    /// Whether a path is meant; the inner option is the text that stands for the braces, as it came.
    pub(crate) fn matches<'p>(&self, path: &'p str) -> Option<Option<&'p str>> {
        let Some((start, end)) = self.span else {
            return (self.path == path).then_some(None);
        };
        let named = path.strip_prefix(&self.path[..start])?.strip_suffix(&self.path[end..])?;
        (!named.is_empty() && !named.starts_with('/')).then_some(Some(named))
    }

    /// The same, with the text decoded.
    pub(crate) fn named(&self, path: &str) -> Option<Option<String>> {
        self.matches(path).map(|named| named.map(decoded))
    }
}

/// What was written with `%`.
pub(crate) fn decoded(named: &str) -> String {
    percent_decode_str(named).decode_utf8_lossy().into_owned()
}

/// A path without the one slash at its end that is let pass.
pub(crate) fn trimmed(path: &str) -> &str {
    path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path)
}
