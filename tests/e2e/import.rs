//! LiteLLM's keys, brought over by the command and used on the server.

mod tables;

use std::path::Path;
use std::process::ExitStatus;

use serde_json::{Value, json};
use trunkline_core::Secret;
use trunkline_keys::Token;
use trunkline_store::{PostgresOptions, PostgresStore, Store};
use trunkline_testkit::postgres::PostgresServer;
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::office::{CHAT, COST, MASTER, ask, chat, done, reply, row, see, spend, start};
use crate::server::{Start, Trunkline, until};
use tables::TABLES;

/// The keys that LiteLLM gave out.
const NEARLY: &str = "sk-litellm-nearly-spent";
const BLOCKED: &str = "sk-litellm-blocked-0001";
const GUARDED: &str = "sk-litellm-guarded-0001";
const EXPIRED: &str = "sk-litellm-expired-0001";
const OF_TEAM: &str = "sk-litellm-of-team-0001";
const PLAIN: &str = "sk-litellm-plain-000001";

/// A database as LiteLLM leaves it. Of its dollar, the first key has 100 units of 1e-5 left.
fn litellm() -> (&'static PostgresServer, String) {
    let server = PostgresServer::shared().expect("a server");
    let address = server.database().expect("a new database");
    server.run(&address, TABLES).expect("LiteLLM's tables");
    server.run(&address, BUDGETS).expect("budgets");
    server.run(&address, PEOPLE).expect("users and teams");
    server.run(&address, KEYS).expect("keys");
    (server, address)
}

const BUDGETS: &str = r#"
    INSERT INTO "LiteLLM_BudgetTable" (budget_id, max_budget, budget_duration, budget_reset_at) VALUES
        ('monthly', 10, '30d', next_month()), ('of-ann', 2, NULL, NULL), ('of-all', 5, NULL, NULL);"#;

const PEOPLE: &str = r#"
    INSERT INTO "LiteLLM_UserTable" (user_id, user_role, user_email, spend, models) VALUES
        ('ann', 'internal_user', 'ann@example.com', 3.5, '{}'), ('ben', NULL, NULL, 0, '{}');
    INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, members_with_roles, metadata, spend, models) VALUES
        ('red', 'Red', '[{"role": "admin", "user_id": "ann"}, {"role": "user", "user_id": "ben"}]',
         '{"team_member_budget_id": "of-all"}', 12.5, '{m}');
    INSERT INTO "LiteLLM_TeamMembership" (user_id, team_id, spend, total_spend, budget_id) VALUES
        ('ann', 'red', 1.25, 4, 'of-ann');
    INSERT INTO "LiteLLM_EndUserTable" (user_id, alias, spend, budget_id, blocked) VALUES
        ('good', 'Good', 9, 'monthly', false), ('bad', NULL, 0, NULL, true);
    INSERT INTO "LiteLLM_TagTable" (tag_name, spend, models) VALUES ('nightly', 1.5, '{}');"#;

const KEYS: &str = r#"
    INSERT INTO "LiteLLM_VerificationToken" (token, key_name, key_alias, spend, max_budget, budget_duration,
        budget_reset_at, blocked, expires, metadata, models, user_id, team_id) VALUES
    (token('sk-litellm-nearly-spent'), 'sk-...pent', 'nearly', 0.999, 1, '30d', next_month(), NULL, NULL, '{}', '{}', NULL, NULL),
    (token('sk-litellm-blocked-0001'), 'sk-...0001', 'blocked', 0, NULL, NULL, NULL, true, NULL, '{}', '{}', NULL, NULL),
    (token('sk-litellm-guarded-0001'), 'sk-...0001', 'guarded', 0, NULL, NULL, NULL, NULL, NULL,
        '{"guardrails": ["pii"]}', '{}', NULL, NULL),
    (token('sk-litellm-expired-0001'), 'sk-...0001', 'expired', 0, NULL, NULL, NULL, NULL, '2026-01-01', '{}', '{}', NULL, NULL),
    (token('sk-litellm-of-team-0001'), 'sk-...0001', 'of-team', 2, NULL, NULL, NULL, NULL, NULL, '{}', '{}', 'ann', 'red'),
    (token('sk-litellm-plain-000001'), 'sk-...0001', 'plain', 0.5, NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL),
    (token('sk-of-a-page'), 'sk-...page', NULL, 0, 0.1, NULL, NULL, NULL, NULL, '{}', '{}', 'ann', 'litellm-dashboard');"#;

/// The command, over a folder, with more arguments.
async fn import(folder: &Path, from: &str, more: &[&str]) -> (ExitStatus, String, String) {
    let begun =
        start(folder, "model_list: []\n").argument("import-litellm").argument("--from").argument(from);
    more.iter().fold(begun, |begun, argument| begun.argument(*argument)).run().await
}

