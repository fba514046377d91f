//! Any bytes: the scan agrees with jiter, documents keep their text through edits, and no reader panics.

#![no_main]

#[path = "../../crates/core/tests/document/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::hold(bytes));
