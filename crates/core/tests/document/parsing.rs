//! What a document may be, and what is said about what it may not be.

use trunkline_core::{Document, DocumentErrorKind, DocumentLimits, Duplicates, json};

#[track_caller]
fn check(input: impl AsRef<[u8]>, expected: &str) {
    let input = input.as_ref().to_vec();
    let shown = String::from_utf8_lossy(&input[..input.len().min(80)]).into_owned();
    let said = match Document::parse(input) {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(said, expected, "for {shown:?}");
}

#[track_caller]
fn check_kind(input: impl AsRef<[u8]>, kind: DocumentErrorKind, offset: Option<usize>) {
    let error = Document::parse(input.as_ref().to_vec()).expect_err("the cases are faulty");
    assert_eq!((error.kind(), error.offset()), (kind, offset));
}

/// An object with `depth` levels, itself included.
fn nested(depth: usize) -> String {
    let arrays = depth - 1;
    format!(r#"{{"a":{}1{}}}"#, "[".repeat(arrays), "]".repeat(arrays))
}

#[test]
fn objects() {
    check("{}", "ok");
    check(" \t\r\n{ \t\r\n} \t\r\n", "ok");
    check(r#"{"a":1}"#, "ok");
    check(r#"{ "a" : [ ] , "b" : { } , "c" : [ 1 , { "d" : null } , [ ] ] }"#, "ok");
    check(r#"{"":{"":{"":[[],{},"",0,true,false,null]}}}"#, "ok");
    check("", "the body is empty, but a JSON object is expected");
    check(" \r\n\t ", "the body is empty, but a JSON object is expected");
}

#[test]
fn values_that_are_no_objects() {
    check("[1]", "the body is not a JSON object: an array begins at byte 0");
    check(r#"  "a""#, "the body is not a JSON object: a string begins at byte 2");
    check("-1", "the body is not a JSON object: a number begins at byte 0");
    check("null", "the body is not a JSON object: a word begins at byte 0");
    check("<html>", "the body is not valid JSON: unexpected character at byte 0");
    check("model=gpt", "the body is not valid JSON: unexpected character at byte 0");
}

#[test]
fn grammar() {
    let unexpected =
        |offset: usize| format!("the body is not valid JSON: unexpected character at byte {offset}");
    let end = |offset: usize| format!("the body is not valid JSON: unexpected end at byte {offset}");
    check("{", &end(1));
    check(r#"{"a"#, &end(3));
    check(r#"{"a""#, &end(4));
    check(r#"{"a":"#, &end(5));
    check(r#"{"a":1"#, &end(6));
    check(r#"{"a":1,"#, &end(7));
    check(r#"{"a":[1,"#, &end(8));
    check(r#"{"a":tru"#, &end(8));
    check(r#"{"a":"\"#, &end(7));
    check(r#"{"a":"\u12"#, &end(10));
    check("{,}", &unexpected(1));
    check("{a:1}", &unexpected(1));
    check("{'a':1}", &unexpected(1));
    check("{1:1}", &unexpected(1));
    check(r#"{"a" 1}"#, &unexpected(5));
    check(r#"{"a"::1}"#, &unexpected(5));
    check(r#"{"a":1,}"#, &unexpected(7));
    check(r#"{"a":1;"b":2}"#, &unexpected(6));
    check(r#"{"a":1 "b":2}"#, &unexpected(7));
    check(r#"{"a":[1,]}"#, &unexpected(8));
    check(r#"{"a":[,]}"#, &unexpected(6));
    check(r#"{"a":[1 2]}"#, &unexpected(8));
    check(r#"{"a":[}]}"#, &unexpected(6));
    check(r#"{"a":[1}}"#, &unexpected(7));
    check(r#"{"a":{"b":1]}"#, &unexpected(11));
    check(r#"{"a":{"b":1,}}"#, &unexpected(12));
    check(r#"{"a":truE}"#, &unexpected(8));
    check(r#"{"a":nul}"#, &unexpected(8));
    check(r#"{"a":undefined}"#, &unexpected(5));
    check(r#"{"a":/* one */1}"#, &unexpected(5));
    // White space is four characters: neither a vertical tab nor a form feed, nor a no-break space.
    check("{\"a\":\u{b}1}", &unexpected(5));
    check("{\"a\":\u{c}1}", &unexpected(5));
    check("{\"a\":\u{a0}1}", &unexpected(5));
    check("{\"a\":\0}", &unexpected(5));
}

#[test]
fn numbers() {
    for number in [
        "0",
        "-0",
        "7",
        "10",
        "-12",
        "0.5",
        "1.50",
        "0e0",
        "1E5",
        "1e+5",
        "1.0e-05",
        "123456789012345678901234567890",
    ] {
        check(format!(r#"{{"a":{number}}}"#), "ok");
        check(format!(r#"{{"a":[{number},{number} ]}}"#), "ok");
    }
    // The position counts from the number's first character, which is byte 5.
    for (number, position) in [
        ("01", 1),
        ("-01", 2),
        ("+1", 0),
        (".5", 0),
        ("-", 1),
        ("-a", 1),
        ("1.", 2),
        ("1.e5", 2),
        ("1e", 2),
        ("1e+", 3),
        ("0x10", 1),
        ("1_000", 1),
        ("1.2.3", 3),
        ("NaN", 0),
        ("Infinity", 0),
        ("-Infinity", 1),
    ] {
        let offset = 5 + position;
        check(
            format!(r#"{{"a":{number}}}"#),
            &format!("the body is not valid JSON: unexpected character at byte {offset}"),
        );
    }
}

#[test]
fn strings() {
    check(r#"{"a":"\"\\\/\b\f\n\r\t"}"#, "ok");
    check(r#"{"a":"\u0000\u001f\u00E9\uFFFF"}"#, "ok");
    check("{\"a\":\"\u{7f}\u{80}\u{2028}\u{10FFFF}\"}", "ok");
    check(r#"{"a":"\x41"}"#, "the body is not valid JSON: unexpected character at byte 7");
    check(r#"{"a":"\u00G0"}"#, "the body is not valid JSON: unexpected character at byte 10");
    check(r#"{"a":"\u+123"}"#, "the body is not valid JSON: unexpected character at byte 8");
    check(r#"{"a":"\U0041"}"#, "the body is not valid JSON: unexpected character at byte 7");
}

#[test]
fn control_characters() {
    for control in 0..0x20 {
        let text = format!("{{\"a\":\"a long enough run{}\"}}", char::from(control));
        check_kind(text, DocumentErrorKind::ControlCharacter, Some(23));
    }
    check(
        "{\"a\nb\":1}",
        "the body is not valid JSON: a string holds an unescaped control character at byte 3",
    );
}

#[test]
fn surrogates() {
    check(r#"{"a":"\ud83d\ude00"}"#, "ok");
    check(r#"{"a":"\uD834\uDD1E\ud83d\ude00"}"#, "ok");
    let lone = "the body is not valid JSON: an escape is one half of a surrogate pair at byte";
    check(r#"{"a":"\ud800"}"#, &format!("{lone} 6"));
    check(r#"{"a":"\udc00"}"#, &format!("{lone} 6"));
    check(r#"{"a":"xy\udbff\u0041"}"#, &format!("{lone} 8"));
    check(r#"{"a":"\ud800\ud800"}"#, &format!("{lone} 6"));
    check(r#"{"a":"\ude00\ud83d"}"#, &format!("{lone} 6"));
    check(r#"{"a":"\ud83d\n"}"#, &format!("{lone} 6"));
    check(r#"{"a":1,"\ud83d":1}"#, &format!("{lone} 8"));
    check(r#"{"a":"\ud83d\u12x4"}"#, "the body is not valid JSON: unexpected character at byte 16");
}

#[test]
fn encodings() {
    check(b"{\"a\":\"\xff\"}", "the body is not valid UTF-8 at byte 6");
    // The first half of a two-byte character, an overlong slash, and half a surrogate pair as CESU-8 has it.
    check(b"{\"a\":\"\xc3\"}", "the body is not valid UTF-8 at byte 6");
    check(b"{\"a\":\"\xc0\xaf\"}", "the body is not valid UTF-8 at byte 6");
    check(b"{\"a\":\"\xed\xa0\x80\"}", "the body is not valid UTF-8 at byte 6");
    check(b"\xef\xbb\xbf{}", "the body begins with a byte order mark at byte 0");
    check(b"\xff\xfe{\0}\0", "the body is not valid UTF-8 at byte 0");
    check("{}\u{feff}", "the body is not valid JSON: unexpected bytes after its end at byte 2");
}

/// What stands where, and how far from there the first byte is that is not UTF-8, matters to no other error.
#[test]
fn of_two_errors_the_one_about_the_encoding_is_told() {
    let padding = "x".repeat(200);
    for faulty in [
        "[1]",
        "{",
        "{,}",
        "{}{}",
        r#"{"a":"\x"}"#,
        r#"{"a":"\ud800"}"#,
        "{\"a\":\"\n\"}",
        r#"{"a":1,"a":2}"#,
        &nested(129),
        &format!("{{{}}}", (0..1_001).map(|index| format!(r#""{index}":1"#)).collect::<Vec<_>>().join(",")),
        &format!(r#"{{"a":"{padding}"#),
    ] {
        for tail in [b"\"\xff\"".to_vec(), [padding.as_bytes(), b"\xc3"].concat(), b"\xed\xa0\x80".to_vec()] {
            let offset = faulty.len() + tail.iter().position(|byte| !byte.is_ascii()).expect("one is not");
            let text = [faulty.as_bytes(), &tail].concat();
            check_kind(text, DocumentErrorKind::InvalidUtf8, Some(offset));
        }
    }
    // An error after a character that is UTF-8 is told as ever, and so is one that only its last string has.
    check("{\"a\":\"é\",}", "the body is not valid JSON: unexpected character at byte 10");
    check(
        format!(r#"{{"{padding}":"é","b":"\x"}}"#),
        "the body is not valid JSON: unexpected character at byte 215",
    );
    check_kind(
        [format!(r#"{{"{padding}":"é","b":""#).as_bytes(), b"\xe9\"}"].concat(),
        DocumentErrorKind::InvalidUtf8,
        Some(214),
    );
    check_kind([padding.as_bytes(), b"\xff"].concat(), DocumentErrorKind::InvalidUtf8, Some(200));
}

#[test]
fn trailing_bytes() {
    check("{} x", "the body is not valid JSON: unexpected bytes after its end at byte 3");
    check("{}{}", "the body is not valid JSON: unexpected bytes after its end at byte 2");
    check(r#"{"a":1}}"#, "the body is not valid JSON: unexpected bytes after its end at byte 7");
    check("{}\0", "the body is not valid JSON: unexpected bytes after its end at byte 2");
}

#[test]
fn depth() {
    check(nested(128), "ok");
    check(nested(129), "the body is nested deeper than 128 levels at byte 132");
    check(nested(10_000), "the body is nested deeper than 128 levels at byte 132");
    check(
        format!(r#"{{"a":{}"#, "[".repeat(1_000_000)),
        "the body is nested deeper than 128 levels at byte 132",
    );
    // Wide is not deep.
    check(format!(r#"{{"a":[{}[]]}}"#, "[],".repeat(10_000)), "ok");
    check(format!("{}1{}", r#"{"a":"#.repeat(128), "}".repeat(128)), "ok");
    check(
        format!("{}1{}", r#"{"a":"#.repeat(129), "}".repeat(129)),
        "the body is nested deeper than 128 levels at byte 640",
    );
}

#[test]
fn depth_by_limit() {
    let limits = |depth_max| DocumentLimits { depth_max, duplicates: Duplicates::Refuse };
    let kind = |text: String, depth_max| {
        Document::parse_with(text, &limits(depth_max)).map_err(|error| error.kind())
    };
    assert_eq!(kind("{}".to_owned(), 0).unwrap_err(), DocumentErrorKind::TooDeep);
    assert!(kind(nested(1), 1).is_ok());
    assert_eq!(kind(nested(2), 1).unwrap_err(), DocumentErrorKind::TooDeep);
    assert!(kind(nested(5_000), 5_000).is_ok());
    assert_eq!(kind(nested(5_001), 5_000).unwrap_err(), DocumentErrorKind::TooDeep);
}

#[test]
fn duplicate_members() {
    let twice = |name: &str, offset: usize| {
        format!("the member `{name}` stands in the body twice, the second time at byte {offset}")
    };
    check(r#"{"model":"a","n":1,"model":"b"}"#, &twice("model", 19));
    check(r#"{"model":"a","mod\u0065l":"b"}"#, &twice("model", 13));
    check(r#"{"\u0061":1,"\u0061":1}"#, &twice("a", 12));
    check(r#"{"a":1,"b":2,"b":3,"a":4,"a":5}"#, &twice("b", 13));
    check(r#"{"a":{"b":1,"b":2},"c":[{"d":1,"d":2}]}"#, "ok");
    check(r#"{"a":1,"A":2," a":3,"a\u0000":4}"#, "ok");

    let error = Document::parse(r#"{"a\n":1,"a\n":1}"#).unwrap_err();
    assert_eq!(error.kind(), DocumentErrorKind::DuplicateMember);
    assert_eq!(error.member(), Some("a\n"));
    assert_eq!(error.offset(), Some(9));
    assert_eq!(error.to_string(), twice("a\\n", 9));
}

#[test]
fn a_long_name_is_shortened_in_the_message_only() {
    let name = "é".repeat(65);
    let error = Document::parse(format!(r#"{{"{name}":1,"{name}":2}}"#)).unwrap_err();
    assert_eq!(error.member(), Some(name.as_str()));
    let shown = "é".repeat(64);
    assert_eq!(
        error.to_string(),
        format!("the member `{shown}…` stands in the body twice, the second time at byte 136")
    );
}

#[test]
fn many_members_are_told_apart() {
    let members: Vec<String> = (0..999).map(|number| format!(r#""\u0061{number}":1"#)).collect();
    check(format!("{{{}}}", members.join(",")), "ok");
    let error = Document::parse(format!(r#"{{{},"a998":1}}"#, members.join(","))).unwrap_err();
    assert_eq!((error.kind(), error.member()), (DocumentErrorKind::DuplicateMember, Some("a998")));
}

#[test]
fn any_value_can_be_validated() {
    for text in ["null", " true ", "-1.5e3", r#""a""#, "[]", "{}", r#"[{"a":1,"a":2}]"#] {
        assert_eq!(json::validate(text.as_bytes(), 128), Ok(()), "for {text}");
    }
    let kind = |text: &[u8], depth_max| json::validate(text, depth_max).map_err(|error| error.kind());
    assert_eq!(kind(b"", 128), Err(DocumentErrorKind::Empty));
    assert_eq!(kind(b"[1] 2", 128), Err(DocumentErrorKind::TrailingBytes));
    assert_eq!(kind(b"[\"\xff\"]", 128), Err(DocumentErrorKind::InvalidUtf8));
    assert_eq!(kind(b"1", 0), Ok(()));
    assert_eq!(kind(b"[]", 0), Err(DocumentErrorKind::TooDeep));
    assert_eq!(kind(b"[{}]", 2), Ok(()));
    assert_eq!(kind(b"[{\"a\":[]}]", 2), Err(DocumentErrorKind::TooDeep));
}

#[test]
fn top_level_members_are_limited() {
    let object = |count: usize| {
        let members: Vec<String> = (0..count).map(|number| format!("\"{number}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert!(Document::parse(object(1_000)).is_ok());
    let error = Document::parse(object(1_001)).unwrap_err();
    assert_eq!(error.kind(), DocumentErrorKind::TooManyMembers);
    assert_eq!(error.to_string(), "the body has more than 1000 top-level members at byte 7892");
}

/// Few names are compared in another way than many, and those with escapes in another than those without.
#[test]
fn twins_are_found_among_any_number_of_members() {
    for count in 1..60 {
        let members: Vec<_> = (0..count).map(|index| format!(r#""name {index}":{index}"#)).collect();
        let members = members.join(",");
        check(format!("{{{members}}}"), "ok");
        for first in 0..count {
            for twin in
                [format!("name {first}"), format!(r"name\u0020{first}"), format!(r"n\u0061me {first}")]
            {
                let text = format!(r#"{{{members},"{twin}":true}}"#);
                check_kind(&text, DocumentErrorKind::DuplicateMember, Some(members.len() + 2));
                let limits = DocumentLimits { duplicates: Duplicates::KeepLast, ..DocumentLimits::default() };
                let document = Document::parse_with(text, &limits).expect("the last one counts");
                assert_eq!(document.raw(&format!("name {first}")), Some(&b"true"[..]));
                assert_eq!(document.names().count(), count);
            }
        }
    }
}
