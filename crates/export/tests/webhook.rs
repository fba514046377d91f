//! What a webhook is sent.

use serde_json::{Value, json};
use trunkline_core::{ErrorKind, Observation, Secret, SubjectKind};
use trunkline_export::{Destination, Standing};
use trunkline_gateway::{Outcome, Record, Recorder};
use trunkline_keys::SoftBudgetPassed;
use trunkline_testkit::upstream::{Script, ScriptedUpstream, UpstreamRequest};

use crate::identity::identity;
use crate::records::{broken, full, plain};
use crate::running::{Running, collector, quick, webhook};

async fn taking() -> ScriptedUpstream {
    ScriptedUpstream::answering(|_, _| Script::json(200, "{}")).await.expect("a port")
}

fn objects(request: &UpstreamRequest) -> Vec<Value> {
    serde_json::from_slice(&request.body).expect("a list")
}

/// What arrives of these records.
async fn sent(records: &[Record]) -> Vec<Value> {
    let receiver = taking().await;
    let running = Running::start(webhook(&receiver.url()), &quick());
    records.iter().for_each(|record| running.exporter.settled(record));
    running.end().await;
    receiver.requests().iter().flat_map(objects).collect()
}

/// Takes out what no test can know: when it was.
fn take_times(object: &mut Value) -> [f64; 3] {
    ["startTime", "completionStartTime", "endTime"]
        .map(|name| object[name].take().as_f64().unwrap_or_default())
}

#[tokio::test]
async fn a_row_bears_litellms_names() {
    let mut objects = sent(&[full("call-1")]).await;
    let [start, begun, end] = take_times(&mut objects[0]);
    assert!((end - start - 1.5).abs() < 1e-3 && (begun - start - 0.05).abs() < 1e-3, "{start} {begun} {end}");
    let expected: Value = serde_json::from_str(include_str!("row.json")).expect("JSON");
    assert_eq!(objects, [expected]);
}

#[tokio::test]
async fn an_unknown_cost_is_null_and_a_failure_says_of_what() {
    let cut = Some(Outcome::Failed(ErrorKind::UpstreamCut));
    let stopped = Some(Outcome::Failed(ErrorKind::ShuttingDown));
    let objects = sent(&[
        broken("call-1"),
        Record { outcome: cut, ..broken("call-2") },
        Record { outcome: stopped, ..broken("call-3") },
        Record { outcome: stopped, attempts: 0, ..broken("call-4") },
    ])
    .await;
    let told = |at: usize| (&objects[at]["response_cost"], &objects[at]["trunkline"]["cost_origin"]);
    assert_eq!(told(0), (&json!(0), &json!("free")), "who refuses bills nothing");
    assert_eq!(told(1), (&Value::Null, &json!("unknown")));
    assert_eq!(told(2), (&Value::Null, &json!("unknown")), "whoever was asked goes on working");
    assert_eq!(told(3), (&json!(0), &json!("free")), "nobody was asked");
    let object = &objects[0];
    assert_eq!(object["id"], "call-1", "without an id of the upstream's");
    assert_eq!(object["status"], "failure");
    let expected = json!({"error_code": "502", "error_class": "upstream_failed", "llm_provider": "openai"});
    assert_eq!(object["error_information"], expected);
}

#[tokio::test]
async fn a_kept_reply_costs_nothing_and_says_so() {
    let kept = Record {
        cache_key: Some("k1".to_owned()),
        attempts: 0,
        upstream_duration: None,
        observation: Observation::default(),
        cost: None,
        ..plain("call-1")
    };
    let objects = sent(&[kept]).await;
    let object = &objects[0];
    let found = ["cache_hit", "cache_key", "response_cost"].map(|name| &object[name]);
    assert_eq!(found, [&json!(true), &json!("k1"), &json!(0)]);
    assert_eq!(object["trunkline"]["cost_origin"], "free");
}

