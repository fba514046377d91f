//! The one error: what went wrong, whose fault it is, and whether trying again can help.

mod advice;
mod kind;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{SubjectKind, Wait};

pub use kind::{ErrorKind, Fault, Retry};

/// What an upstream answered when it refused or failed.
#[derive(Clone, Debug)]
pub struct UpstreamAnswer {
    /// Its status. For an error inside a stream that began well: the status that the error names, if any.
    pub status: Option<StatusCode>,
    /// Its body, verbatim, up to a limit.
    pub body: Bytes,
}

/// A limit of a caller's that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReachedLimit {
    /// What it counts: `requests`, `tokens`, `max_parallel_requests`, `budget`.
    pub name: &'static str,
    /// When it begins anew, in milliseconds since 1970. `None` if it does not, or nobody can say when.
    pub resets_at: Option<i64>,
    /// How far it reaches, if it is one of requests or tokens in a minute.
    pub rate: Option<ReachedRate>,
}

/// How far a limit of a minute reaches that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReachedRate {
    /// Whose it is, in LiteLLM's words: `api_key`, `end_user`, `model_per_key`.
    pub descriptor: &'static str,
    /// What a minute has.
    pub max: u64,
    /// What is left of it.
    pub remaining: u64,
}

/// An error of the router, a provider or the gateway.
///
/// `Display` prints the message, which a caller may read. What lies behind it is reached through
/// [`source`](StdError::source) alone, and belongs in the log.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    param: Option<String>,
    upstream_type: Option<String>,
    upstream_code: Option<String>,
    provider: Option<String>,
    retry: Option<Retry>,
    retry_after: Option<Duration>,
    reached_upstream: bool,
    reply_bytes: Option<u64>,
    credential_fault: bool,
    wait: Option<Wait>,
    subject: Option<SubjectKind>,
    limit: Option<ReachedLimit>,
    status: Option<StatusCode>,
    upstream: Option<UpstreamAnswer>,
    upstream_headers: HeaderMap,
    generation_id: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of a kind, with a message that the caller may read: lower case, no full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            param: None,
            upstream_type: None,
            upstream_code: None,
            provider: None,
            retry: None,
            retry_after: None,
            reached_upstream: false,
            reply_bytes: None,
            credential_fault: false,
            wait: None,
            subject: None,
            limit: None,
            status: None,
            upstream: None,
            upstream_headers: HeaderMap::new(),
            generation_id: None,
            source: None,
        }))
    }

    /// Names the parameter that is at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.0.param = Some(param.into());
        self
    }

    /// Keeps the cause, for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds a remark to the message, behind a semicolon.
    #[must_use]
    pub fn with_remark(mut self, remark: &str) -> Self {
        self.0.message.push_str("; ");
        self.0.message.push_str(remark);
        self
    }

    /// Names the provider that was asked.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.0.provider = Some(provider.into());
        self
    }

    /// Overrides the advice that the kind gives.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = Some(retry);
        self
    }

    /// Notes how long the upstream asked to be left alone.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    /// Notes that the request got as far as the upstream, so that it may have had an effect there.
    #[must_use]
    pub fn having_reached_upstream(mut self) -> Self {
        self.0.reached_upstream = true;
        self
    }

    /// Notes that the credential or its account is at fault, so that no model will answer on it.
    #[must_use]
    pub fn blaming_credential(mut self) -> Self {
        self.0.credential_fault = true;
        self
    }

    /// Notes the wait that ran out.
    #[must_use]
    pub fn with_wait(mut self, wait: Wait) -> Self {
        self.0.wait = Some(wait);
        self
    }

    /// Names who was refused: a key, its user, its team.
    #[must_use]
    pub fn with_subject(mut self, subject: SubjectKind) -> Self {
        self.0.subject = Some(subject);
        self
    }

    /// Names the limit that was reached.
    #[must_use]
    pub fn with_limit(mut self, limit: ReachedLimit) -> Self {
        self.0.limit = Some(limit);
        self
    }

    /// Sets the status that a caller is sent, where the operator chooses it.
    #[must_use]
    pub fn with_status(mut self, status: Option<StatusCode>) -> Self {
        self.0.status = status;
        self
    }

    /// Keeps what the upstream answered, with the error type and code that it named.
    #[must_use]
    pub fn with_upstream(
        mut self,
        answer: UpstreamAnswer,
        upstream_type: Option<String>,
        upstream_code: Option<String>,
    ) -> Self {
        self.0.upstream = Some(answer);
        self.0.upstream_type = upstream_type;
        self.0.upstream_code = upstream_code;
        self.having_reached_upstream()
    }

    /// Keeps the headers that the upstream answered with. Nothing of them goes downstream but what an allow-list
    /// names.
    #[must_use]
    pub fn with_upstream_headers(mut self, headers: HeaderMap) -> Self {
        self.0.upstream_headers = headers;
        self
    }

    /// Keeps the upstream's own id of the call, as far as it had told it: a reply that broke off may have been billed.
    #[must_use]
    pub fn with_generation_id(mut self, generation_id: Option<String>) -> Self {
        self.0.generation_id = generation_id;
        self
    }

    /// The upstream's own id of the call, under which its bill can be looked up, where it was told.
    pub fn generation_id(&self) -> Option<&str> {
        self.0.generation_id.as_deref()
    }

    /// Keeps how long a whole reply was, or was to be, that broke off: it may have been billed.
    #[must_use]
    pub fn with_reply_bytes(mut self, bytes: u64) -> Self {
        self.0.reply_bytes = Some(bytes);
        self
    }

    /// How many bytes a whole reply had that broke off: as many as came, or more where it had said so.
    pub fn reply_bytes(&self) -> Option<u64> {
        self.0.reply_bytes
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Who can mend it.
    pub fn fault(&self) -> Fault {
        self.0.kind.fault()
    }

    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        self.0.retry.unwrap_or_else(|| self.0.kind.retry(self.0.retry_after))
    }

    /// Whether any target, the same or another, may answer the same request.
    pub fn is_retryable(&self) -> bool {
        self.retry() != Retry::Never
    }

    /// The message, as the caller may read it.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The parameter at fault.
    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// The provider that was asked.
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// How long the upstream asked to be left alone, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the request got as far as the upstream.
    pub fn reached_upstream(&self) -> bool {
        self.0.reached_upstream
    }

    /// Whether the credential or its account is at fault, whatever the model.
    pub fn is_credential_fault(&self) -> bool {
        self.0.credential_fault
    }

    /// The wait of ours that ran out, if that is what it failed of.
    pub fn wait(&self) -> Option<Wait> {
        self.0.wait
    }

    /// Who was refused, where that is somebody in particular.
    pub fn subject(&self) -> Option<SubjectKind> {
        self.0.subject
    }

    /// The limit that was reached.
    pub fn limit(&self) -> Option<ReachedLimit> {
        self.0.limit
    }

    /// The status that the operator chose for it.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// What the upstream answered.
    pub fn upstream(&self) -> Option<&UpstreamAnswer> {
        self.0.upstream.as_ref()
    }

    /// The headers that the upstream answered with, if it did.
    pub fn upstream_headers(&self) -> &HeaderMap {
        &self.0.upstream_headers
    }

    /// The causes behind it in one line, the nearest first: for the log, never for a caller.
    pub fn causes(&self) -> Option<String> {
        let mut chain = Vec::new();
        let mut source = StdError::source(self);
        while let Some(cause) = source {
            chain.push(cause.to_string());
            source = cause.source();
        }
        (!chain.is_empty()).then(|| chain.join(": "))
    }

    /// The upstream's status, if it sent one.
    pub fn upstream_status(&self) -> Option<StatusCode> {
        self.0.upstream.as_ref().and_then(|answer| answer.status)
    }

    /// The error type in the upstream's own words.
    pub fn upstream_type(&self) -> Option<&str> {
        self.0.upstream_type.as_deref()
    }

    /// The error code in the upstream's own words.
    pub fn upstream_code(&self) -> Option<&str> {
        self.0.upstream_code.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("provider", &self.0.provider)
            .field("upstream_status", &self.upstream_status())
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_the_message_and_never_the_source() {
        let error = Error::new(ErrorKind::UpstreamUnreachable, "no connection to the upstream")
            .with_source(std::io::Error::other("connect to 10.0.0.7:443 refused"));
        assert_eq!(error.to_string(), "no connection to the upstream");
        let source = error.source().expect("the cause is kept").to_string();
        assert_eq!(source, "connect to 10.0.0.7:443 refused");
    }

    #[test]
    fn a_remark_stands_behind_the_message() {
        let error = Error::new(ErrorKind::UpstreamFailed, "overloaded").with_remark("not tried again");
        assert_eq!(error.message(), "overloaded; not tried again");
    }

    #[test]
    fn the_upstream_s_wish_to_wait_becomes_advice() {
        let error = Error::new(ErrorKind::UpstreamRateLimited, "too many requests");
        assert_eq!(error.retry(), Retry::SameTarget);
        let error = error.with_retry_after(Some(Duration::from_secs(7)));
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(7)));
    }

    #[test]
    fn a_cut_stream_is_never_tried_again() {
        assert!(!Error::new(ErrorKind::UpstreamCut, "cut").is_retryable());
    }
}
