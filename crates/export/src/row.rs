//! What is kept of a record until it is sent: a copy of limited size, made in the request's own time.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use rust_decimal::Decimal;
use trunkline_core::{Cost, Usage};
use trunkline_gateway::{Outcome, Record};
use trunkline_keys::Identity;
use trunkline_router::Attempt;

/// The longest text that is kept whole, in bytes. Names may be as long as a body, and the queue shall not be.
const TEXT_BYTES_MAX: usize = 256;

/// Tags that are kept.
const TAGS_MAX: usize = 16;

/// Failed attempts that are kept: the last ones.
const ATTEMPTS_MAX: usize = 16;

/// One finished request. Texts are cut to [`TEXT_BYTES_MAX`].
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) call_id: Box<str>,
    pub(crate) operation: Cow<'static, str>,
    pub(crate) route: &'static str,
    pub(crate) ended: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) until_reply: Option<Duration>,
    pub(crate) upstream_duration: Option<Duration>,
    pub(crate) overhead: Option<Duration>,
    pub(crate) streamed: bool,
    pub(crate) status: Option<StatusCode>,
    pub(crate) outcome: Outcome,
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) user: Option<Box<str>>,
    pub(crate) tags: Vec<Box<str>>,
    pub(crate) model: Option<Box<str>>,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) deployment: Option<Arc<str>>,
    pub(crate) provider: Option<Arc<str>>,
    pub(crate) upstream_model: Option<Arc<str>>,
    pub(crate) attempts: u32,
    pub(crate) retries: u32,
    pub(crate) fallbacks: u32,
    pub(crate) failed_attempts: Vec<Attempt>,
    pub(crate) usage: Option<Usage>,
    pub(crate) usage_is_estimated: bool,
    pub(crate) cost: Option<Cost>,
    /// All that was spent, without zeros behind the last figure. `None` is unknown, and never zero.
    pub(crate) spent: Option<Decimal>,
    /// Where that figure is from, in the ledger's words.
    pub(crate) cost_origin: &'static str,
    pub(crate) generation_id: Option<Box<str>>,
    pub(crate) cache_key: Option<Box<str>>,
}

impl Row {
    pub(crate) fn new(record: &Record, route: &'static str) -> Self {
        let observation = &record.observation;
        Self {
            call_id: cut(&record.call_id).into(),
            operation: match &record.operation {
                Cow::Borrowed(operation) => Cow::Borrowed(operation),
                Cow::Owned(operation) => Cow::Owned(cut(operation).to_owned()),
            },
            route,
            ended: SystemTime::now(),
            duration: record.duration.unwrap_or_default(),
            until_reply: record.until_reply,
            upstream_duration: record.upstream_duration,
            overhead: record.overhead,
            streamed: record.streamed,
            status: record.status,
            outcome: record.outcome.unwrap_or(Outcome::Completed),
            identity: record.identity.clone(),
            user: record.user.as_deref().map(|user| cut(user).into()),
            tags: record.tags.iter().take(TAGS_MAX).map(|tag| cut(tag).into()).collect(),
            model: record.model.as_deref().map(|model| cut(model).into()),
            group: record.group.as_ref().map(cut_shared),
            deployment: record.deployment.as_ref().map(cut_shared),
            provider: record.provider.as_ref().map(cut_shared),
            upstream_model: record.upstream_model.as_ref().map(cut_shared),
            attempts: record.attempts,
            retries: record.retries,
            fallbacks: record.fallbacks,
            failed_attempts: attempts(&record.failed_attempts),
            usage: observation.usage.clone(),
            usage_is_estimated: record.usage_is_estimated,
            cost: record.cost.clone(),
            spent: record.spent().map(|spent| spent.normalize()),
            cost_origin: record.cost_origin().name(),
            generation_id: observation.generation_id.as_deref().map(|id| cut(id).into()),
            cache_key: record.cache_key.as_deref().map(|key| cut(key).into()),
        }
    }

    /// About what it takes in memory. What it shares with others is counted as its own.
    pub(crate) fn bytes(&self) -> usize {
        let own = [&self.user, &self.model, &self.generation_id]
            .map(|text| text.as_ref().map_or(0, |text| text.len()));
        let shared =
            [&self.group, &self.upstream_model].map(|text| text.as_ref().map_or(0, |text| text.len()));
        let tags = self.tags.iter().map(|tag| size_of::<Box<str>>() + tag.len());
        let attempts = self.failed_attempts.iter().map(|attempt| {
            let names =
                [&attempt.group, &attempt.deployment, &attempt.deployment_group, &attempt.upstream_model];
            size_of::<Attempt>() + names.map(|name| name.len()).iter().sum::<usize>()
        });
        let texts = self.call_id.len() + own.iter().chain(&shared).sum::<usize>();
        size_of::<Self>() + texts + tags.sum::<usize>() + attempts.sum::<usize>()
    }

    /// When the request was accepted.
    pub(crate) fn started(&self) -> SystemTime {
        self.ended.checked_sub(self.duration).unwrap_or(self.ended)
    }
}

fn attempts(failed: &[Attempt]) -> Vec<Attempt> {
    let first = failed.len().saturating_sub(ATTEMPTS_MAX);
    let attempts = failed[first..].iter().map(|attempt| Attempt {
        group: cut_shared(&attempt.group),
        deployment: cut_shared(&attempt.deployment),
        deployment_group: cut_shared(&attempt.deployment_group),
        provider: cut_shared(&attempt.provider),
        upstream_model: cut_shared(&attempt.upstream_model),
        ..attempt.clone()
    });
    attempts.collect()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// What fits is shared and not copied.
fn cut_shared(text: &Arc<str>) -> Arc<str> {
    if text.len() <= TEXT_BYTES_MAX { Arc::clone(text) } else { cut(text).into() }
}
