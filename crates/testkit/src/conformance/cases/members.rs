//! Members that nobody touches: the same bytes behind the provider as before it, by their hashes.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use trunkline_core::{Body, Document};

use super::super::Harness;
use super::super::finding::{Finding, Outcome, Verdict, excerpt, holds, same, same_bytes};
use super::super::odd_json::OddJson;
use super::super::question::BodyKind;
use super::super::subject::{Subject, succeeded};
use super::super::transport::UpstreamReply;
use super::requests::sent_for;
use super::{NO_UPSTREAM, NOT_VERBATIM};

/// How many documents are generated for each direction and operation.
const DOCUMENTS: usize = 400;

/// Every member of a request but `model`, and those that the fixtures name, arrives with the same SHA-256:
/// number spellings, escapes, white space and members that nobody knows included. Of a form, every byte does but
/// the model's, and where nothing stands in a body, nothing is sent.
pub async fn untouched_request_members_are_byte_identical(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if !fixtures.verbatim {
        return Ok(NOT_VERBATIM);
    }
    let touched = |name: &str| name == "model" || fixtures.touched_members.iter().any(|own| own == name);
    let mut odd = OddJson::new(1);
    for way in subject.ways_to_ask() {
        let asked = subject.ask(way);
        if way.kind != BodyKind::Document {
            let (doing, request) = sent_for(&subject, way).await?;
            let expected = subject.body_for_upstream(way).segments().into_bytes();
            same_bytes(&doing, "the body as it came, but for the model", &expected, &request.body)?;
            let content_type = asked.body.content_type();
            same(&doing, "the media type", &content_type.as_ref(), &request.headers.get(CONTENT_TYPE))?;
            continue;
        }
        let question = asked.body.segments().into_bytes();
        for round in 0..DOCUMENTS {
            let body = odd.with_odd_members(&question);
            let doing = format!("sending document {round} of {way}, {}", excerpt(&body));
            let document = Document::parse(body.clone())
                .map_err(|error| Finding::new(&doing, "a document", error.to_string()))?;
            let mut call = asked.clone();
            call.body = Body::Document(document);
            // The upstream's answer makes no difference to what was sent.
            let _ = subject.call(&doing, call, UpstreamReply::json(500, "{}")).await?;
            let sent = subject.transport.requests();
            let [request] = &sent[..] else {
                return Err(Finding::new(doing, "one request", format!("{} requests", sent.len())));
            };
            compare(&doing, &body, &request.body, touched)?;
        }
    }
    Ok(Verdict::Held)
}

/// Every member of a whole reply comes out with the same SHA-256, and so does the reply as a whole.
pub async fn untouched_reply_members_are_byte_identical(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(NO_UPSTREAM);
    };
    if !fixtures.verbatim {
        return Ok(NOT_VERBATIM);
    }
    let mut odd = OddJson::new(2);
    for whole in fixtures.documents() {
        let alike = fixtures.documents().filter(|other| other.operation == whole.operation).count();
        for round in 0..DOCUMENTS / alike {
            let body = Bytes::from(odd.with_odd_members(&whole.body));
            let doing = format!("reading reply {round} to {}, {}", whole.operation, excerpt(&body));
            let answer = UpstreamReply::json(200, body.clone());
            let reply = subject.whole(&doing, whole.operation, answer).await?;
            let (document, _) = succeeded(&doing, "a document", reply)?;
            let came = document.to_bytes();
            compare(&doing, &body, &came, |_| false)?;
            same_bytes(&doing, "the reply as it came", &body, &came)?;
        }
    }
    Ok(Verdict::Held)
}

/// Compares the members of two documents, all but those that are touched, in their order.
fn compare(doing: &str, before: &[u8], behind: &[u8], touched: impl Fn(&str) -> bool) -> Result<(), Finding> {
    let (before, behind) = (members(doing, before)?, members(doing, behind)?);
    for (name, raw) in &before {
        if touched(name) {
            continue;
        }
        let Some(came) = behind.get(name) else {
            return Err(Finding::new(doing, format!("the member {name:?}"), "a body without it"));
        };
        let text = |raw: &str| format!("{raw}, whose hash is {}", hash(raw));
        holds(
            hash(raw) == hash(came),
            doing,
            &format!("the member {name:?} to be {}", text(raw)),
            text(came),
        )?;
    }
    let untouched = |names: &BTreeMap<String, String>| -> Vec<String> {
        names.keys().filter(|name| !touched(name)).cloned().collect()
    };
    same(doing, "no further members than", &untouched(&before), &untouched(&behind))
}

/// The raw text of each top-level member, by another reader than the one that wrote it.
fn members(doing: &str, body: &[u8]) -> Result<BTreeMap<String, String>, Finding> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body)
        .map_err(|error| Finding::new(doing, "a JSON object", format!("{error} in {}", excerpt(body))))?;
    Ok(members.into_iter().map(|(name, raw)| (name, raw.get().to_owned())).collect())
}

fn hash(raw: &str) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(raw.as_bytes()) {
        write!(digits, "{byte:02x}").expect("a text takes all");
    }
    digits
}
