//! How the databases answer: no page, no sum and no counter looks at all rows.

use std::sync::Arc;

use sqlx::Row as _;
use trunkline_core::{Secret, Subject};
use trunkline_testkit::postgres::PostgresServer;

use crate::database::Database;
use crate::row::Row;
use crate::session::Session;
use crate::value::Value;
use crate::{
    ActivityQuery, Charge, Dimension, Kind, ObjectQuery, Order, PostgresOptions, PostgresStore, RequestQuery,
    RequestRow, SqliteStore, Store, activities, counters, ledger, objects,
};

const MIDNIGHT: i64 = 1_795_737_600_000;

/// Enough rows that looking at all of them is the dearest way for every planner.
async fn fill(store: &dyn Store) {
    let rows: Vec<RequestRow> = (0..20_000_i64)
        .map(|number| RequestRow {
            request_id: format!("r{number:06}"),
            call_id: format!("c{number:06}"),
            started_at: MIDNIGHT + number * 10_000,
            ended_at: MIDNIGHT + number * 10_000 + 5,
            key: Some(format!("key-{}", number % 100)),
            user_id: Some(format!("user-{}", number % 50)),
            team_id: Some(format!("team-{}", number % 20)),
            customer: (number % 10 == 0).then(|| format!("customer-{}", number % 40)),
            tags: vec!["dev".to_owned()],
            generation_id: (number % 500 == 0).then(|| "gen".to_owned()),
            charges: vec![Charge { subject: Subject::global(), period: String::new(), begins_at: 0 }],
            ..RequestRow::default()
        })
        .collect();
    for batch in rows.chunks(2_000) {
        store.record(batch).await.expect("a record");
    }
}

/// The statements that must be quick, each with what it is.
fn statements(session: &Session) -> Vec<(String, String, Vec<Value<'static>>)> {
    let some = |name: &str| Some(name.to_owned());
    let page = || RequestQuery { limit: 50, ..RequestQuery::default() };
    let searches = [
        page(),
        RequestQuery { key: some("key-7"), ..page() },
        RequestQuery { user_id: some("user-7"), ..page() },
        RequestQuery { team_id: some("team-7"), ..page() },
        RequestQuery { customer: some("customer-10"), ..page() },
        RequestQuery { unreconciled: true, ..page() },
        RequestQuery { id: some("c000777"), ..page() },
        RequestQuery { from: Some(MIDNIGHT), until: Some(MIDNIGHT + 600_000), ..page() },
        RequestQuery {
            key: some("key-7"),
            from: Some(MIDNIGHT),
            until: Some(MIDNIGHT + 36_000_000),
            ..page()
        },
        RequestQuery { before: Some((MIDNIGHT + 600_000, "r000060".to_owned())), ..page() },
        RequestQuery {
            team_id: some("team-7"),
            before: Some((MIDNIGHT + 600_000, "r000060".to_owned())),
            ..page()
        },
    ];
    let all = ActivityQuery::default;
    let activities = [
        all(),
        ActivityQuery { by: vec![Dimension::Day, Dimension::Key], ..all() },
        ActivityQuery { by: vec![Dimension::Hour], key: some("key-7"), from: Some(MIDNIGHT), ..all() },
        ActivityQuery { by: vec![Dimension::Tag], user_id: some("user-7"), ..all() },
    ];
    let mut statements = Vec::new();
    for query in searches {
        let (text, values) = ledger::search(session, &query);
        statements.push((format!("{query:?}"), text, owned(values)));
    }
    for query in activities {
        let (text, values) = activities::question(session, &query).expect("a question that has an answer");
        statements.push((format!("{query:?}"), text, owned(values)));
    }
    let (text, values) = activities::counting(Some(MIDNIGHT + 5), None);
    statements.push(("count".to_owned(), text.to_owned(), values));
    let values = ["global", "", "", "key", "key-7", ""].map(Value::text).to_vec();
    statements.push(("spent".to_owned(), counters::question(session, 2), values));
    let lists = [
        ObjectQuery { limit: 10, ..ObjectQuery::default() },
        ObjectQuery { user_id: some("user-7"), order: Order::Alias, limit: 10, ..ObjectQuery::default() },
    ];
    for query in lists {
        let (text, values) = objects::page(Kind::Key, &query);
        statements.push((format!("{query:?}"), text, owned(values)));
    }
    statements
}

