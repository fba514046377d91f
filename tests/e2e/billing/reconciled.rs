//! The same requests once the ledger has been held against the bill: to the last decimal, but for what has no id.

use std::collections::BTreeMap;
use std::path::Path;

use rust_decimal::Decimal;
use serde_json::Value;
use trunkline_store::{ActivityQuery, SqliteStore, Store};
use trunkline_testkit::simulator::BilledCall;

use super::ledger::{Ledger, LedgerRow, Origin, by_call_id};
use super::load::{HALVED, LEFT_WHOLE, Planned};
use crate::server::Start;

/// Requests whose upstream had told no id when it was cut off, so that nobody can be asked what they cost: attempts that
/// were given up before it said anything, by the gateway or by their caller, and Responses, whose id stands at their end.
///
/// WHEN ONE GETS AN ID: take it off. What stands here and holds fails the test.
const WITHOUT_ID: [&str; 3] = ["hedge", LEFT_WHOLE, RESPONSES];
const RESPONSES: &str = "Responses that broke off";

/// Which of them a request is.
fn without_id(planned: &Planned, row: &LedgerRow) -> Option<&'static str> {
    let of_responses = planned.path == "/v1/responses";
    match planned.kind {
        kind if WITHOUT_ID.contains(&kind) => Some(kind),
        "cut" | "left" if of_responses && row.generation_id.is_none() => Some(RESPONSES),
        HALVED if of_responses => Some(RESPONSES),
        _ => None,
    }
}

/// The library that has a process see another time. The loader knows in which folder of it libraries are.
const FAKETIME: &str = "/usr/$LIB/faketime/libfaketimeMT.so.1";

/// Runs the command beside the store that a server has left behind, and gives what it says.
pub(crate) async fn reconcile(config: &str, folder: &Path, more: &[&str]) -> Value {
    run(Start::new(), config, folder, more).await
}

/// The same when every day on which anything was asked has ended long ago.
pub(crate) async fn reconcile_later(config: &str, folder: &Path, more: &[&str]) -> Value {
    let start = Start::new().variable("LD_PRELOAD", FAKETIME).variable("FAKETIME", "+50h");
    run(start.variable("FAKETIME_DONT_FAKE_MONOTONIC", "1"), config, folder, more).await
}

async fn run(start: Start, config: &str, folder: &Path, more: &[&str]) -> Value {
    let mut command = start.config(config).argument("reconcile").argument("--json");
    command = command.argument("--data-dir").argument(folder.display().to_string());
    for argument in more {
        command = command.argument(*argument);
    }
    let (status, text, log) = command.run().await;
    assert!(status.success(), "{status}: {text}\n{log}");
    serde_json::from_str(&text).expect("JSON")
}

/// What is said and what was billed, over requests of one sort.
#[derive(Debug, Default)]
struct Sums {
    requests: usize,
    said: Decimal,
    billed: Decimal,
}

/// Holds every row, and the sum of all, against the bill. Gives by how much what has no id is off.
pub(crate) fn hold(load: &[Planned], bill: &[BilledCall], ledger: &dyn Ledger) -> Decimal {
    let mut rows = by_call_id(ledger);
    let mut calls = BTreeMap::<&str, Vec<&BilledCall>>::new();
    for call in bill {
        calls.entry(call.user.as_deref().unwrap_or_default()).or_default().push(call);
    }
    let (mut with_ids, mut without) = (Sums::default(), BTreeMap::<&str, Sums>::new());
    for planned in load {
        let row = rows.remove(&planned.id).expect("each request has a row");
        let calls = calls.remove(&*planned.id).unwrap_or_default();
        let billed: Decimal = calls.iter().map(|call| call.gateway_cost).sum();
        let said = row.reply.unwrap_or_default() + row.attempts;
        if let Some(what) = without_id(planned, &row) {
            hold_reply(planned, &calls, &row);
            without.entry(what).or_default().add(said, billed);
        } else {
            assert_eq!(said, billed, "{planned:?} {row:?} {calls:?}");
            with_ids.add(said, billed);
        }
        assert_ne!(row.origin, Origin::Computed, "{planned:?} {row:?}");
    }
    println!("with an id: {with_ids:?}; without: {without:?}");
    assert_eq!(with_ids.said, with_ids.billed);
    for what in WITHOUT_ID {
        assert!(without.get(what).is_some_and(|sums| sums.said != sums.billed), "{what} holds now");
    }
    without.values().map(|sums| sums.billed - sums.said).sum()
}

/// The sum of all rows is the sum of the bill.
pub(crate) fn hold_whole(bill: &[BilledCall], ledger: &dyn Ledger) {
    let said: Decimal =
        by_call_id(ledger).values().map(|row| row.reply.unwrap_or_default() + row.attempts).sum();
    let billed: Decimal = bill.iter().map(|call| call.gateway_cost).sum();
    println!("all: said {said}, billed {billed}");
    assert_eq!(said, billed);
}

/// A reply that has an id is what was billed, though its attempts have none.
fn hold_reply(planned: &Planned, calls: &[&BilledCall], row: &LedgerRow) {
    let Some(id) = &row.generation_id else { return };
    let answered = calls.iter().find(|call| call.generation_id.as_ref() == Some(id));
    let billed = answered.map(|call| call.gateway_cost);
    assert_eq!(row.reply, billed, "{planned:?} {row:?} {calls:?}");
}

/// Days of the report are off by what has no id is off by, and by nothing else.
pub(crate) async fn hold_days(outcome: &Value, folder: &Path, off: Decimal) {
    let days = outcome["days"].as_array().expect("days");
    let sum = |member: &str| -> Decimal {
        let amount = |day: &Value| day[member].as_str().and_then(|text| text.parse::<Decimal>().ok());
        days.iter().map(|day| amount(day).expect("an amount")).sum()
    };
    assert_eq!(sum("difference"), off);
    let store = SqliteStore::open(&folder.join("trunkline.db")).await.expect("it was made");
    let sums = store.activity(&ActivityQuery::default()).await.expect("sums");
    assert_eq!(sums[0].sums.spend, sum("ledger"), "sums moved with the rows");
    store.close().await;
}

impl Sums {
    fn add(&mut self, said: Decimal, billed: Decimal) {
        self.requests += 1;
        self.said += said;
        self.billed += billed;
    }
}
