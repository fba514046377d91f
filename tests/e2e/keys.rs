//! Virtual keys: from being made to being deleted, what they may call, and who may look at them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use trunkline_testkit::postgres::PostgresServer;

use crate::client::Answer;
use crate::office::{CHAT, MASTER, ask, chat, done, key, see, start};
use crate::server::{Trunkline, until};

/// Three groups that answer by themselves.
const MODELS: &str = "model_list:
- {model_name: gpt-small, litellm_params: {model: echo/x}, model_info: {access_groups: [cheap]}}
- {model_name: gpt-large, litellm_params: {model: echo/x}, model_info: {access_groups: [dear]}}
- {model_name: team/one, litellm_params: {model: echo/x}}
";

struct World {
    server: Trunkline,
    _folder: tempfile::TempDir,
}

async fn world(more: &str) -> World {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = start(folder.path(), &format!("{MODELS}{more}")).serve().await;
    World { server, _folder: folder }
}

async fn asked(address: SocketAddr, key: &str, model: &str) -> Answer {
    ask(address, key, CHAT, &chat(model, "hi", json!({}))).await
}

async fn status(address: SocketAddr, key: &str, model: &str) -> u16 {
    asked(address, key, model).await.status
}

#[tokio::test]
async fn a_key_is_made_used_changed_blocked_renewed_and_deleted() {
    let World { server, _folder } = world("").await;
    let address = server.address;
    let made = done(address, "/key/generate", json!({ "key_alias": "ci", "models": ["gpt-small"] })).await;
    let key = made["key"].as_str().expect("a key").to_owned();
    let token = made["token"].as_str().expect("a token").to_owned();
    assert_eq!(status(address, &key, "gpt-small").await, 200);
    let list = see(address, MASTER, "/key/list").await;
    assert!(list.json()["keys"].as_array().expect("keys").contains(&json!(token)), "{}", list.text());
    assert!(!list.text().contains(&key), "a key is shown once");
    // What is changed holds from the next request on.
    assert_eq!(status(address, &key, "gpt-large").await, 403);
    done(address, "/key/update", json!({ "key": key, "models": ["gpt-large"] })).await;
    assert_eq!(
        (status(address, &key, "gpt-small").await, status(address, &key, "gpt-large").await),
        (403, 200)
    );
    done(address, "/key/block", json!({ "key": key })).await;
    let blocked = asked(address, &key, "gpt-large").await;
    assert_eq!((blocked.status, blocked.message().contains("Key is blocked")), (401, true));
    done(address, "/key/unblock", json!({ "key": key })).await;
    assert_eq!(status(address, &key, "gpt-large").await, 200);
    let renewed = done(address, "/key/regenerate", json!({ "key": key })).await;
    let new = renewed["key"].as_str().expect("a key").to_owned();
    assert_eq!(
        (status(address, &key, "gpt-large").await, status(address, &new, "gpt-large").await),
        (401, 200)
    );
    done(address, "/key/delete", json!({ "keys": [new] })).await;
    let gone = asked(address, &new, "gpt-large").await;
    assert_eq!(gone.error(), (401, "token_not_found_in_db".to_owned(), "key".to_owned()));
    assert!(!gone.text().contains(&new), "{}", gone.text());
}

#[tokio::test]
async fn a_path_of_the_management_names_its_methods() {
    let World { server, _folder } = world("").await;
    for (method, path, allowed) in [
        ("GET", "/key/generate", "POST, OPTIONS"),
        ("DELETE", "/key/info", "GET, OPTIONS"),
        ("GET", "/key/sk-some-key-or-other/regenerate", "POST, OPTIONS"),
    ] {
        let answer = crate::client::send(server.address, method, path, &[], b"").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
        let answer = crate::client::send(server.address, "OPTIONS", path, &[], b"").await;
        assert_eq!((answer.status, answer.header("allow")), (204, Some(allowed)), "{path}");
    }
}

#[tokio::test]
async fn a_key_ends_at_its_time() {
    let World { server, _folder } = world("").await;
    let key = key(server.address, json!({ "duration": "2s" })).await;
    assert_eq!(status(server.address, &key, "gpt-small").await, 200);
    until("it has ended", async || status(server.address, &key, "gpt-small").await != 200).await;
    let expired = asked(server.address, &key, "gpt-small").await;
    assert_eq!((expired.status, expired.error().1.as_str()), (401, "expired_key"));
}

