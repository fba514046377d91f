//! What holds for every question and every reply.

use proptest::prelude::*;
use proptest::{collection, option, string};
use serde_json::{Value, json};
use trunkline_cache::{CacheKey, Kept, Question};
use trunkline_core::{Document, Event, Observation, Operation};

use crate::{CHAT, document};

/// A question as its parts, made of few letters, so that parts often run into one another.
type Parts = (String, Option<String>, bool, String, Vec<String>, Vec<(String, String)>);

fn word() -> impl Strategy<Value = String> {
    string::string_regex("[ab\u{0}\":,]{0,3}").expect("a pattern")
}

fn parts() -> impl Strategy<Value = Parts> {
    let members = collection::btree_map(word(), word(), 0..3);
    (word(), option::of(word()), any::<bool>(), word(), collection::vec(word(), 0..3), members).prop_map(
        |(tenant, namespace, chat, group, further, members)| {
            (tenant, namespace, chat, group, further, members.into_iter().collect())
        },
    )
}

fn key((tenant, namespace, chat, group, further, members): &Parts) -> CacheKey {
    let members = members.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect();
    let document = document(&Value::Object(members).to_string());
    let further: Vec<&[u8]> = further.iter().map(String::as_bytes).collect();
    CacheKey::of(&Question {
        tenant,
        namespace: namespace.as_deref(),
        operation: if *chat { CHAT } else { Operation::Completions },
        group,
        further: &further,
        document: &document,
    })
}

/// Pieces that a text falls into, at any places.
fn text_in_pieces() -> impl Strategy<Value = Vec<String>> {
    collection::vec(string::string_regex("(\\PC|[\n\"\\\\]){0,6}").expect("a pattern"), 1..8)
}

fn events(payloads: &[Value]) -> Vec<Event> {
    payloads.iter().map(|payload| Event::from_payload(payload.to_string().as_bytes())).collect()
}

fn message(reply: &Document) -> Value {
    let choices: Value = reply.get("choices").expect("JSON").expect("choices");
    choices[0]["message"].clone()
}

proptest! {
    #[test]
    fn two_questions_have_one_key_only_if_they_are_one(one in parts(), other in parts()) {
        prop_assert_eq!(key(&one) == key(&other), one == other);
    }

    #[test]
    fn no_text_moves_from_one_part_of_a_question_to_the_next(one in parts(), at in 0_usize..4) {
        let (tenant, namespace, chat, group, further, members) = one.clone();
        let whole = [tenant.as_str(), &group].concat();
        let at = (0..=at.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
        let moved = (whole[..at].to_owned(), namespace, chat, whole[at..].to_owned(), further, members);
        prop_assert_eq!(key(&one) == key(&moved), one == moved);
    }

    #[test]
    fn a_stream_as_a_whole_as_a_stream_keeps_its_text(
        contents in text_in_pieces(),
        reasons in text_in_pieces(),
        arguments in text_in_pieces(),
    ) {
        prop_assume!(!contents.concat().is_empty());
        let delta = |delta: Value| json!({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
        let mut payloads = vec![delta(json!({"role": "assistant", "content": ""}))];
        payloads.extend(reasons.iter().map(|text| delta(json!({"reasoning_content": text}))));
        payloads.extend(contents.iter().map(|text| delta(json!({"content": text}))));
        let call = |text: &String| json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]});
        payloads.extend(arguments.iter().map(|text| delta(call(text))));
        payloads.push(json!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));

        let kept = Kept::streamed(CHAT, &events(&payloads)).expect("it says something");
        let whole = kept.document().expect("it can be put together");
        let said = message(&whole);
        prop_assert_eq!(&said["content"], &json!(contents.concat()));
        prop_assert_eq!(&said["reasoning_content"], &json!(reasons.concat()));
        prop_assert_eq!(&said["tool_calls"][0]["function"]["arguments"], &json!(arguments.concat()));

        let kept = Kept::whole(CHAT, &whole, Observation::default()).expect("it says something");
        let again = Kept::streamed(CHAT, &kept.events().expect("a stream")).expect("it says something");
        prop_assert_eq!(message(&again.document().expect("it can be put together")), said);
    }

    #[test]
    fn no_stream_is_too_odd_to_be_looked_at(payloads in collection::vec("[\\[\\]{}:,\"a1\n\\\\]{0,40}", 0..6)) {
        let wrapped = |text: &String| format!("{{\"choices\":[{{\"index\":0,\"delta\":{text}}}]}}");
        for operation in [CHAT, Operation::Completions, Operation::Messages, Operation::Responses] {
            let odd = payloads.iter().flat_map(|text| [text.clone(), wrapped(text)]);
            let mut events: Vec<Event> = odd.map(|text| Event::from_payload(text.as_bytes())).collect();
            events.push(Event::from_payload(br#"{"choices":[{"index":0,"delta":{"content":"a"},"text":"a"}]}"#));
            if let Some(kept) = Kept::streamed(operation, &events) {
                let _ = kept.document();
                let given = kept.events().expect("it came as events");
                prop_assert_eq!(given.len(), events.len());
            }
        }
    }
}
