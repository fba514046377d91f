//! Walks text that is known to be JSON, over members and elements, without looking into their values.

use std::iter::FusedIterator;
use std::ops::Range;

use super::stops::Stops;
use super::strings::{is_named, string_end};

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The name as it is written, without its quotes and with its escapes.
    pub key: &'a [u8],
    /// The span of the value in the text of the object.
    pub value: Range<usize>,
}

impl Member<'_> {
    /// Whether the name, unescaped, is `name`.
    pub fn is_named(&self, name: &str) -> bool {
        is_named(self.key, name)
    }
}

/// The members of an object in order; see [`members`](super::members).
#[derive(Clone, Debug)]
pub struct Members<'a> {
    walk: Walk<'a>,
}

impl<'a> Members<'a> {
    pub(super) fn new(object: &'a [u8]) -> Self {
        Self { walk: Walk::new(object, b'{') }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        self.walk.step(|text, at| {
            let key_end = match text.get(at) {
                Some(b'"') => string_end(text, at)?,
                Some(_) | None => return None,
            };
            let colon = space_end(text, key_end);
            if text.get(colon) != Some(&b':') {
                return None;
            }
            let value = value_span(text, colon + 1)?;
            let end = value.end;
            Some((Member { key: text.get(at + 1..key_end - 1)?, value }, end))
        })
    }
}

impl FusedIterator for Members<'_> {}

/// The spans of the elements of an array in order; see [`elements`](super::elements).
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    walk: Walk<'a>,
}

impl<'a> Elements<'a> {
    pub(super) fn new(array: &'a [u8]) -> Self {
        Self { walk: Walk::new(array, b'[') }
    }
}

impl Iterator for Elements<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        self.walk.step(|text, at| {
            let value = value_span(text, at)?;
            let end = value.end;
            Some((value, end))
        })
    }
}

impl FusedIterator for Elements<'_> {}

/// A position in an object or an array, just after what opened it, an item, or a comma.
#[derive(Clone, Debug)]
struct Walk<'a> {
    text: &'a [u8],
    /// Where the next item is looked for; `None` after the last one.
    at: Option<usize>,
}

impl<'a> Walk<'a> {
    fn new(text: &'a [u8], opening: u8) -> Self {
        let start = space_end(text, 0);
        Self { text, at: (text.get(start) == Some(&opening)).then_some(start + 1) }
    }

    /// The next item, which `read` takes from its position, returning also the position just after it.
    fn step<T>(&mut self, read: impl FnOnce(&'a [u8], usize) -> Option<(T, usize)>) -> Option<T> {
        let at = space_end(self.text, self.at.take()?);
        let (item, end) = read(self.text, at)?;
        let next = space_end(self.text, end);
        self.at = (self.text.get(next) == Some(&b',')).then_some(next + 1);
        Some(item)
    }
}

/// The span of `text` without the white space around it.
pub(super) fn trimmed(text: &[u8]) -> Range<usize> {
    let start = space_end(text, 0);
    start..start + text[start..].trim_ascii_end().len()
}

/// The position of the first byte at or after `from` that is not white space.
pub(super) fn space_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let length = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    from + length.unwrap_or(rest.len())
}

/// The span of the value that begins at or after `from`, with white space before it left out.
pub(super) fn value_span(text: &[u8], from: usize) -> Option<Range<usize>> {
    let start = space_end(text, from);
    let end = match text.get(start)? {
        b'"' => string_end(text, start)?,
        b'{' | b'[' => {
            let mut stops = Stops::new(text);
            container_end(text, start, |quote| stops.string_end(quote + 1))?
        }
        _ => start + scalar_length(&text[start..])?,
    };
    Some(start..end)
}

/// The position just after the object or the array that opens at `from`. `string_end` says where the string ends that begins
/// with a quote.
pub(super) fn container_end(
    text: &[u8],
    from: usize,
    mut string_end: impl FnMut(usize) -> Option<usize>,
) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = from;
    loop {
        match text.get(at)? {
            b'"' => {
                at = string_end(at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The length of the number or the word that `text` begins with.
fn scalar_length(text: &[u8]) -> Option<usize> {
    let length =
        text.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'+' | b'.' | b'E'));
    Some(length.unwrap_or(text.len())).filter(|&length| length > 0)
}
