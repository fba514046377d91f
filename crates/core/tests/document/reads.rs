//! Reading the members of a document.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use trunkline_core::{Document, DocumentErrorKind};

fn document() -> Document {
    Document::parse(
        r#"{"model": "a", "n": 1.50, "yes": true, "no": false, "null": null, "esc": "\u00e9\n\ud83d\ude00", "list": [1, 2], "big": 12345678901234567890123}"#,
    )
    .expect("it is an object")
}

#[test]
fn raw_is_the_text_as_it_came() {
    let document = document();
    assert_eq!(document.raw("n"), Some(&b"1.50"[..]));
    assert_eq!(document.raw("big"), Some(&b"12345678901234567890123"[..]));
    assert_eq!(document.raw("list"), Some(&b"[1, 2]"[..]));
    assert_eq!(document.raw("null"), Some(&b"null"[..]));
    assert_eq!(document.raw("absent"), None);
    assert_eq!(document.raw_bytes("list").unwrap(), "[1, 2]");
    assert_eq!(document.raw_bytes("absent"), None);
    assert!(document.contains("null"));
    assert!(!document.contains("absent"));
}

#[test]
fn reads_see_edits() {
    let mut document = document();
    document.set("n", &2).unwrap();
    document.set("new", "b").unwrap();
    document.remove("yes");
    assert_eq!(document.raw("n"), Some(&b"2"[..]));
    assert_eq!(document.raw_bytes("new").unwrap(), r#""b""#);
    assert_eq!(document.string("new").unwrap(), "b");
    assert_eq!(document.get::<u8>("n").unwrap(), Some(2));
    assert!(!document.is_true("yes"));
    let names: Vec<_> = document.names().collect();
    assert_eq!(names, ["model", "n", "no", "null", "esc", "list", "big", "new"]);
}

#[test]
fn strings_are_unescaped_and_borrowed_where_they_can_be() {
    let document = document();
    assert!(matches!(document.string("model"), Some(Cow::Borrowed("a"))));
    assert_eq!(document.string("esc").unwrap(), "é\n😀");
    assert_eq!(document.string("n"), None);
    assert_eq!(document.string("null"), None);
    assert_eq!(document.string("absent"), None);
}

#[test]
fn true_is_only_the_word() {
    let document = Document::parse(r#"{"a":true,"b":"true","c":1,"d":[true]}"#).unwrap();
    assert!(document.is_true("a"));
    assert!(!document.is_true("b"));
    assert!(!document.is_true("c"));
    assert!(!document.is_true("d"));
    assert!(!document.is_true("absent"));
}

#[test]
fn get_decodes() {
    let document = document();
    assert_eq!(document.get::<Vec<u8>>("list").unwrap(), Some(vec![1, 2]));
    assert_eq!(document.get::<Option<u8>>("null").unwrap(), Some(None));
    assert_eq!(document.get::<Vec<u8>>("absent").unwrap(), None);
    assert_eq!(document.get::<String>("esc").unwrap().unwrap(), "é\n😀");
}

#[test]
fn a_value_of_another_type_is_an_error_that_does_not_repeat_it() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Effort {
        Low,
    }
    #[track_caller]
    fn check<T: serde::de::DeserializeOwned + std::fmt::Debug>(json: &'static str, expected: &str) {
        let mut document = Document::empty();
        document.set_raw("effort", json);
        let error = document.get::<T>("effort").unwrap_err();
        assert_eq!(error.kind(), DocumentErrorKind::Value);
        assert_eq!(error.member(), Some("effort"));
        assert_eq!(error.to_string(), expected);
    }
    check::<u8>(
        r#""a, expected secret""#,
        "the value of `effort` is not valid: invalid type: string, expected a whole number from 0",
    );
    check::<u8>(
        "[]",
        "the value of `effort` is not valid: invalid type: an array, expected a whole number from 0",
    );
    check::<Vec<u8>>(
        r#"{"a":1}"#,
        "the value of `effort` is not valid: invalid type: an object, expected an array",
    );
    check::<f64>("null", "the value of `effort` is not valid: invalid type: null, expected a number");
    check::<char>(
        r#""secret""#,
        "the value of `effort` is not valid: invalid value: string, expected a character",
    );
    check::<Effort>(
        r#""hi\ngh""#,
        "the value of `effort` is not valid: unknown variant `hi gh`, expected `low`",
    );
    assert!(matches!(Document::parse(r#"{"e":"low"}"#).unwrap().get("e"), Ok(Some(Effort::Low))));

    let error = document().get::<u8>("model").unwrap_err();
    assert_eq!(error.offset(), Some(10));
    assert_eq!(
        error.to_string(),
        "the value of `model` is not valid: invalid type: string, expected a whole number from 0"
    );
}

#[test]
fn names_are_unescaped() {
    let document = Document::parse(r#"{"b":1,"\u0061":2,"":3}"#).unwrap();
    assert_eq!(document.names().collect::<Vec<_>>(), ["b", "a", ""]);
    assert_eq!(document.raw("a"), Some(&b"2"[..]));
    assert_eq!(document.raw(""), Some(&b"3"[..]));
    assert_eq!(document.raw("\\u0061"), None);
}

#[test]
fn from_serialize_takes_objects() {
    #[derive(Serialize)]
    struct Request<'a> {
        model: &'a str,
        n: u8,
    }
    let document = Document::from_serialize(&Request { model: "a\"b", n: 2 }).unwrap();
    assert_eq!(document.to_bytes(), r#"{"model":"a\"b","n":2}"#);
    assert_eq!(document.string("model").unwrap(), "a\"b");

    let error = Document::from_serialize(&[1, 2]).unwrap_err();
    assert_eq!(error.kind(), DocumentErrorKind::NotAnObject);
    let error = Document::from_serialize(&std::collections::HashMap::from([((), 1)])).unwrap_err();
    assert_eq!(error.kind(), DocumentErrorKind::Value);
    assert_eq!(error.to_string(), "the value cannot be written as JSON: key must be a string");
}

#[test]
fn the_empty_document() {
    let document = Document::empty();
    assert_eq!(document.to_bytes(), "{}");
    assert_eq!(document.len(), 2);
    assert_eq!(document.names().count(), 0);
}

#[test]
fn debug_shows_names_but_no_values() {
    let document = Document::parse(r#"{"messages":"a prompt"}"#).unwrap();
    assert_eq!(format!("{document:?}"), r#"Document { len: 23, members: ["messages"] }"#);
}
