//! A multipart form, kept as the bytes it arrived in, part by part.

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

const LINE_END: &[u8] = b"\r\n";

/// A body of the media type `multipart/form-data`.
///
/// It leaves as the bytes that it came in, but for the values that [`Form::set`] replaces and the parts that
/// [`Form::retain`] takes out; what stands before the first boundary and behind the last one is left out. What two
/// readers could understand differently is refused: the upstream must see the form that was looked at here.
#[derive(Clone)]
pub struct Form {
    content_type: HeaderValue,
    /// Two dashes and the boundary.
    delimiter: Bytes,
    parts: Vec<Part>,
    length: usize,
}

#[derive(Clone)]
struct Part {
    name: String,
    is_file: bool,
    /// From its boundary to its value, the empty line included.
    head: Bytes,
    value: Bytes,
}

/// A body that is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormError {
    /// The content type is not `multipart/form-data`, or names no boundary, or several.
    NoBoundary,
    /// The bytes do not begin with the boundary, or end without the closing one.
    Unclosed,
    /// A part has no header that names it, several, or one that cannot be read.
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
        let delimiter = Bytes::from([b"--", boundary.as_bytes()].concat());
        let between = [LINE_END, &delimiter].concat();
        let finder = memmem::Finder::new(&between);
        // The first boundary may stand at the very beginning, without a line end before it.
        let mut at = match bytes.starts_with(&delimiter) {
            true => 0,
            false => finder.find(&bytes).ok_or(FormError::Unclosed)? + LINE_END.len(),
        };
        let mut parts = Vec::new();
        loop {
            let after = at + delimiter.len();
            let is_last = bytes[after..].starts_with(b"--");
            let padding = after + if is_last { 2 } else { 0 };
            let line_end = line_end(&bytes, padding, is_last).ok_or(FormError::Unclosed)?;
            if is_last {
                return Ok(Self { content_type, delimiter, parts, length: bytes.len() });
            }
            // The line end is searched too: a part without a value ends right behind its head.
            let next = finder.find(&bytes[line_end..]).ok_or(FormError::Unclosed)? + line_end;
            parts.push(part(&bytes, at, line_end + LINE_END.len()..next)?);
            if parts.len() > PARTS_MAX {
                return Err(FormError::TooManyParts);
            }
            at = next + LINE_END.len();
        }
    }

    /// The text of the first part with this name that is no file. `None` if there is none, or it is no UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        let part = self.parts.iter().find(|part| part.name == name && !part.is_file)?;
        std::str::from_utf8(&part.value).ok()
    }

    /// Whether it has a part with this name, a file or not.
    pub fn contains(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.name == name)
    }

    /// The names of its parts, in order, as often as they stand there.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// Gives the form one part with this name and value: in the place of the first that is no file, else at the end.
    /// Every other part with this name is taken out.
    ///
    /// Line breaks are left out of both texts, so that neither can hold a boundary.
    pub fn set(&mut self, name: &str, value: &str) {
        let one_line = |text: &str| text.replace(['\r', '\n'], "");
        let value = Bytes::from(one_line(value));
        let place = self.parts.iter().position(|part| part.name == name && !part.is_file);
        let kept = match place {
            Some(place) => Part { value, ..self.parts[place].clone() },
            None => {
                let quoted = one_line(name).replace('"', "%22");
                let disposition = format!("\r\nContent-Disposition: form-data; name=\"{quoted}\"\r\n\r\n");
                let head = Bytes::from([&self.delimiter, disposition.as_bytes()].concat());
                Part { name: name.to_owned(), is_file: false, head, value }
            }
        };
        let before =
            self.parts[..place.unwrap_or(self.parts.len())].iter().filter(|part| part.name != name).count();
        self.parts.retain(|part| part.name != name);
        self.parts.insert(before, kept);
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
            segments.push(part.head.clone());
            segments.push(part.value.clone());
            segments.push(Bytes::from_static(LINE_END));
        }
        segments.push(self.delimiter.clone());
        segments.push(Bytes::from_static(b"--\r\n"));
        segments
    }
}

/// Where the line ends on which nothing but blanks may stand. The last line may lack its end.
fn line_end(bytes: &[u8], from: usize, may_lack: bool) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let blank = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
    let ends = rest[blank..].starts_with(LINE_END) || may_lack && blank == rest.len();
    ends.then_some(from + blank)
}

