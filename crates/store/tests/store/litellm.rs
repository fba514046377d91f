//! Tables of LiteLLM's, read from a real PostgreSQL.

use serde_json::{Value, json};
use trunkline_core::{ErrorKind, Secret};
use trunkline_store::{LitellmDatabase, LitellmTable};
use trunkline_testkit::postgres::PostgresServer;

const KEYS: &str = r#"CREATE TABLE "LiteLLM_VerificationToken" (token TEXT PRIMARY KEY, spend DOUBLE PRECISION NOT NULL,
    expires TIMESTAMP(3), models TEXT[], metadata JSONB NOT NULL DEFAULT '{}', tpm_limit BIGINT, blocked BOOLEAN);"#;

const USERS: &str = r#"CREATE TABLE "LiteLLM_UserTable" (user_id TEXT PRIMARY KEY, password TEXT);
    INSERT INTO "LiteLLM_UserTable" VALUES ('ann', 'hunter2');"#;

fn server() -> &'static PostgresServer {
    PostgresServer::shared().expect("a server")
}

fn database(statements: &str) -> (String, LitellmDatabase) {
    let address = server().database().expect("a new database");
    server().run(&address, statements).expect("tables");
    let database = LitellmDatabase::new(&Secret::new(&address)).expect("an address");
    (address, database)
}

#[tokio::test]
async fn rows_come_with_all_their_columns_and_digits() {
    let row = r#"INSERT INTO "LiteLLM_VerificationToken" VALUES
        ('t', 0.30000000000000004, '2026-11-27 10:00:00.5', '{a,b}', '{"n": {"m": 1.10}}', 9007199254740993, NULL);"#;
    // What a connection is not told otherwise is what the database says.
    let short = "DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET extra_float_digits = 0', current_database());
    END $$;";
    let (_, database) = database(&format!("{KEYS}{row}{USERS}{short}"));
    let mut snapshot = database.snapshot().await.expect("a snapshot");
    let rows = snapshot.page(LitellmTable::Keys, None).await.expect("rows");
    let expected = r#"{"token": "t", "spend": 0.30000000000000004, "expires": "2026-11-27T10:00:00.5",
        "models": ["a", "b"], "metadata": {"n": {"m": 1.10}}, "tpm_limit": 9007199254740993, "blocked": null}"#;
    let expected: Value = serde_json::from_str(expected).expect("JSON");
    assert_eq!(rows.into_iter().map(Value::Object).collect::<Vec<_>>(), [expected]);
    let users = snapshot.page(LitellmTable::Users, None).await.expect("rows");
    assert_eq!(json!(users), json!([{ "user_id": "ann" }]), "no password leaves the database");
    assert!(snapshot.database().is_some_and(|name| name.ends_with("/public")), "{:?}", snapshot.database());
}

#[tokio::test]
async fn pages_follow_one_another_and_show_one_moment() {
    let rows = r#"INSERT INTO "LiteLLM_VerificationToken" SELECT 'k' || lpad(n::text, 5, '0'), n
        FROM generate_series(1, 2345) AS n;"#;
    let (address, database) = database(&format!("{KEYS}{rows}"));
    let mut snapshot = database.snapshot().await.expect("a snapshot");
    let (mut seen, mut last) = (Vec::new(), None);
    loop {
        let page = snapshot.page(LitellmTable::Keys, last.as_ref()).await.expect("rows");
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 1_000);
        seen.extend(page.iter().map(|row| row["token"].as_str().expect("a text").to_owned()));
        last = page.into_iter().next_back();
        let more = r#"INSERT INTO "LiteLLM_VerificationToken" SELECT 'l' || gen_random_uuid(), 0;"#;
        server().run(&address, more).expect("somebody else writes meanwhile");
    }
    let expected: Vec<String> = (1..=2345).map(|number| format!("k{number:05}")).collect();
    assert_eq!(seen, expected);
    assert_eq!(snapshot.count(LitellmTable::Keys).await.expect("a count"), 2345);
}

#[tokio::test]
async fn tables_that_there_are_not_are_empty_and_without_keys_it_is_none_of_litellm_s() {
    let (_, with_keys) = database(KEYS);
    let mut snapshot = with_keys.snapshot().await.expect("a snapshot");
    assert!(!snapshot.has(LitellmTable::Tags));
    assert!(snapshot.page(LitellmTable::Tags, None).await.expect("no rows").is_empty());
    assert_eq!(snapshot.count(LitellmTable::Tags).await.expect("a count"), 0);
    let (_, without) = database(USERS);
    let error = without.snapshot().await.expect_err("no keys");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("LiteLLM_VerificationToken"), "{error}");
}

#[tokio::test]
async fn a_table_that_may_not_be_read_is_no_table_that_is_empty() {
    let (address, _) = database(&format!("{KEYS}{USERS}"));
    let allow = r#"CREATE ROLE reader LOGIN; GRANT SELECT ON "LiteLLM_VerificationToken" TO reader;"#;
    server().run(&address, allow).expect("a role");
    let address = address.replace("postgres@", "reader@");
    let reader = LitellmDatabase::new(&Secret::new(address)).expect("an address");
    let mut snapshot = reader.snapshot().await.expect("a snapshot");
    assert!(snapshot.page(LitellmTable::Keys, None).await.expect("no rows").is_empty());
    let error = snapshot.page(LitellmTable::Users, None).await.expect_err("it may not");
    let causes = error.causes().expect("what the server said");
    assert!(causes.contains("permission denied"), "{causes}");
}

#[tokio::test]
async fn the_schema_is_the_one_that_the_address_names() {
    let statements = format!("CREATE SCHEMA gateway; SET search_path TO gateway; {KEYS}");
    let address = server().database().expect("a new database");
    server().run(&address, &statements).expect("tables");
    let at = |address: &str| LitellmDatabase::new(&Secret::new(address)).expect("an address");
    assert!(at(&address).snapshot().await.is_err());
    assert!(at(&format!("{address}&schema=gateway")).snapshot().await.is_ok());
}
