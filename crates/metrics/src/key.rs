//! What is counted together: everything that a label can tell of a request, an attempt or a fallback.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use trunkline_core::ErrorKind;
use trunkline_gateway::{Outcome, Record, status_of};
use trunkline_router::Attempt;

use crate::caller::{Caller, KeptCaller};

/// The status of a caller that left: nginx' own, and in no other family.
const LEFT: u16 = 499;

/// What a tally is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Request,
    /// A try at a deployment that brought no reply.
    Attempt,
    /// A group that was asked after another one, and answered.
    FallbackAnswered,
    /// One that did not.
    FallbackFailed,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    Completed,
    /// There was no reply.
    Failed(ErrorKind),
    /// It failed in the middle of the reply.
    Cut(ErrorKind),
    /// The caller left in the middle of the reply.
    LeftReply,
    /// The caller left before there was one.
    Left,
    /// It was given up because another answered first.
    Overtaken,
}

impl Ending {
    pub(crate) fn failure(self) -> Option<ErrorKind> {
        match self {
            Self::Failed(kind) | Self::Cut(kind) => Some(kind),
            Self::Completed | Self::LeftReply | Self::Left | Self::Overtaken => None,
        }
    }
}

/// What is counted together, borrowed for a look-up. An empty text stands for what is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key<'k> {
    pub(crate) caller: Caller<'k>,
    pub(crate) subject: Subject,
    pub(crate) ending: Ending,
    pub(crate) status: u16,
    pub(crate) route: &'k str,
    pub(crate) requested: &'k str,
    pub(crate) group: &'k str,
    pub(crate) deployment: &'k str,
    pub(crate) provider: &'k str,
    pub(crate) model: &'k str,
}

impl Key<'_> {
    pub(crate) fn hash(&self) -> u64 {
        let mut hasher = FxHasher::default();
        (self.subject, self.ending, self.status).hash(&mut hasher);
        for text in [self.route, self.requested, self.group, self.deployment, self.provider, self.model] {
            hasher.write(text.as_bytes());
        }
        self.caller.hash(&mut hasher);
        hasher.finish()
    }
}

/// The same, to be kept.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    pub(crate) caller: KeptCaller,
    subject: Subject,
    ending: Ending,
    status: u16,
    texts: [Box<str>; 6],
}

impl Labels {
    /// `caller` is the one of the key, to be kept.
    pub(crate) fn new(key: &Key<'_>, caller: KeptCaller) -> Self {
        let texts = [key.route, key.requested, key.group, key.deployment, key.provider, key.model];
        Self {
            caller,
            subject: key.subject,
            ending: key.ending,
            status: key.status,
            texts: texts.map(Into::into),
        }
    }

    pub(crate) fn key(&self) -> Key<'_> {
        let [route, requested, group, deployment, provider, model] = &self.texts;
        Key {
            caller: self.caller.borrowed(),
            subject: self.subject,
            ending: self.ending,
            status: self.status,
            route,
            requested,
            group,
            deployment,
            provider,
            model,
        }
    }
}

/// What a request is counted under.
pub(crate) fn request_key<'r>(record: &'r Record, route: &'static str) -> Key<'r> {
    let sent = record.status.map_or(0, |status| status.as_u16());
    // A reply that began well is one that a caller may have left, or an upstream cut.
    let has_begun = (200..400).contains(&sent);
    let (ending, status) = match record.outcome {
        Some(Outcome::Completed) | None => (Ending::Completed, sent),
        Some(Outcome::Failed(kind)) if has_begun => (Ending::Cut(kind), status_of(kind).as_u16()),
        Some(Outcome::Failed(kind)) => (Ending::Failed(kind), sent),
        Some(Outcome::CallerGone) if has_begun => (Ending::LeftReply, LEFT),
        Some(Outcome::CallerGone) => (Ending::Left, LEFT),
    };
    Key {
        caller: Caller::of(record.identity.as_ref()),
        subject: Subject::Request,
        ending,
        status,
        route,
        requested: record.model.as_deref().unwrap_or_default(),
        group: record.deployment_group.as_deref().or(record.asked_group.as_deref()).unwrap_or_default(),
        deployment: record.deployment.as_deref().unwrap_or_default(),
        provider: record.provider.as_deref().unwrap_or_default(),
        model: record.upstream_model.as_deref().unwrap_or_default(),
    }
}

