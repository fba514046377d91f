//! The words that every Trunkline crate shares: documents, calls, replies, events, usage, cost, errors.
//!
//! No I/O and no runtime live here. The house, and why it is built this way, is described in
//! `docs/architecture.md` of the repository.

mod environment;
mod secret;

pub use environment::Environment;
pub use secret::Secret;
