//! Whether a 404 says that the deployment's own model is not there, as opposed to something that a caller named.

use trunkline_core::{Error, ErrorKind};

/// The codes and types by which upstreams say that a model is not there, in small letters.
const WORDS: [&str; 2] = ["model_not_found", "deploymentnotfound"];

/// What may stand before the word `model` in a text that begins with it.
const BEGINNINGS: [&str; 3] = ["the requested ", "requested ", "the "];

/// Whether an upstream says that it does not know this model.
///
/// A request can name other things that are not there: files, earlier responses, other models. None of them may lead
/// to a rest, and their names are the caller's: so a text counts only where the model is the first that it names.
pub(crate) fn is_missing(model: &str, error: &Error) -> bool {
    if error.kind() != ErrorKind::UpstreamNotFound {
        return false;
    }
    let text = error.message();
    let given = [error.upstream_code(), error.upstream_type()];
    let is_word = |given: &str| WORDS.iter().any(|word| given.eq_ignore_ascii_case(word));
    if given.into_iter().flatten().any(is_word) {
        return named(text) == Some(model) || !text.contains(['\'', '"', '`']);
    }
    let begins = |start: &&&str| text.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start));
    let rest = BEGINNINGS.iter().find(begins).map_or(text, |start| &text[start.len()..]);
    position_of_word(rest) == Some(0) && named(rest) == Some(model)
}

/// What stands behind the first `model`, or `models/`: ``The model `x` does not exist``.
fn named(text: &str) -> Option<&str> {
    let rest = &text[position_of_word(text)? + "model".len()..];
    let rest = rest.strip_prefix("s/").unwrap_or(rest);
    let is_around = |letter: char| letter.is_whitespace() || matches!(letter, '\'' | '"' | '`' | ':' | '=');
    let rest = rest.trim_start_matches(is_around);
    let ends = |letter: char| letter.is_whitespace() || matches!(letter, '\'' | '"' | '`' | ',');
    let name = rest.split(ends).next()?.trim_end_matches('.');
    (!name.is_empty()).then_some(name)
}

fn position_of_word(text: &str) -> Option<usize> {
    text.as_bytes().windows("model".len()).position(|window| window.eq_ignore_ascii_case(b"model"))
}

#[cfg(test)]
mod tests {
    use trunkline_core::UpstreamAnswer;

    use super::*;

    fn check(word: &str, text: &str, expected: bool) {
        let answer = UpstreamAnswer { status: None, body: bytes::Bytes::new() };
        let word = Some(word.to_owned()).filter(|word| !word.is_empty());
        let error = Error::new(ErrorKind::UpstreamNotFound, text).with_upstream(answer, None, word);
        assert_eq!(is_missing("gpt-5.1", &error), expected, "{text}");
    }

    #[test]
    fn upstreams_say_in_many_ways_that_a_model_is_not_there() {
        check("model_not_found", "The model `gpt-5.1` does not exist or you do not have access to it.", true);
        check("model_not_found", "Model 'gpt-5.1' not found", true);
        check("model_not_found", "not here", true);
        check("DeploymentNotFound", "The API deployment for this resource does not exist.", true);
        check("not_found_error", "model: gpt-5.1", true);
        check("", "model \"gpt-5.1\" not found, try pulling it first", true);
        check("", "models/gpt-5.1 is not found for API version v1.", true);
        check("", "The requested model gpt-5.1 is not there", true);
        check("", "Unknown model gpt-5.1.", false);
    }

    #[test]
    fn what_a_caller_named_is_not_the_model() {
        check("", "", false);
        check("", "Not Found", false);
        check("not_found_error", "No such File object: file-1", false);
        check("", "No such File object: model gpt-5.1", false);
        check("", "Previous response with id 'model gpt-5.1' not found.", false);
        check("previous_response_not_found", "Previous response with id 'resp_1' not found.", false);
        check("model_not_found", "The model 'gpt-image-9' does not exist", false);
        check("model_not_found", "The model 'no gpt-5.1' does not exist", false);
        check("", "The model gpt-5.1-mini does not exist", false);
        check("", "é model gpt-5.1", false);
    }

    #[test]
    fn only_a_404_says_so() {
        assert!(!is_missing("m", &Error::new(ErrorKind::UpstreamFailed, "model m")));
        assert!(is_missing("m", &Error::new(ErrorKind::UpstreamNotFound, "model m")));
    }
}
