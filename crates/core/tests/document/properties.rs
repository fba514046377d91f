//! Documents against `serde_json::Map`: the same members, and the same edits with the same outcome.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};
use trunkline_core::{Document, json};

use crate::generators::{mutated, name, object, spelled, value};

#[derive(Clone, Debug)]
enum Edit {
    Set(String, Value),
    Remove(String),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (name(), value()).prop_map(|(name, value)| Edit::Set(name, value)),
        name().prop_map(Edit::Remove)
    ]
}

/// Whether `part` is a piece of the very memory of `whole`.
fn shares_memory(part: &[u8], whole: &[u8]) -> bool {
    whole.as_ptr_range().contains(&part.as_ptr())
}

fn as_map(document: &Document) -> Map<String, Value> {
    serde_json::from_slice(&document.to_bytes()).expect("a document is an object")
}

proptest! {
    #[test]
    fn every_object_parses_and_has_its_members(object in object(), seed in any::<u64>()) {
        let source = Bytes::from(spelled(&Value::Object(object.clone()), seed));
        let document = Document::parse(source.clone()).unwrap();
        assert_eq!(document.to_bytes().as_ptr(), source.as_ptr());
        assert_eq!(document.names().count(), object.len());
        for (name, value) in &object {
            assert_eq!(document.get::<Value>(name).unwrap().as_ref(), Some(value));
            assert_eq!(document.string(name).as_deref(), value.as_str());
            assert_eq!(document.is_true(name), *value == Value::Bool(true));
            assert_eq!(json::member(&source, name).map(|span| &source[span]), document.raw(name));
        }
    }

    /// The scan goes by blocks of 64 bytes; where they begin must not matter.
    #[test]
    fn a_verdict_moves_along_with_the_text(text in mutated(), spaces in 1..130usize) {
        prop_assume!(!text.starts_with(b"\xef\xbb\xbf"));
        let moved = [vec![b' '; spaces], text.clone()].concat();
        for depth_max in [2, 128] {
            let verdict = |text: &[u8]| {
                json::validate(text, depth_max).map_err(|error| (error.kind(), error.offset()))
            };
            let expected = verdict(&text).map_err(|(kind, offset)| (kind, offset.map(|offset| offset + spaces)));
            prop_assert_eq!(verdict(&moved), expected);
        }
    }

    #[test]
    fn readers_find_what_serde_finds(value in value(), seed in any::<u64>()) {
        let text = spelled(&value, seed).into_bytes();
        assert_eq!(json::validate(&text, 128), Ok(()));
        let decoded = |span| serde_json::from_slice::<Value>(&text[span]).unwrap();
        let elements: Vec<Value> = json::elements(&text).map(decoded).collect();
        assert_eq!(elements, value.as_array().cloned().unwrap_or_default());
        for (name, inner) in value.as_object().into_iter().flatten() {
            assert_eq!(json::member(&text, name).map(decoded).as_ref(), Some(inner));
            for (inner_name, innermost) in inner.as_object().into_iter().flatten() {
                assert_eq!(json::path(&text, &[name, inner_name]).map(decoded).as_ref(), Some(innermost));
            }
        }
        assert_eq!(json::string(&text).as_deref(), value.as_str());
        assert_eq!(json::u64(&text), value.as_u64());
    }

    #[test]
    fn edits_do_what_they_do_to_a_map(object in object(), seed in any::<u64>(), edits in vec(edit(), 0..8)) {
        let source = Bytes::from(spelled(&Value::Object(object.clone()), seed));
        let original = Document::parse(source.clone()).unwrap();
        let mut document = original.clone();
        let mut map = object;
        let mut order: Vec<String> = original.names().map(String::from).collect();
        let mut untouched = order.clone();
        for edit in edits {
            match edit {
                Edit::Set(name, value) => {
                    document.set(&name, &value).unwrap();
                    if !order.contains(&name) {
                        order.push(name.clone());
                    }
                    untouched.retain(|other| *other != name);
                    map.insert(name, value);
                }
                Edit::Remove(name) => {
                    assert_eq!(document.remove(&name), map.remove(&name).is_some());
                    order.retain(|other| *other != name);
                    untouched.retain(|other| *other != name);
                }
            }
            let text = document.to_bytes();
            assert_eq!(&as_map(&document), &map);
            assert_eq!(document.len(), text.len());
            assert_eq!(document.segments().into_iter().flatten().collect::<Vec<u8>>(), &text[..]);
            assert_eq!(document.names().collect::<Vec<_>>(), &order[..]);
            let parsed_again = Document::parse(text).unwrap();
            assert_eq!(parsed_again.names().collect::<Vec<_>>(), &order[..]);
            for name in &untouched {
                assert_eq!(parsed_again.raw(name), original.raw(name));
                assert!(shares_memory(document.raw(name).unwrap(), &source));
            }
        }
    }

    #[test]
    fn text_is_read_back(string in any::<String>()) {
        let text = json::text(&string);
        assert_eq!(json::validate(text.as_bytes(), 0), Ok(()));
        let read = json::string(text.as_bytes());
        assert_eq!(read.as_deref(), Some(string.as_str()));
    }
}