/// The same, which must succeed. Gives what it prints, in which there is neither a key nor a token.
async fn imported(folder: &Path, from: &str, more: &[&str]) -> String {
    let (status, shown, told) = import(folder, from, more).await;
    assert!(status.success(), "{told}");
    for key in [NEARLY, BLOCKED, GUARDED, EXPIRED, OF_TEAM, PLAIN] {
        assert!(!shown.contains(key) && !shown.contains(&Token::of(key).to_string()[..16]), "{shown}");
    }
    shown
}

/// The figures of a kind: new, unchanged, changed, kept, skipped, deleted.
fn counts(report: &str, kind: &str) -> Vec<u32> {
    let line = report.lines().find(|line| line.starts_with(kind)).expect("a line of the kind");
    line.split_whitespace().skip(1).map(|figure| figure.parse().expect("a figure")).collect()
}

struct World {
    upstream: ScriptedUpstream,
    folder: tempfile::TempDir,
}

async fn world() -> World {
    let upstream = ScriptedUpstream::answering(|_, _| Script::json(200, reply(10))).await;
    World { upstream: upstream.expect("a loopback port"), folder: tempfile::tempdir().expect("a folder") }
}

impl World {
    fn server(&self, more: &str) -> Start {
        let url = self.upstream.url();
        let config = format!("model_list:\n{}{}{more}", row("m", &url), row("other", &url));
        start(self.folder.path(), &config)
    }
}

async fn status(server: &Trunkline, key: &str, model: &str, more: Value) -> (u16, String) {
    let answer = ask(server.address, key, CHAT, &chat(model, "hi", more)).await;
    let kind = if answer.status == 200 { String::new() } else { answer.error().1 };
    (answer.status, kind)
}

#[tokio::test]
async fn keys_of_litellm_work_as_they_did_there() {
    let (_, from) = litellm();
    let world = world().await;
    let folder = world.folder.path();
    let looked = imported(folder, &from, &["--dry-run"]).await;
    assert!(looked.ends_with("\nnothing was written\n"), "{looked}");
    assert_eq!(std::fs::read_dir(folder).expect("a folder").count(), 0, "nothing was made");
    let shown = imported(folder, &from, &[]).await;
    assert_eq!(looked.strip_suffix("\nnothing was written\n"), Some(shown.as_str()));
    let new = [
        ("budgets", 3),
        ("users", 2),
        ("teams", 1),
        ("members", 2),
        ("keys", 6),
        ("customers", 2),
        ("tags", 1),
    ];
    for (kind, count) in new {
        assert_eq!(counts(&shown, kind)[0], count, "{kind}\n{shown}");
    }
    assert_eq!(counts(&shown, "keys")[4], 1, "the page's session is skipped\n{shown}");
    assert!(shown.contains("  key guarded (sk-...0001, ") && shown.contains("): guardrails\n"), "{shown}");

    let server = world.server("").serve().await;
    let limited = || json!({ "max_tokens": 10 });
    let mut passed = 0;
    while status(&server, NEARLY, "m", limited()).await.0 == 200 {
        passed += 1;
    }
    assert_eq!(passed, 100 / COST, "what is left of its dollar");
    assert_eq!(status(&server, NEARLY, "m", limited()).await, (422, "budget_exceeded".to_owned()));
    let all = async || spend(server.address, NEARLY).await == 100_000;
    until("what was spent at both is shown", all).await;
    for (key, expected) in [
        (BLOCKED, (401, "auth_error")),
        (GUARDED, (401, "auth_error")),
        (EXPIRED, (401, "expired_key")),
        ("sk-of-a-page", (401, "token_not_found_in_db")),
    ] {
        let (status, kind) = status(&server, key, "m", limited()).await;
        assert_eq!((status, kind.as_str()), expected, "{key}");
    }
    assert_eq!(status(&server, PLAIN, "other", limited()).await.0, 200);
    assert_eq!(status(&server, PLAIN, "m", json!({ "user": "bad" })).await.0, 401, "a blocked end user");
    assert_eq!(status(&server, OF_TEAM, "m", limited()).await.0, 200);
    assert_eq!(status(&server, OF_TEAM, "other", limited()).await.0, 403, "the team may call one model");

    let team = see(server.address, MASTER, "/team/info?team_id=red").await.json();
    assert_eq!(team["team_info"]["spend"], json!(12.5), "{team}");
    let ann = see(server.address, MASTER, "/user/info?user_id=ann").await.json();
    assert_eq!(
        (&ann["user_info"]["user_email"], &ann["user_info"]["spend"]),
        (&json!("ann@example.com"), &json!(3.5))
    );
    let good = see(server.address, MASTER, "/customer/info?end_user_id=good").await.json();
    assert_eq!((&good["alias"], &good["spend"]), (&json!("Good"), &json!(9)));
    // Whoever leads the team at LiteLLM leads it here.
    let member = json!({ "team_id": "red", "member": { "role": "user", "user_id": "cid" } });
    assert_eq!(ask(server.address, OF_TEAM, "/team/member_add", &member.to_string()).await.status, 200);
    let log = see(server.address, MASTER, "/audit/logs?limit=500").await.json();
    let lines = log["logs"].as_array().expect("lines").iter();
    let lines = lines.filter(|line| line["action"] == "imported" && line["by"] == "local");
    assert_eq!(lines.count(), 17, "one for each object: {log}");
    assert!(!log.to_string().contains(&Token::of(NEARLY).to_string()));
}