/// What an attempt that brought no reply is counted under.
pub(crate) fn attempt_key<'r>(record: &'r Record, attempt: &'r Attempt) -> Key<'r> {
    let (ending, status) = match attempt.failure {
        Some(kind) => (Ending::Failed(kind), attempt.status.unwrap_or(status_of(kind)).as_u16()),
        None => (Ending::Overtaken, 0),
    };
    Key {
        caller: Caller::of(record.identity.as_ref()),
        subject: Subject::Attempt,
        ending,
        status,
        route: "",
        requested: record.model.as_deref().unwrap_or_default(),
        group: &attempt.deployment_group,
        deployment: &attempt.deployment,
        provider: &attempt.provider,
        model: &attempt.upstream_model,
    }
}

/// The groups that were asked after the first one, with what the one before each had failed of.
pub(crate) fn fallback_keys(record: &Record) -> Vec<Key<'_>> {
    let Some(request) = record.route.map(|route| request_key(record, route)) else { return Vec::new() };
    if record.fallbacks == 0 {
        return Vec::new();
    }
    // A group is known by the name that led to it: two names may lead to one wildcard.
    let mut asked: Vec<(&str, Key<'_>)> = Vec::new();
    let mut before: Option<&Attempt> = None;
    for attempt in &record.failed_attempts {
        if asked.last().is_none_or(|(group, _)| *group != &*attempt.group) {
            let key = attempt_key(record, attempt);
            asked.push((&attempt.group, of_fallback(Subject::FallbackFailed, key, before)));
        }
        before = Some(attempt);
    }
    let has_answered = matches!(request.ending, Ending::Completed | Ending::LeftReply | Ending::Cut(_));
    if let (true, Some(group)) = (has_answered, record.group.as_deref()) {
        // Of the group that answered, attempts in vain were made good.
        asked.retain(|(failed, _)| *failed != group);
        before = record.failed_attempts.iter().rev().find(|attempt| *attempt.group != *group);
        asked.push((group, of_fallback(Subject::FallbackAnswered, request, before)));
    }
    // Groups of which no deployment could be asked leave no trace; the first one may be among them.
    let fallbacks = usize::try_from(record.fallbacks).unwrap_or(usize::MAX);
    let first = asked.len().saturating_sub(fallbacks);
    if matches!(request.ending, Ending::Left) {
        // Nobody knows what the last one would have answered.
        asked.pop();
    }
    asked.into_iter().skip(first).map(|(_, key)| key).collect()
}

