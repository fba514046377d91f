//! Trunkline's HTTP service as a library: endpoints, authentication, bodies, streams, records, errors.
//!
//! A [`Gateway`] is made of a [`Router`](trunkline_router::Router) and [`Settings`]; [`Gateway::handle`]
//! answers one request, and [`Server`] accepts connections for it. The walk of a request through these
//! modules is described in `docs/architecture.md`.

mod accounting;
mod accounts;
mod admission;
mod anthropic_models;
mod asked;
mod attribution;
mod authentication;
mod binding;
mod body;
mod bound;
mod browsers;
mod cached;
mod calculation;
mod call_ids;
mod catalogue_prices;
mod closing;
mod connection;
mod consumed;
mod end_user;
mod endpoints;
mod envelope;
mod error_response;
mod explain;
mod exposition;
mod extension;
mod found;
mod gateway;
mod going;
mod headers;
mod health;
mod inflate;
mod limit_headers;
mod log;
mod members;
mod metadata;
mod models;
mod offered;
mod operation;
mod own_thread;
mod pages;
mod pattern;
mod pulse;
mod questions;
mod reach;
mod record;
mod reloads;
mod reply_body;
mod reply_cache;
mod reserve;
mod rewrite;
mod row;
mod seal;
mod serve;
mod service;
mod settings;
mod steering;
mod stream;
mod tls;
mod token_counter;
mod trace;
mod wishes;

pub use accounting::Accounting;
pub use authentication::Caller;

pub use consumed::{CONSUMED, Consumed, Effect};
pub use envelope::status_of;
pub use explain::operation_named;
pub use exposition::{Exposition, Form, Scraped};
pub use extension::{Extension, ExtensionRequest, ExtensionRow};
pub use gateway::Gateway;
pub use log::{LineRecorder, Log, LogForm, LogLines};
pub use own_thread::OwnThread;
pub use record::{ErrorText, LogRecorder, Outcome, Record, Recorder};
pub use reloads::Reloads;
pub use reply_body::ReplyBody;
pub use reply_cache::ReplyCache;
pub use serve::{Server, StopHandle};
pub use settings::{Attribution, Limits, Probes, Settings, UnknownPrice, Waits};
pub use tls::Tls;