#[tokio::test]
async fn money_keeps_its_digits() {
    let cost = trunkline_core::cost::amount(b"0.1234567890123456789012345");
    let record = Record { cost: cost.map(trunkline_core::Cost::Computed), ..plain("call-1") };
    let receiver = taking().await;
    let running = Running::start(webhook(&receiver.url()), &quick());
    running.exporter.settled(&record);
    running.end().await;
    let body = receiver.requests().remove(0).body;
    let text = std::str::from_utf8(&body).expect("text");
    assert!(text.contains(r#""response_cost":0.1234567890123456789012345,"#), "{text}");
}

#[tokio::test]
async fn what_asks_no_model_and_who_shows_no_key_leave_no_row() {
    let refused = Some(Outcome::Failed(ErrorKind::Unauthenticated));
    let expired = Some(Outcome::Failed(ErrorKind::KeyExpired));
    let records = [
        Record { route: None, ..plain("models") },
        Record { outcome: refused, model: None, ..plain("stranger") },
        Record { outcome: expired, model: None, ..plain("late") },
        plain("call-1"),
        // The master key, whose request has tags that no deployment bears.
        Record { outcome: refused, ..plain("tagged") },
        Record { outcome: refused, model: None, identity: Some(identity().await), ..plain("known") },
    ];
    let objects = sent(&records).await;
    let ids: Vec<&Value> = objects.iter().map(|object| &object["litellm_call_id"]).collect();
    assert_eq!(ids, ["call-1", "tagged", "known"]);
}

#[tokio::test]
async fn rows_go_by_the_hundred_and_what_is_left_goes_after_the_wait() {
    let receiver = taking().await;
    let options = trunkline_export::ExportOptions { posts_max: 1, ..quick() };
    let running = Running::start(webhook(&receiver.url()), &options);
    (0..250).for_each(|number| running.exporter.settled(&plain(&number.to_string())));
    let requests = receiver.wait_for_requests(3).await;
    let sizes: Vec<usize> = requests.iter().map(|request| objects(request).len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    let standing = running.end().await;
    let expected = Standing { name: "generic_api", sent: 250, ..Standing::default() };
    assert_eq!(standing, expected);
    assert_eq!(receiver.connections(), 1, "the connection is kept");
}

#[tokio::test]
async fn a_post_bears_the_operators_headers() {
    let receiver = taking().await;
    let headers = [("Authorization", "Bearer t"), ("x-team", "a=b")]
        .map(|(name, value)| (name.to_owned(), Secret::new(value)));
    let address = Secret::new(format!("{}/hook?token=1", receiver.url()));
    let running = Running::start(Destination::webhook(&address, &headers).expect("one"), &quick());
    running.exporter.settled(&plain("call-1"));
    running.end().await;
    let request = receiver.requests().remove(0);
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/hook?token=1"));
    let found = ["content-type", "authorization", "x-team"].map(|name| request.header(name));
    assert_eq!(found, [Some("application/json"), Some("Bearer t"), Some("a=b")]);
}

#[tokio::test]
async fn names_as_long_as_a_body_are_cut() {
    let long = "\u{e4}".repeat(100_000);
    let record = Record {
        call_id: long.clone(),
        model: Some(long.clone()),
        user: Some(long.clone()),
        tags: vec![long.clone(); 1_000],
        group: Some(long.as_str().into()),
        upstream_model: Some(long.as_str().into()),
        ..plain("")
    };
    let objects = sent(&[record]).await;
    let object = &objects[0];
    assert_eq!(object["request_tags"].as_array().map(Vec::len), Some(16));
    let cut = json!("\u{e4}".repeat(128));
    for name in ["litellm_call_id", "end_user", "model", "model_group"] {
        assert_eq!(object[name], cut, "{name}");
    }
}

/// A user who has spent more than its soft budget.
fn passed() -> SoftBudgetPassed {
    SoftBudgetPassed {
        kind: SubjectKind::User,
        token: None,
        key_alias: None,
        user_id: Some("ann".into()),
        team_id: None,
        team_alias: None,
        customer: None,
        tag: None,
        spent: "0.10".parse().expect("an amount"),
        soft_budget: "0.05".parse().expect("an amount"),
        max_budget: None,
        period: None,
        resets_at_ms: Some(1_500),
    }
}

/// The names of all members, however deep.
fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            found.push(name.clone());
            names(member, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn the_docs_name_every_field() {
    let page = include_str!("../../../docs/export.md");
    let mut found = Vec::new();
    sent(&[full("call-1"), broken("call-2")]).await.iter().for_each(|object| names(object, &mut found));
    let receiver = taking().await;
    let running = Running::start(webhook(&receiver.url()), &quick());
    running.exporter.soft_budget_passed(&passed());
    running.end().await;
    let rows = found.len();
    receiver.requests().iter().flat_map(objects).for_each(|object| names(&object, &mut found));
    let is_named = |name: &String| ["`", "."].iter().any(|before| page.contains(&format!("{before}{name}`")));
    let unnamed: Vec<&String> = found
        .iter()
        .filter(|name| !is_named(name) && !["metadata", "trunkline"].contains(&name.as_str()))
        .collect();
    assert!(rows > 60 && found.len() > rows + 12 && unnamed.is_empty(), "{unnamed:?}");
}

#[tokio::test]
async fn a_webhook_is_told_of_soft_budgets_and_a_collector_is_not() {
    let passed = passed();
    let receiver = taking().await;
    let running = Running::start(webhook(&receiver.url()), &quick());
    running.exporter.settled(&plain("call-1"));
    running.exporter.soft_budget_passed(&passed);
    assert_eq!(running.end().await.sent, 2);
    let objects: Vec<Value> = receiver.requests().iter().flat_map(objects).collect();
    assert_eq!((&objects[0]["litellm_call_id"], &objects[0]["event"]), (&json!("call-1"), &Value::Null));
    assert_eq!(
        objects[1],
        json!({
            "event": "soft_budget_crossed", "event_group": "user",
            "event_message": "the user ann has spent 0.1 US dollars, and its soft budget is 0.05",
            "spend": 0.1, "soft_budget": 0.05, "max_budget": null, "token": null, "key_alias": null,
            "user_id": "ann", "team_id": null, "team_alias": null, "customer_id": null,
            "trunkline": { "tag": null, "budget_duration": null, "budget_reset_at": 1.5 },
        })
    );
    let collecting = taking().await;
    let running = Running::start(collector(&collecting.url()), &quick());
    running.exporter.soft_budget_passed(&passed);
    assert_eq!((running.end().await.sent, collecting.requests().len()), (0, 0));
}
