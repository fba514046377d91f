//! A request's body: read within its limits, inflated, and taken for a JSON document or a form.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use trunkline_core::{
    Body as CallBody, Document, DocumentLimits, Duplicates, Error, ErrorKind, Form, Operation, json,
};

use crate::Limits;
use crate::inflate::{Encoding, inflate};

/// A model's name, in bytes: longer ones are no names.
pub(crate) const MODEL_NAME_BYTES_MAX: usize = 1024;

/// Bodies from this size on are inflated on a thread of their own, so that they hold up no other request.
const INFLATE_INLINE_BYTES_MAX: usize = 64 * 1024;

/// Reads the body that an operation takes: none, a form where it may be one, else a JSON object, whatever its
/// content type says.
///
/// # Errors
///
/// `BodyTooLarge`, `BodyTimeout`, `UnsupportedEncoding`, or `InvalidRequest` with the place of what is wrong.
pub(crate) async fn read<B>(
    operation: Operation,
    headers: &HeaderMap,
    body: B,
    limits: &Limits,
    idle: Duration,
) -> Result<CallBody, Error>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    if operation.is_about_object() {
        return Ok(CallBody::Empty);
    }
    let bytes = plain(headers, body, limits, idle).await?;
    if operation.takes_form()
        && let Some(content_type) = headers.get(CONTENT_TYPE).filter(|value| is_form(value))
    {
        let form = Form::parse(bytes, content_type.clone())
            .map_err(|error| Error::new(ErrorKind::InvalidRequest, error.to_string()).with_source(error))?;
        return Ok(CallBody::Form(form));
    }
    document(bytes, limits).map(CallBody::Document)
}

/// Reads a JSON object that is meant for the gateway itself. No body is an object without members.
///
/// # Errors
///
/// As [`read`].
pub(crate) async fn object<B>(
    headers: &HeaderMap,
    body: B,
    limits: &Limits,
    idle: Duration,
) -> Result<Map<String, Value>, Error>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let bytes = plain(headers, body, limits, idle).await?;
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    let document = document(bytes, limits)?;
    serde_json::from_slice(&document.to_bytes()).map_err(|error| {
        Error::new(ErrorKind::InvalidRequest, format!("the body cannot be read: {error}")).with_source(error)
    })
}

/// The bytes of a body, inflated.
async fn plain<B>(headers: &HeaderMap, body: B, limits: &Limits, idle: Duration) -> Result<Bytes, Error>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let encoding = encoding(headers)?;
    let bytes = collect(headers, body, limits.body_bytes_max, idle).await?;
    match encoding {
        None => Ok(bytes),
        Some(encoding) => inflated(encoding, bytes, limits.body_inflated_bytes_max).await,
    }
}

fn is_form(content_type: &HeaderValue) -> bool {
    const START: &[u8] = b"multipart/";
    content_type.as_bytes().get(..START.len()).is_some_and(|start| start.eq_ignore_ascii_case(START))
}

fn document(bytes: Bytes, limits: &Limits) -> Result<Document, Error> {
    let limits = DocumentLimits { depth_max: limits.json_depth_max, duplicates: Duplicates::Refuse };
    Document::parse_with(bytes, &limits).map_err(|error| {
        let refused = Error::new(ErrorKind::InvalidRequest, error.to_string());
        match error.member() {
            Some(member) => refused.with_param(member.to_owned()),
            None => refused,
        }
        .with_source(error)
    })
}

fn encoding(headers: &HeaderMap) -> Result<Option<Encoding>, Error> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let message = "more than one content-encoding is not supported";
        return Err(Error::new(ErrorKind::UnsupportedEncoding, message));
    }
    Encoding::parse(value.to_str().unwrap_or("of unreadable name"))
}

async fn inflated(encoding: Encoding, bytes: Bytes, bytes_max: usize) -> Result<Bytes, Error> {
    if bytes.len() <= INFLATE_INLINE_BYTES_MAX {
        return inflate(encoding, &bytes, bytes_max);
    }
    tokio::task::spawn_blocking(move || inflate(encoding, &bytes, bytes_max)).await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "inflating the body was interrupted").with_source(error))
    })
}

async fn collect<B>(
    headers: &HeaderMap,
    mut body: B,
    bytes_max: usize,
    idle: Duration,
) -> Result<Bytes, Error>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large(bytes_max));
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    loop {
        let mut next = body.frame();
        // Small bodies are there already, and need no timer.
        let frame = match (&mut next).now_or_never() {
            Some(frame) => frame,
            None => tokio::time::timeout(idle, next).await.map_err(|_| too_slow(idle))?,
        };
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| {
            Error::new(ErrorKind::InvalidRequest, "the body ended before it was complete").with_source(error)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + whole.len() + data.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        // A small body comes in one piece, which is then not copied.
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            // What was announced is reserved up to a bound, so that a header alone cannot claim memory.
            let room = announced.map_or(0, |length| length.min(1024 * 1024));
            whole.reserve((room as usize).max(first.len() + data.len()));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// A request's body that nobody asks again once it has ended: some are not made for that.
#[derive(Debug)]
pub(crate) struct ReadOnce<B> {
    body: B,
    ended: bool,
}

impl<B> ReadOnce<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body, ended: false }
    }
}

