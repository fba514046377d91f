//! The validating scan: decides in one pass over the bytes whether they are JSON, without building anything.

mod scalar;

use std::ops::Range;

use super::escapes::{NotAnEscape, escape};
use super::levels::{Container, Levels};
use super::stops::Stops;
use super::walk::space_end;
use crate::document_error::{DocumentError, DocumentErrorKind};

/// Where a member stands in its object.
#[derive(Clone, Debug)]
pub(crate) struct Spans {
    /// The name without its quotes, escapes as they are.
    pub(crate) key: Range<usize>,
    /// Whether the name has no escapes.
    pub(crate) key_is_plain: bool,
    pub(crate) value: Range<usize>,
}

/// Scans an object and tells each member of it.
///
/// # Errors
/// For anything that is not one object.
pub(crate) fn object(bytes: &[u8], depth_max: usize, member: impl FnMut(Spans)) -> Result<(), DocumentError> {
    scan(bytes, depth_max, |scanner| scanner.object(member))
}

/// Scans a value of any type.
///
/// # Errors
/// For anything that is not one value.
pub(crate) fn value(bytes: &[u8], depth_max: usize) -> Result<(), DocumentError> {
    scan(bytes, depth_max, |scanner| scanner.nested_value().map_err(|flaw| scanner.error(flaw)))
}

fn scan<'a>(
    bytes: &'a [u8],
    depth_max: usize,
    read: impl FnOnce(&mut Scanner<'a>) -> Result<(), DocumentError>,
) -> Result<(), DocumentError> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(DocumentError::at(DocumentErrorKind::ByteOrderMark, 0));
    }
    let at = space_end(bytes, 0);
    if at == bytes.len() {
        return Err(DocumentError::empty());
    }
    let mut scanner = Scanner::new(bytes, at, depth_max);
    let outcome = read(&mut scanner).and_then(|()| scanner.end());
    // Outside of strings the grammar has ASCII only. Of two errors the one about UTF-8 is told, wherever it stands.
    if (outcome.is_err() || !scanner.stops.is_ascii())
        && let Err(error) = simdutf8::compat::from_utf8(bytes)
    {
        return Err(DocumentError::at(DocumentErrorKind::InvalidUtf8, error.valid_up_to()));
    }
    outcome
}

/// Walks over JSON text that nobody has looked at yet. It never recurses.
#[derive(Debug)]
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    stops: Stops<'a>,
    depth_max: usize,
    /// How many levels are open outside of the value that is being scanned: 1 in the document's members, else 0.
    outside: usize,
    /// What is open inside of it.
    open: Levels,
}

/// What is wrong with the text and where, which is the end of the text if that comes too early. A small value, so that
/// the hot functions return in registers.
#[derive(Clone, Copy, Debug)]
struct Flaw {
    kind: DocumentErrorKind,
    offset: usize,
}

impl<'a> Scanner<'a> {
    fn new(bytes: &'a [u8], at: usize, depth_max: usize) -> Self {
        Self { bytes, at, stops: Stops::new(bytes), depth_max, outside: 0, open: Levels::default() }
    }

    fn object(&mut self, member: impl FnMut(Spans)) -> Result<(), DocumentError> {
        let other = match self.peek() {
            Some(b'{') => return self.members(member).map_err(|flaw| self.error(flaw)),
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(b't' | b'f' | b'n') => "a word",
            Some(_) | None => return Err(self.error(self.unexpected())),
        };
        Err(DocumentError::not_an_object(other, self.at))
    }

    /// Sees to it that nothing but white space is left.
    fn end(&mut self) -> Result<(), DocumentError> {
        match self.token() {
            Some(_) => Err(DocumentError::at(DocumentErrorKind::TrailingBytes, self.at)),
            None => Ok(()),
        }
    }

    fn error(&self, Flaw { kind, offset }: Flaw) -> DocumentError {
        match kind {
            DocumentErrorKind::TooDeep => DocumentError::too_deep(self.depth_max, offset),
            DocumentErrorKind::Syntax if offset >= self.bytes.len() => {
                DocumentError::unexpected_end(self.bytes.len())
            }
            kind => DocumentError::at(kind, offset),
        }
    }

