//! Deployments that are added while the server runs.

use std::net::SocketAddr;

use serde_json::{Value, json};
use trunkline_testkit::postgres::PostgresServer;
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::client::Answer;
use crate::office::{CHAT, MASTER, ask, chat, done, key, reply, see, start};
use crate::server::{Start, until};

const FILE: &str = "model_list:
- {model_name: own, litellm_params: {model: echo/x}, model_info: {id: of-file}}
general_settings: {store_model_in_db: true}
";

const SECRET: &str = "sk-upstream-canary-2";

async fn status(address: SocketAddr, key: &str, model: &str) -> u16 {
    ask(address, key, CHAT, &chat(model, "hi", json!({}))).await.status
}

/// What `/model/info` tells of one deployment. `None` if there is none of that id.
async fn info(address: SocketAddr, id: &str) -> Option<Value> {
    let rows = see(address, MASTER, "/model/info").await.json();
    rows["data"].as_array().expect("rows").iter().find(|row| row["model_info"]["id"] == id).cloned()
}

async fn refused(address: SocketAddr, path: &str, body: Value) -> Answer {
    let answer = ask(address, MASTER, path, &body.to_string()).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    answer
}

#[tokio::test]
async fn a_model_is_added_called_changed_and_taken_away() {
    let upstream = ScriptedUpstream::answering(|_, _| Script::json(200, reply(10))).await.expect("a port");
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), FILE).serve().await;
    let address = server.address;
    assert_eq!(status(address, MASTER, "added").await, 400);
    let params = json!({ "model": "openai/x", "api_key": SECRET, "api_base": format!("{}/v1", upstream.url()),
        "input_cost_per_token": 0.00001 });
    let body = json!({ "model_name": "added", "litellm_params": params, "model_info": { "id": "one", "mode": "chat" } });
    let made = done(address, "/model/new", body).await;
    assert_eq!((&made["model_id"], &made["litellm_params"]["api_key"]), (&json!("one"), &json!("****")));
    // Whoever is told that it is there can call it.
    assert_eq!(status(address, MASTER, "added").await, 200);
    let asked = upstream.requests();
    assert_eq!(asked[0].headers.get("authorization").expect("a key"), &format!("Bearer {SECRET}"));
    let shown = info(address, "one").await.expect("it is there");
    assert_eq!(
        (&shown["model_info"]["db_model"], &shown["model_info"]["mode"]),
        (&json!(true), &json!("chat"))
    );
    assert_eq!(shown["model_info"]["input_cost_per_token"], json!(0.00001));
    assert!(!shown.to_string().contains("canary"), "{shown}");
    assert_eq!(info(address, "of-file").await.expect("it is there")["model_info"]["db_model"], false);
    let narrow = key(address, json!({ "models": ["added"] })).await;
    assert_eq!((status(address, &narrow, "added").await, status(address, &narrow, "own").await), (200, 403));

    // A file that changes takes nothing from it, and a restart neither.
    server.configure(&FILE.replace("model_name: own", "model_name: renamed"));
    until("the file is taken up", async || status(address, MASTER, "renamed").await == 200).await;
    assert_eq!(status(address, MASTER, "added").await, 200);
    server.stop().await;
    let kept = std::fs::read(folder.path().join("trunkline.db")).expect("a file");
    assert!(!kept.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "it is sealed");
    let server = start(folder.path(), FILE).serve().await;
    let address = server.address;
    assert_eq!(status(address, MASTER, "added").await, 200);

    let change = json!({ "model_info": { "id": "one" }, "model_name": "renamed-too", "litellm_params": { "model": "echo/y" } });
    done(address, "/model/update", change).await;
    assert_eq!(
        (status(address, MASTER, "renamed-too").await, status(address, MASTER, "added").await),
        (200, 400)
    );
    done(address, "/model/delete", json!({ "id": "one" })).await;
    assert_eq!(status(address, MASTER, "renamed-too").await, 400);
    assert_eq!(info(address, "one").await, None);
    let log = server.stop().await;
    assert!(!log.contains("canary"), "{log}");
}

