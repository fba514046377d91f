//! Objects, their changes, and the audit log.

use serde_json::{Map, Value, json};
use trunkline_core::ErrorKind;
use trunkline_store::{Act, Kind, Object, ObjectQuery, Order, Store, Write, member_id};

fn settings(value: Value) -> Map<String, Value> {
    let Value::Object(settings) = value else { panic!("settings are an object") };
    settings
}

fn key(id: &str, now: i64) -> Object {
    Object::new(Kind::Key, id, now)
}

async fn put(store: &dyn Store, object: Object) -> Object {
    let written = store.write(Write { objects: vec![object], ..Write::default() }).await.expect("a write");
    written.into_iter().next().expect("what was written is given")
}

pub(crate) async fn what_is_written_is_found(store: &dyn Store) {
    let mut object = key("k1", 1_000);
    object.alias = Some("the caf\u{e9}".to_owned());
    object.user_id = Some("ada".to_owned());
    object.team_id = Some("red".to_owned());
    object.created_by = Some("master".to_owned());
    object.settings = settings(json!({"max_budget": 0.1, "models": ["gpt-4o", "a'b\"c"], "note": "a\u{0}b"}));
    let written = put(store, object.clone()).await;
    assert_eq!(written, Object { revision: 1, ..object });
    assert_eq!(store.object(Kind::Key, "k1").await.expect("an answer"), Some(written.clone()));
    assert_eq!(store.object(Kind::User, "k1").await.expect("an answer"), None);
    assert_eq!(store.object(Kind::Key, "K1").await.expect("an answer"), None);

    let changed = Object { updated_at: 2_000, updated_by: Some("ada".to_owned()), alias: None, ..written };
    let changed = put(store, changed).await;
    assert_eq!(changed.revision, 2);
    assert_eq!(store.object(Kind::Key, "k1").await.expect("an answer"), Some(changed));

    let member = put(store, Object::new(Kind::Member, member_id("red", "ada"), 1)).await;
    let found = store.object(Kind::Member, &member_id("red", "ada")).await.expect("an answer");
    assert_eq!(found, Some(member));
}

