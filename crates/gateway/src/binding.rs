//! What ties a response to the deployment that issued it: its id and its encrypted items say so, sealed.
//!
//! An upstream knows its own responses alone, and only by the credential that made them. Callers see ids that carry
//! the deployment, so that a follow-up finds the way back without any store, and so that an id is of no use to
//! anybody but the caller who was given it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;
use trunkline_core::{Body, Document, Error, ErrorKind, Operation, json};

use crate::authentication::Caller;
use crate::seal::Seal;

/// How the ids of responses begin, sealed or not: clients look at it.
const ID_START: &str = "resp_";
/// How an encrypted item begins that carries its deployment. No base64 text has a colon.
const ITEM_START: &str = "tl1:";
/// The member that holds what is encrypted.
const ENCRYPTED: &[u8] = b"\"encrypted_content\"";
/// Keeps the parts of a sealed text apart. The model, which a caller may have named, stands last: it cannot shift the
/// others.
const PART: char = '\n';

/// Ties what one deployment answers to one caller.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    seal: Arc<Seal>,
    caller: Caller,
    deployment: String,
    /// The name that was asked for: a wildcard's deployment serves many.
    model: String,
    /// Whether encrypted items are tied too. They need not be where one deployment answers alone.
    ties_items: bool,
}

/// What a request says of earlier replies.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Earlier {
    /// The deployment that must answer.
    pub(crate) deployment: Option<String>,
    /// The model that was asked for then.
    pub(crate) model: Option<String>,
    /// The upstream's own id of the object that the operation is about.
    pub(crate) object: Option<String>,
}

impl Binding {
    pub(crate) fn new(
        seal: Arc<Seal>,
        caller: &Caller,
        deployment: &str,
        model: &str,
        ties_items: bool,
    ) -> Self {
        Self {
            seal,
            caller: caller.clone(),
            deployment: deployment.to_owned(),
            model: model.to_owned(),
            ties_items,
        }
    }

    /// The id that the caller sees, as JSON text, for an upstream's, given as JSON text. `None` for what is no id.
    pub(crate) fn id(&self, raw: &[u8]) -> Option<Bytes> {
        let id = json::string(raw).filter(|id| !id.is_empty())?;
        if id.contains(PART) {
            return None;
        }
        let text = format!("{}{PART}{id}{PART}{}", self.deployment, self.model);
        let sealed = self.seal.seal(&context(&self.caller, "response"), &text);
        Some(Bytes::from(json::text(&format!("{ID_START}{sealed}"))))
    }

    /// Whether a text can hold an encrypted item that is to be marked. Most hold none.
    pub(crate) fn may_mark(&self, text: &[u8]) -> bool {
        self.ties_items && memmem::find(text, ENCRYPTED).is_some()
    }

    /// Where the values of encrypted items begin in this JSON text, and what is put in there.
    pub(crate) fn item_marks(&self, text: &[u8]) -> Option<(Vec<usize>, Bytes)> {
        if !self.ties_items {
            return None;
        }
        let places: Vec<usize> = encrypted_values(text).map(|span| span.start).collect();
        if places.is_empty() {
            return None;
        }
        let sealed = self.seal.seal(&context(&self.caller, "item"), &self.deployment);
        Some((places, Bytes::from(format!("{ITEM_START}{sealed}:"))))
    }
}

/// Reads what a request says of earlier replies, and puts the upstream's own words in their place.
///
/// # Errors
///
/// `NotFound` for an id in the path, `InvalidRequest` for one in the body, that this caller was not given.
pub(crate) fn take(
    seal: &Seal,
    caller: &Caller,
    operation: Operation,
    path_id: Option<&str>,
    body: &mut Body,
) -> Result<Earlier, Error> {
    if operation.is_about_object() {
        let id = path_id.unwrap_or_default();
        return opened(seal, caller, id).ok_or_else(|| {
            let message = format!("there is no response `{}` that this gateway gave to this key", shown(id));
            Error::new(ErrorKind::NotFound, message).with_param("response_id")
        });
    }
    let mut earlier = Earlier::default();
    if let Body::Document(document) = body {
        take_items(seal, caller, document, &mut earlier)?;
        take_previous(seal, caller, document, &mut earlier)?;
    }
    Ok(earlier)
}

