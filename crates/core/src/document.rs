//! A JSON object kept as the bytes it arrived in, read and edited member by member.

mod member;
mod pieces;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::document_error::{DocumentError, DocumentErrorKind, MEMBERS_MAX};
use crate::json;
use crate::segments::Segments;
use member::{Appended, Member, State};
use pieces::Piece;

/// A JSON object kept as the bytes it arrived in.
///
/// Parsing validates the whole text once and notes where the top-level members stand; a value is decoded when it is
/// read. An edit replaces, appends or cuts out one member. All other bytes, white space and the spelling of numbers
/// included, stay what they were. Cloning copies no text.
///
/// Names are compared after unescaping, so that `"mod\u0065l"` is the member `model`.
///
/// ```
/// use trunkline_core::Document;
///
/// let mut document = Document::parse(r#"{"model": "a", "temperature": 1.0, "cache": true}"#)?;
/// document.set("model", &"b")?;
/// document.remove("cache");
/// assert_eq!(document.to_bytes(), r#"{"model": "b", "temperature": 1.0}"#);
/// # Ok::<(), trunkline_core::DocumentError>(())
/// ```
#[derive(Clone)]
pub struct Document {
    source: Bytes,
    /// The members that stand in `source`, in order.
    members: Vec<Member>,
    /// The members that do not, in the order in which they were set.
    appended: Vec<Appended>,
}

/// What [`Document::parse_with`] lets pass.
#[derive(Clone, Debug)]
pub struct DocumentLimits {
    /// How deep objects and arrays may be nested, the document itself included. 128 by default.
    pub depth_max: usize,
    /// What becomes of two top-level members with one name. Refused by default.
    pub duplicates: Duplicates,
}

/// What becomes of two top-level members with one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// The document is refused, because two readers could understand it differently.
    Refuse,
    /// The last one counts. The others stay in the text unseen, until one with their name is set or removed.
    KeepLast,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self { depth_max: 128, duplicates: Duplicates::Refuse }
    }
}

