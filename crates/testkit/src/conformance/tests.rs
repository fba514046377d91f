//! The suite itself: a provider that keeps every rule passes, and each fault is found by the case that is for it.

mod faulty;

use trunkline_core::{ErrorKind, Operation};

use super::{Finding, Fixtures, Harness, Outcome, Verdict, cases, openai, run};
use faulty::Fault;

/// The provider with this fault.
fn harness(fault: Fault) -> Harness {
    Harness::new("plain/some/model", move |registry| faulty::register(registry, fault))
        .with_upstream(fixtures())
}

/// The fixtures of OpenAI's dialect, without what a provider that knows only statuses cannot tell.
fn fixtures() -> Fixtures {
    let mut fixtures = openai::fixtures(faulty::OPERATIONS);
    fixtures.touched_members.clear();
    fixtures.streams.retain(|stream| {
        let name = stream.name.strip_prefix("responses/");
        // Few of the long ones: each is read thousands of times.
        name.is_none_or(|name| RESPONSES.contains(&name)) && stream.name != "relayed_error_event"
    });
    fixtures.refusals.retain(|refusal| refusal.kind != ErrorKind::ContextWindowExceeded);
    fixtures
}

const RESPONSES: &[&str] = &[
    "text",
    "lookalikes_type_last",
    "failed",
    "nested_error_event",
    "truncated_before_end",
    "text, looked up",
];

/// What the case finds in the provider with this fault.
fn finding(fault: Fault, case: impl AsyncFnOnce(&Harness) -> Outcome) -> Finding {
    run(&harness(fault), case).expect_err("the fault is to be found")
}

/// Every case is a test of whoever calls the macro, and every name in the macro is a case.
#[test]
fn the_macro_names_every_case() {
    let list = include_str!("../conformance.rs");
    let list = list.split_once("[$harness]").and_then(|(_, rest)| rest.split_once('}')).unwrap().0;
    let mut named: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
    named.sort_unstable();

    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/conformance/cases");
    let mut written = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let names = source.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next());
        written.extend(names.map(str::to_owned));
    }
    written.sort_unstable();
    assert_eq!(named, written);
}

mod without_a_fault {
    crate::conformance!(super::harness(super::Fault::None));
}