/// `before` is what the group before it failed of.
fn of_fallback<'r>(subject: Subject, key: Key<'r>, before: Option<&Attempt>) -> Key<'r> {
    let failure = before.and_then(|attempt| attempt.failure).unwrap_or(ErrorKind::NoDeployment);
    let status = before.and_then(|attempt| attempt.status).unwrap_or(status_of(failure));
    Key { subject, ending: Ending::Failed(failure), status: status.as_u16(), route: "", ..key }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;
    use std::time::Duration;

    use http::StatusCode;

    use super::*;
    use crate::caller::tests::identity;

    fn attempt(group: &str, status: u16) -> Attempt {
        Attempt {
            group: group.into(),
            deployment: format!("id-{group}").into(),
            deployment_group: group.into(),
            provider: "openai".into(),
            upstream_model: "x".into(),
            status: StatusCode::from_u16(status).ok(),
            failure: Some(ErrorKind::UpstreamFailed),
            duration: Duration::from_millis(1),
            usage: None,
            cost: None,
            generation_id: None,
        }
    }

    fn record(failed: &[Attempt], answered: Option<&str>, fallbacks: u32) -> Record {
        let outcome =
            if answered.is_some() { Outcome::Completed } else { Outcome::Failed(ErrorKind::UpstreamFailed) };
        let last = answered.map(Arc::from).or(failed.last().map(|attempt| Arc::clone(&attempt.group)));
        Record {
            route: Some("/v1/chat/completions"),
            model: Some("a".to_owned()),
            asked_group: Some("a".into()),
            group: last.clone(),
            deployment: last.clone(),
            deployment_group: last,
            provider: Some("openai".into()),
            upstream_model: Some("x".into()),
            failed_attempts: failed.to_vec(),
            attempts: 1,
            fallbacks,
            status: StatusCode::from_u16(if answered.is_some() { 200 } else { 500 }).ok(),
            outcome: Some(outcome),
            upstream_duration: Some(Duration::from_millis(2)),
            until_reply: Some(Duration::from_millis(4)),
            overhead: Some(Duration::from_millis(2)),
            duration: Some(Duration::from_millis(5)),
            ..Record::opened("id".to_owned(), Cow::Borrowed("chat_completions"))
        }
    }

    /// Each fallback as its group, whether it answered, and the status before it.
    fn check(record: &Record, expected: &[(&str, bool, u16)]) {
        let keys = fallback_keys(record);
        let found: Vec<_> = keys
            .iter()
            .map(|key| (key.group, key.subject == Subject::FallbackAnswered, key.status))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn fallbacks_are_those_behind_the_first_group() {
        let [a, b, c] = [attempt("a", 500), attempt("b", 503), attempt("c", 502)];
        check(&record(std::slice::from_ref(&a), None, 0), &[]);
        check(&record(&[a.clone(), a.clone()], Some("b"), 1), &[("b", true, 500)]);
        check(
            &record(&[a.clone(), b.clone(), b.clone()], Some("c"), 2),
            &[("b", false, 500), ("c", true, 503)],
        );
        check(&record(&[a.clone(), b.clone()], Some("b"), 1), &[("b", true, 500)]);
        check(&record(&[a, b, c], None, 2), &[("b", false, 500), ("c", false, 503)]);
        // The first group had nobody to ask.
        check(&record(&[], Some("b"), 1), &[("b", true, 429)]);
        // A caller that leaves the second one has seen it neither fail nor answer.
        let given_up = Attempt { status: None, failure: None, ..attempt("b", 0) };
        let mut left = record(&[attempt("a", 500), given_up], None, 1);
        (left.outcome, left.status) = (Some(Outcome::CallerGone), None);
        check(&left, &[]);
    }

    #[test]
    fn a_reply_that_broke_off_is_a_failure_and_a_caller_that_left_is_none() {
        let mut record = record(&[], Some("a"), 0);
        let mut check = |outcome, status, expected| {
            record.outcome = Some(outcome);
            record.status = status;
            let key = request_key(&record, "/v1/chat/completions");
            assert_eq!((key.ending, key.status), expected);
        };
        let ok = Some(StatusCode::OK);
        check(Outcome::Completed, ok, (Ending::Completed, 200));
        let cut = ErrorKind::UpstreamCut;
        check(Outcome::Failed(cut), ok, (Ending::Cut(cut), 502));
        let busy = ErrorKind::Overloaded;
        check(Outcome::Failed(busy), Some(StatusCode::TOO_MANY_REQUESTS), (Ending::Failed(busy), 429));
        check(Outcome::CallerGone, ok, (Ending::LeftReply, LEFT));
        check(Outcome::CallerGone, None, (Ending::Left, LEFT));
    }

    #[test]
    fn whatever_is_counted_of_a_request_is_counted_of_its_key() {
        let mut record = record(&[attempt("a", 500), attempt("b", 503)], Some("c"), 2);
        let callers = |record: &Record| {
            let request = request_key(record, "/v1/chat/completions");
            let attempts = record.failed_attempts.iter().map(|attempt| attempt_key(record, attempt));
            let keys: Vec<Key<'_>> = attempts.chain(fallback_keys(record)).chain([request]).collect();
            let tokens = keys.iter().map(|key| key.caller.token().copied());
            tokens.collect::<Vec<_>>()
        };
        assert_eq!(callers(&record), [None; 5]);
        let identity = identity("sk-1", "first");
        let token = identity.token;
        record.identity = Some(identity);
        assert_eq!(callers(&record), [Some(token); 5]);
    }
}
