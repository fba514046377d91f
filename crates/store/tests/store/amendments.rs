//! Figures that are put right later: who learns of it, and what is told of it.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_core::{Subject, SubjectKind};
use trunkline_store::{
    Change, Charge, CostOrigin, Kind, Lowered, Object, RequestRow, Spent, Store, Write, corrected,
};

use crate::load::{MIDNIGHT, load, money, row};
use crate::sums::subjects;

/// What stands on a counter, and how much of it was put right.
type Counters = BTreeMap<(Subject, String, i64), Spent>;

async fn counters(store: &dyn Store) -> Counters {
    let spent = store.spent(&subjects()).await.expect("counters");
    spent
        .into_iter()
        .map(|spent| ((spent.subject.clone(), spent.period.clone(), spent.begins_at), spent))
        .collect()
}

/// The same rows, each a quarter of a dollar dearer.
fn dearer(rows: &[RequestRow]) -> Vec<RequestRow> {
    let dearer = |row: &RequestRow| RequestRow {
        spend: row.spend.map(|spend| spend + money("0.25")),
        cost_origin: CostOrigin::Reconciled,
        ..row.clone()
    };
    rows.iter().filter(|row| row.spend.is_some()).map(dearer).collect()
}

pub(crate) async fn a_counter_tells_how_much_of_it_was_put_right(store: &dyn Store) {
    let rows = load(4, 200);
    store.record(&rows).await.expect("a record");
    let before = counters(store).await;
    assert!(before.values().all(|counter| counter.corrected.is_zero()));
    let (first, second) = rows.split_at(120);
    for part in [first, second, first] {
        store.amend(&dearer(part), "ann", MIDNIGHT).await.expect("an amendment");
    }
    let after = counters(store).await;
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    for (name, counter) in &after {
        assert_eq!(counter.amount - counter.corrected, before[name].amount, "{name:?}");
    }
    let whole = &after[&(Subject::global(), String::new(), 0)];
    let priced = rows.iter().filter(|row| row.spend.is_some()).count();
    assert_eq!(whole.corrected, money("0.25") * money(&priced.to_string()));
    store.rebuild().await.expect("a rebuild");
    assert_eq!(counters(store).await, after, "what was put right is known still");
}

pub(crate) async fn what_was_lowered_is_not_taken_off_again(store: &dyn Store) {
    let subject = Subject::new(SubjectKind::Key, "key-of-a-fresh-start");
    let charge = Charge { subject: subject.clone(), period: String::new(), begins_at: 0 };
    let dear = RequestRow { charges: vec![charge], ..row("dear", MIDNIGHT, "10") };
    store.record(std::slice::from_ref(&dear)).await.expect("a record");
    let lowered = Lowered { subject: subject.clone(), to: money("1") };
    let mut key = Object::new(Kind::Key, "key-of-a-fresh-start", MIDNIGHT);
    key.alias = Some("fresh".to_owned());
    let write = Write { objects: vec![key], lowered: vec![lowered], ..Write::default() };
    store.write(write).await.expect("a write");
    let cheap = RequestRow { spend: Some(money("4")), ..dear };
    assert_eq!(store.amend(&[cheap], "ann", MIDNIGHT).await.expect("an amendment"), 1);
    let spent = store.spent(&[subject]).await.expect("a counter");
    assert_eq!((spent[0].amount, spent[0].corrected), (money("0"), money("-6")));
}

pub(crate) async fn everybody_whose_counters_change_is_told(store: &dyn Store) {
    let rows = load(5, 150);
    store.record(&rows).await.expect("a record");
    store.amend(&dearer(&rows), "ann", MIDNIGHT).await.expect("an amendment");
    let changes = store.changes(0, 1_000).await.expect("changes");
    let told: BTreeSet<Subject> = changes.iter().filter_map(|change| corrected(&change.id)).collect();
    let charged = rows.iter().filter(|row| row.spend.is_some()).flat_map(|row| &row.charges);
    assert_eq!(told, charged.map(|charge| charge.subject.clone()).collect());
    assert!(changes.iter().all(|change| change.kind == Kind::Ledger));
    // Tokens that were put right change no counter, and what stands there already changes nothing.
    let newest = store.newest_change().await.expect("a number");
    let outcome = |row: RequestRow| RequestRow { usage: None, ..row };
    let of_tokens: Vec<RequestRow> = dearer(&rows).into_iter().map(outcome).collect();
    assert!(store.amend(&of_tokens, "ann", MIDNIGHT).await.expect("an amendment") > 0);
    assert_eq!(store.amend(&of_tokens, "ann", MIDNIGHT).await.expect("an amendment"), 0);
    assert_eq!(store.changes(newest, 1_000).await.expect("changes"), Vec::<Change>::new());
}

pub(crate) async fn an_amendment_is_in_the_audit_log(store: &dyn Store) {
    let rows: Vec<RequestRow> = ["a", "b"]
        .map(|id| RequestRow { cost_origin: CostOrigin::Estimated, ..row(id, MIDNIGHT, "1.50") })
        .into();
    store.record(&rows).await.expect("a record");
    assert_eq!(store.amend(&rows, "ann", 1).await.expect("an amendment"), 0);
    assert_eq!(store.amend(&dearer(&rows), "ann", 7).await.expect("an amendment"), 2);
    let acts = store.acts(None, 10).await.expect("acts");
    let [act] = acts.as_slice() else { panic!("one line: {acts:?}") };
    assert_eq!((act.by.as_str(), act.action.as_str(), act.at), ("ann", "reconciled", 7));
    assert_eq!((act.kind, act.id.as_str()), (Kind::Ledger, "requests"));
    let said = |settings: &Option<serde_json::Map<String, serde_json::Value>>, member: &str| {
        let settings = settings.as_ref().expect("settings");
        ["a", "b"].map(|id| settings[id][member].as_str().expect("a text").to_owned())
    };
    assert_eq!(said(&act.before, "spend"), ["1.5", "1.5"]);
    assert_eq!(said(&act.after, "spend"), ["1.75", "1.75"]);
    assert_eq!(said(&act.before, "cost_origin"), ["estimated", "estimated"]);
    assert_eq!(said(&act.after, "cost_origin"), ["reconciled", "reconciled"]);
}
