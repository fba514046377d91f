//! The testkit over real connections on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod client;
mod simulator_bill;
mod simulator_chat;
mod simulator_control;
mod simulator_faults;
mod simulator_lookups;
mod simulator_media;
mod simulator_messages;
mod simulator_program;
mod simulator_ranking;
mod simulator_responses;
mod simulator_streams;
mod upstream;