fn take_previous(
    seal: &Seal,
    caller: &Caller,
    document: &mut Document,
    earlier: &mut Earlier,
) -> Result<(), Error> {
    const MEMBER: &str = "previous_response_id";
    let Some(id) = document.string(MEMBER) else {
        return Ok(());
    };
    let Some(opened) = opened(seal, caller, &id) else {
        let message = format!(
            "`{MEMBER}` `{}` was not given to this key by this gateway; leave it out and send the conversation instead",
            shown(&id)
        );
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param(MEMBER));
    };
    let upstream = opened.object.unwrap_or_default();
    document.set_raw(MEMBER, json::text(&upstream));
    earlier.deployment = opened.deployment;
    Ok(())
}

/// Takes the marks off encrypted items. The last one decides: it is of the turn before this.
fn take_items(
    seal: &Seal,
    caller: &Caller,
    document: &mut Document,
    earlier: &mut Earlier,
) -> Result<(), Error> {
    let Some(input) = document.raw_bytes("input") else {
        return Ok(());
    };
    let mut clean: Vec<u8> = Vec::new();
    let mut from = 0;
    for value in encrypted_values(&input) {
        let Some(rest) = input[value.clone()].strip_prefix(ITEM_START.as_bytes()) else {
            continue;
        };
        let sealed = rest.split(|byte| *byte == b':').next().unwrap_or_default();
        let text = std::str::from_utf8(sealed).ok();
        let Some(deployment) = text.and_then(|text| seal.open(&context(caller, "item"), text)) else {
            let message = "`input` has an encrypted item that was not given to this key by this gateway";
            return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("input"));
        };
        earlier.deployment = Some(deployment);
        clean.extend_from_slice(&input[from..value.start]);
        from = (value.start + ITEM_START.len() + sealed.len() + 1).min(value.end);
    }
    if from > 0 {
        clean.extend_from_slice(&input[from..]);
        document.set_raw("input", clean);
    }
    Ok(())
}

fn opened(seal: &Seal, caller: &Caller, id: &str) -> Option<Earlier> {
    let text = seal.open(&context(caller, "response"), id.strip_prefix(ID_START)?)?;
    let mut parts = text.splitn(3, PART).map(str::to_owned);
    Some(Earlier { deployment: parts.next(), object: parts.next(), model: parts.next() })
}

/// What a sealed text is for, and for whom.
fn context(caller: &Caller, purpose: &str) -> String {
    format!("{purpose} for {}", caller.tenant())
}

/// The values of every `"encrypted_content"`, without their quotes.
///
/// Within a JSON string quotes are escaped, so that a text that talks of one is no hit.
fn encrypted_values(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    memmem::find_iter(text, ENCRYPTED).filter_map(|at| {
        let after = &text[at + ENCRYPTED.len()..];
        let value = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
        let start = text.len() - value.len();
        // What is encrypted is base64 or the like: it holds no escape.
        let end = start + memchr::memchr(b'"', value)?;
        Some(start..end)
    })
}

