//! What setting and removing members leaves of the text.

use bytes::Bytes;
use trunkline_core::{Document, DocumentErrorKind, DocumentLimits, Duplicates};

enum Edit {
    Set(&'static str, &'static str),
    Remove(&'static str),
}
use Edit::{Remove, Set};

/// Applies the edits and compares the text, however it is taken out of the document.
#[track_caller]
fn check(input: &'static str, edits: &[Edit], expected: &str) {
    let mut document = Document::parse(input).expect("the cases are objects");
    apply(&mut document, edits);
    check_text(&document, expected);
}

#[track_caller]
fn check_keeping_last(input: &'static str, edits: &[Edit], expected: &str) {
    let limits = DocumentLimits { duplicates: Duplicates::KeepLast, ..DocumentLimits::default() };
    let mut document = Document::parse_with(input, &limits).expect("the cases are objects");
    apply(&mut document, edits);
    check_text(&document, expected);
}

fn apply(document: &mut Document, edits: &[Edit]) {
    for edit in edits {
        match edit {
            Set(name, json) => document.set_raw(name, *json),
            Remove(name) => {
                document.remove(name);
            }
        }
    }
}

#[track_caller]
fn check_text(document: &Document, expected: &str) {
    assert_eq!(document.to_bytes(), expected);
    assert_eq!(document.len(), expected.len());
    assert_eq!(document.segments().len(), expected.len());
    let joined: Vec<u8> = document.segments().into_iter().flatten().collect();
    assert_eq!(joined, expected.as_bytes());
}

#[test]
fn remove_takes_the_right_comma() {
    check(r#"{"a":1}"#, &[Remove("a")], "{}");
    check(r#"{"a":1,"b":2,"c":3}"#, &[Remove("a")], r#"{"b":2,"c":3}"#);
    check(r#"{"a":1,"b":2,"c":3}"#, &[Remove("b")], r#"{"a":1,"c":3}"#);
    check(r#"{"a":1,"b":2,"c":3}"#, &[Remove("c")], r#"{"a":1,"b":2}"#);
    check(r#"{"a":1,"b":2,"c":3}"#, &[Remove("a"), Remove("b")], r#"{"c":3}"#);
    check(r#"{"a":1,"b":2,"c":3}"#, &[Remove("a"), Remove("c")], r#"{"b":2}"#);
    check(r#"{"a":1,"b":2,"c":3}"#, &[Remove("c"), Remove("b")], r#"{"a":1}"#);
    check(r#"{"a":1,"b":2,"c":3}"#, &[Remove("b"), Remove("c"), Remove("a")], "{}");
    check(r#"{"a":1}"#, &[Remove("b")], r#"{"a":1}"#);
    check("{}", &[Remove("b")], "{}");
}

#[test]
fn white_space_around_what_stays_is_kept() {
    let text = "\n{\n  \"a\" : 1 ,\n\t\"b\" :  2.0 ,\n  \"c\" : 3\n}\n";
    check(text, &[], text);
    check(text, &[Remove("a")], "\n{\n  \"b\" :  2.0 ,\n  \"c\" : 3\n}\n");
    check(text, &[Remove("b")], "\n{\n  \"a\" : 1 ,\n  \"c\" : 3\n}\n");
    check(text, &[Remove("c")], "\n{\n  \"a\" : 1 ,\n\t\"b\" :  2.0\n}\n");
    check(text, &[Set("b", "[]")], "\n{\n  \"a\" : 1 ,\n\t\"b\" :  [] ,\n  \"c\" : 3\n}\n");
    check(text, &[Set("d", "4")], "\n{\n  \"a\" : 1 ,\n\t\"b\" :  2.0 ,\n  \"c\" : 3,\"d\":4\n}\n");
    check(text, &[Remove("a"), Remove("b"), Remove("c")], "\n{\n  \n}\n");
    check(" { } ", &[Set("a", "1")], " { \"a\":1} ");
}

#[test]
fn set_keeps_the_place_or_appends() {
    check("{}", &[Set("a", "1")], r#"{"a":1}"#);
    check("{}", &[Set("a", "1"), Set("b", "2"), Set("a", "3")], r#"{"a":3,"b":2}"#);
    check(r#"{"a":1,"b":2,"c":3}"#, &[Set("a", "9")], r#"{"a":9,"b":2,"c":3}"#);
    check(r#"{"a":1,"b":2,"c":3}"#, &[Set("b", "9")], r#"{"a":1,"b":9,"c":3}"#);
    check(r#"{"a":1,"b":2,"c":3}"#, &[Set("c", "9")], r#"{"a":1,"b":2,"c":9}"#);
    check(r#"{"a":1}"#, &[Set("a", "2"), Set("a", "3")], r#"{"a":3}"#);
    check(r#"{"a":1,"b":2}"#, &[Set("a", "8"), Set("b", "9")], r#"{"a":8,"b":9}"#);
}

#[test]
fn edits_in_a_row() {
    check(r#"{"a":1}"#, &[Remove("a"), Set("b", "2")], r#"{"b":2}"#);
    check(r#"{"a":1}"#, &[Set("b", "2"), Remove("a")], r#"{"b":2}"#);
    check(r#"{"a":1}"#, &[Set("b", "2"), Set("c", "3"), Remove("b")], r#"{"a":1,"c":3}"#);
    check(r#"{"a":1}"#, &[Set("b", "2"), Remove("b")], r#"{"a":1}"#);
    check(r#"{"a":1,"b":2}"#, &[Set("a", "9"), Remove("a")], r#"{"b":2}"#);
    // What was removed is absent, and what is absent is appended.
    check(r#"{"a":1,"b":2}"#, &[Remove("a"), Set("a", "9")], r#"{"b":2,"a":9}"#);
    check(r#"{"a":1}"#, &[Remove("a"), Set("a", "2"), Remove("a"), Set("a", "3")], r#"{"a":3}"#);
}

#[test]
fn names_are_compared_unescaped_and_kept_as_written() {
    check(r#"{"mod\u0065l":"a"}"#, &[Set("model", r#""b""#)], r#"{"mod\u0065l":"b"}"#);
    check(r#"{"mod\u0065l":"a","n":1}"#, &[Remove("model")], r#"{"n":1}"#);
    check(r#"{"\ud83d\ude00":1,"\"":2}"#, &[Remove("😀"), Set("\"", "3")], r#"{"\"":3}"#);
    check("{}", &[Set("a\"\n", "1")], r#"{"a\"\n":1}"#);
    check(r#"{"a\\u0062":1}"#, &[Remove("ab")], r#"{"a\\u0062":1}"#);
}

#[test]
fn the_last_of_two_counts_and_an_edit_leaves_one() {
    let text = r#"{"a":1,"b":2,"a":3,"a":4}"#;
    check_keeping_last(text, &[], text);
    check_keeping_last(text, &[Remove("b")], r#"{"a":1,"a":3,"a":4}"#);
    check_keeping_last(text, &[Set("a", "9")], r#"{"b":2,"a":9}"#);
    check_keeping_last(text, &[Remove("a")], r#"{"b":2}"#);
    check_keeping_last(text, &[Remove("a"), Set("a", "9")], r#"{"b":2,"a":9}"#);

    let limits = DocumentLimits { duplicates: Duplicates::KeepLast, ..DocumentLimits::default() };
    let document = Document::parse_with(text, &limits).unwrap();
    assert_eq!(document.raw("a"), Some(&b"4"[..]));
    assert_eq!(document.names().collect::<Vec<_>>(), ["b", "a"]);
}

#[test]
fn remove_says_whether_there_was_one() {
    let mut document = Document::parse(r#"{"a":1}"#).unwrap();
    assert!(document.remove("a"));
    assert!(!document.remove("a"));
    document.set("b", &1).unwrap();
    assert!(document.remove("b"));
    assert!(!document.remove("b"));
    assert!(!document.contains("a"));
}

#[test]
fn an_unedited_document_is_the_bytes_that_came() {
    let bytes = Bytes::from(br#" {"a": 1.0} "#.to_vec());
    let mut document = Document::parse(bytes.clone()).unwrap();
    assert_eq!(document.to_bytes().as_ptr(), bytes.as_ptr());
    assert_eq!(document.segments().iter().count(), 1);
    // Edits that cancel out leave it so.
    document.set("b", &1).unwrap();
    document.remove("b");
    assert_eq!(document.to_bytes().as_ptr(), bytes.as_ptr());
}

#[test]
fn an_edit_copies_nothing_that_stays() {
    let bytes = Bytes::from(br#"{"model":"a","messages":["long"],"n":1}"#.to_vec());
    let mut document = Document::parse(bytes.clone()).unwrap();
    document.set("model", "b").unwrap();
    document.remove("n");
    let segments: Vec<Bytes> = document.segments().into_iter().collect();
    assert_eq!(segments, [&br#"{"model":"#[..], br#""b""#, br#","messages":["long"]"#, b"}"]);
    assert_eq!(segments[0].as_ptr(), bytes.as_ptr());
    assert_eq!(segments[2].as_ptr(), bytes[12..].as_ptr());
    assert_eq!(document.raw_bytes("messages").unwrap().as_ptr(), bytes[24..].as_ptr());
}

#[test]
fn a_value_that_cannot_be_written_changes_nothing() {
    let mut document = Document::parse(r#"{"a":1}"#).unwrap();
    let not_json = std::collections::HashMap::from([((1, 2), 3)]);
    let error = document.set("a", &not_json).unwrap_err();
    assert_eq!(error.kind(), DocumentErrorKind::Value);
    assert_eq!(error.member(), Some("a"));
    assert_eq!(error.to_string(), "the value of `a` is not valid: key must be a string");
    assert_eq!(document.to_bytes(), r#"{"a":1}"#);
}

#[test]
fn a_clone_is_edited_alone() {
    let document = Document::parse(r#"{"a":1}"#).unwrap();
    let mut clone = document.clone();
    clone.set("a", &2).unwrap();
    assert_eq!(document.to_bytes(), r#"{"a":1}"#);
    assert_eq!(clone.to_bytes(), r#"{"a":2}"#);
}
