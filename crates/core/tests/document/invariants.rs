//! What must hold for any bytes at all; the fuzz target `document` checks the same.

use jiter::{JsonErrorType, JsonValue};
use trunkline_core::{Document, DocumentErrorKind, DocumentLimits, Duplicates, json};

/// Panics if something does not hold for `bytes`.
pub(crate) fn hold(bytes: &[u8]) {
    readers_stay_inside(bytes);
    let verdict = json::validate(bytes, 128);
    if let Err(error) = &verdict {
        assert!(error.offset().is_none_or(|offset| offset <= bytes.len()), "{error}");
    }
    agrees_with_jiter(bytes, verdict.map_err(|error| error.kind()));
    documents_keep_their_text(bytes);
}

/// jiter decides as `json::validate` does, with two differences that are meant:
/// it lets 200 levels pass where we let 128 (both refuse 10,000), and it decodes numbers, so that some which the grammar
/// allows are out of its range. About the rest it is as strict as we are: lone surrogate escapes, `NaN` and `Infinity`
/// (its `allow_inf_nan` is off here), raw control characters, a byte order mark and trailing bytes are errors. Two
/// members of one name are none, here as there; only `Document` minds, and only at the top.
fn agrees_with_jiter(bytes: &[u8], ours: Result<(), DocumentErrorKind>) {
    let theirs = JsonValue::parse(bytes, false).map(drop).map_err(|error| error.error_type);
    let agrees = match (&ours, &theirs) {
        (Ok(()), Ok(())) | (Err(_), Err(_)) => true,
        (Err(kind), Ok(())) => *kind == DocumentErrorKind::TooDeep,
        (Ok(()), Err(error)) => *error == JsonErrorType::NumberOutOfRange,
    };
    assert!(agrees, "{ours:?}, but jiter {theirs:?}, for {:?}", String::from_utf8_lossy(bytes));
}

/// The trusting readers answer with spans inside the text, whatever it is.
fn readers_stay_inside(bytes: &[u8]) {
    let start = json::path(bytes, &[]).expect("no names lead to the text itself");
    assert!(start.end <= bytes.len());
    for member in json::members(bytes) {
        let raw = &bytes[member.value.clone()];
        assert!(!raw.is_empty());
        readers_answer(raw);
    }
    for element in json::elements(bytes) {
        readers_answer(&bytes[element]);
    }
    readers_answer(bytes);
    for name in ["", "a", "model", "é\"\n"] {
        let found = json::member(bytes, name);
        assert_eq!(found, json::path(bytes, &[name]));
        assert!(found.is_none_or(|span| span.end <= bytes.len()));
        let inner = json::path(bytes, &[name, "a"]);
        assert!(inner.is_none_or(|span| span.end <= bytes.len()));
    }
}

fn readers_answer(raw: &[u8]) {
    if let Some(string) = json::string(raw) {
        assert!(string.len() <= raw.len());
        assert_eq!(json::string(json::text(&string).as_bytes()).as_deref(), Some(&*string));
    }
    if let Some(number) = json::u64(raw) {
        assert!(raw.ends_with(number.to_string().as_bytes()));
    }
    assert_eq!(json::is_null(raw), raw == b"null");
    assert!(json::elements(raw).count() <= raw.len());
}

/// A document that parses goes out as it came, its readers agree with each other, and without its members it is empty.
fn documents_keep_their_text(bytes: &[u8]) {
    let limits = DocumentLimits { duplicates: Duplicates::KeepLast, ..DocumentLimits::default() };
    let Ok(mut document) = Document::parse_with(bytes.to_vec(), &limits) else {
        assert!(Document::parse(bytes.to_vec()).is_err());
        return;
    };
    assert_eq!(json::validate(bytes, 128), Ok(()));
    assert_eq!(document.to_bytes(), bytes);
    let names: Vec<String> = document.names().map(String::from).collect();
    for name in &names {
        let last = json::members(bytes).filter(|member| member.is_named(name)).last().expect("it has a name");
        assert_eq!(document.raw(name), Some(&bytes[last.value]));
    }
    let duplicates = json::members(bytes).count() - names.len();
    assert_eq!(Document::parse(bytes.to_vec()).is_ok(), duplicates == 0);
    for (position, name) in names.iter().enumerate() {
        if position % 2 == 0 {
            assert!(document.remove(name));
        } else {
            document.set_raw(name, "[]");
        }
        let text = document.to_bytes();
        assert_eq!(text.len(), document.len());
        Document::parse_with(text, &limits).expect("an edited document is one still");
    }
}
