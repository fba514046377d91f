//! OpenAI, and with it every vendor of its wire format, keeps the rules that every provider keeps.

use trunkline_core::Operation;
use trunkline_testkit::conformance::{Harness, openai};

fn harness() -> Harness {
    Harness::new("openai/gpt-4.1-nano", trunkline_openai::register)
        .with_upstream(openai::fixtures(&Operation::ALL))
}

trunkline_testkit::conformance!(harness());
