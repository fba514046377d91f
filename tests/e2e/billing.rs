//! The bill of the upstream against what the gateway says that its requests cost.

mod caller;
mod comparison;
mod ledger;
mod load;
mod reconciled;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rust_decimal::Decimal;
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::unconstrained;
use trunkline_testkit::simulator::{Simulator, SimulatorOptions};

use crate::office::{MASTER, key};
use crate::server::Start;
use comparison::Comparison;
use ledger::{Ledger, LogLines, StoreRows};
pub(crate) use load::Random;

const SEED: u64 = 6;
/// How many requests are under way at a time: many of them wait, for a second attempt or for a hedge.
const CALLERS: usize = 96;

/// How many requests are sent: all of them where `TRUNKLINE_FULL` asks for it.
fn requests() -> usize {
    if std::env::var_os("TRUNKLINE_FULL").is_some_and(|value| value == "1") { 20_000 } else { 5_000 }
}

/// Which requests have ended. Whoever waits for one waits for an earlier one, so that nobody waits for ever.
struct Ended {
    ended: RefCell<Vec<bool>>,
    more: Notify,
}

impl Ended {
    fn new(requests: usize) -> Self {
        Self { ended: RefCell::new(vec![false; requests]), more: Notify::new() }
    }

    fn note(&self, number: usize) {
        self.ended.borrow_mut()[number] = true;
        self.more.notify_waiters();
    }

    #[expect(clippy::future_not_send, reason = "tests stay on the thread that they begin on")]
    async fn wait_for(&self, number: usize) {
        loop {
            let more = self.more.notified();
            if self.ended.borrow()[number] {
                return;
            }
            more.await;
        }
    }
}

#[tokio::test]
async fn what_requests_cost_is_what_is_billed() {
    let options = SimulatorOptions {
        seed: SEED,
        balance: Decimal::from(1_000_000),
        // More than there are under way, of whom some wait until the upstream has got theirs.
        requests_kept: 4 * CALLERS,
        generation_misses: 0,
        ..SimulatorOptions::default()
    };
    let simulator = Simulator::start(options).await.expect("a port");
    let config = load::config(&simulator.v1_url());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    let server = Start::new()
        .config(config.clone())
        .variable("JSON_LOGS", "True")
        .variable("LITELLM_MASTER_KEY", MASTER)
        .variable("LITELLM_SALT_KEY", "salt-of-a-test")
        .argument("--data-dir")
        .argument(path)
        .serve()
        .await;
    let load = load::load(requests(), SEED);
    let budget = key(server.address, json!({ "max_budget": 1_000_000 })).await;

    let started = Instant::now();
    let ended = Ended::new(load.len());
    let next = RefCell::new(load.iter().enumerate());
    let caller = async || {
        loop {
            let planned = next.borrow_mut().next();
            let Some((number, planned)) = planned else { break };
            if let Some(first) = planned.again {
                ended.wait_for(first).await;
            }
            let key = if planned.has_budget { &budget } else { MASTER };
            caller::call(server.address, key, planned, simulator.control()).await;
            ended.note(number);
        }
    };
    // Without the runtime's budget for one task, which all callers share: on a busy machine some went without their turn for
    // so long that the server gave them up, who had connected and said nothing.
    unconstrained(join_all((0..CALLERS).map(|_| caller()))).await;
    let took = started.elapsed();
    let bill = simulator.control().settled_bill();
    let bill = tokio::time::timeout(Duration::from_secs(20), bill).await.expect("every call ends");
    let log = LogLines(server.stop().await);
    let rows = StoreRows::read(folder.path()).await;
    ledger::hold_key(folder.path(), &rows).await;

    println!("{} requests, {} calls, {took:.1?}", load.len(), bill.len());
    for ledger in [&rows as &dyn Ledger, &log] {
        let comparison = Comparison::new(&load, &bill, ledger);
        println!("{comparison}");
        comparison.hold();
    }

    let started = Instant::now();
    let outcome = reconciled::reconcile(&config, folder.path(), &["--apply"]).await;
    println!("reconciled {} rows in {:.1?}", outcome["applied"], started.elapsed());
    assert_eq!((&outcome["failed"], &outcome["without_record"]), (&0.into(), &0.into()));
    let rows = StoreRows::read(folder.path()).await;
    ledger::hold_key(folder.path(), &rows).await;
    let off = reconciled::hold(&load, &bill, &rows);
    reconciled::hold_days(&outcome, folder.path(), off).await;
    let again = reconciled::reconcile(&config, folder.path(), &["--apply", "--all"]).await;
    assert_eq!((&again["differing"], &again["applied"]), (&0.into(), &0.into()), "twice is as good as once");

    let outcome = reconciled::reconcile_later(&config, folder.path(), &["--apply", "--apportion"]).await;
    let rows = StoreRows::read(folder.path()).await;
    ledger::hold_key(folder.path(), &rows).await;
    println!("apportioned to {} rows", outcome["apportioned"]);
    assert!(outcome["apportioned"].as_u64() > Some(0), "{outcome}");
    reconciled::hold_whole(&bill, &rows);
    reconciled::hold_days(&outcome, folder.path(), Decimal::ZERO).await;
}
