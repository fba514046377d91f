//! Names with `*` in them: what they match, and what the stars stood for.

use std::iter::FusedIterator;
use std::sync::Arc;

/// A model name in which each `*` stands for any text, also none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: Box<str>,
    /// What stands before the first star.
    start: Box<str>,
    /// What stands behind each star.
    parts: Box<[Box<str>]>,
}

/// What each star of a pattern stands for in a name that matches it.
#[derive(Clone, Debug)]
pub(crate) struct Captures<'p, 'n> {
    parts: &'p [Box<str>],
    rest: &'n str,
}

impl Pattern {
    /// `None` if the name has no star.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let (start, rest) = name.split_once('*')?;
        let parts = rest.split('*').map(Box::from).collect();
        Some(Self { text: name.into(), start: start.into(), parts })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What every name begins with that matches.
    pub(crate) fn start(&self) -> &str {
        &self.start
    }

    /// How much of the name it fixes: the more, the more specific it is.
    pub(crate) fn specificity(&self) -> usize {
        self.text.len() - self.parts.len()
    }

    /// What each star stands for, if the name matches. Earlier stars take as little as they can.
    pub(crate) fn captures<'p, 'n>(&'p self, name: &'n str) -> Option<Captures<'p, 'n>> {
        let rest = name.strip_prefix(&*self.start)?;
        let captures = Captures { parts: &self.parts, rest };
        let matches = match &*self.parts {
            // With one star there is nothing to look for.
            [end] => rest.ends_with(&**end),
            parts => captures.clone().count() == parts.len(),
        };
        matches.then_some(captures)
    }
}

impl<'n> Iterator for Captures<'_, 'n> {
    type Item = &'n str;

    fn next(&mut self) -> Option<&'n str> {
        let (part, later) = self.parts.split_first()?;
        let part: &str = part;
        let at = if later.is_empty() {
            self.rest.ends_with(part).then(|| self.rest.len() - part.len())?
        } else {
            self.rest.find(part)?
        };
        let capture = &self.rest[..at];
        (self.parts, self.rest) = (later, &self.rest[at + part.len()..]);
        Some(capture)
    }
}

impl FusedIterator for Captures<'_, '_> {}

/// The template with its stars replaced, one by one, by what was captured.
pub(crate) fn filled<'n>(template: &str, captures: impl IntoIterator<Item = &'n str>) -> Arc<str> {
    let mut captures = captures.into_iter();
    let mut capture = || captures.next().unwrap_or_default();
    if template == "*" {
        // The commonest template by far, and a copy less than the way below.
        return capture().into();
    }
    let mut parts = template.split('*');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(capture());
        text.push_str(part);
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, name: &str, expected: Option<&[&str]>) {
        let pattern = Pattern::new(pattern).expect("a star");
        let captures = pattern.captures(name).map(Vec::from_iter);
        assert_eq!(captures.as_deref(), expected, "{} on {name}", pattern.text());
    }

    #[test]
    fn stars_stand_for_any_text() {
        check("*", "openai/gpt-4o", Some(&["openai/gpt-4o"]));
        check("openai/gpt-*", "openai/gpt-4o", Some(&["4o"]));
        check("openai/gpt-*", "openai/o3", None);
        check("*/gpt-*-mini", "openai/gpt-4o-mini", Some(&["openai", "4o"]));
        check("*/gpt-*-mini", "openai/gpt-4o", None);
        check("a*a", "a", None);
        check("a*a", "aa", Some(&[""]));
    }

    #[test]
    fn what_was_captured_fills_the_template() {
        let filled = |template, captures: &[&'static str]| filled(template, captures.iter().copied());
        assert_eq!(&*filled("vercel_ai_gateway/*", &["openai/gpt-4o"]), "vercel_ai_gateway/openai/gpt-4o");
        assert_eq!(&*filled("openai/gpt-4o", &["x"]), "openai/gpt-4o");
        assert_eq!(&*filled("*-*", &["a", "b"]), "a-b");
        assert_eq!(&*filled("*", &["a"]), "a");
        assert_eq!(&*filled("*", &[]), "");
    }
}