/// A store that is looked at from outside.
async fn store(address: &str) -> PostgresStore {
    PostgresStore::connect(&Secret::new(address), &PostgresOptions::default()).expect("an address")
}

#[tokio::test]
async fn a_further_import_brings_what_has_changed_and_keeps_what_was_changed_here() {
    let (database, from) = litellm();
    let world = world().await;
    database.run(&from, REMEMBER).expect("what stands there is remembered");
    let over = format!("general_settings: {{database_url: \"{from}\"}}\n");
    let import = async |more: &[&str]| {
        // The same database holds both: LiteLLM's tables, and the schema of this store.
        let begun = world.server(&over).argument("import-litellm");
        let begun = more.iter().fold(begun, |begun, argument| begun.argument(*argument));
        let (status, shown, told) = begun.run().await;
        assert!(status.success(), "{told}");
        shown
    };
    let looked = import(&["--dry-run"]).await;
    assert_eq!(counts(&looked, "keys"), [6, 0, 0, 0, 1, 0], "{looked}");
    database.run(&from, NO_SCHEMA).expect("nothing was made");
    import(&[]).await;
    let kept = store(&from).await;
    let newest = kept.newest_change().await.expect("an answer");
    let again = import(&[]).await;
    assert_eq!(counts(&again, "keys"), [0, 6, 0, 0, 1, 0], "{again}");
    assert_eq!(kept.newest_change().await.expect("an answer"), newest, "nothing was written");
    database.run(&from, AS_REMEMBERED).expect("LiteLLM's tables are as they were");

    let server = world.server(&over).serve().await;
    assert_eq!(status(&server, PLAIN, "m", json!({ "max_tokens": 10 })).await.0, 200);
    done(server.address, "/key/update", json!({ "key": OF_TEAM, "rpm_limit": 7 })).await;
    done(server.address, "/key/delete", json!({ "keys": [EXPIRED] })).await;
    let renewed = done(server.address, "/key/regenerate", json!({ "key": GUARDED })).await;
    done(server.address, "/key/generate", json!({ "key_alias": "new" })).await;
    until("it is in the books", async || spend(server.address, PLAIN).await == 50_000 + COST).await;
    database.run(&from, CHANGES).expect("LiteLLM goes on");
    let looked = import(&["--dry-run"]).await;
    let changed = import(&[]).await;
    assert_eq!(looked.strip_suffix("\nnothing was written\n"), Some(changed.as_str()));
    assert_eq!(counts(&changed, "keys"), [2, 0, 1, 1, 3, 2], "{changed}");
    assert_eq!(counts(&changed, "members"), [0, 1, 0, 0, 0, 1], "{changed}");
    assert!(
        changed.contains("of-team (sk-...0001, ") && changed.contains("): it was changed here since\n"),
        "{changed}"
    );
    assert!(changed.contains("): it was deleted here\n"), "{changed}");
    assert!(changed.contains("): it was given another secret here\n"), "{changed}");
    assert!(
        changed.contains("\nwithout their name, which another one has here:\n  key new (sk-...e-01, "),
        "{changed}"
    );
    // Both have spent with it since: what was spent at each is counted once.
    assert_eq!(spend(server.address, PLAIN).await, 50_000 + COST + 25_000);
    assert_eq!(
        spend(server.address, OF_TEAM).await,
        300_000,
        "what it spent there counts, though it is kept"
    );
    assert_eq!(counts(&changed, "teams"), [0, 0, 1, 0, 0, 0], "{changed}");
    until("the key that is gone there is gone here", async || {
        status(&server, BLOCKED, "m", json!({})).await.1 == "token_not_found_in_db"
    })
    .await;
    until("what is new there works here", async || {
        status(&server, "sk-litellm-a-new-one-01", "m", json!({})).await.0 == 200
    })
    .await;
    assert_eq!(counts(&import(&[]).await, "keys"), [0, 3, 0, 1, 3, 0]);
    let overwritten = import(&["--overwrite"]).await;
    assert_eq!(counts(&overwritten, "keys"), [1, 3, 1, 0, 2, 0], "{overwritten}");
    let info = see(server.address, MASTER, &format!("/key/info?key={OF_TEAM}")).await.json();
    assert_eq!(info["info"]["rpm_limit"], Value::Null);
    assert_eq!(counts(&import(&[]).await, "keys"), [0, 5, 0, 0, 2, 0]);
    let renewed = renewed["key"].as_str().expect("a key");
    assert_eq!(status(&server, GUARDED, "m", json!({})).await.1, "token_not_found_in_db");
    assert_eq!(
        status(&server, renewed, "m", json!({})).await.1,
        "auth_error",
        "it is still blocked, and still there"
    );
    assert_eq!(spend(server.address, OF_TEAM).await, 300_000);
    // Under another pepper every key would be another one, and those that there are would be gone.
    let other = world.server(&over).variable("LITELLM_SALT_KEY", "another salt").argument("import-litellm");
    let (refused, _, told) = other.run().await;
    assert!(refused.code() == Some(1) && told.contains("kept with another pepper"), "{told}");
    assert_eq!(status(&server, PLAIN, "m", json!({ "max_tokens": 10 })).await.0, 200);
}

