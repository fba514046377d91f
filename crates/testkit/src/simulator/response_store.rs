//! The responses that were given out and can be referred to.

use std::collections::VecDeque;

use serde_json::Value;

use super::events::Events;

/// More than these, and the oldest is forgotten.
const RESPONSES_MAX: usize = 10_000;

/// A response as it was given out, and the conversation that led to it.
#[derive(Debug, Clone)]
pub(crate) struct StoredResponse {
    pub(crate) id: String,
    /// Whose it is; to others it does not exist.
    pub(crate) account: u64,
    /// Its JSON, as `GET` tells it.
    pub(crate) body: String,
    /// Its events, as they were or would have been streamed.
    pub(crate) events: Events,
    /// All items before its output, those of earlier responses included.
    pub(crate) input: Vec<Value>,
    pub(crate) output: Vec<Value>,
    /// The JSON that it has once it was cancelled, while it still can be.
    pub(crate) cancelled: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct ResponseStore {
    responses: VecDeque<StoredResponse>,
}

impl ResponseStore {
    pub(crate) fn keep(&mut self, response: StoredResponse) {
        if self.responses.len() == RESPONSES_MAX {
            self.responses.pop_front();
        }
        self.responses.push_back(response);
    }

    pub(crate) fn find(&mut self, id: &str, account: u64) -> Option<&mut StoredResponse> {
        self.responses.iter_mut().find(|response| response.id == id && response.account == account)
    }

    /// An item that one of the account's responses gave out.
    pub(crate) fn item(&self, id: &str, account: u64) -> Option<&Value> {
        let own = self.responses.iter().filter(|response| response.account == account);
        own.flat_map(|response| &response.output).find(|item| item["id"] == id)
    }

    pub(crate) fn remove(&mut self, id: &str, account: u64) -> bool {
        let before = self.responses.len();
        self.responses.retain(|response| response.id != id || response.account != account);
        self.responses.len() < before
    }
}
