//! A multipart form, kept as the bytes it arrived in, with the spans of its parts.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use http::HeaderValue;
use memchr::memmem;

use crate::Segments;

/// The parts that a form may have.
const PARTS_MAX: usize = 1_000;
/// A part's own headers, in bytes.
const PART_HEAD_BYTES_MAX: usize = 16 * 1024;

/// A body of the media type `multipart/form-data`.
///
/// It leaves as the bytes that it came in, but for the values that [`Form::set`] replaces and the parts that
/// [`Form::remove`] takes out.
#[derive(Clone)]
pub struct Form {
    bytes: Bytes,
    content_type: HeaderValue,
    parts: Vec<Part>,
    /// What the closing boundary and all behind it is.
    end: Range<usize>,
}

#[derive(Clone)]
struct Part {
    name: String,
    is_file: bool,
    /// From its boundary to before the next one.
    whole: Range<usize>,
    value: Range<usize>,
    replaced: Option<Bytes>,
}

/// A body that is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormError {
    /// The content type is not `multipart/form-data`, or names no boundary.
    NoBoundary,
    /// The bytes do not begin with the boundary, or end without the closing one.
    Unclosed,
    /// A part has no header that names it, or one that cannot be read.
    UnnamedPart {
        /// Where the part begins, in bytes.
        at: usize,
    },
    /// There are more than 1,000 parts.
    TooManyParts,
}

impl Form {
    /// Finds the parts of a form, by the boundary that its content type names.
    ///
    /// # Errors
    ///
    /// [`FormError`], if it is none.
    pub fn parse(bytes: impl Into<Bytes>, content_type: HeaderValue) -> Result<Self, FormError> {
        let bytes = bytes.into();
        let boundary = boundary(&content_type).ok_or(FormError::NoBoundary)?;
        let delimiter = [b"\r\n--", boundary.as_slice()].concat();
        let finder = memmem::Finder::new(&delimiter);
        // The first boundary may stand at the very beginning, without a line end before it.
        let mut at = match bytes.strip_prefix(&delimiter[2..]) {
            Some(_) => 0,
            None => finder.find(&bytes).ok_or(FormError::Unclosed)? + 2,
        };
        let mut parts = Vec::new();
        loop {
            let after = at + delimiter.len() - 2;
            if bytes[after..].starts_with(b"--") {
                return Ok(Self { end: at..bytes.len(), bytes, content_type, parts });
            }
            let line_end = memmem::find(&bytes[after..], b"\r\n").ok_or(FormError::Unclosed)?;
            if !bytes[after..after + line_end].iter().all(|byte| matches!(byte, b' ' | b'\t')) {
                return Err(FormError::Unclosed);
            }
            // The line end stays in what is searched: a part without a value ends right behind its head.
            let head = after + line_end;
            let next = finder.find(&bytes[head..]).ok_or(FormError::Unclosed)? + head;
            parts.push(part(&bytes, at, head + 2, next)?);
            if parts.len() > PARTS_MAX {
                return Err(FormError::TooManyParts);
            }
            at = next + 2;
        }
    }

    /// The text of the first part with this name that is no file. `None` if there is none, or it is no UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        let part = self.parts.iter().find(|part| part.name == name && !part.is_file)?;
        let value: &[u8] = match &part.replaced {
            Some(value) => value,
            None => &self.bytes[part.value.clone()],
        };
        std::str::from_utf8(value).ok()
    }

    /// Whether it has a part with this name, a file or not.
    pub fn contains(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.name == name)
    }

    /// The names of its parts, in order, as often as they stand there.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// Replaces the value of every part with this name that is no file. A form without one stays as it is.
    ///
    /// `value` must not hold the boundary; a model's name cannot, since line breaks are left out of it.
    pub fn set(&mut self, name: &str, value: &str) {
        let value = Bytes::from(value.replace(['\r', '\n'], ""));
        for part in self.parts.iter_mut().filter(|part| part.name == name && !part.is_file) {
            part.replaced = Some(value.clone());
        }
    }

    /// Takes out every part whose name is not to be kept.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.parts.retain(|part| keep(&part.name));
    }

    /// The media type, with the boundary, as it came.
    pub fn content_type(&self) -> &HeaderValue {
        &self.content_type
    }

    /// The bytes as they go out.
    pub fn segments(&self) -> Segments {
        let mut segments = Segments::new();
        for part in &self.parts {
            match &part.replaced {
                None => segments.push(self.bytes.slice(part.whole.clone())),
                Some(value) => {
                    segments.push(self.bytes.slice(part.whole.start..part.value.start));
                    segments.push(value.clone());
                    segments.push(self.bytes.slice(part.value.end..part.whole.end));
                }
            }
        }
        segments.push(self.bytes.slice(self.end.clone()));
        segments
    }
}