#[tokio::test]
async fn what_could_not_be_served_is_refused_and_stops_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), FILE).variable("UPSTREAM_KEY", "sk-1").serve().await;
    let address = server.address;
    let with =
        |params: Value| json!({ "model_name": "a", "litellm_params": params, "model_info": { "id": "a" } });
    for (params, words) in [
        (json!({ "model": "nobody/x" }), "nobody"),
        (json!({ "model": "openai/x", "api_base": "localhost:1" }), "api_base"),
        (json!({ "model": "openai/x", "max_budget": 5 }), "what it restricts would go unrestricted"),
        (
            json!({ "model": "openai/x", "api_key": "os.environ/NO_SUCH" }),
            "refers to NO_SUCH, which is not set",
        ),
        (json!({ "model": "openai/x", "api_key": "os.environ/LITELLM_MASTER_KEY" }), "the gateway's own"),
    ] {
        let answer = refused(address, "/model/new", with(params)).await;
        assert!(answer.message().contains(words), "{}", answer.text());
    }
    let taken = json!({ "model_name": "a", "litellm_params": { "model": "echo/x" }, "model_info": { "id": "of-file" } });
    assert!(refused(address, "/model/new", taken).await.message().contains("of-file"));
    done(address, "/model/new", with(json!({ "model": "openai/x", "api_key": "os.environ/UPSTREAM_KEY" })))
        .await;
    server.stop().await;
    // The variable is gone: the deployment is out of service, and the server starts.
    let server = start(folder.path(), FILE).serve().await;
    assert_eq!(
        (status(server.address, MASTER, "own").await, status(server.address, MASTER, "a").await),
        (200, 400)
    );
    let log = server.stop().await;
    assert!(
        log.contains("model a: litellm_params.api_key refers to UPSTREAM_KEY, which is not set"),
        "{log}"
    );
}

#[tokio::test]
async fn others_learn_of_it_within_a_second_and_no_file_is_needed() {
    let database = PostgresServer::shared().and_then(PostgresServer::database).expect("a database");
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let serve = async |folder: &std::path::Path| {
        Start::new()
            .variable("LITELLM_MASTER_KEY", MASTER)
            .variable("LITELLM_SALT_KEY", "salt-of-a-test")
            .variable("DATABASE_URL", &database)
            .variable("STORE_MODEL_IN_DB", "True")
            .argument("--host")
            .argument("127.0.0.1")
            .argument("--data-dir")
            .argument(folder.display().to_string())
            .serve()
            .await
    };
    let (first, second) = (serve(folders[0].path()).await, serve(folders[1].path()).await);
    let body = json!({ "model_name": "fresh", "litellm_params": { "model": "echo/x" }, "model_info": { "id": "one" } });
    done(first.address, "/model/new", body).await;
    let told = std::time::Instant::now();
    assert!(info(first.address, "one").await.is_some(), "at once where it was told");
    until("the other has it", async || info(second.address, "one").await.is_some()).await;
    assert!(told.elapsed() < std::time::Duration::from_secs(2), "{:?}", told.elapsed());
    assert_eq!(status(second.address, MASTER, "fresh").await, 200);
    done(second.address, "/model/delete", json!({ "id": "one" })).await;
    until("it is gone", async || info(first.address, "one").await.is_none()).await;
}

#[tokio::test]
async fn none_are_kept_where_nobody_asks_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "model_list: [{model_name: own, litellm_params: {model: echo/x}}]\n";
    let server = start(folder.path(), config).serve().await;
    let body = json!({ "model_name": "a", "litellm_params": { "model": "echo/x" } });
    let answer = refused(server.address, "/model/new", body).await;
    assert!(answer.message().contains("STORE_MODEL_IN_DB"), "{}", answer.text());
}

#[tokio::test]
async fn a_start_without_the_database_serves_the_file_and_finds_the_others_later() {
    let postgres = PostgresServer::start().expect("a database server");
    let database = postgres.database().expect("a database");
    let config = format!("{}\n", FILE.replace("true}", &format!("true, database_url: \"{database}\"}}")));
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &config).serve().await;
    let body = json!({ "model_name": "added", "litellm_params": { "model": "echo/x" } });
    done(server.address, "/model/new", body).await;
    server.stop().await;
    postgres.stop().expect("it stops");
    let server = start(folder.path(), &config).serve().await;
    let address = server.address;
    assert_eq!((status(address, MASTER, "own").await, status(address, MASTER, "added").await), (200, 400));
    postgres.resume().expect("it starts");
    until("the model of the store serves", async || status(address, MASTER, "added").await == 200).await;
    // What serves goes on while the database is away, a file that changes included.
    postgres.stop().expect("it stops");
    server.configure(&config.replace("model_name: own", "model_name: renamed"));
    until("the file is taken up", async || status(address, MASTER, "renamed").await == 200).await;
    assert_eq!(status(address, MASTER, "added").await, 200);
}
