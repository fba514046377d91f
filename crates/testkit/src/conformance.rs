//! The rules that every provider keeps, as tests that any provider crate can run.
//!
//! The author of a provider says in a [`Harness`] how the provider is registered and what its upstream says, in
//! the upstream's own wire format, and gets one test for each case:
//!
//! ```no_run
//! use trunkline_core::{ErrorKind, Operation};
//! use trunkline_testkit::conformance::{Fixtures, Harness, Readings, Refusal, WholeReply};
//!
//! # mod trunkline_example { pub fn register(_: &mut trunkline_provider::Registry) {} }
//! fn harness() -> Harness {
//!     let reply = br#"{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."}}]}"#;
//!     let mut fixtures = Fixtures::verbatim();
//!     fixtures.whole = vec![WholeReply::new(
//!         Operation::ChatCompletions,
//!         &reply[..],
//!         Readings::text("Hello."),
//!     )];
//!     fixtures.refusals = vec![Refusal::new(401, "who are you?", ErrorKind::UpstreamCredential)];
//!     Harness::new("example/some-model", trunkline_example::register).with_upstream(fixtures)
//! }
//!
//! trunkline_testkit::conformance!(harness());
//! ```
//!
//! Which cases apply is decided by what the provider claims in its
//! [`Capabilities`](trunkline_provider::Capabilities): what it claims must work, and must have a fixture; what it
//! does not claim must be refused. A provider whose upstream speaks OpenAI's dialect finds its fixtures in
//! [`openai`], one whose upstream speaks Anthropic's in [`anthropic`].
//!
//! Nothing here opens a socket: providers are registered over an [`InMemoryTransport`]. The [`cases`] are
//! described one by one.

pub mod anthropic;
pub mod cases;
mod finding;
mod fixtures;
mod harness;
mod odd_json;
pub mod openai;
mod operations;
mod question;
mod random;
mod subject;
mod transcript;
mod transport;

pub use finding::{Finding, Outcome, Verdict};
pub use fixtures::{Catalogue, Ending, ErrorEvent, Fixtures, Readings, Refusal, StreamedReply, WholeReply};
pub use harness::Harness;
pub use transport::{After, Answer, InMemoryTransport, SentRequest, UpstreamReply};

/// Makes one `#[test]` for each conformance case, of the [`Harness`] that the expression gives.
#[macro_export]
macro_rules! conformance {
    ($harness:expr) => {
        $crate::conformance_tests! {
            [$harness]
            claims_and_fixtures_agree
            operations_that_are_not_claimed_are_refused
            calls_go_to_the_base_that_the_deployment_names
            headers_of_caller_and_deployment_go_upstream
            the_model_goes_upstream_without_its_prefix
            a_question_without_what_it_needs_is_refused
            untouched_request_members_are_byte_identical
            untouched_reply_members_are_byte_identical
            the_credential_stands_in_its_header_alone
            the_credential_shows_in_no_error_and_no_debug
            credentials_of_the_environment_stay_at_home
            a_missing_credential_is_told_or_left_out
            whole_replies_are_decoded
            whole_replies_arrive_in_any_pieces
            whole_replies_that_are_none_are_errors
            whole_replies_cut_at_any_byte_are_errors
            replies_past_the_limit_are_refused
            bytes_arrive_as_they_come
            bytes_cut_short_are_an_error
            streams_are_decoded
            streams_give_their_events_as_they_come
            streams_are_the_same_at_every_byte_cut
            streams_are_the_same_at_10_000_random_splits
            streams_cut_before_their_end_are_errors
            nothing_is_awaited_after_the_terminal_event
            error_events_end_a_stream
            answers_that_are_no_stream_are_errors
            events_past_the_limit_are_refused
            dropping_a_reply_ends_the_exchange
            refusals_are_classified
            refusals_of_proxies_are_classified
            the_wait_that_the_upstream_asks_for_is_kept
            refusals_past_the_limit_are_cut
            failed_exchanges_keep_their_kind
            the_catalogue_is_read_leniently
            a_catalogue_that_is_none_is_an_error
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ([$harness:expr] $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::check(&$harness, stringify!($case), $crate::conformance::cases::$case);
            }
        )*
    };
}

/// Runs one case, and panics with what it found. [`conformance!`](crate::conformance!) does so for each.
///
/// # Panics
///
/// If the provider breaks the rule.
pub fn check(harness: &Harness, name: &str, case: impl AsyncFnOnce(&Harness) -> Outcome) {
    match run(harness, case) {
        Ok(Verdict::Held) => {}
        Ok(Verdict::NotApplicable(why)) => println!("{name} does not apply to `{}`: {why}", harness.model),
        Err(finding) => panic!("conformance case `{name}` failed for `{}`\n{finding}\n", harness.model),
    }
}

/// Runs one case.
fn run(harness: &Harness, case: impl AsyncFnOnce(&Harness) -> Outcome) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread needs nothing but this thread");
    runtime.block_on(case(harness))
}

#[cfg(test)]
mod tests;