fn owned(values: Vec<Value<'_>>) -> Vec<Value<'static>> {
    let owned = |value| match value {
        Value::Integer(number) => Value::Integer(number),
        Value::Text(text) => Value::Text(text.map(|text| text.into_owned().into())),
        Value::Money(amount) => Value::Money(amount),
    };
    values.into_iter().map(owned).collect()
}

/// The lines of a plan.
async fn plan(session: &mut Session, text: &str, values: Vec<Value<'_>>) -> Vec<String> {
    let explain = if session.is_postgres() { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
    let rows = session.fetch(&format!("{explain} {text}"), values).await.expect("a plan");
    let line = |row: &Row| match row {
        Row::Sqlite(row) => row.get::<String, _>("detail"),
        Row::Postgres(row) => row.get::<String, _>(0),
    };
    rows.iter().map(line).collect()
}

#[tokio::test]
async fn sqlite_scans_no_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&folder.path().join("plans.db")).await.expect("a store");
    fill(&store).await;
    let mut session = store.read().await.expect("a connection");
    for (what, text, values) in statements(&session) {
        let plan = plan(&mut session, &text, values).await;
        for line in &plan {
            assert!(!line.starts_with("SCAN requests"), "{what}: {plan:?}");
            let sorts_all =
                line.contains("TEMP B-TREE FOR ORDER BY") && text.contains("FROM trunkline.requests");
            // One id has few rows, which are sorted in passing.
            assert!(!sorts_all || what.contains("id: Some"), "{what}: {plan:?}");
        }
        let reads_rows = text.contains("trunkline.requests");
        assert_eq!(plan.iter().any(|line| line.contains("SEARCH requests")), reads_rows, "{what}: {plan:?}");
    }
}

#[tokio::test]
async fn postgres_scans_no_rows() {
    for partitions in [false, true] {
        check_postgres(&PostgresOptions { partitions, ..PostgresOptions::default() }).await;
    }
}

async fn check_postgres(options: &PostgresOptions) {
    let address = PostgresServer::shared().expect("a server").database().expect("a new database");
    let store = PostgresStore::connect(&Secret::new(address), options).expect("an address");
    let store = Arc::new(store);
    fill(&*store).await;
    let mut session = store.read().await.expect("a connection");
    // Of a new table a planner knows nothing but its keys, which is enough to find one row.
    let query = RequestQuery { id: Some("c000777".to_owned()), limit: 1, ..RequestQuery::default() };
    let (text, values) = ledger::search(&session, &query);
    let plan_of_one = plan(&mut session, &text, values).await;
    assert!(plan_of_one.iter().any(|line| line.contains("Index Cond: (call_id = ")), "{plan_of_one:?}");
    // Nor does it know how many rows a time or a team has: it must take them as they stand in an index, and sort no more than
    // those of one moment.
    let (from, until) = (Some(MIDNIGHT), Some(MIDNIGHT + 200_000_000));
    let page = || RequestQuery { from, until, limit: 50, ..RequestQuery::default() };
    for query in [
        RequestQuery { from: None, until: None, offset: 1_900, ..page() },
        page(),
        RequestQuery { team_id: Some("team-7".to_owned()), limit: 3, ..page() },
    ] {
        let (text, values) = ledger::search(&session, &query);
        let plan = plan(&mut session, &text, values).await;
        let sorts = plan.iter().find(|line| line.trim_start().starts_with("->  Sort"));
        assert_eq!(sorts, None, "{query:?}: {plan:#?}");
    }
    session.execute("ANALYZE", Vec::new()).await.expect("what planners go by");
    for (what, text, values) in statements(&session) {
        let plan = plan(&mut session, &text, values).await;
        // The partitions at either end are empty.
        let is_empty =
            |line: &str| ["requests_earlier", "requests_later"].iter().any(|end| line.contains(end));
        let scans = plan.iter().find(|line| line.contains("Seq Scan on requests") && !is_empty(line));
        assert_eq!(scans, None, "{what}: {plan:?}");
        let reads_rows = text.contains("trunkline.requests");
        let has_index = plan.iter().any(|line| line.contains("on requests"));
        assert_eq!(has_index, reads_rows, "{what}: {plan:?}");
    }
}
