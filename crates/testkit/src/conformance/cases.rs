//! The cases, one function each: its name is the name of the test, its first line is the rule.
//!
//! WHEN ADDING A CASE: name it in `conformance!` too; a test holds the two lists together.

mod bytes;
mod catalogue;
mod claims;
mod credentials;
mod interruptions;
mod members;
mod refusals;
mod requests;
mod splits;
mod streams;
mod whole_replies;

pub use bytes::*;
pub use catalogue::*;
pub use claims::*;
pub use credentials::*;
pub use interruptions::*;
pub use members::*;
pub use refusals::*;
pub use requests::*;
pub use splits::*;
pub use streams::*;
pub use whole_replies::*;

use super::Verdict;

/// What is said of a rule about an upstream, where there is none.
const NO_UPSTREAM: Verdict = Verdict::NotApplicable("the provider has no upstream");
/// What is said of a rule about streams, where there are none.
const NO_STREAMS: Verdict = Verdict::NotApplicable("the provider claims no operation that streams");
/// What is said of a rule about bodies that go through as they are, where they do not.
const NOT_VERBATIM: Verdict = Verdict::NotApplicable("the provider translates between two dialects");