impl Document {
    /// Parses a JSON object under the default [`DocumentLimits`].
    ///
    /// # Errors
    /// Says what is wrong and where; [`DocumentErrorKind`] lists what can be.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, DocumentError> {
        Self::parse_with(bytes, &DocumentLimits::default())
    }

    /// Parses a JSON object under `limits`.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_with(bytes: impl Into<Bytes>, limits: &DocumentLimits) -> Result<Self, DocumentError> {
        let source = bytes.into();
        let mut members = Vec::with_capacity(16);
        let mut excess = None;
        json::object(&source, limits.depth_max, |spans| {
            if members.len() < MEMBERS_MAX {
                members.push(Member::new(spans));
            } else {
                excess.get_or_insert(spans.key.start);
            }
        })?;
        if let Some(offset) = excess {
            return Err(DocumentError::at(DocumentErrorKind::TooManyMembers, offset));
        }
        member::shadow_duplicates(&source, &mut members, limits.duplicates)?;
        Ok(Self { source, members, appended: Vec::new() })
    }

    /// The document `{}`.
    pub fn empty() -> Self {
        Self { source: Bytes::from_static(b"{}"), members: Vec::new(), appended: Vec::new() }
    }

    /// Writes `value` as JSON, which must be an object.
    ///
    /// # Errors
    /// If `value` does not serialize, or not to a JSON object.
    pub fn from_serialize(value: &impl Serialize) -> Result<Self, DocumentError> {
        let json = serde_json::to_vec(value).map_err(|error| DocumentError::value(None, None, &error))?;
        Self::parse(json)
    }

    /// Whether there is a member `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The JSON text of the value of `name` as it stands now.
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        match self.find(name)? {
            Found::Source(span) => Some(&self.source[span]),
            Found::Edited(value) => Some(value),
        }
    }

    /// The JSON text of the value of `name` as it stands now, sharing its memory.
    pub fn raw_bytes(&self, name: &str) -> Option<Bytes> {
        match self.find(name)? {
            Found::Source(span) => Some(self.source.slice(span)),
            Found::Edited(value) => Some(value.clone()),
        }
    }

    /// Decodes the value of `name`. `None` if there is no such member.
    ///
    /// # Errors
    /// If the value is not a `T`; the error names the member and does not repeat a string value.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, DocumentError> {
        let (raw, offset) = match self.find(name) {
            Some(Found::Source(span)) => (&self.source[span.clone()], Some(span.start)),
            Some(Found::Edited(value)) => (&value[..], None),
            None => return Ok(None),
        };
        serde_json::from_slice(raw)
            .map(Some)
            .map_err(|error| DocumentError::value(Some(name), offset, &error))
    }

    /// The value of `name` if it is a string, unescaped. Borrows if it has no escapes.
    pub fn string(&self, name: &str) -> Option<Cow<'_, str>> {
        json::string(self.raw(name)?)
    }

    /// Whether the value of `name` is `true`.
    pub fn is_true(&self, name: &str) -> bool {
        self.raw(name) == Some(b"true")
    }

    /// Sets the value of `name`. A member that is there keeps its place; one that is not is appended.
    ///
    /// # Errors
    /// If `value` does not serialize; the document is then as it was.
    pub fn set(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), DocumentError> {
        let json =
            serde_json::to_vec(value).map_err(|error| DocumentError::value(Some(name), None, &error))?;
        self.set_raw(name, json);
        Ok(())
    }

    /// Sets the value of `name` to JSON text as it is. The caller vouches that `json` is one JSON value.
    pub fn set_raw(&mut self, name: &str, json: impl Into<Bytes>) {
        let json = json.into();
        let source = &self.source;
        let mut replaced = false;
        for member in self.members.iter_mut().filter(|member| member.is_named(source, name)) {
            match member.state {
                State::Kept | State::Replaced(_) => {
                    member.state = State::Replaced(json.clone());
                    replaced = true;
                }
                // What is sent after an edit must not mean two things.
                State::Shadowed => member.state = State::Removed,
                State::Removed => {}
            }
        }
        if replaced {
            return;
        }
        match self.appended.iter_mut().find(|appended| appended.name == name) {
            Some(appended) => appended.value = json,
            None => self.appended.push(Appended::new(name, json)),
        }
    }

    /// Removes the member `name`, and says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let found = self.contains(name);
        let source = &self.source;
        for member in self.members.iter_mut().filter(|member| member.is_named(source, name)) {
            member.state = State::Removed;
        }
        self.appended.retain(|appended| appended.name != name);
        found
    }

    /// Removes every member whose name `keep` refuses, in one pass.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        let source = &self.source;
        for member in self.members.iter_mut().filter(|member| !matches!(member.state, State::Removed)) {
            if !keep(&member.name(source)) {
                member.state = State::Removed;
            }
        }
        self.appended.retain(|appended| keep(&appended.name));
    }

    /// The names of the members in order, unescaped.
    pub fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let standing = self.members.iter().filter(|member| member.is_visible());
        let standing = standing.map(|member| member.name(&self.source));
        standing.chain(self.appended.iter().map(|appended| Cow::Borrowed(appended.name.as_str())))
    }

    /// The document as it goes on the wire: slices of the original text, and between them what was edited.
    pub fn segments(&self) -> Segments {
        let mut segments = Segments::new();
        pieces::for_each(&self.source, &self.members, &self.appended, |piece| {
            segments.push(match piece {
                Piece::Source(span) => self.source.slice(span),
                Piece::Edited(text) => text,
            });
        });
        segments
    }

    /// The document in one piece: the original `Bytes` if nothing was edited.
    pub fn to_bytes(&self) -> Bytes {
        self.segments().into_bytes()
    }

    /// The length of the document on the wire, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a document has two bytes at least")]
    pub fn len(&self) -> usize {
        let mut len = 0;
        pieces::for_each(&self.source, &self.members, &self.appended, |piece| {
            len += match piece {
                Piece::Source(span) => span.len(),
                Piece::Edited(text) => text.len(),
            };
        });
        len
    }

    fn find(&self, name: &str) -> Option<Found<'_>> {
        let standing = self.members.iter().filter(|member| member.is_named(&self.source, name));
        let appended = self.appended.iter().filter(|appended| appended.name == name);
        standing
            .filter_map(|member| match &member.state {
                State::Kept => Some(Found::Source(member.value.clone())),
                State::Replaced(value) => Some(Found::Edited(value)),
                State::Shadowed | State::Removed => None,
            })
            .chain(appended.map(|appended| Found::Edited(&appended.value)))
            .next()
    }
}

// A document can hold a prompt, so `Debug` shows its shape only.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names().collect();
        f.debug_struct("Document").field("len", &self.len()).field("members", &names).finish()
    }
}

/// Where the value of a member is.
enum Found<'a> {
    Source(Range<usize>),
    Edited(&'a Bytes),
}
