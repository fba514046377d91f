//! Anthropic keeps the rules that every provider keeps.

use trunkline_testkit::conformance::{Harness, anthropic};

fn harness() -> Harness {
    Harness::new("anthropic/claude-sonnet-4-5", trunkline_anthropic::register)
        .with_upstream(anthropic::fixtures())
}

trunkline_testkit::conformance!(harness());
