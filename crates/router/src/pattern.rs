//! Names with `*` in them: what they match, and what the stars stood for.

/// A model name in which each `*` stands for any text, also none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
}

impl Pattern {
    /// `None` if the name has no star.
    pub(crate) fn new(name: &str) -> Option<Self> {
        name.contains('*').then(|| Self { text: name.to_owned() })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How much of the name it fixes: the more, the more specific it is.
    pub(crate) fn specificity(&self) -> usize {
        self.text.len() - self.text.matches('*').count()
    }

    /// What each star stands for, if the name matches. Earlier stars take as little as they can.
    pub(crate) fn captures<'n>(&self, name: &'n str) -> Option<Vec<&'n str>> {
        let mut parts = self.text.split('*');
        let mut rest = name.strip_prefix(parts.next()?)?;
        let mut captures = Vec::new();
        let mut parts = parts.peekable();
        while let Some(part) = parts.next() {
            let at = if parts.peek().is_none() {
                rest.ends_with(part).then(|| rest.len() - part.len())?
            } else {
                rest.find(part)?
            };
            captures.push(&rest[..at]);
            rest = &rest[at + part.len()..];
        }
        Some(captures)
    }
}

/// The template with its stars replaced, one by one, by what was captured.
pub(crate) fn filled(template: &str, captures: &[&str]) -> String {
    let mut parts = template.split('*');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        text.push_str(captures.get(index).copied().unwrap_or_default());
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, name: &str, expected: Option<&[&str]>) {
        let pattern = Pattern::new(pattern).expect("a star");
        assert_eq!(pattern.captures(name).as_deref(), expected, "{} on {name}", pattern.text());
    }

    #[test]
    fn stars_stand_for_any_text() {
        check("*", "openai/gpt-4o", Some(&["openai/gpt-4o"]));
        check("openai/gpt-*", "openai/gpt-4o", Some(&["4o"]));
        check("openai/gpt-*", "openai/o3", None);
        check("*/gpt-*-mini", "openai/gpt-4o-mini", Some(&["openai", "4o"]));
        check("a*a", "a", None);
        check("a*a", "aa", Some(&[""]));
    }

    #[test]
    fn what_was_captured_fills_the_template() {
        assert_eq!(filled("vercel_ai_gateway/*", &["openai/gpt-4o"]), "vercel_ai_gateway/openai/gpt-4o");
        assert_eq!(filled("openai/gpt-4o", &["x"]), "openai/gpt-4o");
        assert_eq!(filled("*-*", &["a", "b"]), "a-b");
    }
}