/// As much of an id as an error repeats.
fn shown(id: &str) -> String {
    const BYTES_MAX: usize = 40;
    let end = id.floor_char_boundary(BYTES_MAX);
    if end < id.len() { format!("{}…", &id[..end]) } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_core::Secret;

    fn seal() -> Arc<Seal> {
        Arc::new(Seal::new(Some(&Secret::new("sk-trunkline"))))
    }

    fn binding(deployment: &str) -> Binding {
        Binding::new(seal(), &Caller::Master, deployment, "gpt", true)
    }

    fn document(text: String) -> Body {
        Body::Document(Document::parse(text).expect("a document"))
    }

    fn sent(body: &Body) -> String {
        String::from_utf8(body.segments().into_bytes().to_vec()).expect("text")
    }

    #[test]
    fn an_id_leads_back_to_its_deployment() {
        let id = binding("d1").id(br#""resp_up""#).expect("an id");
        let text = json::string(&id).expect("a text").into_owned();
        assert!(text.starts_with("resp_") && !text.contains("resp_up"));
        let mut body = document(format!(r#"{{"previous_response_id":{text:?},"n":1.0}}"#));
        let earlier = take(&seal(), &Caller::Master, Operation::Responses, None, &mut body);
        assert_eq!(earlier.expect("it is ours").deployment.as_deref(), Some("d1"));
        assert_eq!(sent(&body), r#"{"previous_response_id":"resp_up","n":1.0}"#);
        let about = take(&seal(), &Caller::Master, Operation::DeleteResponse, Some(&text), &mut Body::Empty);
        let expected = Earlier {
            deployment: Some("d1".to_owned()),
            model: Some("gpt".to_owned()),
            object: Some("resp_up".to_owned()),
        };
        assert_eq!(about.expect("it is ours"), expected);
    }

    #[test]
    fn another_caller_s_id_is_refused() {
        let id = binding("d1").id(br#""resp_up""#).expect("an id");
        let text = json::string(&id).expect("a text").into_owned();
        let refused = |caller, id: &str, operation| {
            let mut body = document(format!(r#"{{"previous_response_id":{id:?}}}"#));
            take(&seal(), caller, operation, Some(id), &mut body).map_err(|error| error.kind())
        };
        assert_eq!(refused(&Caller::Local, &text, Operation::Responses), Err(ErrorKind::InvalidRequest));
        assert_eq!(refused(&Caller::Local, &text, Operation::RetrieveResponse), Err(ErrorKind::NotFound));
        assert_eq!(refused(&Caller::Master, "resp_up", Operation::Responses), Err(ErrorKind::InvalidRequest));
        assert_eq!(
            refused(&Caller::Master, "../models", Operation::CancelResponse),
            Err(ErrorKind::NotFound)
        );
    }

    #[test]
    fn encrypted_items_lead_back_and_go_upstream_as_they_came() {
        let item =
            r#"{"type":"reasoning","encrypted_content" : "gAAA+/=","x":"\"encrypted_content\":\"no\""}"#;
        let (places, mark) = binding("d2").item_marks(item.as_bytes()).expect("there is one");
        assert_eq!(places.len(), 1);
        let mark = std::str::from_utf8(&mark).expect("text");
        let marked = format!("{}{mark}{}", &item[..places[0]], &item[places[0]..]);
        let plain = format!(r#"{{"input":[{item},{item}]}}"#);
        let mut body = document(format!(r#"{{"input":[{item},{marked}]}}"#));
        let earlier = take(&seal(), &Caller::Master, Operation::Responses, None, &mut body).expect("ours");
        assert_eq!(earlier.deployment.as_deref(), Some("d2"));
        assert_eq!(sent(&body), plain);
        let mut foreign = document(format!(r#"{{"input":[{marked}]}}"#));
        let refused = take(&seal(), &Caller::Local, Operation::Responses, None, &mut foreign);
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::InvalidRequest));
    }

    #[test]
    fn a_model_s_name_cannot_change_what_else_is_sealed() {
        let odd = Binding { model: "gpt\nresp_other\nx".to_owned(), ..binding("d1") };
        let id = odd.id(br#""resp_up""#).expect("an id");
        let text = json::string(&id).expect("a text").into_owned();
        let about = take(&seal(), &Caller::Master, Operation::DeleteResponse, Some(&text), &mut Body::Empty);
        assert_eq!(about.expect("it is ours").object.as_deref(), Some("resp_up"));
        assert_eq!(odd.id(br#""resp\nup""#), None);
    }

    #[test]
    fn one_deployment_alone_ties_no_items() {
        let alone = Binding { ties_items: false, ..binding("d1") };
        assert!(alone.item_marks(br#"{"encrypted_content":"a"}"#).is_none());
    }
}
