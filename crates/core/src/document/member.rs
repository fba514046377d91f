//! The members of a document: where each stands in the source, and what has become of it since.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::Duplicates;
use crate::document_error::DocumentError;
use crate::json::{self, Spans};

/// A member that stands in the source.
#[derive(Clone)]
pub(super) struct Member {
    /// The span of the name without its quotes, escapes as they are.
    key: Range<usize>,
    /// Whether the name has no escapes.
    key_is_plain: bool,
    pub(super) value: Range<usize>,
    pub(super) state: State,
}

#[derive(Clone)]
pub(super) enum State {
    Kept,
    Replaced(Bytes),
    /// A later member has the same name.
    Shadowed,
    Removed,
}

/// A member that was set without standing in the source.
#[derive(Clone)]
pub(super) struct Appended {
    pub(super) name: String,
    /// The text `,"name":`, of which the first member of a document goes without the comma.
    pub(super) lead: Bytes,
    pub(super) value: Bytes,
}

impl Member {
    pub(super) fn new(Spans { key, key_is_plain, value }: Spans) -> Self {
        Self { key, key_is_plain, value, state: State::Kept }
    }

    pub(super) fn is_visible(&self) -> bool {
        match self.state {
            State::Kept | State::Replaced(_) => true,
            State::Shadowed | State::Removed => false,
        }
    }

    pub(super) fn is_named(&self, source: &[u8], name: &str) -> bool {
        let key = &source[self.key.clone()];
        if self.key_is_plain { key == name.as_bytes() } else { json::is_named(key, name) }
    }

    pub(super) fn name<'a>(&self, source: &'a [u8]) -> Cow<'a, str> {
        // The scan has seen to it that every key can be unescaped.
        json::unescape(&source[self.key.clone()]).unwrap_or_default()
    }

    /// Where the member begins, with the quote of its name.
    pub(super) fn start(&self) -> usize {
        self.key.start - 1
    }
}

impl Appended {
    pub(super) fn new(name: &str, value: Bytes) -> Self {
        Self { name: name.to_owned(), lead: Bytes::from(format!(",{}:", json::text(name))), value }
    }
}

/// Marks each member that a later one of the same name hides, or refuses it.
pub(super) fn shadow_duplicates(
    source: &[u8],
    members: &mut [Member],
    duplicates: Duplicates,
) -> Result<(), DocumentError> {
    if are_few_and_distinct(source, members) {
        return Ok(());
    }
    // Sorted, because comparing each with each would be quadratic for a body made of nothing but members.
    let mut names: Vec<_> =
        members.iter().enumerate().map(|(position, member)| (member.name(source), position)).collect();
    names.sort_unstable();
    let twins = names.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    match duplicates {
        Duplicates::Refuse => match twins.min_by_key(|pair| pair[1].1) {
            Some([_, (name, second)]) => {
                Err(DocumentError::duplicate(name.to_string(), members[*second].start()))
            }
            Some(_) | None => Ok(()),
        },
        Duplicates::KeepLast => {
            twins.for_each(|pair| members[pair[0].1].state = State::Shadowed);
            Ok(())
        }
    }
}

/// How many members are compared each with each, which takes less time than sorting a few names.
const FEW: usize = 24;

/// Whether names differ, told without building them. False also where that takes a closer look.
fn are_few_and_distinct(source: &[u8], members: &[Member]) -> bool {
    members.len() <= FEW
        && members.iter().enumerate().all(|(position, member)| {
            let key = &source[member.key.clone()];
            // The lengths tell most names apart without a look at the source.
            let is_twin = |other: &Member| other.key.len() == key.len() && &source[other.key.clone()] == key;
            member.key_is_plain && !members[..position].iter().any(is_twin)
        })
}
