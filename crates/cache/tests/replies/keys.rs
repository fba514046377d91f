//! What makes two questions one, and what keeps them apart.

use trunkline_cache::{CacheKey, Question};
use trunkline_core::{Document, Operation};

use crate::{CHAT, document, key, question};

fn check_same(one: &str, other: &str) {
    assert_eq!(key("t", one), key("t", other), "{one} and {other}");
}

fn check_apart(one: &str, other: &str) {
    assert_ne!(key("t", one), key("t", other), "{one} and {other}");
}

#[test]
fn the_order_of_members_and_the_spelling_of_names_count_for_nothing() {
    check_same(r#"{"model":"a","n":1}"#, "{ \"n\" : 1,\n \"mod\\u0065l\" : \"a\" }");
}

#[test]
fn values_count_byte_by_byte() {
    check_apart(r#"{"n":1}"#, r#"{"n":1.0}"#);
    check_apart(r#"{"messages":[1,2]}"#, r#"{"messages":[1, 2]}"#);
    check_apart(r#"{"model":"a"}"#, r#"{"model":"b"}"#);
    check_apart(r#"{"n":1}"#, r#"{"n":1,"seed":null}"#);
}

#[test]
fn the_form_of_a_reply_and_the_end_user_count_for_nothing_where_forms_can_be_changed() {
    check_same(
        r#"{"n":1,"stream":true,"stream_options":{"include_usage":true},"user":"u"}"#,
        r#"{"n":1,"stream":false}"#,
    );
}

#[test]
fn a_stream_is_apart_where_it_cannot_be_changed_into_a_whole_reply() {
    let key = |operation, body: &str| {
        let document = document(body);
        CacheKey::of(&Question { operation, ..question("t", &document) })
    };
    for (operation, is_apart) in [
        (CHAT, false),
        (Operation::Completions, false),
        (Operation::Messages, true),
        (Operation::Responses, true),
    ] {
        let (whole, streamed) = (key(operation, r#"{"n":1}"#), key(operation, r#"{"n":1,"stream":true}"#));
        assert_eq!(whole != streamed, is_apart, "{operation}");
        assert_eq!(whole, key(operation, r#"{"n":1,"stream":false}"#), "{operation}");
    }
}

#[test]
fn every_part_of_a_question_counts() {
    let asked = document(r#"{"n":1}"#);
    let base = question("t", &asked);
    let further: [&[u8]; 1] = [b"beta"];
    let all = [
        base,
        Question { tenant: "u", ..base },
        Question { tenant: "", ..base },
        Question { namespace: Some(""), ..base },
        Question { namespace: Some("n"), ..base },
        Question { operation: Operation::Completions, ..base },
        Question { group: "slow", ..base },
        Question { further: &further, ..base },
    ];
    let mut keys: Vec<CacheKey> = all.iter().map(CacheKey::of).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all.len());
}

#[test]
fn a_key_is_shown_and_parsed() {
    let key = key("t", "{}");
    let shown = key.to_string();
    assert_eq!(shown.len(), 64);
    assert_eq!(shown.parse(), Ok(key));
    assert_eq!(shown.to_uppercase().parse(), Ok(key));
    for text in ["", &shown[1..], &format!("{shown}0"), &format!("{}g", &shown[1..]), &"é".repeat(32)] {
        assert!(text.parse::<CacheKey>().is_err(), "{text}");
    }
}

#[test]
fn many_members_are_told_apart_and_sorted_like_few() {
    let body = |order: &mut dyn Iterator<Item = usize>, value: &str| {
        let members: Vec<String> = order.map(|number| format!("\"m{number:03}\":{value}")).collect();
        format!("{{{},\"stream\":true,\"us\\u0065r\":\"u\"}}", members.join(","))
    };
    for count in [47, 48, 49, 50, 300] {
        let forth = body(&mut (0..count), "1");
        let back = body(&mut (0..count).rev(), "1");
        assert_eq!(key("t", &forth), key("t", &back), "{count}");
        assert_ne!(key("t", &forth), key("t", &body(&mut (0..count), "2")), "{count}");
        assert_ne!(key("t", &forth), key("t", &body(&mut (0..count + 1), "1")), "{count}");
    }
}

#[test]
fn an_edited_body_has_the_key_of_what_goes_out() {
    for count in [1, 100] {
        let filler: Vec<String> = (0..count).map(|number| format!("\"m{number}\":1")).collect();
        let text = format!("{{\"cache\":{{\"ttl\":5}},{}}}", filler.join(","));
        let mut edited = document(&text);
        edited.remove("cache");
        let sent = Document::parse(edited.to_bytes()).expect("a document");
        assert_eq!(CacheKey::of(&question("t", &edited)), CacheKey::of(&question("t", &sent)));
    }
}
