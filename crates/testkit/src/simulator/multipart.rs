//! A form of several parts (`multipart/form-data`), read strictly: what a relay spoils is refused.

use bytes::Bytes;
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};

/// The longest boundary (RFC 2046).
const BOUNDARY_LENGTH_MAX: usize = 70;

/// One part of a form as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedPart {
    /// The `name` of its `content-disposition`.
    pub name: String,
    /// The `filename`, if there is one.
    pub filename: Option<String>,
    /// The `content-type`, if there is one.
    pub content_type: Option<String>,
    /// What it holds.
    pub bytes: Bytes,
}

impl RecordedPart {
    /// The SHA-256 of what it holds, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        sha256(&self.bytes)
    }
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The boundary that a `multipart/form-data` content type names.
pub(crate) fn boundary(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (kind, parameters) = value.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| {
        let (key, value) = parameter.trim().split_once('=')?;
        key.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"').to_owned())
    })?;
    (1..=BOUNDARY_LENGTH_MAX).contains(&boundary.len()).then_some(boundary)
}

/// A form whose every part was well formed.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) parts: Vec<RecordedPart>,
}

impl Form {
    /// Reads a body. The error says what is wrong with it.
    pub(crate) fn read(boundary: &str, body: &Bytes) -> Result<Self, String> {
        let opening = format!("--{boundary}\r\n");
        let delimiter = format!("\r\n--{boundary}");
        if !body.starts_with(opening.as_bytes()) {
            return Err("the body does not begin with its boundary".to_owned());
        }
        let mut parts = Vec::new();
        let mut start = opening.len();
        loop {
            let rest = &body[start..];
            let end = find(rest, delimiter.as_bytes())
                .ok_or_else(|| format!("part {} is not closed by the boundary", parts.len()))?;
            parts.push(part(&body.slice(start..start + end), parts.len())?);
            start += end + delimiter.len();
            match body.get(start..start + 2) {
                Some(b"\r\n") => start += 2,
                Some(b"--") => {
                    let epilogue = &body[start + 2..];
                    return if matches!(epilogue, b"" | b"\r\n") {
                        Ok(Self { parts })
                    } else {
                        Err("bytes stand behind the last boundary".to_owned())
                    };
                }
                _ => return Err(format!("the boundary behind part {} is broken", parts.len() - 1)),
            }
        }
    }

    /// The first part of this name.
    pub(crate) fn part(&self, name: &str) -> Option<&RecordedPart> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// The text of the first part of this name.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(&self.part(name)?.bytes).ok()
    }
}

fn part(bytes: &Bytes, index: usize) -> Result<RecordedPart, String> {
    let end = find(bytes, b"\r\n\r\n").ok_or_else(|| format!("part {index} has no end of its headers"))?;
    let head =
        std::str::from_utf8(&bytes[..end]).map_err(|_| format!("part {index} has no text for headers"))?;
    let value = |wanted: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let disposition = value("content-disposition")
        .filter(|value| value.starts_with("form-data"))
        .ok_or_else(|| format!("part {index} has no content-disposition of form-data"))?;
    let parameter = |wanted: &str| {
        let mut parameters = disposition.split(';').skip(1).filter_map(|it| it.trim().split_once('='));
        parameters.find(|(key, _)| *key == wanted).map(|(_, value)| value.trim_matches('"').to_owned())
    };
    Ok(RecordedPart {
        name: parameter("name").ok_or_else(|| format!("part {index} has no name"))?,
        filename: parameter("filename"),
        content_type: value("content-type").map(str::to_owned),
        bytes: bytes.slice(end + 4..),
    })
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<(String, String)>, String> {
        let form = Form::read("b", &Bytes::from(body.to_owned()))?;
        Ok(form.parts.iter().map(|it| (it.name.clone(), String::from_utf8_lossy(&it.bytes).into())).collect())
    }

    #[test]
    fn parts_are_read_as_they_are() {
        let body = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n\r\n-x\r\n\r\n--b--\r\n";
        let parts = [("model", "whisper"), ("file", "\r\n-x\r\n")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(read(body), Ok(parts.to_vec()));
        let form = Form::read("b", &Bytes::from(body)).unwrap();
        let file = form.part("file").unwrap();
        assert_eq!(
            (file.filename.as_deref(), file.content_type.as_deref()),
            (Some("a.wav"), Some("audio/wav"))
        );
        assert_eq!(
            RecordedPart { bytes: Bytes::from_static(b"abc"), ..file.clone() }.sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn broken_forms_are_refused() {
        let check = |body: &str, expected: &str| assert_eq!(read(body), Err(expected.to_owned()), "{body:?}");
        check("", "the body does not begin with its boundary");
        check("--b\r\n\r\nx", "part 0 is not closed by the boundary");
        check("--b\r\nx: y\r\n\r\nx\r\n--b--", "part 0 has no content-disposition of form-data");
        check("--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--", "part 0 has no name");
        check(
            "--b\r\ncontent-disposition: form-data; name=a\r\n\r\nx\r\n--bc",
            "the boundary behind part 0 is broken",
        );
        check(
            "--b\r\ncontent-disposition: form-data; name=a\r\n\r\nx\r\n--b--\r\nx",
            "bytes stand behind the last boundary",
        );
    }

    #[test]
    fn a_boundary_may_be_quoted() {
        let of =
            |value: &str| boundary(&HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]));
        assert_eq!(of("multipart/form-data; charset=utf-8; boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(of("application/json; boundary=a"), None);
        assert_eq!(of("multipart/form-data"), None);
    }
}
