//! A Vercel AI Gateway on loopback: the wire of the real one as far as it is publicly known, and its failures.
//!
//! It has a token rule and a price rule of its own, so that a test can hold a router's numbers against an
//! independent bill. What it does is told by four means: [`SimulatorOptions`] at the start, [`Control`] from
//! Rust, `/__sim/…` over HTTP, and models named `sim/fault-<name>` (see [`Fault::by_model_name`]).
//!
//! * At the root it is the gateway: chat completions, embeddings, Messages and their counting, Responses and
//!   their compaction, images, rerank in both versions, evaluation, the catalogue, credits, generations. What only
//!   OpenAI has is there too: stored responses and `input_tokens`, speech, transcriptions, moderations.
//! * Under `/openai` and `/anthropic` it plays the vendor itself for Responses, Messages, images and the list of
//!   models: models without a creator (`gpt-4o`, `claude-sonnet-4-5`), no `provider_metadata`.
//! * Keys: `vck_…` but not `vck_invalid…`, and tokens of [`oidc_token`] until they expire; under `/openai` and
//!   `/anthropic` also `sk-…` but not `sk-invalid…`. Each key is an account of its own: stored responses and
//!   encrypted reasoning are its own.
//! * Tools: a tool is called when the last message is the user's and names it as a word, or the tool choice
//!   forces it. A JSON object behind the name (`use wx {"city": "Oslo"}`) is what it is called with, as it is
//!   spelt; for a custom tool a JSON string. What a tool answered is quoted. In Messages a block of text that is
//!   wrapped in a tag (`<system-reminder>…`) counts for tokens and is not listened to.
//! * Thinking: where the request asks for it. A signature is taken back with its very text alone; in Messages the
//!   word `redacted_thinking` in the prompt adds such a block. Encrypted reasoning is issued where `include` names
//!   it.
//! * Caching: from 1,024 tokens on; in Messages up to the last `cache_control`, else within one
//!   `x-session-affinity` or `prompt_cache_key`.
//! * Moderation flags the categories that a text names; a rerank counts the words of the query.
//! * Money: the balance starts at 100 USD; calls are billed by their catalogue row's `pricing`. The bill has one
//!   [`BilledCall`] for each call of a model, whatever became of it: [`Control::bill`], and in lines of JSON
//!   `GET /bill`. Generations and reports are told from it. While a call lasts, all of it is taken from the
//!   balance; when it was not sent to its end, what is not owed comes back.
//! * Scripts: a request may say in `providerOptions.sim` or in the header `x-sim-script` what is to become of it
//!   (see [`Script`]).
//! * Prices: `sim/discounted` is billed at half its list price, `sim/free` costs nothing, `sim/tiered` costs
//!   three times as much from 101 prompt tokens on; `sim/service-tiers` is priced otherwise at `flex` and
//!   `priority`, `sim/surcharged` costs 0.00025 USD more; `sim/judge` evaluates; 100 documents are ranked for
//!   0.002 USD.
//!
//! Over HTTP, without a credential, with bodies and replies in JSON:
//!
//! | command under `/__sim/` | body | does |
//! | --- | --- | --- |
//! | `POST fault` | a [`Fault`], its kebab-case name, `{"fault":…,"times":…,"path":…,"model":…}`, or a [`FaultRule`] | makes something go wrong; `"times":null` for good |
//! | `POST clear_faults` | | takes all of them back |
//! | `POST release` | | lets one stalled reply go on |
//! | `POST pacing` | [`Pacing`] | changes how events are written |
//! | `POST quirks` | [`Quirks`] | switches doubtful habits of the gateway |
//! | `POST balance` | `{"balance":"5.00"}` | sets the balance |
//! | `POST budget` | `{"quota_entity":"t","limit":"1.00"}` | limits a quota entity |
//! | `POST share` | `{"model":"a/b","share":"0.8"}` | discounts a model |
//! | `POST surcharge` | `{"model":"a/b","surcharge":"0.001"}` | bills more for each of its calls |
//! | `POST now` | `{"seconds":1790000000}` | stops the clock there; `null` lets it run |
//! | `POST models`, `DELETE models/{id}` | a row | edits the catalogue |
//! | `POST reset` | | back to the start |
//! | `GET requests` | | the requests received |
//! | `GET ended/{index}` | | waits up to 60 s until that request has ended, and tells it |
//! | `GET bill` | | waits up to 60 s until no call is under way, and tells the bill |
//! | `GET balance` | | what is left, what was billed |
//! | `GET oidc_token?expires_in=60` | | makes a token that is let in for so many seconds |
//!
//! ```
//! use trunkline_testkit::simulator::{Fault, FaultRule, Simulator, SimulatorOptions};
//!
//! # async fn example() -> std::io::Result<()> {
//! let simulator = Simulator::start(SimulatorOptions::default()).await?;
//! simulator.control().fault(FaultRule::new([Fault::Unavailable]).times(2));
//! println!("point a client at {}", simulator.v1_url());
//! # Ok(())
//! # }
//! ```

mod account;
mod answer;
mod asked;
mod billed;
mod body;
mod books;
mod call;
mod catalogue;
mod chat;
mod chunks;
mod clock;
mod connection;
mod control;
mod control_plane;
mod credential;
mod dialect;
mod embeddings;
mod endpoint;
mod error;
mod evaluate;
mod event_stream;
mod events;
mod exchange;
mod fault;
mod flavour;
mod identifier;
mod images;
mod language;
mod messages;
mod messages_error;
mod metadata;
mod models;
mod moderations;
mod money;
mod multipart;
mod options;
mod outcome;
mod pieces;
mod produced;
mod prompt_cache;
mod purchase;
mod reply;
mod report;
mod request;
mod rerank;
mod response_store;
mod responses;
mod routing;
mod schema;
mod script;
mod seal;
mod sent;
mod service;
mod shape;
mod speech;
mod state;
mod tells;
mod tokens;
mod transcriptions;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

pub use billed::{BilledCall, Cause};
pub use control::Control;
pub use credential::{Credential, oidc_token};
pub use exchange::{Ended, RecordedRequest};
pub use fault::{CutKind, Fault, FaultRule, LineEnding, RetryAfter};
pub use multipart::RecordedPart;
pub use options::{Pacing, Quirks, SimulatorOptions, Split};
pub use outcome::Outcome;
pub use script::Script;

use crate::serving::Serving;
use state::Shared;

/// A running simulator. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub struct Simulator {
    serving: Serving,
    control: Control,
}

impl Simulator {
    /// Starts on `127.0.0.1`.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn start(options: SimulatorOptions) -> io::Result<Self> {
        let port = options.port;
        let shared = Arc::new(Shared::new(options));
        let serving = Serving::start(port, {
            let shared = Arc::clone(&shared);
            move |stream| service::serve(stream, Arc::clone(&shared))
        })
        .await?;
        Ok(Self { serving, control: Control { shared } })
    }

    /// The origin, such as `http://127.0.0.1:40123`, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.serving.address())
    }

    /// The base URL of the OpenAI surface: the origin and `/v1`.
    pub fn v1_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// The address listened on.
    pub fn address(&self) -> SocketAddr {
        self.serving.address()
    }

    /// The handle that drives it.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Closes the listener and every connection, and waits until that is done.
    pub async fn stop(self) {
        self.serving.stop().await;
    }
}
