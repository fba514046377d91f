//! A second opinion: jiter, on arbitrary bytes and on JSON that something happened to.

use jiter::{JsonErrorType, JsonValue};
use proptest::prelude::*;
use trunkline_core::{DocumentErrorKind, json};

use crate::generators::mutated;
use crate::invariants;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn invariants_hold_for_arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        invariants::hold(&bytes);
    }

    #[test]
    fn invariants_hold_for_mutated_json(bytes in mutated()) {
        invariants::hold(&bytes);
    }

    #[test]
    fn invariants_hold_for_a_soup_of_tokens(
        tokens in proptest::collection::vec(
            proptest::sample::select(
                &["{", "}", "[", "]", ",", ":", "\"a\"", "\"\\u0061\"", "1", "-", "null", " ", "\"", "\\"][..],
            ),
            0..12,
        ),
    ) {
        invariants::hold(tokens.concat().as_bytes());
        invariants::hold(format!("{{\"a\":{}", tokens.concat()).as_bytes());
    }
}

/// What jiter says, so that a new version of it which says something else is noticed here first.
#[test]
fn where_jiter_is_as_strict_and_where_not() {
    use DocumentErrorKind as Ours;
    use JsonErrorType as Theirs;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let [deep_128, deep_129, deep_10_000] = [128, 129, 10_000].map(deep);
    for (text, ours, theirs) in [
        (&*deep_128, None, None),
        (&deep_129, Some(Ours::TooDeep), None),
        (&deep_10_000, Some(Ours::TooDeep), Some(Theirs::RecursionLimitExceeded)),
        (r#""\ud800""#, Some(Ours::LoneSurrogate), Some(Theirs::UnexpectedEndOfHexEscape)),
        (r#""\udc00""#, Some(Ours::LoneSurrogate), Some(Theirs::LoneLeadingSurrogateInHexEscape)),
        ("\"\t\"", Some(Ours::ControlCharacter), Some(Theirs::ControlCharacterWhileParsingString)),
        ("NaN", Some(Ours::Syntax), Some(Theirs::ExpectedSomeValue)),
        ("-Infinity", Some(Ours::Syntax), Some(Theirs::InvalidNumber)),
        ("\u{feff}1", Some(Ours::ByteOrderMark), Some(Theirs::ExpectedSomeValue)),
        ("1 2", Some(Ours::TrailingBytes), Some(Theirs::TrailingCharacters)),
        ("12345678901234567890", None, Some(Theirs::NumberOutOfRange)),
        ("1e999", None, None),
        (r#"{"a":1,"a":2}"#, None, None),
    ] {
        let verdict = json::validate(text.as_bytes(), 128).map_err(|error| error.kind());
        assert_eq!(verdict.err(), ours, "for {text:.40}");
        let verdict = JsonValue::parse(text.as_bytes(), false).map_err(|error| error.error_type);
        assert_eq!(verdict.err(), theirs, "for {text:.40}");
        invariants::hold(text.as_bytes());
    }
}
