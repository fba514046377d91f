//! The head of a request as it is written, and the head of a reply as it is read.

use std::fmt;
use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use trunkline_core::json;

use super::framing::Framing;

/// The longest head of a reply that is read, in bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 256 * 1024;
/// As many headers as a reply may have.
pub(crate) const HEADERS_MAX: usize = 128;

/// What goes out before a request's body.
pub(crate) struct RequestHead {
    pub(super) bytes: Bytes,
    /// Whether a reply to it has no body whatever it says: `HEAD`.
    pub(super) is_bodiless: bool,
}

impl RequestHead {
    /// Writes the head of a request whose body has so many bytes.
    pub(crate) fn new(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body_bytes: usize,
        user_agent: &HeaderValue,
    ) -> Self {
        let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut out = Vec::with_capacity(size + target.len() + 192);
        let line = |out: &mut Vec<u8>, parts: [&[u8]; 3]| {
            parts.iter().for_each(|part| out.extend_from_slice(part));
            out.extend_from_slice(b"\r\n");
        };
        out.extend_from_slice(method.as_str().as_bytes());
        out.extend_from_slice(if target.starts_with('/') { b" " } else { b" /" });
        line(&mut out, [target.as_bytes(), b" HTTP/1.1", b""]);
        if !headers.contains_key(HOST) {
            out.extend_from_slice(b"host: ");
            write_host(uri, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        for (name, value) in headers {
            // How the body is delimited, and how long the connection lasts, is decided here.
            if *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING && *name != CONNECTION {
                line(&mut out, [name.as_str().as_bytes(), b": ", value.as_bytes()]);
            }
        }
        if !headers.contains_key(USER_AGENT) {
            line(&mut out, [b"user-agent", b": ", user_agent.as_bytes()]);
        }
        // A request without a body says nothing of one, unless its method leads to expect one.
        if body_bytes > 0 || *method == Method::POST || *method == Method::PUT || *method == Method::PATCH {
            line(&mut out, [b"content-length", b": ", body_bytes.to_string().as_bytes()]);
        }
        out.extend_from_slice(b"\r\n");
        Self { bytes: out.into(), is_bodiless: *method == Method::HEAD }
    }
}

// It holds the credential, so that `Debug` shows its length alone.
impl fmt::Debug for RequestHead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RequestHead").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// The host as the header has it: without the scheme's own port.
fn write_host(uri: &Uri, out: &mut Vec<u8>) {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let own = if uri.scheme() == Some(&Scheme::HTTPS) { ":443" } else { ":80" };
    out.extend_from_slice(authority.strip_suffix(own).unwrap_or(authority).as_bytes());
}

/// What came before a reply's body.
#[derive(Debug)]
pub(crate) struct ReplyHead {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) framing: Framing,
    /// Whether the connection can serve another request after this reply.
    pub(crate) is_kept: bool,
}

/// What is wrong with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadFlaw {
    #[error("the reply's head is not HTTP/1: {0}")]
    Syntax(httparse::Error),
    #[error("the reply's head is longer than {HEAD_BYTES_MAX} bytes")]
    TooLong,
    #[error("the reply's head has a status that is none")]
    Status,
    #[error("the reply's head has a header that is none")]
    Header,
    #[error("the reply says in two ways how long it is")]
    Length,
    #[error("too many interim replies came before the real one")]
    Interim,
    #[error("the upstream left HTTP, which nobody had asked for")]
    Upgrade,
}

impl ReplyHead {
    /// Takes a head off the front of what was read. `None` where it is not all there yet.
    ///
    /// # Errors
    ///
    /// What is no head, or one that two readers could understand differently.
    pub(super) fn take(read: &mut BytesMut, is_bodiless: bool) -> Result<Option<Self>, HeadFlaw> {
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            read,
            &mut headers,
        );
        let length = match parsed.map_err(HeadFlaw::Syntax)? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial if read.len() > HEAD_BYTES_MAX => return Err(HeadFlaw::TooLong),
            httparse::Status::Partial => return Ok(None),
        };
        let status = StatusCode::from_u16(response.code.unwrap_or_default()).map_err(|_| HeadFlaw::Status)?;
        let version = if response.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
        let start = read.as_ptr() as usize;
        let spans: Vec<(HeaderName, std::ops::Range<usize>)> = response
            .headers
            .iter()
            .map(|header| {
                let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| HeadFlaw::Header)?;
                // An empty value may stand anywhere.
                let from = (header.value.as_ptr() as usize).saturating_sub(start).min(length);
                Ok((name, from..(from + header.value.len()).min(length)))
            })
            .collect::<Result<_, _>>()?;
        let bytes = read.split_to(length).freeze();
        let mut headers = HeaderMap::with_capacity(spans.len());
        let mut rules = Rules::default();
        for (name, span) in spans {
            let value = HeaderValue::from_maybe_shared(bytes.slice(span)).map_err(|_| HeadFlaw::Header)?;
            rules.note(&name, &value)?;
            headers.append(name, value);
        }
        let framing = rules.framing(status, is_bodiless)?;
        let is_kept = rules.is_kept(version) && framing != Framing::UntilClose;
        Ok(Some(Self { status, version, headers, framing, is_kept }))
    }

    /// Whether it only announces the real one: `100 Continue` and its kin.
    pub(super) fn is_interim(&self) -> bool {
        self.status.is_informational()
    }
}

