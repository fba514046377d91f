//! The OpenAI wire, and every OpenAI-compatible upstream, as a Trunkline provider.
