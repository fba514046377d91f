//! The events of a stream as a whole reply.

use trunkline_core::{Document, Event, json};

use super::tree::Tree;
use super::{Members, Wire};

/// What is being put together.
#[derive(Default)]
struct Reply<'t> {
    /// The members besides `choices` and `usage`, each as it was said last.
    members: Vec<(&'t [u8], &'t [u8])>,
    choices: Vec<(u64, Tree<'t>)>,
    usage: Option<&'t [u8]>,
}

/// More choices than that, and more members, no reply has.
const CHOICES_MAX: usize = 1_024;
const MEMBERS_MAX: usize = 256;

pub(super) fn document_of(wire: Wire, events: &[Event]) -> Option<Document> {
    let mut reply = Reply::default();
    for data in events.iter().filter_map(Event::data) {
        if data.trim_ascii() == b"[DONE]" {
            break;
        }
        reply.add(data)?;
    }
    // What an upstream sent need not be JSON, and what is made of it is looked at once more.
    Document::parse(reply.written(wire)?).ok()
}

impl<'t> Reply<'t> {
    fn add(&mut self, data: &'t [u8]) -> Option<()> {
        if data.trim_ascii_start().first() != Some(&b'{') {
            return None;
        }
        for member in json::members(data) {
            let value = data.get(member.value.clone())?;
            if json::is_null(value) || member.is_named("obfuscation") {
                continue;
            }
            if member.is_named("choices") {
                self.add_choices(value)?;
            } else if member.is_named("usage") {
                self.usage = Some(value);
            } else if let Some((_, last)) = self.members.iter_mut().find(|(name, _)| *name == member.key) {
                *last = value;
            } else if self.members.len() < MEMBERS_MAX {
                self.members.push((member.key, value));
            } else {
                return None;
            }
        }
        Some(())
    }

    fn add_choices(&mut self, choices: &'t [u8]) -> Option<()> {
        for (position, span) in json::elements(choices).enumerate() {
            let choice = choices.get(span)?;
            let index = json::member(choice, "index").and_then(|span| json::u64(choice.get(span)?));
            let index = index.unwrap_or(position as u64);
            let has_room = self.choices.len() < CHOICES_MAX;
            match self.choices.iter_mut().find(|(known, _)| *known == index) {
                Some((_, tree)) => tree.add_members(choice, 0)?,
                None if has_room => self.choices.push((index, Tree::Raw(choice))),
                None => return None,
            }
        }
        Some(())
    }

    fn written(mut self, wire: Wire) -> Option<Vec<u8>> {
        if self.choices.is_empty() {
            return None;
        }
        self.choices.sort_by_key(|(index, _)| *index);
        let mut choices = Vec::new();
        for (index, tree) in self.choices {
            choices.push(if choices.is_empty() { b'[' } else { b',' });
            choices.extend_from_slice(&choice(wire, index, tree)?);
        }
        choices.push(b']');
        let mut written = Members::default();
        for (name, value) in self.members {
            written.put(name, if name == b"object" { wire.document_object() } else { value });
        }
        written.put(b"choices", &choices);
        if let Some(usage) = self.usage {
            written.put(b"usage", usage);
        }
        Some(written.object())
    }
}

/// A choice of a whole reply: its number, what is said, and how it ended.
fn choice(wire: Wire, index: u64, mut tree: Tree<'_>) -> Option<Vec<u8>> {
    let mut written = Members::default();
    written.put(b"index", index.to_string().as_bytes());
    let mut has_ended = false;
    for (name, value) in tree.members()? {
        match *name {
            b"index" => {}
            b"delta" if wire == Wire::Chat => written.put(b"message", &message(value)?),
            _ => {
                has_ended |= *name == b"finish_reason";
                written.name(name);
                value.write(&mut written.0);
            }
        }
    }
    if !has_ended {
        written.put(b"finish_reason", b"null");
    }
    Some(written.object())
}

/// What the deltas were pieces of: who speaks, what is said, and all else.
fn message(delta: &mut Tree<'_>) -> Option<Vec<u8>> {
    let members = delta.members()?;
    let written_of = |wanted: &[u8]| {
        let (_, value) = members.iter().find(|(name, _)| *name == wanted)?;
        let mut out = Vec::new();
        value.write(&mut out);
        Some(out)
    };
    let role = written_of(b"role").unwrap_or_else(|| b"\"assistant\"".to_vec());
    let content = written_of(b"content").unwrap_or_else(|| b"null".to_vec());
    let mut written = Members::default();
    written.put(b"role", &role);
    written.put(b"content", &content);
    for (name, value) in members {
        match *name {
            b"role" | b"content" => continue,
            b"tool_calls" if !value.is_null() => without_numbers(value)?,
            _ => {}
        }
        written.name(name);
        value.write(&mut written.0);
    }
    Some(written.object())
}

/// Takes out of tool calls the `index` that they have in a stream alone.
fn without_numbers(calls: &mut Tree<'_>) -> Option<()> {
    for call in calls.elements(0)? {
        call.members()?.retain(|(name, _)| *name != b"index");
    }
    Some(())
}