#[test]
fn what_a_finding_says() {
    let finding = finding(Fault::KeepsThePrefix, cases::the_model_goes_upstream_without_its_prefix);
    let lines: Vec<String> = finding.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "  doing:    asking for chat_completions");
    assert_eq!(lines[1], "  expected: the member `model` to be \"some/model\"");
    assert!(
        lines[2].starts_with("  came:     https://upstream.example/base/v1/chat/completions with the body")
    );
    assert!(lines[2].contains(r#"\"model\":\"plain/some/model\""#), "{}", lines[2]);
}

#[test]
fn a_claim_without_a_fixture_is_found() {
    let finding = finding(Fault::ClaimsEmbeddings, cases::claims_and_fixtures_agree);
    assert_eq!(finding.expected, "a whole reply to embeddings");
}

#[test]
fn a_fixture_without_a_claim_is_found() {
    let mut fixtures = fixtures();
    fixtures.whole = openai::fixtures(&Operation::ALL).whole;
    let harness = Harness::new("plain/some/model", |registry| faulty::register(registry, Fault::None))
        .with_upstream(fixtures);
    let finding = run(&harness, cases::claims_and_fixtures_agree).expect_err("embeddings are not claimed");
    assert_eq!(finding.expected, "no fixtures for an operation that is not claimed");
}

#[test]
fn a_harness_without_its_provider_is_found() {
    let harness = Harness::new("absent/model", |registry| faulty::register(registry, Fault::None));
    let finding = run(&harness, cases::whole_replies_are_decoded).expect_err("the prefix is unknown");
    assert_eq!(finding.came, "the prefixes plain");
}

#[test]
fn what_does_not_apply_is_said() {
    let harness = Harness::new("plain/some/model", |registry| faulty::register(registry, Fault::None));
    let outcome = run(&harness, cases::refusals_are_classified);
    assert_eq!(outcome, Ok(Verdict::NotApplicable("the provider has no upstream")));
}

macro_rules! found {
    ($($name:ident: $fault:ident is found by $($case:ident),+;)*) => {
        $(
            #[test]
            fn $name() {
                $(
                    let found = run(&harness(Fault::$fault), cases::$case);
                    assert!(found.is_err(), "{} found {found:?}", stringify!($case));
                )+
            }
        )*
    };
}

found! {
    a_base_of_its_own: IgnoresTheBase is found by calls_go_to_the_base_that_the_deployment_names;
    a_body_written_anew: WritesTheBodyAnew is found by untouched_request_members_are_byte_identical;
    a_key_in_the_address: PutsTheKeyInTheAddress is found by the_credential_stands_in_its_header_alone;
    a_key_that_logs_show: ShowsTheKeyInDebug is found by
        the_credential_stands_in_its_header_alone, the_credential_shows_in_no_error_and_no_debug;
    a_key_for_every_base: LendsTheKeyToEveryBase is found by credentials_of_the_environment_stay_at_home;
    headers_left_behind: LeavesHeadersBehind is found by headers_of_caller_and_deployment_go_upstream;
    tokens_counted_twice: CountsTokensTwice is found by whole_replies_are_decoded, streams_are_decoded;
    an_end_seen_in_a_text: SeesTheEndInTexts is found by streams_are_decoded;
    an_end_not_seen: OverlooksTheEnd is found by
        streams_are_decoded, nothing_is_awaited_after_the_terminal_event;
    an_error_passed_on: PassesErrorsOn is found by error_events_end_a_stream, streams_are_decoded;
    a_failure_with_200: PassesErrorsOn is found by whole_replies_that_are_none_are_errors;
    statuses_all_alike: ClassifiesAllAlike is found by
        refusals_are_classified, refusals_of_proxies_are_classified;
    a_wait_forgotten: ForgetsTheWait is found by the_wait_that_the_upstream_asks_for_is_kept;
    a_strict_catalogue: ReadsTheCatalogueStrictly is found by the_catalogue_is_read_leniently;
    a_stream_held_back: HoldsStreamsBack is found by streams_give_their_events_as_they_come;
    a_cut_made_clean: MakesCutsClean is found by
        streams_cut_before_their_end_are_errors, answers_that_are_no_stream_are_errors;
    pieces_taken_for_events: TakesPiecesForEvents is found by
        streams_are_the_same_at_every_byte_cut, streams_are_the_same_at_10_000_random_splits;
    a_form_written_anew: WritesTheFormAnew is found by untouched_request_members_are_byte_identical;
    a_form_without_its_model: NamesTheModelInNoForm is found by
        the_model_goes_upstream_without_its_prefix, untouched_request_members_are_byte_identical;
    a_version_forgotten: ForgetsTheVersion is found by calls_go_to_the_base_that_the_deployment_names;
    an_id_forgotten: ForgetsTheObject is found by calls_go_to_the_base_that_the_deployment_names;
    parameters_forgotten: ForgetsTheQuery is found by calls_go_to_the_base_that_the_deployment_names;
    a_failed_end_taken_for_good: TakesFailedEndsForGood is found by
        streams_are_decoded, the_credential_shows_in_no_error_and_no_debug;
    a_bill_for_what_is_looked_up: PaysTwice is found by whole_replies_are_decoded, streams_are_decoded;
    cut_bytes_made_clean: MakesCutBytesClean is found by bytes_cut_short_are_an_error;
    bytes_held_back: HoldsBytesBack is found by bytes_arrive_as_they_come;
    an_exchange_kept_open: KeepsTheExchange is found by dropping_a_reply_ends_the_exchange;
}
