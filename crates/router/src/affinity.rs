//! The same conversation goes to the same deployment, because an upstream keeps what it has read for a while.

use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustc_hash::FxHasher;
use trunkline_core::{Body, Document, json};

use crate::Deployment;
use crate::random::{mixed, unit};
use crate::strategy::Weights;

/// Upstreams keep prompts from about a thousand tokens on.
const BYTES_MIN: usize = 4 * 1024;

/// So many deployments take part at most; of more, as many that stand together.
const RANKED_MAX: usize = 64;

/// How much busier than the average a deployment may be and still be chosen for what it keeps.
const LOAD_MAX: f64 = 1.25;

/// So many calls at one time are no load, whatever the others do.
const LOAD_MIN: f64 = 4.0;

/// What tells conversations apart: who asks, and how the conversation begins. `None` for what is too short to be
/// worth it, and for what has no conversation.
pub(crate) fn key(tenant: u64, body: &Body) -> Option<u64> {
    let Body::Document(document) = body else { return None };
    if document.len() < BYTES_MIN {
        return None;
    }
    let mut hasher = FxHasher::default();
    hasher.write_u64(tenant);
    let mut found = false;
    let mut add = |text: &[u8]| {
        found = true;
        hasher.write(text);
        hasher.write_usize(text.len());
    };
    // Anthropic and Responses keep the system's words apart.
    for name in ["system", "instructions"] {
        document.raw(name).into_iter().for_each(&mut add);
    }
    beginning(document).into_iter().for_each(&mut add);
    found.then(|| mixed(hasher.finish()))
}

/// The first message of the system and the first of the user; of a text the text.
fn beginning(document: &Document) -> Vec<&[u8]> {
    let Some(messages) = document.raw("messages").or_else(|| document.raw("input")) else {
        return document.raw("prompt").into_iter().collect();
    };
    if messages.first() != Some(&b'[') {
        return vec![messages];
    }
    let mut found = Vec::new();
    for span in json::elements(messages) {
        let Some(message) = messages.get(span) else { break };
        found.push(message);
        let role = json::member(message, "role").and_then(|span| message.get(span));
        if role == Some(b"\"user\"") {
            break;
        }
    }
    // What stands between is the system's, or an example that belongs to the beginning as well.
    found
}

/// The deployment of a level for a conversation: the highest of a weighted rendezvous among those that may be asked
/// and are not much busier than the others.
pub(crate) fn choose(
    key: u64,
    deployments: &[Arc<Deployment>],
    places: Range<usize>,
    weights: &Weights,
    may: &dyn Fn(usize) -> bool,
) -> Option<usize> {
    let length = places.len();
    let ranked = length.min(RANKED_MAX);
    // Of very many, the conversation decides which take part.
    #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
    let first = if ranked < length { key as usize % length } else { 0 };
    let place_of = |step: usize| places.start + (first + step) % length;
    let in_flight = |place: usize| deployments[place].state.in_flight.load(Ordering::Relaxed);
    let open: usize = (0..ranked).map(|step| in_flight(place_of(step))).sum();
    #[expect(clippy::cast_precision_loss, reason = "calls that are open are few")]
    let load_max = LOAD_MAX * (open as f64 + 1.0) / ranked as f64;
    let mut best: Option<(f64, usize)> = None;
    for place in (0..ranked).map(place_of) {
        #[expect(clippy::cast_precision_loss, reason = "calls that are open are few")]
        let is_busy = in_flight(place) as f64 >= load_max.max(LOAD_MIN);
        let weight = weights.of(place - places.start);
        if is_busy || weight <= 0.0 || !may(place) {
            continue;
        }
        let score = weight / -unit(mixed(key ^ deployments[place].affinity)).max(f64::MIN_POSITIVE).ln();
        if best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, place));
        }
    }
    best.map(|(_, place)| place)
}
