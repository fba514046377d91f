//! Keys that are found, forgotten and found anew, over a real store.

mod gated_store;
mod reading;
mod standing_in;

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_core::{ErrorKind, Secret, Subject, SubjectKind};
use trunkline_keys::{Keys, KeysOptions, Pepper, Token};
use trunkline_limits::Period;
use trunkline_store::{Charge, Kind, Object, RequestRow, Spent, SqliteStore, Store, Write};

struct World {
    store: Arc<SqliteStore>,
    pepper: Arc<Pepper>,
    keys: Keys,
}

const KEY: &str = "sk-a-key-for-tests-alone";

impl World {
    async fn new() -> Self {
        let store = Arc::new(SqliteStore::in_memory().await.expect("a store"));
        let pepper = Arc::new(Pepper::new(&Secret::new("pepper")));
        let options = KeysOptions { deadline: Duration::from_secs(10), ..KeysOptions::default() };
        let keys = Keys::new(Arc::<SqliteStore>::clone(&store), Arc::clone(&pepper), options);
        Self { store, pepper, keys }
    }

    fn index(&self) -> String {
        self.pepper.index(&Token::of(KEY)).as_str().to_owned()
    }

    async fn put(&self, kind: Kind, id: &str, change: impl FnOnce(&mut Object), settings: Value) {
        let found = self.store.object(kind, id).await.expect("the store answers");
        let mut object = found.unwrap_or_else(|| Object::new(kind, id, 0));
        let Value::Object(settings) = settings else { panic!("settings are an object") };
        object.settings = settings;
        change(&mut object);
        let write = Write { objects: vec![object], ..Write::default() };
        self.store.write(write).await.expect("written");
    }
}

#[tokio::test]
async fn a_key_is_found_and_an_unknown_one_is_not() {
    let world = World::new().await;
    assert!(world.keys.find(KEY).await.expect("the store answers").is_none());
    world.put(Kind::Key, &world.index(), |key| key.alias = Some("mine".into()), json!({})).await;
    world.keys.forget(Kind::Key, &world.index());
    let found = world.keys.find(KEY).await.expect("the store answers").expect("a key");
    assert_eq!(found.alias.as_deref(), Some("mine"));
    assert_eq!(found.token, Token::of(KEY));
    assert!(world.keys.find("sk-another").await.expect("the store answers").is_none());
}

#[tokio::test]
async fn what_has_changed_is_known_at_the_next_look() {
    let world = World::new().await;
    world.put(Kind::Team, "red", |_| {}, json!({})).await;
    world.put(Kind::Key, &world.index(), |key| key.team_id = Some("red".into()), json!({})).await;
    let found = async || world.keys.find(KEY).await.expect("the store answers");
    let before = found().await.expect("a key");
    assert!(before.check(jiff::Timestamp::now()).is_ok());
    world.put(Kind::Team, "red", |_| {}, json!({ "blocked": true })).await;
    assert!(found().await.expect("a key").check(jiff::Timestamp::now()).is_ok(), "nobody has told");
    world.keys.forget(Kind::Team, "red");
    let blocked = found().await.expect("a key").check(jiff::Timestamp::now());
    assert_eq!(blocked.map_err(|error| error.kind()), Err(ErrorKind::Unauthenticated));
    assert!(before.is_stale());
    world.put(Kind::Key, &world.index(), |key| key.deleted = true, json!({})).await;
    world.keys.forget(Kind::Key, &world.index());
    assert!(found().await.is_none());
}

#[tokio::test]
async fn a_replica_learns_within_a_second_what_another_has_changed() {
    let world = World::new().await;
    world.put(Kind::Key, &world.index(), |_| {}, json!({})).await;
    let following = world.keys.follow();
    let changing = async {
        while world.keys.find(KEY).await.expect("the store answers").is_none() {
            tokio::task::yield_now().await;
        }
        // The first look has been taken by now or takes place next: either way the change comes after it or is in it.
        world.put(Kind::Key, &world.index(), |key| key.deleted = true, json!({})).await;
        let began = std::time::Instant::now();
        while world.keys.find(KEY).await.expect("the store answers").is_some() {
            assert!(began.elapsed() < Duration::from_secs(5), "nobody has learned of it");
            tokio::task::yield_now().await;
        }
        began.elapsed()
    };
    let elapsed = tokio::select! {
        () = following => panic!("it never ends"),
        elapsed = changing => elapsed,
    };
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
}

