//! What is wrong with a body that is not the JSON object it should be.

use std::error::Error;
use std::fmt;

/// The longest part of a caller's own text that a message repeats, in characters.
const QUOTED_CHARACTERS_MAX: usize = 64;
/// The longest explanation of a value that a message carries, in characters.
const DETAIL_CHARACTERS_MAX: usize = 256;

/// What is wrong with a document. The offset, where there is one, counts bytes of the original body from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    kind: DocumentErrorKind,
    offset: Option<usize>,
    member: Option<String>,
    detail: Option<String>,
}

/// How many top-level members a document may have. What stands there is remembered member by member, so that
/// without a limit a body of tiny members would take many times its own size.
pub(crate) const MEMBERS_MAX: usize = 1_000;

/// The sorts of [`DocumentError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentErrorKind {
    /// There are no bytes, or only white space.
    Empty,
    /// The text begins with something other than an object.
    NotAnObject,
    /// A byte that the JSON grammar does not allow where it stands, or an early end.
    Syntax,
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// The text begins with a byte order mark.
    ByteOrderMark,
    /// A string holds a control character that is not escaped.
    ControlCharacter,
    /// Something other than white space follows the value.
    TrailingBytes,
    /// Objects and arrays are nested deeper than the limit.
    TooDeep,
    /// A `\u` escape stands for one half of a surrogate pair without the other.
    LoneSurrogate,
    /// Two members of the top-level object have the same name.
    DuplicateMember,
    /// The top-level object has more members than the limit.
    TooManyMembers,
    /// A member's value is not what its reader expects, or a value cannot be written as JSON.
    Value,
}

impl DocumentError {
    pub(crate) fn at(kind: DocumentErrorKind, offset: usize) -> Self {
        Self { kind, offset: Some(offset), member: None, detail: None }
    }

    pub(crate) fn empty() -> Self {
        Self { kind: DocumentErrorKind::Empty, offset: None, member: None, detail: None }
    }

    pub(crate) fn unexpected_end(offset: usize) -> Self {
        Self { detail: Some("unexpected end".to_owned()), ..Self::at(DocumentErrorKind::Syntax, offset) }
    }

    pub(crate) fn not_an_object(found: &str, offset: usize) -> Self {
        Self { detail: Some(found.to_owned()), ..Self::at(DocumentErrorKind::NotAnObject, offset) }
    }

    pub(crate) fn too_deep(depth_max: usize, offset: usize) -> Self {
        Self { detail: Some(format!("{depth_max} levels")), ..Self::at(DocumentErrorKind::TooDeep, offset) }
    }

    pub(crate) fn duplicate(member: String, offset: usize) -> Self {
        Self { member: Some(member), ..Self::at(DocumentErrorKind::DuplicateMember, offset) }
    }

    /// A value that could not be read or written; `member` is its name where it has one.
    pub(crate) fn value(member: Option<&str>, offset: Option<usize>, error: &serde_json::Error) -> Self {
        Self {
            kind: DocumentErrorKind::Value,
            offset,
            member: member.map(str::to_owned),
            detail: Some(explain(error)),
        }
    }

    /// The sort of the error.
    pub fn kind(&self) -> DocumentErrorKind {
        self.kind
    }

    /// Where in the body the error is, in bytes from 0. None for an empty body and for a value that never stood in it.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// The name of the top-level member that the error is about.
    pub fn member(&self) -> Option<&str> {
        self.member.as_deref()
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = self.detail.as_deref();
        match self.kind {
            DocumentErrorKind::Empty => f.write_str("the body is empty, but a JSON object is expected"),
            DocumentErrorKind::NotAnObject => {
                write!(f, "the body is not a JSON object: {} begins", detail.unwrap_or("another value"))
            }
            DocumentErrorKind::Syntax => {
                write!(f, "the body is not valid JSON: {}", detail.unwrap_or("unexpected character"))
            }
            DocumentErrorKind::InvalidUtf8 => f.write_str("the body is not valid UTF-8"),
            DocumentErrorKind::ByteOrderMark => f.write_str("the body begins with a byte order mark"),
            DocumentErrorKind::ControlCharacter => {
                f.write_str("the body is not valid JSON: a string holds an unescaped control character")
            }
            DocumentErrorKind::TrailingBytes => {
                f.write_str("the body is not valid JSON: unexpected bytes after its end")
            }
            DocumentErrorKind::TooDeep => {
                write!(f, "the body is nested deeper than {}", detail.unwrap_or("is allowed"))
            }
            DocumentErrorKind::LoneSurrogate => {
                f.write_str("the body is not valid JSON: an escape is one half of a surrogate pair")
            }
            DocumentErrorKind::DuplicateMember => {
                let name = Quoted(self.member.as_deref().unwrap_or_default());
                write!(f, "the member {name} stands in the body twice, the second time")
            }
            DocumentErrorKind::TooManyMembers => {
                write!(f, "the body has more than {MEMBERS_MAX} top-level members")
            }
            DocumentErrorKind::Value => {
                match &self.member {
                    Some(name) => write!(f, "the value of {} is not valid", Quoted(name))?,
                    None => f.write_str("the value cannot be written as JSON")?,
                }
                return detail.map_or(Ok(()), |detail| write!(f, ": {detail}"));
            }
        }?;
        self.offset.map_or(Ok(()), |offset| write!(f, " at byte {offset}"))
    }
}

impl Error for DocumentError {}

/// A name from a caller's body, between back quotes, shortened and escaped: it may end up in a log line.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(QUOTED_CHARACTERS_MAX).map_or(self.0.len(), |(end, _)| end);
        let shown = &self.0[..end];
        let more = if shown.len() < self.0.len() { "…" } else { "" };
        write!(f, "`{}{more}`", shown.escape_debug())
    }
}

/// What serde says about a value, without the value: `invalid type: string "…", expected u64` would repeat a prompt.
fn explain(error: &serde_json::Error) -> String {
    let mut message = error.to_string();
    if let Some(position) = message.rfind(" at line ") {
        // A line and a column of one member's text mean nothing to whoever sent the whole body.
        message.truncate(position);
    }
    for said in ["invalid type: string", "invalid value: string"] {
        if message.starts_with(said)
            && let Some(expected) = message.rfind(", expected ")
        {
            message.replace_range(said.len()..expected, "");
        }
    }
    in_words(&mut message);
    // An unknown variant is repeated as it came, line breaks included.
    message
        .chars()
        .take(DETAIL_CHARACTERS_MAX)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}

/// Puts words in the place of the types of a programming language.
fn in_words(message: &mut String) {
    const WANTED: &str = ", expected ";
    for (type_name, words) in [("sequence", "an array"), ("map", "an object")] {
        let found = format!("invalid type: {type_name}{WANTED}");
        if message.starts_with(&found) {
            message.replace_range(..found.len(), &format!("invalid type: {words}{WANTED}"));
        }
    }
    if message.starts_with("data did not match any variant of ") {
        "it has none of the forms that it can have".clone_into(message);
    }
    let Some(at) = message.rfind(WANTED) else { return };
    let behind = at + WANTED.len();
    let words = match &message[behind..] {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "an array",
        "a map" => "an object",
        "unit" | "null" => "null",
        other if other.starts_with("struct ") => "an object",
        other if other.starts_with("tuple ") => "an array",
        other if other.contains("enum") => "one of its known values",
        _ => return,
    };
    message.replace_range(behind.., words);
}
