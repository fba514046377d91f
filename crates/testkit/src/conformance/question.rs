//! The ways in which an operation can be asked for, and the bodies that ask.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use trunkline_core::{Body, Document, Form, Operation};

use super::Harness;
use super::operations::{Part, row};

/// The id of the object that operations about one are asked for.
pub(crate) const OBJECT: &str = "resp_conformance/1.é";

/// The boundary of forms.
const BOUNDARY: &str = "conformance-boundary";

/// One way to ask for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) operation: Operation,
    pub(crate) streaming: bool,
    pub(crate) kind: BodyKind,
}

/// What a question stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Document,
    Form,
    /// Nothing: all of it stands in the address.
    Empty,
}

impl Way {
    /// The first of all ways.
    pub(crate) fn of(operation: Operation, streaming: bool) -> Self {
        let row = row(operation);
        let kind = match (row.document, row.form) {
            (Some(_), _) => BodyKind::Document,
            (None, Some(_)) => BodyKind::Form,
            (None, None) => BodyKind::Empty,
        };
        Self { operation, streaming, kind }
    }

    /// All ways: some operations take JSON and forms.
    pub(crate) fn all_of(operation: Operation, streaming: bool) -> Vec<Self> {
        let first = Self::of(operation, streaming);
        let as_form = Self { kind: BodyKind::Form, ..first };
        if row(operation).form.is_some() && first != as_form { vec![first, as_form] } else { vec![first] }
    }

    /// The body that asks for this model.
    pub(crate) fn body(self, harness: &Harness, model: &str) -> Body {
        match self.kind {
            BodyKind::Document => Body::Document(self.document(harness, model)),
            BodyKind::Form => {
                let content_type = format!("multipart/form-data; boundary=\"{BOUNDARY}\"");
                let content_type = HeaderValue::try_from(content_type).expect("a boundary is ASCII");
                let form = Form::parse(self.form(model), content_type);
                Body::Form(form.expect("the suite writes forms that are forms"))
            }
            BodyKind::Empty => Body::Empty,
        }
    }

    fn document(self, harness: &Harness, model: &str) -> Document {
        let asked = harness.own_question(self.operation);
        let mut document = asked.unwrap_or_else(|| {
            let text = row(self.operation).document.unwrap_or("{}");
            Document::parse(text).expect("the suite's own questions are JSON objects")
        });
        document.set_raw("model", trunkline_core::json::text(model));
        if self.streaming {
            document.set_raw("stream", Bytes::from_static(b"true"));
        }
        document
    }

    /// The form as bytes, the model in the middle of it.
    fn form(self, model: &str) -> Bytes {
        let parts = row(self.operation).form.unwrap_or_default();
        let own = |name, value| Part { name, file: None, value };
        let (before, behind) = parts.split_at(parts.len().min(1));
        let model = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=model\r\n\r\n{model}\r\n");
        let stream = self.streaming.then_some(own("stream", b"true"));
        let before = before.iter().copied().flat_map(part_bytes);
        let behind = behind.iter().copied().chain(stream).flat_map(part_bytes);
        let end = format!("--{BOUNDARY}--\r\n");
        before.chain(model.into_bytes()).chain(behind).chain(end.into_bytes()).collect()
    }

    /// The parameters of the address.
    pub(crate) fn query(self) -> Option<String> {
        let in_address = self.streaming && self.kind == BodyKind::Empty;
        let stream = in_address.then_some("stream=true");
        let parameters: Vec<&str> = row(self.operation).query.into_iter().chain(stream).collect();
        (!parameters.is_empty()).then(|| parameters.join("&"))
    }
}

fn part_bytes(part: Part) -> Vec<u8> {
    let mut head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"", part.name);
    if let Some((name, media_type)) = part.file {
        head.push_str(&format!("; filename=\"{name}\"\r\nContent-Type: {media_type}"));
    }
    [head.as_bytes(), b"\r\n\r\n", part.value, b"\r\n"].concat()
}

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.operation)?;
        if self.kind == BodyKind::Form {
            formatter.write_str(" with a form")?;
        }
        if self.streaming { formatter.write_str(" as a stream") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_of_the_author_s_own_is_asked_of_this_model() {
        let harness = Harness::new("plain/m", |_| {}).asking(|operation| match operation {
            Operation::ChatCompletions => Document::parse(r#"{"messages":[],"max_tokens":5}"#).ok(),
            _ => None,
        });
        let asked = |operation, streaming| {
            let body = Way::of(operation, streaming).body(&harness, "plain/m");
            body.segments().into_bytes()
        };
        assert_eq!(
            asked(Operation::ChatCompletions, true),
            r#"{"messages":[],"max_tokens":5,"model":"plain/m","stream":true}"#
        );
        let own = r#"{"input":"What is a café to 茶, in three words? 😀","model":"plain/m"}"#;
        assert_eq!(asked(Operation::Embeddings, false), own);
    }

    #[test]
    fn every_operation_can_be_asked_for_as_what_it_is() {
        let harness = Harness::new("plain/m", |_| {});
        for operation in Operation::ALL {
            for streaming in [false, true] {
                for way in Way::all_of(operation, streaming) {
                    let mut call =
                        trunkline_core::Call::with_body(operation, "m", way.body(&harness, "plain/m"));
                    call.query = way.query();
                    assert_eq!(call.streaming(), streaming && operation.streams(), "{way}");
                }
            }
        }
        let form = Way { kind: BodyKind::Form, ..Way::of(Operation::ImageEdits, true) };
        let Body::Form(form) = form.body(&harness, "plain/m") else { panic!("no form") };
        assert_eq!(form.names().collect::<Vec<_>>(), ["prompt", "model", "image[]", "image[]", "stream"]);
        assert_eq!(form.text("model"), Some("plain/m"));
        assert_eq!(form.text("image[]"), None);
    }
}