pub(crate) async fn a_write_from_an_old_revision_is_refused(store: &dyn Store) {
    let first = put(store, key("k1", 1)).await;
    put(store, Object { updated_at: 2, ..first.clone() }).await;
    for stale in [first, key("k1", 3), Object { revision: 7, ..key("nobody", 3) }] {
        let write = Write { objects: vec![stale], ..Write::default() };
        let error = store.write(write).await.expect_err("the revision is not the one that stands there");
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    let held = store.object(Kind::Key, "k1").await.expect("an answer").expect("it is there");
    assert_eq!((held.revision, held.updated_at), (2, 2));
}

pub(crate) async fn a_refused_write_leaves_nothing(store: &dyn Store) {
    put(store, key("old", 1)).await;
    let newest = store.newest_change().await.expect("an answer");
    let write =
        Write { objects: vec![key("new", 2), key("old", 2)], acts: vec![act("new", 2)], ..Write::default() };
    let error = store.write(write).await.expect_err("one of the two is there already");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(store.object(Kind::Key, "new").await.expect("an answer"), None);
    assert_eq!(store.newest_change().await.expect("an answer"), newest);
    assert_eq!(store.acts(None, 10).await.expect("an answer"), []);
}

pub(crate) async fn a_deleted_id_can_be_used_again(store: &dyn Store) {
    let first = put(store, key("k1", 1)).await;
    let gone = put(store, Object { deleted: true, ..first }).await;
    assert_eq!(store.object(Kind::Key, "k1").await.expect("an answer"), Some(gone));
    let again = put(store, key("k1", 9)).await;
    assert_eq!((again.revision, again.deleted, again.created_at), (3, false, 9));
}

async fn ids(store: &dyn Store, kind: Kind, query: &ObjectQuery) -> (Vec<String>, u64) {
    let page = store.list(kind, query).await.expect("a list");
    (page.items.into_iter().map(|object| object.id).collect(), page.total)
}

pub(crate) async fn lists_are_narrowed_ordered_and_cut(store: &dyn Store) {
    for (number, (alias, user)) in [("b", "ada"), ("a", "bob"), ("c", "ada"), ("d", "ada")].iter().enumerate()
    {
        let mut object = key(&format!("k{number}"), 10 + i64::try_from(number).expect("small"));
        object.alias = Some((*alias).to_owned());
        object.user_id = Some((*user).to_owned());
        object.team_id = (*alias == "a").then(|| "red".to_owned());
        object.deleted = *alias == "d";
        put(store, object).await;
    }
    put(store, Object::new(Kind::User, "k9", 1)).await;
    let all = ObjectQuery { limit: 10, ..ObjectQuery::default() };
    assert_eq!(ids(store, Kind::Key, &all).await, (names(["k2", "k1", "k0"]), 3));
    let oldest = ObjectQuery { order: Order::Oldest, limit: 2, ..all.clone() };
    assert_eq!(ids(store, Kind::Key, &oldest).await, (names(["k0", "k1"]), 3));
    let next = ObjectQuery { offset: 2, ..oldest };
    assert_eq!(ids(store, Kind::Key, &next).await, (names(["k2"]), 3));
    let by_alias = ObjectQuery { order: Order::Alias, ..all.clone() };
    assert_eq!(ids(store, Kind::Key, &by_alias).await, (names(["k1", "k0", "k2"]), 3));
    let of_user = ObjectQuery { user_id: Some("ada".to_owned()), ..all.clone() };
    assert_eq!(ids(store, Kind::Key, &of_user).await, (names(["k2", "k0"]), 2));
    let of_team = ObjectQuery { team_id: Some("red".to_owned()), ..all.clone() };
    assert_eq!(ids(store, Kind::Key, &of_team).await, (names(["k1"]), 1));
    let of_alias = ObjectQuery { alias: Some("c".to_owned()), ..all.clone() };
    assert_eq!(ids(store, Kind::Key, &of_alias).await, (names(["k2"]), 1));
    let deleted = ObjectQuery { deleted: true, ..all };
    assert_eq!(ids(store, Kind::Key, &deleted).await, (names(["k3"]), 1));
}

fn names<const COUNT: usize>(names: [&str; COUNT]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

pub(crate) async fn lists_are_searched_whatever_the_case(store: &dyn Store) {
    for (id, alias) in
        [("Alpha", None), ("x1", Some("the ALPHAbet")), ("x2", Some("100%")), ("x3", Some("100 of"))]
    {
        put(store, Object { alias: alias.map(str::to_owned), ..key(id, 1) }).await;
    }
    let search = |text: &str| ObjectQuery {
        search: Some(text.to_owned()),
        order: Order::Oldest,
        limit: 10,
        ..ObjectQuery::default()
    };
    assert_eq!(ids(store, Kind::Key, &search("aLPHa")).await, (names(["Alpha", "x1"]), 2));
    assert_eq!(ids(store, Kind::Key, &search("0%")).await, (names(["x2"]), 1));
    assert_eq!(ids(store, Kind::Key, &search("' OR 1=1")).await, (Vec::new(), 0));
}

pub(crate) async fn changes_come_in_order_and_once_for_each_object(store: &dyn Store) {
    assert_eq!(store.newest_change().await.expect("an answer"), 0);
    let first = put(store, key("k1", 1)).await;
    put(store, key("k2", 1)).await;
    let before = store.newest_change().await.expect("an answer");
    put(store, Object { updated_at: 2, ..first }).await;
    let changes = store.changes(0, 10).await.expect("an answer");
    assert_eq!(changes.iter().map(|change| change.id.as_str()).collect::<Vec<_>>(), ["k2", "k1"]);
    assert!(changes.iter().all(|change| change.kind == Kind::Key));
    let later = store.changes(before, 10).await.expect("an answer");
    assert_eq!(later, changes[1..]);
    assert_eq!(store.newest_change().await.expect("an answer"), later[0].number);
    assert_eq!(store.changes(0, 1).await.expect("an answer"), changes[..1]);
}

fn act(id: &str, at: i64) -> Act {
    Act {
        number: 0,
        at,
        by: "master".to_owned(),
        action: "created".to_owned(),
        kind: Kind::Key,
        id: id.to_owned(),
        before: None,
        after: Some(settings(json!({"models": []}))),
    }
}

pub(crate) async fn acts_are_only_added_to(store: &dyn Store) {
    for number in 1..=3 {
        let id = format!("k{number}");
        let write =
            Write { objects: vec![key(&id, number)], acts: vec![act(&id, number)], ..Write::default() };
        store.write(write).await.expect("a write");
    }
    let acts = store.acts(None, 2).await.expect("an answer");
    assert_eq!(acts.iter().map(|act| act.id.as_str()).collect::<Vec<_>>(), ["k3", "k2"]);
    assert_eq!(acts[0], Act { number: acts[0].number, ..act("k3", 3) });
    let rest = store.acts(Some(acts[1].number), 10).await.expect("an answer");
    assert_eq!(rest.iter().map(|act| act.id.as_str()).collect::<Vec<_>>(), ["k1"]);
}

pub(crate) async fn names_that_are_too_long_are_refused(store: &dyn Store) {
    let long = "x".repeat(501);
    let member = Object::new(Kind::Member, member_id(&long[..500], &long[..500]), 1);
    put(store, member).await;
    for object in [Object { alias: Some(long.clone()), ..key("k", 1) }, key(&"x".repeat(1_002), 1)] {
        let write = Write { objects: vec![object], ..Write::default() };
        let error = store.write(write).await.expect_err("no index has room for it");
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
}

pub(crate) async fn many_ids_are_found_at_once(store: &dyn Store) {
    let objects: Vec<Object> = (0..300).map(|number| key(&format!("k{number}"), number)).collect();
    store.write(Write { objects, ..Write::default() }).await.expect("a write");
    let asked: Vec<String> = (100..400).map(|number| format!("k{number}")).collect();
    let mut found: Vec<i64> = store
        .objects(Kind::Key, &asked)
        .await
        .expect("an answer")
        .into_iter()
        .map(|object| object.created_at)
        .collect();
    found.sort_unstable();
    assert_eq!(found, (100..300).collect::<Vec<i64>>());
    assert_eq!(store.objects(Kind::Key, &[]).await.expect("an answer"), []);
}
