//! Texts as a POSIX shell reads them.

/// The text as one word: as it is where a shell sees nothing in it, else in single quotes.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Whether a shell takes it as the name of a variable.
pub(crate) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted() {
        assert_eq!(quoted("http://127.0.0.1:4000/v1"), "http://127.0.0.1:4000/v1");
        assert_eq!(quoted("claude-sonnet-4.5[1m]"), "'claude-sonnet-4.5[1m]'");
        assert_eq!(quoted("~"), "'~'");
        assert_eq!(quoted("a=b"), "'a=b'");
        assert_eq!(quoted("a b $HOME `x` \"y\""), "'a b $HOME `x` \"y\"'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn names_are_told_from_other_texts() {
        for name in ["A", "_a", "LITELLM_MASTER_KEY", "k2"] {
            assert!(is_name(name), "{name}");
        }
        for other in ["", "2k", "A B", "BASH_FUNC_x%%", "a-b", "é"] {
            assert!(!is_name(other), "{other}");
        }
    }
}