impl<B: Body + Unpin> Body for ReadOnce<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        this.ended = !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads on and forgets what is left of the body of a request that was refused, so that the caller can read the
/// refusal and go on using the connection. Tells whether the end was reached: there are bounds to both.
pub(crate) async fn discard<B>(awaits_leave: bool, body: &mut B) -> bool
where
    B: Body<Data = Bytes> + Unpin + Send,
{
    const BYTES_MAX: usize = 1024 * 1024;
    const WAIT_MAX: Duration = Duration::from_secs(1);
    // Whoever waits for leave to send has sent nothing, and now need not.
    if awaits_leave {
        return false;
    }
    let reading = async {
        let mut read = 0;
        while read <= BYTES_MAX {
            match body.frame().await {
                None => return true,
                Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) => return false,
            }
        }
        false
    };
    tokio::time::timeout(WAIT_MAX, reading).await.unwrap_or(false)
}

fn too_large(bytes_max: usize) -> Error {
    Error::new(ErrorKind::BodyTooLarge, format!("the body is larger than body_bytes_max ({bytes_max} bytes)"))
}

fn too_slow(idle: Duration) -> Error {
    let message = format!("nothing of the body came for body_idle_timeout_ms ({} ms)", idle.as_millis());
    Error::new(ErrorKind::BodyTimeout, message)
}

/// Checks what the gateway itself must be able to rely on: the operation's required members, and `stream` and
/// `stream_options`, which steer how the reply is sent.
///
/// # Errors
///
/// `MissingParameter` or `InvalidRequest`, naming the parameter.
pub(crate) fn check(body: &CallBody, operation: Operation) -> Result<(), Error> {
    let has = |name: &str| match body {
        CallBody::Document(document) => document.contains(name),
        CallBody::Form(form) => form.contains(name),
        CallBody::Empty => true,
    };
    if let Some(name) = operation.required_members().iter().find(|name| !has(name)) {
        let mut message = format!("/{}: Missing required parameter: '{name}'.", operation.path());
        if *name == "file" && matches!(body, CallBody::Document(_)) {
            message.push_str(" This operation takes multipart/form-data, with the sound in the part 'file'.");
        }
        return Err(Error::new(ErrorKind::MissingParameter, message).with_param(*name));
    }
    match body {
        CallBody::Document(document) => check_stream(document),
        CallBody::Form(form) => match form.text("stream") {
            None | Some("true" | "false" | "1" | "0" | "") => Ok(()),
            Some(_) => Err(invalid("stream", "'stream' must be `true` or `false`.")),
        },
        CallBody::Empty => Ok(()),
    }
}

fn check_stream(document: &Document) -> Result<(), Error> {
    let stream = document.raw("stream");
    if !matches!(stream, None | Some(b"true" | b"false" | b"null")) {
        return Err(invalid("stream", "'stream' must be a boolean."));
    }
    let Some(options) = document.raw("stream_options").filter(|raw| !json::is_null(raw)) else {
        return Ok(());
    };
    if options.first() != Some(&b'{') {
        return Err(invalid("stream_options", "'stream_options' must be an object."));
    }
    let include_usage = json::member(options, "include_usage").and_then(|span| options.get(span));
    if !matches!(include_usage, None | Some(b"true" | b"false" | b"null")) {
        return Err(invalid("stream_options.include_usage", "'include_usage' must be a boolean."));
    }
    if stream != Some(b"true") {
        let message = "'stream_options' is only allowed when 'stream' is true.";
        return Err(invalid("stream_options", message));
    }
    Ok(())
}

/// The model that a body names. `None` if it names none.
///
/// # Errors
///
/// `InvalidRequest` if what it names is no text, or an empty one.
pub(crate) fn model(body: &CallBody) -> Result<Option<String>, Error> {
    let name = match body {
        CallBody::Document(document) => match document.raw("model") {
            None | Some(b"null") => return Ok(None),
            Some(_) => document.string("model").map(Cow::into_owned),
        },
        CallBody::Form(form) => match form.text("model") {
            None if !form.contains("model") => return Ok(None),
            text => text.map(str::to_owned),
        },
        CallBody::Empty => return Ok(None),
    };
    match name {
        Some(name) if !name.is_empty() => Ok(Some(name)),
        Some(_) => Err(invalid("model", "'model' must not be empty.")),
        None => Err(invalid("model", "'model' must be a string.")),
    }
}

/// The refusal of a request that names no model where it must.
pub(crate) fn model_missing(operation: Operation) -> Error {
    let message = format!("/{}: Missing required parameter: 'model'.", operation.path());
    Error::new(ErrorKind::MissingParameter, message).with_param("model")
}

fn invalid(param: &str, message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).with_param(param)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(body: &str, expected: Result<(), &str>) {
        let document = CallBody::Document(Document::parse(body.to_owned()).expect("a document"));
        let outcome = check(&document, Operation::ChatCompletions);
        let param = outcome.map_err(|error| error.param().unwrap_or_default().to_owned());
        assert_eq!(param, expected.map_err(str::to_owned), "{body}");
    }

    #[test]
    fn what_steers_the_reply_is_checked() {
        checked(r#"{"messages":[]}"#, Ok(()));
        checked(r#"{"messages":[],"stream":true,"stream_options":{"include_usage":true}}"#, Ok(()));
        checked(r#"{"messages":[],"stream":true,"stream_options":null}"#, Ok(()));
        checked(r#"{"model":"m"}"#, Err("messages"));
        checked(r#"{"messages":[],"stream":"yes"}"#, Err("stream"));
        checked(r#"{"messages":[],"stream":true,"stream_options":[]}"#, Err("stream_options"));
        checked(r#"{"messages":[],"stream_options":{}}"#, Err("stream_options"));
        let odd = r#"{"messages":[],"stream":true,"stream_options":{"include_usage":1}}"#;
        checked(odd, Err("stream_options.include_usage"));
    }
}
