//! The ledger of a gateway that serves, put right beside it.

use std::net::SocketAddr;
use std::path::Path;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_core::Secret;
use trunkline_store::{PostgresOptions, PostgresStore};
use trunkline_testkit::postgres::PostgresServer;
use trunkline_testkit::simulator::{BilledCall, Simulator, SimulatorOptions};

use crate::client::Answer;
use crate::office::{CHAT, MASTER, ask, chat, done, key, see, start};
use crate::server::{Start, until};

struct World {
    simulator: Simulator,
    config: String,
    folder: tempfile::TempDir,
}

impl World {
    async fn new(more: &str) -> Self {
        let options = SimulatorOptions { reports: true, ..SimulatorOptions::default() };
        let simulator = Simulator::start(options).await.expect("a port");
        let row = |group: &str, model: &str, key: &str| {
            let base = simulator.v1_url();
            format!(
                "- {{model_name: {group}, litellm_params: {{model: vercel_ai_gateway/{model}, {key}api_base: \"{base}\", \
                 input_cost_per_token: 0.000002, output_cost_per_token: 0.000008}}}}\n"
            )
        };
        // Both have one key, be it their own or that of the environment.
        let rows = [row("cut", "sim/service-tiers", "api_key: vck_test, "), row("free", "sim/free", "")];
        let config = format!("model_list:\n{}{more}", rows.concat());
        Self { simulator, config, folder: tempfile::tempdir().expect("a folder") }
    }

    fn start(&self) -> Start {
        start(self.folder.path(), &self.config).variable("AI_GATEWAY_API_KEY", "vck_test")
    }

    /// A stream that breaks off, of which nobody told what it cost.
    async fn cut(&self, address: SocketAddr, key: &str) {
        let fault = json!({ "cut_events": { "after_events": 4, "how": "close" } });
        let script = json!([{ "text_events": 9, "faults": [fault] }]);
        let body = chat(
            "cut",
            "hi there",
            json!({ "stream": true, "user": "bob", "providerOptions": { "sim": script } }),
        );
        let answer = ask(address, key, CHAT, &body).await;
        assert!(answer.text().contains("error"), "{}", answer.text());
    }

    async fn bill(&self) -> BilledCall {
        let bill = self.simulator.control().settled_bill().await;
        bill.into_iter().find(|call| call.model == "sim/service-tiers").expect("it was billed")
    }

    /// Runs the command beside the gateway.
    async fn reconcile(&self, more: &[&str]) -> (bool, String, String) {
        let mut command = self.start().argument("reconcile");
        for argument in more {
            command = command.argument(*argument);
        }
        let (status, text, log) = command.run().await;
        (status.success(), text, log)
    }
}

fn amount(value: &Value) -> Decimal {
    let text = value.to_string();
    Decimal::from_scientific(&text).or_else(|_| text.parse()).unwrap_or_else(|_| panic!("no amount: {value}"))
}

/// What a key has spent, as the process counts it in memory.
fn counted(answer: &Answer) -> Decimal {
    answer.header("x-litellm-key-spend").and_then(|text| text.parse().ok()).expect("an amount")
}

/// What a key has spent of its budget, and what all have spent, as the store has it.
async fn stored(address: SocketAddr, key: &str) -> [Decimal; 4] {
    let look = async |path: &str| see(address, MASTER, path).await.json();
    [
        amount(&look(&format!("/key/info?key={key}")).await["info"]["spend"]),
        amount(&look("/team/info?team_id=red").await["team_info"]["spend"]),
        amount(&look("/customer/info?end_user_id=bob").await["spend"]),
        amount(&look("/global/spend").await["spend"]),
    ]
}

