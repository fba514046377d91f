//! The OpenAI wire, and every OpenAI-compatible upstream, as a Trunkline provider.
//!
//! [`register`] adds `openai/<model>` and one prefix for each well-known vendor that speaks OpenAI's wire
//! format. [`wire`] holds that format as pure functions, for the codecs of other provider crates.

pub mod wire;