/// The part that begins at `at`, whose head begins at `head` and whose value ends at `end`.
fn part(bytes: &Bytes, at: usize, head: usize, end: usize) -> Result<Part, FormError> {
    let unnamed = FormError::UnnamedPart { at };
    let within = bytes.get(head..end).ok_or(unnamed)?;
    let head_end =
        memmem::find(within, b"\r\n\r\n").filter(|end| *end <= PART_HEAD_BYTES_MAX).ok_or(unnamed)?;
    let text = std::str::from_utf8(&within[..head_end]).map_err(|_| unnamed)?;
    let disposition = text
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value)
        .ok_or(unnamed)?;
    let name = parameter(disposition, "name").ok_or(unnamed)?;
    let is_file = parameter(disposition, "filename").is_some() || disposition.contains("filename*");
    let value = head + head_end + 4..end;
    Ok(Part { name, is_file, whole: at..end + 2, value, replaced: None })
}

fn boundary(content_type: &HeaderValue) -> Option<Vec<u8>> {
    const BYTES_MAX: usize = 200;
    let text = content_type.to_str().ok()?;
    let (media_type, parameters) = text.split_once(';')?;
    if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    (!boundary.is_empty() && boundary.len() <= BYTES_MAX).then(|| boundary.into_bytes())
}

/// The value of `name=value` or `name="value"` among parameters that semicolons keep apart.
fn parameter(mut text: &str, name: &str) -> Option<String> {
    loop {
        text = text.trim_start_matches([';', ' ', '\t']);
        let (key, rest) = text.split_once('=')?;
        // A parameter without a value, such as `form-data`, may stand before the first that has one.
        let key = key.rsplit(';').next().unwrap_or(key).trim();
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = rest.find(';').unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        text = rest;
    }
}

/// A quoted text up to its closing quote, and what stands behind that.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().collect();
        formatter.debug_struct("Form").field("parts", &names).field("bytes", &self.bytes.len()).finish()
    }
}

impl fmt::Display for FormError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormError::NoBoundary => {
                formatter.write_str("the content type is not multipart/form-data with a boundary")
            }
            FormError::Unclosed => formatter
                .write_str("the form does not stand between the boundaries that its content type names"),
            FormError::UnnamedPart { at } => {
                write!(formatter, "the part at byte {at} has no readable content-disposition with a name")
            }
            FormError::TooManyParts => write!(formatter, "the form has more than {PARTS_MAX} parts"),
        }
    }
}

impl std::error::Error for FormError {}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"b0 undary\"";
    const BODY: &str = "--b0 undary\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nup/m\r\n\
        --b0 undary\r\ncontent-disposition: form-data; filename=\"a \\\"b\\\".wav\"; name=file\r\nContent-Type: audio/wav\r\n\r\n\
        RIFF\r\n--b0 undar\r\n\r\n--b0 undary\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--b0 undary--\r\n";

    fn form(body: &'static str) -> Result<Form, FormError> {
        Form::parse(body, HeaderValue::from_static(TYPE))
    }

    #[test]
    fn what_is_not_touched_leaves_as_it_came() {
        let form = form(BODY).expect("a form");
        assert_eq!(form.names().collect::<Vec<_>>(), ["model", "file", "empty"]);
        assert_eq!(
            (form.text("model"), form.text("file"), form.text("empty")),
            (Some("up/m"), None, Some(""))
        );
        assert_eq!(form.segments().into_bytes(), BODY);
    }

    #[test]
    fn a_value_is_replaced_in_its_place() {
        let mut form = form(BODY).expect("a form");
        form.set("model", "other\r\n--b0 undary--");
        form.set("file", "stays");
        assert_eq!(form.text("model"), Some("other--b0 undary--"));
        assert_eq!(form.segments().into_bytes(), BODY.replace("up/m", "other--b0 undary--"));
        form.retain(|name| name == "empty");
        assert_eq!(
            form.segments().into_bytes(),
            "--b0 undary\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--b0 undary--\r\n"
        );
    }

    #[test]
    fn what_is_no_form_is_told() {
        assert_eq!(form("").err(), Some(FormError::Unclosed));
        assert_eq!(form("--b0 undary\r\n\r\nx").err(), Some(FormError::Unclosed));
        assert_eq!(
            form("--b0 undary\r\n\r\nx\r\n--b0 undary--").err(),
            Some(FormError::UnnamedPart { at: 0 })
        );
        let cut = &BODY[..BODY.len() - 6];
        assert_eq!(form(cut).err(), Some(FormError::Unclosed));
        let json = HeaderValue::from_static("application/json");
        assert_eq!(Form::parse("{}", json).err(), Some(FormError::NoBoundary));
        assert_eq!(form("--b0 undary--").map(|form| form.names().count()), Ok(0));
    }
}
