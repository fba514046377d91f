//! What one tenant leaves behind and another must not see: kept replies, and keys in what is written down.

use std::path::{Path, PathBuf};

use serde_json::json;
use trunkline_testkit::postgres::PostgresServer;
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::client::{Answer, send};
use crate::office::{CHAT, MASTER, ask, chat, done, events, key, reply, row, rows, see, start};

const CANARY: &str = "sk-upstream-canary-1";

async fn upstream() -> ScriptedUpstream {
    let answer = |_, request: &trunkline_testkit::upstream::UpstreamRequest| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        match body.as_str() {
            // An upstream that quotes the key that it was sent.
            body if body.contains("wrong key") => Script::json(
                401,
                format!(r#"{{"error":{{"message":"Incorrect API key provided: {CANARY}"}}}}"#),
            ),
            body if body.contains("\"stream\":true") => Script::sse(events(10)),
            _ => Script::json(200, reply(10)),
        }
    };
    ScriptedUpstream::answering(answer).await.expect("a loopback port")
}

fn config(upstream: &ScriptedUpstream) -> String {
    format!(
        "model_list:\n{}router_settings: {{num_retries: 0}}\nlitellm_settings: {{cache: true, cache_params: {{type: local}}, callbacks: [prometheus]}}\n",
        row("m", &upstream.url())
    )
}

fn cache_key(answer: &Answer) -> Option<&str> {
    answer.header("x-litellm-cache-key")
}

#[tokio::test]
async fn a_kept_reply_is_given_to_its_tenant_and_to_nobody_else() {
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = start(folder.path(), &config(&upstream)).serve().await;
    let address = server.address;
    let [ann, ben] = [key(address, json!({})).await, key(address, json!({})).await];
    for team in ["red", "blue"] {
        done(address, "/team/new", json!({ "team_id": team })).await;
    }
    let of_team = async |team: &str| key(address, json!({ "team_id": team })).await;
    let [one, two, other] = [of_team("red").await, of_team("red").await, of_team("blue").await];
    let body = chat("m", "hi", json!({}));
    // Each tenant's first question goes upstream, and its second does not.
    for (caller, is_hit) in [
        (&ann, false),
        (&ben, false),
        (&one, false),
        (&two, true),
        (&other, false),
        (&ann, true),
        (&ben, true),
    ] {
        let before = upstream.requests().len();
        let answer = ask(address, caller, CHAT, &body).await;
        assert_eq!((answer.status, cache_key(&answer).is_some()), (200, is_hit), "{:?}", answer.headers);
        assert_eq!(upstream.requests().len() == before, is_hit);
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "hello");
        if is_hit {
            assert_eq!(cache_key(&answer).map(str::len), Some(64));
            assert_eq!(answer.header("x-litellm-response-cost"), Some("0"), "{:?}", answer.headers);
        }
    }
    // A reply that came whole is given as a stream to its own tenant.
    let streamed = chat("m", "hi", json!({ "stream": true }));
    let before = upstream.requests().len();
    let hit = ask(address, &two, CHAT, &streamed).await;
    assert!(cache_key(&hit).is_some(), "{:?}", hit.headers);
    assert!(hit.text().contains("hello") && hit.text().ends_with("data: [DONE]\n\n"), "{}", hit.text());
    assert_eq!(upstream.requests().len(), before);
    server.stop().await;

    let rows = rows(folder.path()).await;
    assert_eq!(rows.len(), 8);
    let hits: Vec<_> = rows.iter().filter(|row| row.cache_hit).collect();
    assert_eq!(hits.len(), 4);
    for row in hits {
        assert_eq!(row.spend, Some(rust_decimal::Decimal::ZERO));
        assert!(row.cache_key.as_ref().is_some_and(|key| key.len() == 64));
    }
}

