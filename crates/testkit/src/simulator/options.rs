//! What a simulator can be started with.

use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// How a simulator starts. `SimulatorOptions::default()` is right for most tests.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// The port on 127.0.0.1; 0 chooses a free one.
    pub port: u16,
    /// From what identifiers are made: the same seed and the same requests give the same ids.
    pub seed: u64,
    /// The time in seconds since 1970, standing still; `None` takes the system's clock.
    pub now_seconds: Option<u64>,
    /// How events are put on the wire.
    pub pacing: Pacing,
    /// In which doubtful or changing habits of the gateway it takes part.
    pub quirks: Quirks,
    /// What `/v1/credits` begins with, in USD.
    pub balance: Decimal,
    /// How often `/v1/generation` says 404 for an id before it knows it.
    pub generation_misses: u32,
    /// Whether the account's plan has reports; `/v1/report` is refused with 403 otherwise.
    pub reports: bool,
    /// Whether `GET /v1/models/{creator}/{model}` answers; whether the real one does is not known.
    pub retrieve_models: bool,
    /// Whether a stream without `stream_options.include_usage` goes without usage; not known of the real one.
    pub usage_only_when_asked: bool,
    /// How many of the last requests are kept.
    pub requests_kept: usize,
    /// How many of the last calls the bill keeps.
    pub calls_kept: usize,
    /// The longest request body that is read; a longer one is answered 413.
    pub request_body_bytes_max: usize,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            port: 0,
            seed: 0,
            now_seconds: None,
            pacing: Pacing::default(),
            quirks: Quirks::default(),
            balance: Decimal::ONE_HUNDRED,
            generation_misses: 1,
            reports: true,
            retrieve_models: false,
            usage_only_when_asked: false,
            requests_kept: 10_000,
            calls_kept: 100_000,
            request_body_bytes_max: 100 << 20,
        }
    }
}

/// Habits of the gateway, or of those behind it, that may be switched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Whether `message_start` tells the real input tokens. The gateway tells 0 and 0; Anthropic's own API, which
    /// is played under `/anthropic`, always tells them.
    pub message_start_usage: bool,
    /// Whether a turn that answers a tool must send the thinking before it again, as Anthropic demands it of
    /// callers that think.
    pub thinking_required: bool,
    /// Whether models may be named without their creator (`gpt-4o`), as they are under `/openai`, under
    /// `/anthropic`, and where only OpenAI has the operation.
    pub bare_models: bool,
}

/// How events are put on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pacing {
    /// How many events go out in one write; at least 1.
    pub events_per_write: usize,
    /// How long to wait between such writes, in milliseconds.
    pub delay_ms: u64,
    /// Where writes are split besides.
    pub split: Split,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { events_per_write: 1, delay_ms: 0, split: Split::None }
    }
}

impl Pacing {
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

/// Where writes are split besides the ends of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Nowhere.
    None,
    /// In the middle of each event's line.
    InsideLine,
    /// Behind the first byte of each character that takes more than one.
    InsideCharacter,
    /// After every so many bytes.
    Every(usize),
    /// At these offsets into the body.
    At(Vec<usize>),
}
