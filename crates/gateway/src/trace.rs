//! The attempts of a request, as a header tells them to who asked.

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::record::Record;
use crate::steering::Steering;

static TRACE: HeaderName = HeaderName::from_static("x-trunkline-trace");
static ATTEMPTS: HeaderName = HeaderName::from_static("x-trunkline-attempts");

/// How long the header gets, in bytes. Later attempts tell more than earlier ones.
const BYTES_MAX: usize = 1_024;

/// Whether a request asks for its attempts.
pub(crate) fn is_asked_for(steering: Steering<'_>) -> bool {
    steering.get(&TRACE).is_some_and(|value| value == "1" || value == "true")
}

/// Adds the attempts: `deployment status cause milliseconds`, one after the other with commas between them.
pub(crate) fn add(record: &Record, reply: &mut HeaderMap) {
    let mut text = String::new();
    for attempt in &record.failed_attempts {
        let status = attempt.status.map_or_else(|| "-".to_owned(), |status| status.as_u16().to_string());
        let cause = attempt.failure.map_or_else(|| "overtaken".to_owned(), |kind| format!("{kind:?}"));
        let milliseconds = attempt.duration.as_millis();
        let _ = write!(text, "{} {status} {cause} {milliseconds}, ", attempt.deployment);
    }
    if let (Some(deployment), Some(took)) = (&record.deployment, record.upstream_duration) {
        let status = record.status.map_or(200, |status| status.as_u16());
        let _ = write!(text, "{deployment} {status} answered {}, ", took.as_millis());
    }
    let text = text.strip_suffix(", ").unwrap_or(&text);
    let start = text.len().saturating_sub(BYTES_MAX);
    let start = (start..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(start);
    // Ids are the operator's own and may hold any character.
    if let Ok(value) = HeaderValue::try_from(&text[start..]) {
        reply.insert(ATTEMPTS.clone(), value);
    }
}