const REMEMBER: &str = r#"CREATE TABLE remembered AS SELECT everything() AS sum;"#;

const AS_REMEMBERED: &str = r#"DO $$ BEGIN IF (SELECT sum FROM remembered) <> everything() THEN
    RAISE EXCEPTION 'they are not'; END IF; END $$;"#;

const NO_SCHEMA: &str = r#"DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'trunkline') THEN
    RAISE EXCEPTION 'there is one'; END IF; END $$;"#;

/// Keys are used, made, deleted and given another secret, and a member leaves the team.
const CHANGES: &str = r#"
    UPDATE "LiteLLM_VerificationToken" SET spend = spend + 0.25 WHERE key_alias = 'plain';
    UPDATE "LiteLLM_VerificationToken" SET spend = spend + 1 WHERE key_alias = 'of-team';
    UPDATE "LiteLLM_VerificationToken" SET token = token('sk-litellm-rotated-0001') WHERE key_alias = 'nearly';
    DELETE FROM "LiteLLM_VerificationToken" WHERE key_alias = 'blocked';
    INSERT INTO "LiteLLM_VerificationToken" (token, key_name, key_alias, metadata, models) VALUES
        (token('sk-litellm-a-new-one-01'), 'sk-...e-01', 'new', '{}', '{}');
    UPDATE "LiteLLM_TeamTable" SET members_with_roles = '[{"role": "admin", "user_id": "ann"}]';"#;

#[tokio::test]
async fn that_one_machine_alone_will_know_the_keys_is_told_once() {
    let (server, from) = litellm();
    let (own, folder) = (server.database().expect("a database"), tempfile::tempdir().expect("a folder"));
    let folder = folder.path().join("data").display().to_string();
    let begun = Start::new().config("model_list: []\n").variable("LITELLM_MASTER_KEY", MASTER);
    let begun = begun.variable("DATABASE_URL", own).argument("import-litellm");
    let command = begun.argument("--from").argument(&from).argument("--data-dir").argument(&folder);
    let (status, _, told) = command.run().await;
    assert!(status.success(), "{told}");
    assert_eq!(told.matches("LITELLM_SALT_KEY").count(), 1, "{told}");
    assert!(told.contains(&folder), "{told}");
}

#[tokio::test]
async fn what_cannot_be_imported_says_why() {
    let world = world().await;
    let folder = world.folder.path();
    let empty = PostgresServer::shared().and_then(PostgresServer::database).expect("a database");
    for (from, reason) in [
        (empty.as_str(), "no table LiteLLM_VerificationToken"),
        ("mysql://root:hunter2@localhost/litellm", "none of PostgreSQL"),
        ("postgresql://root:hunter2@127.0.0.1:9/litellm", "LiteLLM's database cannot be reached"),
    ] {
        let (status, shown, told) = import(folder, from, &[]).await;
        assert_eq!((status.code(), shown.as_str()), (Some(1), ""), "{told}");
        assert!(told.contains(reason) && !told.contains("hunter2"), "{told}");
    }
    let (status, _, told) =
        Start::new().argument("import-litellm").argument("--from").argument(empty).run().await;
    assert!(status.code() == Some(1) && told.contains("the server would keep no keys"), "{told}");
    let (status, _, told) = start(folder, "model_list: []\n").argument("import-litellm").run().await;
    assert!(status.code() == Some(1) && told.contains("no database to import from"), "{told}");
}
