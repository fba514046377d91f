//! The house rules that a machine can hold, each a test that lists its offenders.
//!
//! `cargo test -p trunkline-tests` runs them. What is exempt from a rule stands in `exceptions.txt`, with the
//! reason; a line there that nothing needs any more fails as well. docs/architecture.md says what the rules are for.

mod arrows;
mod bans;
mod circles;
mod commands;
mod conduct;
mod doors;
mod findings;
mod http_api;
mod links;
mod manifests;
mod markdown;
mod names;
mod settings;
mod sizes;
mod source;
mod tree;