#[tokio::test]
async fn an_end_user_who_is_blocked_is_given_no_kept_reply() {
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = start(folder.path(), &config(&upstream)).serve().await;
    let address = server.address;
    let key = key(address, json!({})).await;
    done(address, "/customer/new", json!({ "user_id": "end-1" })).await;
    let asked = async |user: &str| ask(address, &key, CHAT, &chat("m", "hi", json!({ "user": user }))).await;
    assert_eq!(cache_key(&asked("end-1").await), None);
    assert!(cache_key(&asked("end-1").await).is_some());
    done(address, "/customer/block", json!({ "user_ids": ["end-1"] })).await;
    let refused = asked("end-1").await;
    assert_eq!((refused.status, cache_key(&refused)), (401, None), "{}", refused.text());
    assert!(cache_key(&asked("end-2").await).is_some(), "others are given it");
    assert_eq!(upstream.requests().len(), 1);
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn no_key_is_written_down_or_told_anywhere() {
    tour("").await;
}

#[tokio::test]
async fn no_key_is_written_down_in_postgresql() {
    let postgres = PostgresServer::shared().expect("a PostgreSQL");
    let database = postgres.database().expect("a database");
    let virtual_key = tour(&format!("general_settings: {{database_url: \"{database}\"}}\n")).await;
    // What each kind of row holds is found, so that what is not found is not there.
    for known in ["night", "end-1", "chat_completions", "\"owner\""] {
        look(postgres, &database, known).expect_err(known);
    }
    for secret in [MASTER, CANARY, &virtual_key, "salt-of-a-test"] {
        look(postgres, &database, secret).expect("no table holds it");
    }
}

/// Looks through all columns of all tables. A row that holds the text, as it is or as bytes, is an error, which names its
/// table.
fn look(postgres: &PostgresServer, database: &str, text: &str) -> std::io::Result<()> {
    postgres.run(
        database,
        &format!(
            "DO $$ DECLARE place record; found bigint; looked bigint := 0; BEGIN
             FOR place IN SELECT table_schema, table_name FROM information_schema.tables
             WHERE table_schema NOT IN ('pg_catalog', 'information_schema') LOOP
             EXECUTE format('SELECT count(*) FROM %I.%I whole WHERE position(%L IN whole::text) > 0
             OR position(encode(%L::bytea, ''hex'') IN whole::text) > 0',
             place.table_schema, place.table_name, '{text}', '{text}') INTO found;
             IF found > 0 THEN RAISE EXCEPTION '% holds it', place.table_name; END IF;
             looked := looked + 1;
             END LOOP;
             IF looked < 5 THEN RAISE EXCEPTION 'there are % tables', looked; END IF; END $$;"
        ),
    )
}

/// Asks for everything that could tell a key, of a gateway whose configuration has `more`, and looks through replies, log
/// and files. Gives the virtual key.
async fn tour(more: &str) -> String {
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = config(&upstream) + more;
    let server = start(folder.path(), &config).argument("--detailed_debug").serve().await;
    let address = server.address;
    let made = done(address, "/key/generate", json!({ "key_alias": "ci", "max_budget": 1 })).await;
    let virtual_key = made["key"].as_str().expect("a key").to_owned();
    let secrets = [MASTER, CANARY, &virtual_key, "salt-of-a-test"];
    let mut replies = Vec::new();
    for caller in [&virtual_key, MASTER] {
        for (text, more) in [
            ("hi", json!({})),
            ("hi", json!({ "stream": true })),
            ("hi", json!({})),
            ("wrong key", json!({})),
            ("ho", json!({ "metadata": { "tags": ["night"] }, "user": "end-1" })),
            ("ho", json!({ "max_tokens": "many" })),
        ] {
            replies.push(ask(address, caller, CHAT, &chat("m", text, more)).await);
        }
        replies.push(ask(address, caller, CHAT, &chat("nothing", "hi", json!({}))).await);
        for path in [
            "/v1/models",
            "/model/info",
            "/key/info",
            "/key/list?return_full_object=true",
            "/key/aliases",
            "/spend/logs",
            "/spend/logs/v2",
            "/spend/keys",
            "/key/daily/activity",
            "/user/list",
            "/audit/logs",
            "/metrics",
            "/health",
            "/health/readiness/details",
            "/health/backlog",
            "/no/such/path",
        ] {
            replies.push(see(address, caller, path).await);
        }
        let explained = json!({ "model": "m", "messages": [] }).to_string();
        replies.push(ask(address, caller, "/v1/explain", &explained).await);
    }
    replies.push(see(address, MASTER, &format!("/key/info?key={virtual_key}")).await);
    replies.push(see(address, MASTER, &format!("/spend/logs?api_key={virtual_key}")).await);
    // A key in each of the places where clients put one, and in those where they should not.
    for name in ["x-litellm-api-key", "api-key", "x-api-key"] {
        let headers = [(name, virtual_key.as_str()), ("content-type", "application/json")];
        replies.push(send(address, "POST", CHAT, &headers, chat("m", "he", json!({})).as_bytes()).await);
    }
    let update = json!({ "key": virtual_key, "metadata": { "owner": "red" } }).to_string();
    replies.push(ask(address, MASTER, "/key/update", &update).await);
    replies.push(ask(address, MASTER, "/key/block", &json!({ "key": virtual_key }).to_string()).await);
    replies.push(ask(address, &virtual_key, CHAT, &chat("m", "hi", json!({}))).await);
    replies.push(ask(address, MASTER, "/key/delete", &json!({ "keys": [virtual_key] }).to_string()).await);
    for request in upstream.requests() {
        let text = format!("{request:?} {}", String::from_utf8_lossy(&request.body));
        assert!(!text.contains(MASTER) && !text.contains(&virtual_key), "{text}");
    }
    let start_text = server.start_text.clone();
    let log = server.stop().await;
    assert!(replies.iter().any(|reply| reply.status == 200) && log.contains("request"));
    check_told_nowhere(&secrets, &replies, &format!("{start_text}{log}"), folder.path());
    virtual_key
}

/// That none of the secrets stands in a reply, in what the server wrote, or in a file that it keeps.
fn check_told_nowhere(secrets: &[&str], replies: &[Answer], log: &str, folder: &Path) {
    for secret in secrets {
        for reply in replies {
            let told = format!("{:?} {}", reply.headers, String::from_utf8_lossy(&reply.body));
            assert!(!told.contains(secret), "a reply tells {secret}: {told}");
        }
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "the log tells {secret}: {line:?}");
        for path in files(folder).iter().filter(|path| !path.ends_with("pepper")) {
            let bytes = std::fs::read(path).expect("it can be read");
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{} holds {secret}", path.display());
        }
    }
}