/// The part whose boundary begins at `at`, and whose head and value stand in `inner`.
fn part(bytes: &Bytes, at: usize, inner: Range<usize>) -> Result<Part, FormError> {
    const HEAD_END: &[u8] = b"\r\n\r\n";
    let unnamed = FormError::UnnamedPart { at };
    let text = bytes.get(inner.clone()).ok_or(unnamed)?;
    let searched = &text[..text.len().min(PART_HEAD_BYTES_MAX)];
    let head_end = memmem::find(searched, HEAD_END).ok_or(unnamed)?;
    let head = std::str::from_utf8(&text[..head_end]).map_err(|_| unnamed)?;
    let lines = |wanted: &'static str| {
        head.split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .filter(move |(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    let mut dispositions = lines("content-disposition");
    let (Some(disposition), None) = (dispositions.next(), dispositions.next()) else {
        return Err(unnamed);
    };
    // A value that has to be decoded first would be read as another one by whoever does.
    let is_plain =
        |encoding: &str| ["7bit", "8bit", "binary"].iter().any(|plain| encoding.eq_ignore_ascii_case(plain));
    if !lines("content-transfer-encoding").all(is_plain) {
        return Err(unnamed);
    }
    let parameters = parameters(disposition).ok_or(unnamed)?;
    let one = |wanted: &str| only(&parameters, wanted).map_err(|()| unnamed);
    // `name*` is for other headers; those who read it all the same would see another name.
    if one("name*")?.is_some() {
        return Err(unnamed);
    }
    let name = one("name")?.ok_or(unnamed)?.to_owned();
    let is_file = one("filename")?.is_some() || one("filename*")?.is_some();
    let value = inner.start + head_end + HEAD_END.len();
    Ok(Part { name, is_file, head: bytes.slice(at..value), value: bytes.slice(value..inner.end) })
}

fn boundary(content_type: &HeaderValue) -> Option<String> {
    const BYTES_MAX: usize = 200;
    let text = content_type.to_str().ok()?;
    let media_type = text.split(';').next()?.trim();
    if !media_type.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = only(&parameters(text)?, "boundary").ok()??.to_owned();
    (!boundary.is_empty() && boundary.len() <= BYTES_MAX).then_some(boundary)
}

/// The value of a parameter, which may stand there once at most.
fn only<'p>(parameters: &'p [(String, String)], name: &str) -> Result<Option<&'p str>, ()> {
    let mut found = parameters.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match (found.next(), found.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(()),
    }
}

/// Every `; name=value` and `; name="value"` behind the first word of a header. `None` if a quote is not closed.
fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = text.split_once(';').map_or("", |(_, rest)| rest);
    while let Some((key, after)) = rest.split_once('=') {
        // A word without a value may stand before the next parameter.
        let key = key.rsplit(';').next().unwrap_or(key).trim().to_ascii_lowercase();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        found.push((key, value));
        rest = after.split_once(';').map_or("", |(_, rest)| rest);
    }
    Some(found)
}

/// A quoted text up to its closing quote, and what stands behind that.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            // Some write a quote so; others mean the backslash, and the quote behind it is the last one.
            '\\' => match text[at + 1..].chars().next() {
                Some('"') if text[at + 2..].contains('"') => value.push(characters.next()?.1),
                Some('\\') => value.push(characters.next()?.1),
                _ => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    None
}

impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().collect();
        formatter.debug_struct("Form").field("parts", &names).field("bytes", &self.length).finish()
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

    const PLAIN: HeaderValue = HeaderValue::from_static("multipart/form-data; boundary=b");

    fn part(disposition: &str, value: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n")
    }

    fn set(parts: &[String]) -> String {
        let mut form = Form::parse(parts.concat() + "--b--", PLAIN).expect("a form");
        form.set("model", "m");
        String::from_utf8(form.segments().into_bytes().to_vec()).expect("text")
    }

    #[test]
    fn a_form_has_one_model_whatever_it_came_with() {
        let (model, other) = (part("name=\"model\"", "m"), part("name=other", "x"));
        let file = part("name=\"model\"; filename=\"\"", "f");
        let end = "--b--\r\n";
        assert_eq!(set(std::slice::from_ref(&other)), format!("{other}{model}{end}"));
        assert_eq!(
            set(&[part("name=\"model\"", "a"), other.clone(), file.clone()]),
            format!("{model}{other}{end}")
        );
        assert_eq!(set(&[file, other.clone(), part("name=\"model\"", "b")]), format!("{other}{model}{end}"));
        assert_eq!(set(&[]), format!("{model}{end}"));
    }

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        let parse = |body: &str| Form::parse(body.to_owned(), PLAIN).map(|form| form.names().count());
        let good = part("name=a", "1");
        assert_eq!(parse(&format!("{good}--b--x\r\n\r\n{good}--b--")), Err(FormError::Unclosed));
        assert_eq!(parse(&format!("{good}--bx\r\n\r\n--b--")), Err(FormError::Unclosed));
        let unnamed = Err(FormError::UnnamedPart { at: 0 });
        for disposition in [
            "name=a; name=b",
            "name=a; NAME=b",
            "name=a; name*=utf-8''b",
            "name=a; filename=x; filename=y",
            "name=\"a",
        ] {
            assert_eq!(parse(&(part(disposition, "1") + "--b--")), unnamed, "{disposition}");
        }
        let twice = part("name=a\r\ncontent-disposition: form-data; name=b", "1");
        assert_eq!(parse(&(twice + "--b--")), unnamed);
        for kind in [
            "multipart/form-data; boundary=b; boundary=c",
            "multipart/mixed; boundary=b",
            "multipart/form-data",
        ] {
            let parsed = Form::parse(format!("{good}--b--"), HeaderValue::from_static(kind));
            assert_eq!(parsed.err(), Some(FormError::NoBoundary), "{kind}");
        }
        let encoded = part("name=a\r\nContent-Transfer-Encoding: base64", "b2s=");
        assert_eq!(parse(&(encoded + "--b--")), unnamed);
        assert_eq!(parse(&(part("name=\"file\"; filename=\"a\\\"", "1") + "--b--")), Ok(1));
        // What stands behind the end is left out.
        let form = Form::parse(format!("{good}--b-- \r\n{good}--b--"), PLAIN).expect("a form");
        assert_eq!(form.segments().into_bytes(), format!("{good}--b--\r\n"));
    }
}
