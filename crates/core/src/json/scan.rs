//! The validating scan: decides in one pass over the bytes whether they are JSON, without building anything.

use std::ops::Range;

use super::strings::{NotAnEscape, escape, plain_run_end};
use super::walk::space_end;
use crate::document_error::{DocumentError, DocumentErrorKind};

/// Walks over JSON text that nobody has looked at yet. It never recurses: what is open stands in a vector, which
/// the depth limit bounds.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    depth_max: usize,
    /// How many levels are open outside of the value that is being scanned: 1 in the document's members, else 0.
    outer: usize,
    /// What is open inside of it.
    open: Vec<Container>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Array,
    Object,
}

/// What is wrong with the text: a small value, so that the hot functions return in registers.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    End,
    At(DocumentErrorKind, usize),
}

const fn unexpected(offset: usize) -> Flaw {
    Flaw::At(DocumentErrorKind::Syntax, offset)
}

impl<'a> Scanner<'a> {
    /// A scanner that stands before the first byte that is not white space.
    ///
    /// # Errors
    /// For bytes that are not UTF-8, begin with a byte order mark, or hold nothing.
    pub(crate) fn new(bytes: &'a [u8], depth_max: usize) -> Result<Self, DocumentError> {
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            return Err(DocumentError::at(DocumentErrorKind::ByteOrderMark, 0));
        }
        if let Err(error) = std::str::from_utf8(bytes) {
            return Err(DocumentError::at(DocumentErrorKind::InvalidUtf8, error.valid_up_to()));
        }
        let at = space_end(bytes, 0);
        if at == bytes.len() {
            return Err(DocumentError::empty());
        }
        Ok(Self { bytes, at, depth_max, outer: 0, open: Vec::new() })
    }

    /// Scans an object and tells the spans of each member of it: those of the name, without its quotes, and the value.
    ///
    /// # Errors
    /// For anything that is not an object.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(Range<usize>, Range<usize>),
    ) -> Result<(), DocumentError> {
        let other = match self.peek() {
            Some(b'{') => None,
            Some(b'[') => Some("an array"),
            Some(b'"') => Some("a string"),
            Some(b'-' | b'0'..=b'9') => Some("a number"),
            Some(b't' | b'f' | b'n') => Some("a word"),
            found => return Err(self.error(self.unexpected(found))),
        };
        if let Some(other) = other {
            return Err(DocumentError::not_an_object(other, self.at));
        }
        self.members(&mut member).map_err(|flaw| self.error(flaw))
    }

    /// Scans one value of any type.
    ///
    /// # Errors
    /// For anything that is not a value.
    pub(crate) fn value(&mut self) -> Result<(), DocumentError> {
        self.nested_value().map_err(|flaw| self.error(flaw))
    }

    /// Sees to it that nothing but white space is left.
    ///
    /// # Errors
    /// For anything else.
    pub(crate) fn end(&mut self) -> Result<(), DocumentError> {
        self.space();
        if self.at < self.bytes.len() {
            return Err(DocumentError::at(DocumentErrorKind::TrailingBytes, self.at));
        }
        Ok(())
    }

    fn error(&self, flaw: Flaw) -> DocumentError {
        match flaw {
            Flaw::End => DocumentError::unexpected_end(self.bytes.len()),
            Flaw::At(DocumentErrorKind::TooDeep, offset) => DocumentError::too_deep(self.depth_max, offset),
            Flaw::At(kind, offset) => DocumentError::at(kind, offset),
        }
    }

    fn members(&mut self, member: &mut impl FnMut(Range<usize>, Range<usize>)) -> Result<(), Flaw> {
        if !self.enter(b'}')? {
            return Ok(());
        }
        self.outer = 1;
        loop {
            let key = self.key()?;
            self.space();
            let start = self.at;
            self.nested_value()?;
            member(key, start..self.at);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                other => return Err(self.unexpected(other)),
            }
        }
    }

    /// Scans one value and everything in it.
    fn nested_value(&mut self) -> Result<(), Flaw> {
        loop {
            self.space();
            match self.peek() {
                Some(b'"') => self.string()?,
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
                other => return Err(self.unexpected(other)),
            }
            if !self.another_value()? {
                return Ok(());
            }
        }
    }

    /// Steps into an object or an array. False if it closes at once.
    fn enter(&mut self, closing: u8) -> Result<bool, Flaw> {
        if self.outer + self.open.len() >= self.depth_max {
            return Err(Flaw::At(DocumentErrorKind::TooDeep, self.at));
        }
        self.at += 1;
        self.space();
        if self.peek() == Some(closing) {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// After a value: closes what ends here, and steps to the next value of what is still open. False at the end.
    fn another_value(&mut self) -> Result<bool, Flaw> {
        while let Some(&container) = self.open.last() {
            self.space();
            match (self.peek(), container) {
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
                (other, _) => return Err(self.unexpected(other)),
            }
        }
        Ok(false)
    }

    /// Scans a name and its colon. The span is that of the name without its quotes.
    fn key(&mut self) -> Result<Range<usize>, Flaw> {
        self.space();
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.string()?,
            other => return Err(self.unexpected(other)),
        }
        let span = start + 1..self.at - 1;
        self.space();
        match self.peek() {
            Some(b':') => self.at += 1,
            other => return Err(self.unexpected(other)),
        }
        Ok(span)
    }

    fn string(&mut self) -> Result<(), Flaw> {
        self.at += 1;
        loop {
            self.at = plain_run_end(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.at += self.escape()?,
                Some(_) => return Err(Flaw::At(DocumentErrorKind::ControlCharacter, self.at)),
                None => return Err(Flaw::End),
            }
        }
    }

    fn escape(&self) -> Result<usize, Flaw> {
        match escape(&self.bytes[self.at..]) {
            Ok((_, length)) => Ok(length),
            Err(NotAnEscape::LoneSurrogate) => Err(Flaw::At(DocumentErrorKind::LoneSurrogate, self.at)),
            Err(NotAnEscape::Unexpected(position)) if self.at + position < self.bytes.len() => {
                Err(unexpected(self.at + position))
            }
            Err(NotAnEscape::Unexpected(_)) => Err(Flaw::End),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Flaw> {
        for &expected in word {
            match self.peek() {
                Some(byte) if byte == expected => self.at += 1,
                other => return Err(self.unexpected(other)),
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Flaw> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Flaw> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected(self.peek())) } else { Ok(()) }
    }

    fn unexpected(&self, found: Option<u8>) -> Flaw {
        if found.is_some() { unexpected(self.at) } else { Flaw::End }
    }

    fn space(&mut self) {
        // Compact JSON, the common case, has none.
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.at = space_end(self.bytes, self.at);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}
