//! The testkit over real connections on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod client;
mod upstream;
