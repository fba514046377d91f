//! Which provider answers to which prefix.

use std::sync::Arc;

use trunkline_core::Environment;

use crate::{Limits, Provider, StreamBudget, Transport};

/// The providers that are known, and what they are built from.
///
/// Each provider crate exports one `register(&mut Registry)`, which takes what it needs from here and
/// registers itself under its prefixes.
#[derive(Debug)]
pub struct Registry {
    transport: Arc<dyn Transport>,
    environment: Environment,
    limits: Limits,
    stream_budget: Arc<StreamBudget>,
    registrations: Vec<Registration>,
}

/// A provider under its prefix.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The prefix, without the slash behind it: `vercel_ai_gateway`.
    pub prefix: Arc<str>,
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// What people are told of it.
    pub about: About,
}

/// What people are told of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its name: `Vercel AI Gateway`.
    pub name: String,
    /// The variables that its credential is taken from, in that order.
    pub key_variables: Vec<String>,
    /// Whether such a credential is set now.
    pub has_credential: bool,
    /// How names that are its own begin where they stand without a prefix: `gpt-`.
    pub bare_names: Vec<String>,
    /// Whether it answers without any credential.
    pub is_open: bool,
    /// Whether its list of models tells what they cost.
    pub tells_prices: bool,
}

impl Registry {
    /// No providers yet; those to come are built from these.
    pub fn new(transport: Arc<dyn Transport>, environment: Environment, limits: Limits) -> Self {
        let stream_budget = StreamBudget::new(limits.stream_buffer_total_bytes);
        Self { transport, environment, limits, stream_budget, registrations: Vec::new() }
    }

    /// What carries requests upstream.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.transport)
    }

    /// The environment that credentials and bases are taken from.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// How large replies may be.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What all streams of its providers together may hold back.
    pub fn stream_budget(&self) -> Arc<StreamBudget> {
        Arc::clone(&self.stream_budget)
    }

    /// Adds a provider under a prefix of one or more whole segments. A prefix that is taken is replaced.
    pub fn register(&mut self, prefix: impl Into<String>, provider: Arc<dyn Provider>, about: About) {
        let prefix: Arc<str> = prefix.into().into();
        self.registrations.retain(|registration| registration.prefix != prefix);
        self.registrations.push(Registration { prefix, provider, about });
        // Longest first, so that the first match is the longest; then by name, for the lists people read.
        self.registrations.sort_by(|left, right| {
            right.prefix.len().cmp(&left.prefix.len()).then_with(|| left.prefix.cmp(&right.prefix))
        });
    }

    /// The provider whose prefix is the longest run of whole segments that `model` begins with, and the rest.
    ///
    /// Exactly one prefix is taken off: `vercel_ai_gateway/vercel_ai_gateway/x` leaves `vercel_ai_gateway/x`. A
    /// name without any slash may be one that a provider claims as it is: `gpt-4o` is OpenAI's.
    pub fn find<'m>(&self, model: &'m str) -> Option<(&Registration, &'m str)> {
        let by_prefix = self.registrations.iter().find_map(|registration| {
            // The slash first: it tells nearly all others apart, and looking at one byte is cheap.
            if model.as_bytes().get(registration.prefix.len()) != Some(&b'/') {
                return None;
            }
            let rest = model.strip_prefix(&*registration.prefix)?.strip_prefix('/')?;
            (!rest.is_empty()).then_some((registration, rest))
        });
        by_prefix.or_else(|| {
            let claims = |registration: &&Registration| {
                let starts = &registration.about.bare_names;
                !model.contains('/') && starts.iter().any(|start| model.starts_with(start.as_str()))
            };
            self.registrations.iter().find(claims).map(|registration| (registration, model))
        })
    }

    /// The provider that is registered under exactly this prefix.
    pub fn by_prefix(&self, prefix: &str) -> Option<&Registration> {
        self.registrations.iter().find(|registration| *registration.prefix == *prefix)
    }

    /// All of them, by prefix in alphabetical order.
    pub fn registrations(&self) -> Vec<&Registration> {
        let mut all: Vec<&Registration> = self.registrations.iter().collect();
        all.sort_by(|left, right| left.prefix.cmp(&right.prefix));
        all
    }
}
