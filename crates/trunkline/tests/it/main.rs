//! The embedder's front door against the Vercel AI Gateway simulator, a scripted transport, and the echo provider.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod builder;
mod chat;
mod embeddings;
mod errors;
mod examples;
mod models;
mod simulated;
mod streams;