#[tokio::test]
async fn what_is_put_right_in_the_ledger_counts_in_memory_too() {
    let world = World::new().await;
    let daily = Period::DAILY;
    let begins_at = daily.begins_at(jiff::Timestamp::now().as_millisecond());
    let budget = json!({ "max_budget": 9, "budget_duration": "1d" });
    world.put(Kind::Key, &world.index(), |_| {}, budget.clone()).await;
    world.put(Kind::Customer, "erin", |_| {}, budget).await;
    let subjects =
        [Subject::new(SubjectKind::Key, world.index()), Subject::new(SubjectKind::Customer, "erin")];
    let charges = subjects.map(|subject| Charge { subject, period: daily.to_string(), begins_at });
    let row = |spend: i64| RequestRow {
        request_id: "r".to_owned(),
        spend: Some(Decimal::new(spend, 2)),
        charges: charges.to_vec(),
        ..RequestRow::default()
    };
    world.store.record(&[row(400)]).await.expect("a record");
    let account = async || {
        let found = world.keys.find(KEY).await.expect("the store answers").expect("a key");
        Arc::clone(&found.accounts.always[0])
    };
    let first = account().await;
    let erin = world.keys.limited(Kind::Customer, "erin").await.expect("the store answers");
    let of_both = [first, Arc::clone(&erin.accounts.always[0])];
    let are_at =
        |cents: i64| of_both.iter().all(|one| one.spent(Some(daily)) == Some(Decimal::new(cents, 2)));
    assert!(are_at(400));
    let following = world.keys.follow();
    let correcting = async {
        // Once before anybody has looked, and once after.
        for cents in [375, 125] {
            assert_eq!(world.store.amend(&[row(cents)], "ann", 0).await.expect("an amendment"), 1);
            let began = std::time::Instant::now();
            while !are_at(cents) {
                assert!(began.elapsed() < Duration::from_secs(5), "nobody has learned of it");
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::select! {
        () = following => panic!("it never ends"),
        () = correcting => {}
    }
    world.keys.forget_all();
    assert_eq!(account().await.spent(Some(daily)), Some(Decimal::new(125, 2)), "and is not counted twice");
}

#[tokio::test]
async fn of_many_at_once_one_asks_the_store() {
    let world = World::new().await;
    world.put(Kind::Key, &world.index(), |_| {}, json!({})).await;
    let found = futures_util::future::join_all((0..200).map(|_| world.keys.find(KEY))).await;
    let found: Vec<_> = found.into_iter().map(|found| found.expect("answers").expect("a key")).collect();
    assert!(found.iter().all(|identity| Arc::ptr_eq(identity, &found[0])), "all have the one that was read");
}

#[tokio::test]
async fn accounts_have_their_limits_and_what_was_spent_before() {
    let world = World::new().await;
    let now = jiff::Timestamp::now().as_millisecond();
    let daily = Period::DAILY;
    world.put(Kind::Budget, "small", |_| {}, json!({ "max_budget": 5, "budget_duration": "1d" })).await;
    world.put(Kind::Team, "red", |_| {}, json!({ "rpm_limit": 7, "team_member_budget": 2 })).await;
    world.put(Kind::User, "ann", |_| {}, json!({ "max_budget": 9 })).await;
    let owned = |key: &mut Object| {
        key.team_id = Some("red".into());
        key.user_id = Some("ann".into());
    };
    world.put(Kind::Key, &world.index(), owned, json!({ "budget_id": "small" })).await;
    let subject = Subject::new(SubjectKind::Key, world.index());
    let amount = "1.25".parse().expect("a decimal");
    let begins_at = daily.begins_at(now);
    let corrected = Decimal::ZERO;
    let spent = Spent { subject, period: daily.to_string(), begins_at, amount, corrected };
    world.store.set_spent(&spent).await.expect("written");
    let found = world.keys.find(KEY).await.expect("answers").expect("a key");
    let kinds: Vec<SubjectKind> =
        found.accounts.always.iter().map(|account| account.subject().kind).collect();
    assert_eq!(kinds, [SubjectKind::Key, SubjectKind::Member, SubjectKind::Team, SubjectKind::User]);
    assert_eq!(found.accounts.always[0].spent(Some(daily)), Some(amount));
    assert_eq!(found.accounts.always[1].spent(None), Some(Decimal::ZERO));
    let paying: Vec<SubjectKind> =
        found.accounts.paying.iter().map(|account| account.subject().kind).collect();
    assert_eq!(paying, kinds[..3], "a user's budget is for keys of no team");
    let charged: Vec<SubjectKind> = found.accounts.charged().iter().map(|subject| subject.kind).collect();
    assert_eq!(charged, paying, "what a team pays is not spent of its user's budget after the next start");
    assert!(found.accounts.has_budget);
}

#[tokio::test]
async fn a_team_s_key_leaves_its_user_s_budget_to_the_user_s_own_keys() {
    const OWN: &str = "sk-of-ann-alone";
    let world = World::new().await;
    world.put(Kind::Team, "red", |_| {}, json!({})).await;
    world.put(Kind::User, "ann", |_| {}, json!({ "max_budget": 9 })).await;
    let of_ann = |key: &mut Object| key.user_id = Some("ann".into());
    let of_both = |key: &mut Object| {
        of_ann(key);
        key.team_id = Some("red".into());
    };
    let own = world.pepper.index(&Token::of(OWN)).as_str().to_owned();
    world.put(Kind::Key, &own, of_ann, json!({})).await;
    world.put(Kind::Key, &world.index(), of_both, json!({})).await;
    let own = world.keys.find(OWN).await.expect("answers").expect("a key");
    let of_team = world.keys.find(KEY).await.expect("answers").expect("a key");
    assert!(own.accounts.has_budget && !of_team.accounts.has_budget);
    let of_user = own.accounts.always.iter().find(|account| account.subject().kind == SubjectKind::User);
    assert!(of_user.is_some_and(|account| account.is_limited()), "the budget still holds");
}

#[tokio::test]
async fn end_users_are_limited_if_somebody_limits_them() {
    let world = World::new().await;
    let free = world.keys.limited(Kind::Customer, "bob").await.expect("answers");
    assert!(free.check().is_ok() && free.accounts.always.is_empty());
    world.put(Kind::Customer, "bob", |_| {}, json!({ "blocked": true, "max_budget": 1 })).await;
    world.keys.forget(Kind::Customer, "bob");
    let blocked = world.keys.limited(Kind::Customer, "bob").await.expect("answers");
    assert_eq!(blocked.check().map_err(|error| error.kind()), Err(ErrorKind::Unauthenticated));
    assert_eq!(blocked.accounts.always.len(), 1);
}
