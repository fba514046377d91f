//! Openings and rows as most are.

use rust_decimal::Decimal;
use trunkline_core::{Subject, SubjectKind, Usage};
use trunkline_ledger::Opening;
use trunkline_store::{AttemptRow, Charge, CostOrigin, RequestRow};

/// An opening as most are.
pub(crate) fn opening<'a>(call_id: &'a str, tags: &'a [String], charges: &'a [Charge]) -> Opening<'a> {
    Opening {
        started_at: 1_764_000_000_000,
        call_id,
        operation: "chat_completions",
        route: "/v1/chat/completions",
        streamed: true,
        key: Some("6f1ed002ab5595859014ebf0951522d9d4ee8a2a8d3f7c4c5b6a79881122aabb"),
        user_id: Some("ada@example.com"),
        team_id: Some("3f7c4c5b-6a79-4188-9c1a-2aabb0c1d2e3"),
        tags,
        model: "gpt-4o",
        group: Some("gpt-4o"),
        bound: Some(Decimal::new(40_960, 6)),
        input_tokens: 1200,
        input_spend: Some(Decimal::new(3, 3)),
        charges,
        ..Opening::default()
    }
}

pub(crate) fn tags() -> Vec<String> {
    vec!["production".to_owned(), "search".to_owned()]
}

pub(crate) fn charges() -> Vec<Charge> {
    let charge = |subject| Charge { subject, period: "30d".to_owned(), begins_at: 1_763_000_000_000 };
    vec![
        charge(Subject::new(SubjectKind::Team, "3f7c4c5b-6a79-4188-9c1a-2aabb0c1d2e3")),
        charge(Subject::new(
            SubjectKind::Key,
            "6f1ed002ab5595859014ebf0951522d9d4ee8a2a8d3f7c4c5b6a79881122aabb",
        )),
        charge(Subject::global().with_model("gpt-4o")),
    ]
}

/// A row as most are: one attempt that answered.
pub(crate) fn row(call_id: &str) -> RequestRow {
    let usage = Some(Usage { uncached_input: 1180, cache_read: 20, output: 350, ..Usage::default() });
    let spend = Some(Decimal::new(6_475, 6));
    RequestRow {
        call_id: call_id.to_owned(),
        started_at: 1_764_000_000_000,
        first_byte_at: Some(1_764_000_000_412),
        ended_at: 1_764_000_004_100,
        operation: "chat_completions".to_owned(),
        route: "/v1/chat/completions".to_owned(),
        streamed: true,
        status: Some(200),
        outcome: "completed".to_owned(),
        key: Some("6f1ed002ab5595859014ebf0951522d9d4ee8a2a8d3f7c4c5b6a79881122aabb".to_owned()),
        user_id: Some("ada@example.com".to_owned()),
        team_id: Some("3f7c4c5b-6a79-4188-9c1a-2aabb0c1d2e3".to_owned()),
        tags: tags(),
        model: "gpt-4o".to_owned(),
        group: Some("gpt-4o".to_owned()),
        deployment: Some("b1946ac92492d234".to_owned()),
        provider: Some("openai".to_owned()),
        upstream_model: Some("gpt-4o-2024-11-20".to_owned()),
        api_base: Some("https://api.openai.com/v1".to_owned()),
        usage: usage.clone(),
        spend,
        cost_origin: CostOrigin::Computed,
        cost: spend,
        generation_id: Some("chatcmpl-9nqDkQ3Yx7JXh1Zl2bT8".to_owned()),
        client_address: Some("10.1.2.3".to_owned()),
        attempts: vec![AttemptRow {
            group: "gpt-4o".to_owned(),
            deployment: "b1946ac92492d234".to_owned(),
            provider: "openai".to_owned(),
            upstream_model: "gpt-4o-2024-11-20".to_owned(),
            duration_ms: 4080,
            status: Some(200),
            usage,
            spend,
            generation_id: Some("chatcmpl-9nqDkQ3Yx7JXh1Zl2bT8".to_owned()),
            ..AttemptRow::default()
        }],
        charges: charges(),
        ..RequestRow::default()
    }
}