/// What headers say of the body and of the connection.
#[derive(Debug, Default)]
struct Rules {
    length: Option<u64>,
    has_coding: bool,
    is_chunked: bool,
    says_close: bool,
    says_keep_alive: bool,
}

impl Rules {
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), HeadFlaw> {
        let mut parts = value.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        if *name == CONTENT_LENGTH {
            for part in parts {
                // In digits alone, as in JSON.
                let figure = json::u64(part).ok_or(HeadFlaw::Length)?;
                if self.length.replace(figure).is_some_and(|other| other != figure) {
                    return Err(HeadFlaw::Length);
                }
            }
        } else if *name == TRANSFER_ENCODING {
            self.has_coding = true;
            // The last one counts.
            self.is_chunked = parts.next_back().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
        } else if *name == CONNECTION {
            for option in parts {
                self.says_close |= option.eq_ignore_ascii_case(b"close");
                self.says_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        Ok(())
    }

    /// How the body ends, as RFC 9112 §6.3 has it.
    fn framing(&self, status: StatusCode, is_bodiless: bool) -> Result<Framing, HeadFlaw> {
        match status {
            StatusCode::SWITCHING_PROTOCOLS => return Err(HeadFlaw::Upgrade),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => return Ok(Framing::Length(0)),
            _ if is_bodiless || status.is_informational() => return Ok(Framing::Length(0)),
            _ => {}
        }
        Ok(match (self.has_coding, self.length) {
            (true, _) if self.is_chunked => Framing::chunked(),
            (false, Some(length)) => Framing::Length(length),
            (true, _) | (false, None) => Framing::UntilClose,
        })
    }

    /// Whether the connection outlasts the reply.
    fn is_kept(&self, version: Version) -> bool {
        // A length and a coding at once are how one reply is made to look like two, and HTTP/1.0 knows no coding:
        // nothing follows such a one.
        let is_ambiguous = self.has_coding && (self.length.is_some() || version == Version::HTTP_10);
        let by_default = version != Version::HTTP_10;
        !self.says_close && !is_ambiguous && (by_default || self.says_keep_alive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &Method, uri: &str, headers: &[(&'static str, &'static str)], body: usize) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let head = RequestHead::new(
            method,
            &Uri::try_from(uri).expect("an address"),
            &map,
            body,
            &HeaderValue::from_static("t/1"),
        );
        String::from_utf8(head.bytes.to_vec()).expect("text")
    }

    #[test]
    fn a_request_says_where_it_goes_and_how_long_it_is() {
        assert_eq!(
            request(&Method::POST, "https://a.example:443/v1?b=c", &[("x-a", "1"), ("x-a", "2")], 7),
            "POST /v1?b=c HTTP/1.1\r\nhost: a.example\r\nx-a: 1\r\nx-a: 2\r\nuser-agent: t/1\r\ncontent-length: 7\r\n\r\n"
        );
        assert_eq!(
            request(&Method::GET, "http://[::1]:8080", &[("user-agent", "own"), ("host", "b")], 0),
            "GET / HTTP/1.1\r\nuser-agent: own\r\nhost: b\r\n\r\n"
        );
        assert!(
            request(&Method::GET, "http://[::1]:8080?a", &[], 0)
                .starts_with("GET /?a HTTP/1.1\r\nhost: [::1]:8080\r\n")
        );
        assert!(
            request(&Method::POST, "http://a:80", &[], 0)
                .ends_with("host: a\r\nuser-agent: t/1\r\ncontent-length: 0\r\n\r\n")
        );
    }

    #[test]
    fn nobody_else_says_how_a_request_is_delimited() {
        let smuggled = [("content-length", "1"), ("transfer-encoding", "chunked"), ("connection", "close")];
        let head = request(&Method::POST, "http://a", &smuggled, 2);
        assert_eq!(head, "POST / HTTP/1.1\r\nhost: a\r\nuser-agent: t/1\r\ncontent-length: 2\r\n\r\n");
    }

    fn reply(text: &str) -> Result<Option<(u16, Framing, bool)>, HeadFlaw> {
        let mut read = BytesMut::from(format!("{text}rest").as_bytes());
        let head = ReplyHead::take(&mut read, false)?;
        if head.is_some() {
            assert_eq!(read, "rest");
        }
        Ok(head.map(|head| (head.status.as_u16(), head.framing, head.is_kept)))
    }

    #[track_caller]
    fn framed(headers: &str, framing: Framing, is_kept: bool) {
        assert_eq!(reply(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n")), Ok(Some((200, framing, is_kept))));
    }

    #[test]
    fn headers_say_how_a_reply_ends() {
        framed("content-length: 5\r\n", Framing::Length(5), true);
        framed("content-length: 5, 5\r\nContent-Length: 5\r\n", Framing::Length(5), true);
        framed("content-length: 5\r\nconnection: x, Close\r\n", Framing::Length(5), false);
        framed("transfer-encoding: gzip, Chunked\r\n", Framing::chunked(), true);
        framed("transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n", Framing::UntilClose, false);
        framed("transfer-encoding: chunked\r\ncontent-length: 5\r\n", Framing::chunked(), false);
        framed("", Framing::UntilClose, false);
    }

    #[test]
    fn some_replies_have_no_body_and_some_connections_no_future() {
        let none = Framing::Length(0);
        assert_eq!(reply("HTTP/1.1 204 No\r\n\r\n"), Ok(Some((204, none.clone(), true))));
        assert_eq!(
            reply("HTTP/1.1 304 No\r\ncontent-length: 5\r\n\r\n"),
            Ok(Some((304, none.clone(), true)))
        );
        assert_eq!(reply("HTTP/1.1 100 Continue\r\n\r\n"), Ok(Some((100, none.clone(), true))));
        assert_eq!(reply("HTTP/1.0 204 No\r\n\r\n"), Ok(Some((204, none.clone(), false))));
        let coded = "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(reply(coded), Ok(Some((200, Framing::chunked(), false))));
        assert_eq!(
            reply("HTTP/1.0 204 No\r\nconnection: keep-alive\r\n\r\n"),
            Ok(Some((204, none.clone(), true)))
        );
        let mut read = BytesMut::from(&b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"[..]);
        let to_head = ReplyHead::take(&mut read, true).expect("a head").expect("whole");
        assert_eq!((to_head.framing, to_head.is_kept), (none, true));
    }

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        for length in ["5, 6", "+5", "-1", "", "5 5", "0x5", "99999999999999999999"] {
            assert_eq!(
                reply(&format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")),
                Err(HeadFlaw::Length),
                "{length}"
            );
        }
        assert_eq!(reply("HTTP/1.1 101 Switching\r\n\r\n"), Err(HeadFlaw::Upgrade));
        assert!(matches!(reply("SSH-2.0\r\n\r\n"), Err(HeadFlaw::Syntax(_))));
        assert!(matches!(reply("HTTP/1.1 200 OK\r\na b: c\r\n\r\n"), Err(HeadFlaw::Syntax(_))));
        assert_eq!(reply("HTTP/1.1 099 Odd\r\n\r\n"), Err(HeadFlaw::Status));
        let mut long =
            BytesMut::from(format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(HEAD_BYTES_MAX)).as_bytes());
        assert_eq!(ReplyHead::take(&mut long, false).map(|_| ()), Err(HeadFlaw::TooLong));
    }

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let whole = b"HTTP/1.1 200 OK\r\nX-A: b\xFF\r\nempty:\r\n\r\n";
        for cut in 0..whole.len() {
            let mut read = BytesMut::from(&whole[..cut]);
            assert!(ReplyHead::take(&mut read, false).expect("a beginning").is_none(), "cut at {cut}");
        }
        let head = ReplyHead::take(&mut BytesMut::from(&whole[..]), false).expect("a head").expect("whole");
        assert_eq!(
            (head.headers["x-a"].as_bytes(), head.headers["empty"].as_bytes()),
            (&b"b\xFF"[..], &b""[..])
        );
    }
}
