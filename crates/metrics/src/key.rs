//! What is counted together: everything that a label can tell of a request, an attempt or a fallback.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use trunkline_core::ErrorKind;

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
        hasher.finish()
    }
}

/// The same, to be kept.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    subject: Subject,
    ending: Ending,
    status: u16,
    texts: [Box<str>; 6],
}

impl Labels {
    pub(crate) fn new(key: &Key<'_>) -> Self {
        let texts = [key.route, key.requested, key.group, key.deployment, key.provider, key.model];
        Self { subject: key.subject, ending: key.ending, status: key.status, texts: texts.map(Into::into) }
    }

    pub(crate) fn key(&self) -> Key<'_> {
        let [route, requested, group, deployment, provider, model] = &self.texts;
        Key {
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
