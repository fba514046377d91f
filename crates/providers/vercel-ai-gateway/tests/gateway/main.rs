//! The provider against a simulated AI Gateway, over real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "what cannot go on has failed")]

mod account;
mod catalogue;
mod chat;
mod credentials;
mod embeddings;
mod evaluate;
mod images;
mod messages;
mod refusals;
mod rerank;
mod responses;
mod streams;
mod world;
