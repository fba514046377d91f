//! Records as a gateway settles them.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;
use trunkline_core::{Cost, ErrorKind, Observation, ReportedCost, Usage, cost};
use trunkline_gateway::{Outcome, Record};
use trunkline_router::Attempt;

/// Of a stream that went well at once.
pub(crate) fn plain(call_id: &str) -> Record {
    Record {
        route: Some("/v1/chat/completions"),
        model: Some("fast".to_owned()),
        asked_group: Some("fast".into()),
        group: Some("fast".into()),
        deployment: Some("first".into()),
        deployment_group: Some("fast".into()),
        provider: Some("openai".into()),
        upstream_model: Some("gpt-4o".into()),
        attempts: 1,
        streamed: true,
        status: Some(StatusCode::OK),
        outcome: Some(Outcome::Completed),
        upstream_duration: Some(Duration::from_millis(40)),
        until_reply: Some(Duration::from_millis(50)),
        overhead: Some(Duration::from_millis(2)),
        duration: Some(Duration::from_millis(1500)),
        observation: Observation {
            usage: Some(Usage { uncached_input: 10, cache_read: 5, output: 7, ..Usage::default() }),
            generation_id: Some("chatcmpl-1".to_owned()),
            ..Observation::default()
        },
        cost: cost::amount(b"0.000120").map(Cost::Computed),
        ..Record::opened(call_id.to_owned(), Cow::Borrowed("chat_completions"))
    }
}

/// With everything that a record may hold: a fallback after two failures, and a bill.
pub(crate) fn full(call_id: &str) -> Record {
    let amount = |text: &str| cost::amount(text.as_bytes());
    Record {
        user: Some("customer-7".to_owned()),
        tags: vec!["blue".to_owned(), "green".to_owned()],
        group: Some("slow".into()),
        failed_attempts: vec![failed("fast", 503, ErrorKind::UpstreamFailed), overtaken("fast")],
        attempts: 3,
        retries: 1,
        fallbacks: 1,
        cost: Some(Cost::Reported(ReportedCost {
            cost: amount("0.10"),
            market_cost: amount("0.2"),
            surcharge_cost: amount("0.01"),
            gateway_cost: amount("0.11"),
            is_byok: false,
        })),
        ..plain(call_id)
    }
}

/// Of a request whose only attempt failed.
pub(crate) fn broken(call_id: &str) -> Record {
    Record {
        status: Some(StatusCode::BAD_GATEWAY),
        outcome: Some(Outcome::Failed(ErrorKind::UpstreamFailed)),
        failed_attempts: vec![failed("fast", 500, ErrorKind::UpstreamFailed)],
        until_reply: None,
        upstream_duration: None,
        observation: Observation::default(),
        cost: None,
        ..plain(call_id)
    }
}

fn failed(group: &str, status: u16, kind: ErrorKind) -> Attempt {
    Attempt {
        status: StatusCode::from_u16(status).ok(),
        failure: Some(kind),
        usage: None,
        cost: None,
        ..overtaken(group)
    }
}

fn overtaken(group: &str) -> Attempt {
    Attempt {
        group: group.into(),
        deployment: format!("of-{group}").into(),
        deployment_group: group.into(),
        provider: "openai".into(),
        upstream_model: "gpt-4o-mini".into(),
        status: None,
        failure: None,
        duration: Duration::from_millis(20),
        usage: Some(Usage { uncached_input: 3, ..Usage::default() }),
        cost: cost::amount(b"0.001").map(Cost::Computed),
        generation_id: None,
    }
}
