//! Carillon keeps the rules that every provider keeps.

use trunkline_core::ErrorKind;
use trunkline_core::Operation::ChatCompletions;
use trunkline_testkit::conformance::{
    Catalogue, Ending, ErrorEvent, Fixtures, Harness, Readings, Refusal, StreamedReply, WholeReply,
};

fn harness() -> Harness {
    let says = Readings::text("Un café, 茶. 😀").tokens(61, 32);
    let mut fixtures = Fixtures::translated();
    fixtures.whole =
        vec![WholeReply::new(ChatCompletions, include_str!("../fixtures/answer.json"), says.clone())];
    fixtures.streams = vec![
        StreamedReply::new("pieces", ChatCompletions, include_str!("../fixtures/pieces.sse"), says),
        StreamedReply::new(
            "failing",
            ChatCompletions,
            include_str!("../fixtures/failing.sse"),
            Readings::text("Half"),
        )
        .ending(Ending::Failed(ErrorKind::UpstreamRateLimited)),
    ];
    let failed = "data: {\"kind\":\"failed\",\"reason\":\"busy\",\"detail\":\"All bells are ringing.\"}\n\n";
    fixtures.error_event = Some(ErrorEvent::new(failed, ErrorKind::UpstreamFailed));
    fixtures.refusals = refusals();
    fixtures.catalogue = Some(Catalogue::new(
        include_str!("../fixtures/bells.json"),
        ["great-bell-2", "little/bell", "odd-bell"],
    ));
    Harness::new("carillon/great-bell-2", trunkline_outside_provider::register).with_upstream(fixtures)
}

fn refusals() -> Vec<Refusal> {
    let refusal = |status, reason: &str, kind| {
        let detail = format!("Carillon says {reason}.");
        let body = format!(r#"{{"reason":"{reason}","detail":"{detail}"}}"#);
        Refusal::new(status, body, kind).message(detail)
    };
    vec![
        refusal(400, "bad_question", ErrorKind::UpstreamInvalidRequest),
        refusal(400, "too_long", ErrorKind::ContextWindowExceeded),
        refusal(400, "guarded", ErrorKind::ContentPolicy),
        refusal(401, "unknown_key", ErrorKind::UpstreamCredential),
        refusal(404, "unknown_model", ErrorKind::UpstreamNotFound),
        refusal(429, "too_fast", ErrorKind::UpstreamRateLimited),
        refusal(500, "broken", ErrorKind::UpstreamFailed),
        refusal(503, "busy", ErrorKind::UpstreamFailed),
    ]
}

trunkline_testkit::conformance!(harness());
