//! Virtual keys in what is counted: told apart by key, added up by team.

use serde_json::json;
use trunkline_core::Secret;
use trunkline_keys::{Pepper, Token};
use trunkline_store::{Kind, Object, SqliteStore, Store, Write};
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use super::exposition::{Exposition, Form};
use super::{KEY, NOBODY, PATH, body};
use crate::client::send;
use crate::office::{CHAT, MASTER, ask, chat, done, reply, row, see, start};
use crate::server::{Start, Trunkline, until};

const SALT: &str = "salt-of-a-test";
const ANN: &str = "sk-ann-0123456789";
const BEN: &str = "sk-ben-0123456789";

/// Keeps a key of each of two users of one team, one of them without an alias.
async fn keep(folder: &std::path::Path) {
    let pepper = Pepper::new(&Secret::new(SALT));
    let some = |text: &str| Some(text.to_owned());
    let key = |key: &str, user: &str, alias: Option<String>| {
        let index = pepper.index(&Token::of(key));
        let key = Object::new(Kind::Key, index.as_str(), 0);
        Object { alias, user_id: some(user), team_id: some("red"), ..key }
    };
    let team = Object { alias: some("The \"Reds\""), ..Object::new(Kind::Team, "red", 0) };
    let objects = vec![key(ANN, "ann", some("ann's laptop")), key(BEN, "ben", None), team];
    let store = SqliteStore::open(&folder.join("trunkline.db")).await.expect("a store");
    store.write(Write { objects, ..Write::default() }).await.expect("written");
    store.close().await;
}

async fn asked(server: &Trunkline, key: &str) -> u16 {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    send(server.address, "POST", PATH, &headers, body("m", false).as_bytes()).await.status
}

#[tokio::test]
async fn requests_are_told_by_key_team_and_user() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    keep(folder.path()).await;
    let config = format!(
        "model_list:\n- {{model_name: m, litellm_params: {{model: openai/x, mock_response: hi}}, model_info: {{id: id-m}}}}\n\
         general_settings:\n  master_key: {KEY}\nlitellm_settings:\n  callbacks: [prometheus]\n"
    );
    let start = Start::new().config(config).variable("LITELLM_SALT_KEY", SALT);
    let server = start.argument("--data-dir").argument(folder.path().display().to_string()).serve().await;
    for (key, status) in [(ANN, 200), (ANN, 200), (BEN, 200), (KEY, 200), ("sk-nobody-0123456789", 401)] {
        assert_eq!(asked(&server, key).await, status, "{key}");
    }
    let bearer = format!("Bearer {KEY}");
    let answer = send(server.address, "GET", "/metrics", &[("authorization", &bearer)], b"").await;
    let text = answer.text();
    for secret in [KEY, ANN, BEN, SALT] {
        assert!(!text.contains(secret), "{text}");
    }
    let told = Exposition::parse(&text, Form::Text);
    let [ann, ben] = [ANN, BEN].map(|key| Token::of(key).to_string());
    let team = [("team", "red"), ("team_alias", "The \"Reds\"")];
    let of_ann = [&[("hashed_api_key", &*ann), ("api_key_alias", "ann's laptop")][..], &team].concat();
    let of_ben = [&[("hashed_api_key", &*ben), ("api_key_alias", "None")][..], &team].concat();
    let of_model = [("requested_model", "m"), ("model_id", "id-m"), ("api_provider", "openai")];
    let of_deployment = [("model_group", "m"), ("litellm_model_name", "x"), ("api_base", "None")];
    for (caller, user, count) in [(&of_ann[..], "ann", 2), (&of_ben, "ben", 1), (&NOBODY[..4], "None", 1)] {
        let of_request = [caller, &of_model, &[("user", user), ("model", "x")]].concat();
        assert_eq!(told.whole("litellm_requests_metric_total", &of_request), count);
        let timed = [&of_request[..], &[("model_group", "m")]].concat();
        assert_eq!(told.whole("litellm_llm_api_latency_metric_count", &timed), count);
        // LiteLLM does not tell users of deployments.
        let of_call = [caller, &of_model, &of_deployment].concat();
        assert_eq!(told.whole("litellm_deployment_success_responses_total", &of_call), count);
    }
    assert_eq!(told.sum("litellm_requests_metric_total"), 4);
    assert_eq!(told.sum("litellm_proxy_total_requests_metric_total"), 5, "with the one that was refused");
}

/// What is left of an end user's budget, and rows that a webhook refuses.
#[tokio::test]
async fn budgets_of_end_users_and_failures_of_callbacks_are_told() {
    let upstream = ScriptedUpstream::answering(|_, _| Script::json(200, reply(10))).await.expect("a port");
    let refusing = ScriptedUpstream::answering(|_, _| Script::json(400, "{}")).await.expect("a port");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = format!(
        "model_list:\n{}litellm_settings: {{callbacks: [generic_api, prometheus]}}\n",
        row("m", &upstream.url())
    );
    let start = start(folder.path(), &config).variable("GENERIC_LOGGER_ENDPOINT", refusing.url());
    let server = start.serve().await;
    let address = server.address;
    done(address, "/customer/new", json!({ "user_id": "ann", "max_budget": 1, "budget_duration": "30d" }))
        .await;
    for user in ["ann", "nobody-limited"] {
        let call = chat("m", "hi", json!({ "user": user, "max_tokens": 10 }));
        assert_eq!(ask(address, MASTER, CHAT, &call).await.status, 200);
    }
    let scraped = async || Exposition::parse(&see(address, MASTER, "/metrics").await.text(), Form::Text);
    let webhook = [("callback_name", "generic_api")];
    until("both rows are given up", async || {
        scraped().await.whole("litellm_callback_logging_failures_metric_total", &webhook) == 2
    })
    .await;
    let told = scraped().await;
    assert_eq!(told.whole("trunkline_export_queued_rows", &webhook), 0);
    let ann = [("end_user", "ann")];
    // A call takes 25 units of 1e-5 dollars.
    let left = told.value("litellm_remaining_customer_budget_metric", &ann);
    assert!((left - 0.999_75).abs() < 1e-9, "{left}");
    assert_eq!(told.whole("litellm_customer_max_budget_metric", &ann), 1);
    assert!(told.value("litellm_customer_budget_remaining_hours_metric", &ann) > 0.0);
    assert_eq!(told.labels("end_user").len(), 1, "nobody else has a budget");
}
