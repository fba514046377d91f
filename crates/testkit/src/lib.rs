//! What provider authors test with: a conformance suite, a scripted upstream, a Vercel AI Gateway simulator.
//!
//! * [`mod@conformance`] holds a provider to the rules that every provider keeps, with one test for each.
//! * [`simulator`] answers as the Vercel AI Gateway does, and as OpenAI and Anthropic do where that one has no such
//!   operation: chats, Responses, Messages, images, sound, rerank, the catalogue, credits, and every error and stream
//!   fault that its clients have met. It is also a program, `vercel-simulator`, for tests that are not written in Rust.
//! * [`upstream`] plays a script at the level of TCP: what no honest HTTP server can be made to do.
//! * [`postgres`] is a real PostgreSQL in a temporary folder.
//! * [`redis`] is a real Redis on a port of its own.
//! * [`recordings`] are event streams as bytes, for tests of framing.
//!
//! Everything listens on loopback only and ends with the value that owns it.

pub mod conformance;
pub mod postgres;
pub mod recordings;
pub mod redis;
mod serving;
mod shell;
pub mod simulator;
pub mod upstream;
