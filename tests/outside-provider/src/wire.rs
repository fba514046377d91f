//! What goes over Carillon's wire, as types.

use serde::{Deserialize, Serialize};

/// `POST /answers`.
#[derive(Debug, Serialize)]
pub(crate) struct Question<'a> {
    pub(crate) model: &'a str,
    pub(crate) turns: Vec<Turn>,
    /// Whether the answer is to come in pieces.
    pub(crate) live: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warmth: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Turn {
    pub(crate) by: Speaker,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Speaker {
    House,
    Guest,
    Bell,
}

/// A whole answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    pub(crate) head: Head,
    pub(crate) text: String,
    #[serde(flatten)]
    pub(crate) end: End,
}

/// What every answer says of itself.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Head {
    pub(crate) ticket: String,
    pub(crate) model: String,
    /// Unix seconds.
    pub(crate) at: u64,
}

/// What every answer says at its end.
#[derive(Debug, Deserialize)]
pub(crate) struct End {
    pub(crate) stopped: String,
    pub(crate) metered: Metered,
}

/// Tokens. What was read again is part of what was read.
#[derive(Debug, Deserialize)]
pub(crate) struct Metered {
    pub(crate) read: u64,
    #[serde(default)]
    pub(crate) reread: u64,
    pub(crate) written: u64,
}

/// One event of an answer in pieces.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Piece {
    Opened(Head),
    Text {
        text: String,
    },
    Closed(End),
    Failed(Refusal),
    /// Whatever Carillon invents next year.
    #[serde(other)]
    Unknown,
}

/// A refusal, and an event that reports one.
#[derive(Debug, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    pub(crate) detail: String,
}