async fn check(more: &str) {
    let world = World::new(more).await;
    let server = world.start().serve().await;
    let address = server.address;
    done(address, "/team/new", json!({ "team_id": "red" })).await;
    done(address, "/customer/new", json!({ "user_id": "bob" })).await;
    let key = key(address, json!({ "team_id": "red", "max_budget": 1, "budget_duration": "1d" })).await;
    world.cut(address, &key).await;
    until("the row is in the store", async || !stored(address, &key).await[0].is_zero()).await;
    let (billed, estimated) = (world.bill().await.gateway_cost, stored(address, &key).await[0]);
    assert_ne!(estimated, billed);

    let (is_good, table, log) = world.reconcile(&["--no-report"]).await;
    assert!(is_good, "{table}{log}");
    assert!(table.contains(&estimated.to_string()) && table.contains(&billed.to_string()), "{table}");
    assert!(table.contains("nothing was changed"), "{table}");
    assert_eq!(stored(address, &key).await, [estimated; 4], "to look changes nothing");

    let (is_good, text, log) = world.reconcile(&["--apply", "--json"]).await;
    assert!(is_good, "{text}{log}");
    let outcome: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&outcome["applied"], &outcome["differing"]), (&1.into(), &1.into()), "{text}");
    assert_eq!(outcome["days"][0]["difference"], "0", "{text}");
    assert_eq!(stored(address, &key).await, [billed; 4], "sums and counters moved with the row");
    let free = chat("free", "hi", json!({}));
    until("the budget in memory is put right too", async || {
        counted(&ask(address, &key, CHAT, &free).await) == billed
    })
    .await;
    let logs = see(address, MASTER, "/spend/logs").await.json();
    let row = logs
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["model_group"] == "cut")
        .expect("the row")
        .clone();
    assert_eq!(row["cost_origin"], "reconciled", "{row}");
    let acts = see(address, MASTER, "/audit/logs?limit=1").await.json();
    assert_eq!(
        (&acts["logs"][0]["action"], &acts["logs"][0]["by"]),
        (&"reconciled".into(), &"command".into())
    );

    let (_, text, _) = world.reconcile(&["--apply", "--json", "--all"]).await;
    let again: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&again["applied"], &again["differing"]), (&0.into(), &0.into()), "{text}");
    assert_eq!(stored(address, &key).await, [billed; 4]);
    server.stop().await;
}

#[tokio::test]
async fn a_ledger_in_a_file_is_put_right_while_the_gateway_serves() {
    check("").await;
}

#[tokio::test]
async fn a_ledger_in_a_database_is_put_right_while_the_gateway_serves() {
    let database = PostgresServer::shared().and_then(PostgresServer::database).expect("a database");
    check(&format!("general_settings: {{database_url: \"{database}\"}}\n")).await;
}

#[tokio::test]
async fn what_cannot_be_held_against_a_bill_is_said_so() {
    let world = World::new("").await;
    let (is_good, _, log) = world.reconcile(&[]).await;
    assert!(!is_good && log.contains("there is no ledger in"), "{log}");
    assert!(!Path::new(&world.folder.path().join("trunkline.db")).exists(), "to look makes no ledger");
    let (is_good, _, log) = world.reconcile(&["--since", "yesterday"]).await;
    assert!(!is_good && log.contains("`yesterday` is no day"), "{log}");
    let database = PostgresServer::shared().and_then(PostgresServer::database).expect("a database");
    let config = format!("{}general_settings: {{database_url: \"{database}\"}}\n", world.config);
    let world = World { config, ..world };
    for more in [&[][..], &["--apply"]] {
        let (is_good, _, log) = world.reconcile(more).await;
        assert!(!is_good && log.contains("there is no ledger yet"), "{log}");
        let made = PostgresStore::existing(&Secret::new(&database), &PostgresOptions::default()).await;
        assert!(
            made.expect("it answers").is_none(),
            "a database that has no ledger gets no tables: {more:?}"
        );
    }
    let path = world.folder.path().join("trunkline.db");
    trunkline_store::SqliteStore::open(&path).await.expect("a ledger");
    let config = "model_list: [{model_name: e, litellm_params: {model: echo/x}}]\n".to_owned();
    let (is_good, _, log) = World { config, ..world }.reconcile(&[]).await;
    assert!(!is_good && log.contains("there is nobody to ask"), "{log}");
}

/// Rows that are left out were once left out without a word.
#[tokio::test]
async fn what_of_the_store_cannot_be_asked_about_is_told() {
    let world = World::new("general_settings: {store_model_in_db: true}\n").await;
    let begun = || start(world.folder.path(), &world.config);
    let server = begun().variable("UPSTREAM_KEY", "sk-upstream-canary-1").serve().await;
    let params = json!({ "model": "openai/x", "api_key": "os.environ/UPSTREAM_KEY" });
    let added = json!({ "model_name": "a", "litellm_params": params, "model_info": { "id": "a" } });
    done(server.address, "/model/new", added).await;
    server.stop().await;
    let (is_good, text, log) = world.reconcile(&["--no-report", "--json"]).await;
    let unset = "model a: litellm_params.api_key refers to UPSTREAM_KEY, which is not set";
    assert!(is_good && log.contains(unset), "{log}");
    serde_json::from_str::<Value>(&text).expect("JSON alone");
    let other = begun().variable("LITELLM_SALT_KEY", "another salt");
    let (status, _, log) = other.argument("reconcile").argument("--no-report").run().await;
    assert!(status.success() && log.contains("model a: the deployment is out of service"), "{log}");
}
