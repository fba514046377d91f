//! What provider authors test with: a conformance suite, a scripted upstream, a Vercel AI Gateway simulator.
//!
//! * [`upstream`] plays a script at the level of TCP: what no honest HTTP server can be made to do.
//! * [`recordings`] are event streams as bytes, for tests of framing.
//!
//! Everything listens on loopback only and ends with the value that owns it.

pub mod recordings;
mod serving;
pub mod upstream;