#[tokio::test]
async fn a_key_calls_what_its_list_allows_and_nothing_by_another_way() {
    let World { server, _folder } = world("router_settings: {fallbacks: [{gpt-small: [gpt-large]}]}\n").await;
    let address = server.address;
    for (models, allowed) in [
        (json!([]), ["gpt-small", "gpt-large", "team/one"].as_slice()),
        (json!(["gpt-*"]), &["gpt-small", "gpt-large"]),
        (json!(["team/*"]), &["team/one"]),
        (json!(["cheap"]), &["gpt-small"]),
        (json!(["dear", "team/one"]), &["gpt-large", "team/one"]),
        (json!(["no-default-models"]), &[]),
    ] {
        let key = key(address, json!({ "models": models })).await;
        for model in ["gpt-small", "gpt-large", "team/one"] {
            let answer = asked(address, &key, model).await;
            let expected = if allowed.contains(&model) { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{model} by {models}: {}", answer.text());
            if expected == 403 {
                assert_eq!(answer.error().1, "key_model_access_denied");
            }
        }
        let shown = see(address, &key, "/v1/models").await.json();
        let mut shown: Vec<_> = shown["data"]
            .as_array()
            .expect("models")
            .iter()
            .filter_map(|model| model["id"].as_str())
            .collect();
        shown.sort_unstable();
        let mut allowed = allowed.to_vec();
        allowed.sort_unstable();
        assert_eq!(shown, allowed, "{models}");
    }
    let key = key(
        address,
        json!({ "models": ["gpt-small"], "aliases": { "mine": "gpt-small", "theirs": "gpt-large" } }),
    )
    .await;
    for (model, more, expected) in [
        ("gpt-small", json!({ "fallbacks": ["gpt-large"] }), 403),
        ("gpt-small", json!({ "fallbacks": [{ "model": "gpt-large" }] }), 403),
        ("gpt-small", json!({ "context_window_fallbacks": [{ "model": "gpt-large" }] }), 403),
        ("gpt-small", json!({ "fallbacks": ["nothing"] }), 403),
        ("gpt-small", json!({ "models": ["gpt-large"] }), 403),
        ("gpt-small", json!({ "providerOptions": { "gateway": { "models": ["maker/dear"] } } }), 403),
        ("gpt-small", json!({ "fallbacks": ["gpt-small"] }), 200),
        ("mine", json!({}), 200),
        ("theirs", json!({}), 403),
        ("nothing", json!({}), 403),
    ] {
        let answer = ask(address, &key, CHAT, &chat(model, "hi", more.clone())).await;
        assert_eq!(answer.status, expected, "{model} with {more}: {}", answer.text());
    }
    let mut told = Vec::new();
    for model in ["gpt-large", "nothing"] {
        let answer = see(address, &key, &format!("/v1/models/{model}")).await;
        told.push((answer.status, answer.text().replace(model, "")));
    }
    assert_eq!(told[0], told[1], "what there is and what there is not is answered alike");
    let path = "/engines/gpt-large/chat/completions";
    assert_eq!(ask(address, &key, path, &chat("gpt-small", "hi", json!({}))).await.status, 403);
}

#[tokio::test]
async fn an_access_group_holds_a_model_if_it_holds_whatever_may_answer() {
    let row = |model: &str, info: &str| {
        format!("- {{model_name: {model}, litellm_params: {{model: echo/x}}, model_info: {{{info}}}}}\n")
    };
    let rows = [
        row("both", "access_groups: [dev]"),
        row("both", "access_groups: [prod, dev]"),
        row("half", "access_groups: [dev]"),
        row("half", "access_groups: [prod]"),
        row("some", ""),
        row("some", "access_groups: [dev]"),
        row("wild/*", "access_groups: [dev]"),
        row("wild/*", "access_groups: [prod]"),
    ];
    let World { server, _folder } = world(&rows.concat()).await;
    let address = server.address;
    for (models, allowed) in [
        (json!(["dev"]), ["both"].as_slice()),
        (json!(["prod"]), &[]),
        (json!(["dev", "prod"]), &["both", "half", "wild/x"]),
        (json!(["dev", "half", "wild/*"]), &["both", "half", "wild/x"]),
    ] {
        let key = key(address, json!({ "models": models })).await;
        for model in ["both", "half", "some", "wild/x"] {
            let expected = if allowed.contains(&model) { 200 } else { 403 };
            assert_eq!(status(address, &key, model).await, expected, "{model} by {models}");
            let shown = see(address, &key, &format!("/v1/models/{model}")).await.status;
            assert_eq!(shown == 200, expected == 200, "{model} is shown by {models}");
        }
        for (path, member) in
            [("/v1/models", "id"), ("/model_group/info", "model_group"), ("/model/info", "model_name")]
        {
            let shown = see(address, &key, path).await.json();
            let shown =
                shown["data"].as_array().expect("a list").iter().filter_map(|model| model[member].as_str());
            let mut shown: Vec<_> = shown.filter(|name| ["both", "half", "some"].contains(name)).collect();
            shown.dedup();
            let expected: Vec<_> = allowed.iter().filter(|name| !name.contains('/')).copied().collect();
            assert_eq!(shown, expected, "{path} by {models}");
        }
        let wildcards = see(address, &key, "/v1/models?return_wildcard_routes=true").await.text();
        assert_eq!(wildcards.contains("wild/*"), allowed.contains(&"wild/x"), "{wildcards} by {models}");
    }
}

#[tokio::test]
async fn a_user_s_key_sees_and_changes_its_own_and_nobody_else_s() {
    let World { server, _folder } = world("").await;
    let address = server.address;
    let mut keys = Vec::new();
    for user in ["ann", "ben"] {
        let made = done(address, "/user/new", json!({ "user_id": user, "user_role": "internal_user" })).await;
        keys.push(made["key"].as_str().expect("a key").to_owned());
    }
    let [ann, ben] = [&keys[0], &keys[1]];
    let refused = |answer: &Answer| matches!(answer.status, 401 | 403);
    let own = see(address, ann, &format!("/key/info?key={ann}")).await;
    assert_eq!(own.json()["info"]["user_id"], "ann", "{}", own.text());
    for path in [
        format!("/key/info?key={ben}"),
        "/user/info?user_id=ben".to_owned(),
        "/user/list".to_owned(),
        format!("/spend/logs/v2?api_key={ben}"),
        "/spend/logs/v2?user_id=ben".to_owned(),
        "/global/spend".to_owned(),
        "/audit/logs".to_owned(),
    ] {
        let answer = see(address, ann, &path).await;
        assert!(refused(&answer), "{path}: {} {}", answer.status, answer.text());
    }
    for (path, body) in [
        ("/key/update", json!({ "key": ben, "max_budget": 1 })),
        ("/key/delete", json!({ "keys": [ben] })),
        ("/key/block", json!({ "key": ben })),
        ("/key/regenerate", json!({ "key": ben })),
        ("/key/generate", json!({ "user_id": "ben" })),
        ("/user/update", json!({ "user_id": "ann", "user_role": "proxy_admin" })),
        ("/team/new", json!({ "team_id": "mine" })),
        ("/budget/new", json!({ "budget_id": "mine", "max_budget": 5 })),
    ] {
        let answer = ask(address, ann, path, &body.to_string()).await;
        assert!(refused(&answer), "{path} {body}: {} {}", answer.status, answer.text());
    }
    assert_eq!(status(address, ben, "gpt-small").await, 200, "nothing has become of it");
    let listed = see(address, ann, "/key/list?return_full_object=true").await.json();
    let owners: Vec<_> = listed["keys"].as_array().expect("keys").iter().map(|key| &key["user_id"]).collect();
    assert_eq!(owners, ["ann"]);
    // A key without a user makes no others.
    let plain = key(address, json!({})).await;
    let answer = ask(address, &plain, "/key/generate", "{}").await;
    assert!(refused(&answer), "{}", answer.text());
    let viewer = done(address, "/user/new", json!({ "user_role": "proxy_admin_viewer" })).await;
    let viewer = viewer["key"].as_str().expect("a key");
    assert_eq!(see(address, viewer, "/user/list").await.status, 200);
    assert!(refused(&ask(address, viewer, "/key/generate", "{}").await));
}

/// What is told about a key, from the key.
type BodyOf = fn(&str) -> Value;

#[tokio::test]
async fn a_key_is_known_and_revoked_everywhere_within_a_second() {
    let database = PostgresServer::shared().and_then(PostgresServer::database).expect("a database");
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
    let config = format!("{MODELS}general_settings: {{database_url: \"{database}\"}}\n");
    let first = start(folders[0].path(), &config).serve().await;
    let second = start(folders[1].path(), &config).serve().await;
    let revoke: [(&str, BodyOf); 3] = [
        ("/key/delete", |key| json!({ "keys": [key] })),
        ("/key/block", |key| json!({ "key": key })),
        ("/key/update", |key| json!({ "key": key, "models": ["gpt-large"] })),
    ];
    let checks = revoke.map(async |(path, body)| {
        let key = key(first.address, json!({})).await;
        assert_eq!(status(second.address, &key, "gpt-small").await, 200);
        done(first.address, path, body(&key)).await;
        let told = Instant::now();
        assert_ne!(status(first.address, &key, "gpt-small").await, 200, "{path}: at once where it was told");
        until("it is refused", async || status(second.address, &key, "gpt-small").await != 200).await;
        (path, told.elapsed())
    });
    for (path, took) in join_all(checks).await {
        assert!(took < Duration::from_secs(1), "{path}: {took:?}");
    }
}