    fn members(&mut self, mut member: impl FnMut(Spans)) -> Result<(), Flaw> {
        if !self.enter(b'}')? {
            return Ok(());
        }
        self.outside = 1;
        loop {
            self.token();
            let key_start = self.at + 1;
            let key_is_plain = self.name()?;
            let key = key_start..self.at - 1;
            self.colon()?;
            self.token();
            let value_start = self.at;
            self.nested_value()?;
            member(Spans { key, key_is_plain, value: value_start..self.at });
            match self.token() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) | None => return Err(self.unexpected()),
            }
        }
    }

    /// Scans one value and everything in it.
    fn nested_value(&mut self) -> Result<(), Flaw> {
        loop {
            match self.token() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{') => {
                    if self.enter(b'}')? {
                        self.open.push(Container::Object);
                        self.key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    if self.enter(b']')? {
                        self.open.push(Container::Array);
                        continue;
                    }
                }
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(_) | None => return Err(self.unexpected()),
            }
            if !self.another_value()? {
                return Ok(());
            }
        }
    }

    /// Steps into an object or an array. False if it closes at once.
    fn enter(&mut self, closing: u8) -> Result<bool, Flaw> {
        if self.outside + self.open.depth() >= self.depth_max {
            return Err(self.flaw(DocumentErrorKind::TooDeep));
        }
        self.at += 1;
        if self.token() == Some(closing) {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// After a value: closes what ends here, and steps to the next value of what is still open. False at the end.
    fn another_value(&mut self) -> Result<bool, Flaw> {
        while let Some(container) = self.open.last() {
            match (self.token(), container) {
                (Some(b','), Container::Array) => {
                    self.at += 1;
                    return Ok(true);
                }
                (Some(b','), Container::Object) => {
                    self.at += 1;
                    self.key()?;
                    return Ok(true);
                }
                (Some(b']'), Container::Array) | (Some(b'}'), Container::Object) => {
                    self.at += 1;
                    self.open.pop();
                }
                (Some(_) | None, _) => return Err(self.unexpected()),
            }
        }
        Ok(false)
    }

    /// Scans a name and its colon.
    fn key(&mut self) -> Result<(), Flaw> {
        self.name()?;
        self.colon()
    }

    /// Scans a name, and says whether it has no escapes.
    #[inline]
    fn name(&mut self) -> Result<bool, Flaw> {
        if self.token() != Some(b'"') {
            return Err(self.unexpected());
        }
        self.string()
    }

    #[inline]
    fn colon(&mut self) -> Result<(), Flaw> {
        if self.token() != Some(b':') {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    /// Scans a string, and says whether it has no escapes.
    #[inline]
    fn string(&mut self) -> Result<bool, Flaw> {
        self.at = self.stops.next(self.at + 1);
        let is_plain = self.peek() == Some(b'"');
        if !is_plain {
            self.at = self.stops.next_beyond_escapes(self.at);
            if self.peek() != Some(b'"') {
                return Err(self.flaw_in_string());
            }
        }
        self.at += 1;
        Ok(is_plain)
    }

    #[cold]
    fn flaw_in_string(&self) -> Flaw {
        match self.peek() {
            Some(b'\\') => match escape(&self.bytes[self.at..]) {
                Err(NotAnEscape::Unexpected(position)) => {
                    Flaw { kind: DocumentErrorKind::Syntax, offset: self.at + position }
                }
                Err(NotAnEscape::LoneSurrogate) | Ok(_) => self.flaw(DocumentErrorKind::LoneSurrogate),
            },
            Some(_) => self.flaw(DocumentErrorKind::ControlCharacter),
            None => self.unexpected(),
        }
    }

    fn unexpected(&self) -> Flaw {
        self.flaw(DocumentErrorKind::Syntax)
    }

    fn flaw(&self, kind: DocumentErrorKind) -> Flaw {
        Flaw { kind, offset: self.at }
    }

    /// Steps over white space and answers with the byte behind it.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        // Compact JSON, the common case, has none.
        if byte > b' ' {
            return Some(byte);
        }
        self.token_behind_space()
    }

    #[inline(never)]
    fn token_behind_space(&mut self) -> Option<u8> {
        self.at = space_end(self.bytes, self.at);
        self.peek()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}
