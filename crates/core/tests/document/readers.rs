//! The readers that trust their text, on text that deserves it and on text that does not.

use std::borrow::Cow;

use trunkline_core::json;

const OBJECT: &[u8] =
    br#" {"a" : 1, "b": {"a": "}\"]", "c": [10, {"d": "deep"}]} ,"\u0065":"\u00e9", "a": 2}"#;

fn text(source: &[u8], span: Option<std::ops::Range<usize>>) -> Option<&str> {
    span.map(|span| std::str::from_utf8(&source[span]).expect("the cases are UTF-8"))
}

#[test]
fn member_finds_the_first_of_the_outermost_object() {
    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(text(OBJECT, json::member(OBJECT, name)), expected);
    }
    check("a", Some("1"));
    check("b", Some(r#"{"a": "}\"]", "c": [10, {"d": "deep"}]}"#));
    check("e", Some(r#""\u00e9""#));
    check("c", None);
    check("", None);
}

#[test]
fn members_come_in_order_as_written() {
    let members: Vec<_> =
        json::members(OBJECT).map(|member| (member.key, text(OBJECT, Some(member.value)).unwrap())).collect();
    assert_eq!(
        members,
        [
            (&b"a"[..], "1"),
            (b"b", r#"{"a": "}\"]", "c": [10, {"d": "deep"}]}"#),
            (br"\u0065", r#""\u00e9""#),
            (b"a", "2"),
        ]
    );
    assert!(json::members(OBJECT).nth(2).unwrap().is_named("e"));
    assert_eq!(json::members(b"{}").count(), 0);
    assert_eq!(json::members(b" { } ").count(), 0);
}

#[test]
fn member_stops_as_soon_as_it_is_found() {
    assert_eq!(json::member(br#"{"a":1,"b":!!"#, "a"), Some(5..6));
    assert_eq!(json::member(br#"{"a":1,"b":!!"#, "b"), None);
    assert_eq!(json::member(br#"{"a":[1,"b":2"#, "a"), None);
}

#[test]
fn elements_come_in_order() {
    #[track_caller]
    fn check(array: &str, expected: &[&str]) {
        let elements: Vec<_> = json::elements(array.as_bytes()).map(|span| &array[span]).collect();
        assert_eq!(elements, expected);
    }
    check("[]", &[]);
    check(" [ ] ", &[]);
    check(r#"[1, "],[" ,[2,[3]],{"a":[]} , null ]"#, &["1", r#""],[""#, "[2,[3]]", r#"{"a":[]}"#, "null"]);
    check("{}", &[]);
    check("1", &[]);
    check("", &[]);
}

#[test]
fn path_leads_through_objects() {
    #[track_caller]
    fn check(path: &[&str], expected: Option<&str>) {
        assert_eq!(text(OBJECT, json::path(OBJECT, path)), expected);
    }
    check(&["a"], Some("1"));
    check(&["b", "a"], Some(r#""}\"]""#));
    check(&["b", "c"], Some(r#"[10, {"d": "deep"}]"#));
    check(&["b", "c", "d"], None);
    check(&["a", "a"], None);
    assert_eq!(json::path(b" {} ", &[]), Some(1..3));
    assert_eq!(json::path(b"", &["a"]), None);
    assert_eq!(
        text(b" {\"a\" : {\"b\": 7 } }", json::path(b" {\"a\" : {\"b\": 7 } }", &["a", "b"])),
        Some("7")
    );
}

#[test]
fn string_takes_exactly_a_string() {
    #[track_caller]
    fn check(raw: impl AsRef<[u8]>, expected: Option<&str>) {
        assert_eq!(json::string(raw.as_ref()).as_deref(), expected);
    }
    check(r#""""#, Some(""));
    check(r#""a b""#, Some("a b"));
    check(r#""\"\\\/\b\f\n\r\t\u0041\u0000""#, Some("\"\\/\u{8}\u{c}\n\r\tA\0"));
    check(r#""x\ud83d\ude00y""#, Some("x😀y"));
    check(r#""a\\""#, Some("a\\"));
    check(r#""a\""#, None);
    check(r#""a"b""#, None);
    check(r#""a" "#, None);
    check(r#"""#, None);
    check("", None);
    check("a", None);
    check("null", None);
    check(r#""\x""#, None);
    check(r#""\u12""#, None);
    check(r#""\ud83d""#, None);
    check(r#""\ud83d\u0041""#, None);
    check(b"\"\xff\"", None);
    assert!(matches!(json::string(br#""plain""#), Some(Cow::Borrowed("plain"))));
}

#[test]
fn numbers_and_words() {
    assert_eq!(json::u64(b"0"), Some(0));
    assert_eq!(json::u64(b"18446744073709551615"), Some(u64::MAX));
    for raw in ["18446744073709551616", "-1", "+1", "1.0", "1e3", "1 ", "\"1\"", "null", ""] {
        assert_eq!(json::u64(raw.as_bytes()), None, "for {raw:?}");
    }
    assert!(json::is_null(b"null"));
    assert!(!json::is_null(b"\"null\""));
    assert!(!json::is_null(b""));
}

#[test]
fn text_quotes_and_escapes() {
    assert_eq!(json::text(""), r#""""#);
    assert_eq!(json::text("a\"b\\c\n\u{1}é😀"), "\"a\\\"b\\\\c\\n\\u0001é😀\"");
}

#[test]
fn deep_text_is_walked_without_recursion() {
    let deep = format!(r#"{{"a":{}{},"b":1}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(text(deep.as_bytes(), json::member(deep.as_bytes(), "b")), Some("1"));
    let open = format!(r#"{{"a":{}"#, "[".repeat(1_000_000));
    assert_eq!(json::member(open.as_bytes(), "b"), None);
}
