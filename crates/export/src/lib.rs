//! What happened at a gateway, told to others: rows of finished requests as JSON, and traces.
//!
//! An [`Exporter`] is a [`Recorder`](trunkline_gateway::Recorder) that hands each record on to the one behind it, and
//! keeps what it needs of it in a queue of limited length for each [`Destination`]. [`Exporter::run`], which its owner
//! polls, sends what is queued. A request never waits for a destination: what finds no room is dropped and counted.
//!
//! No prompt, no reply, no text of an error and no key is part of what leaves; of a virtual key it is the token, its
//! SHA-256. `docs/export.md` lists every field.

mod backoff;
mod batch;
mod destination;
mod event;
mod exporter;
mod item;
mod lane;
mod money;
mod options;
mod otlp;
mod post;
mod protobuf;
mod queue;
mod row;
mod span;
mod standing;
mod trace_ids;
mod webhook;

pub use destination::Destination;
pub use exporter::Exporter;
pub use options::ExportOptions;
pub use standing::Standing;
