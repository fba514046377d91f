//! Reads that overtake one another, and reads that take long.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use trunkline_core::{ErrorKind, Secret};
use trunkline_keys::{Identity, Keys, KeysOptions, Limited, Pepper, Token};
use trunkline_store::{Kind, Object};

use crate::gated_store::GatedStore;
use crate::{KEY, World};

const OTHER: &str = "sk-another-key-of-the-team";

/// A world whose keys are found through a store that can be held back.
async fn gated(deadline: Duration) -> (World, Arc<GatedStore>) {
    let World { store, pepper, .. } = World::new().await;
    let gate = Arc::new(GatedStore::over(Arc::clone(&store)));
    let options = KeysOptions { deadline, poll_every: Duration::from_millis(20), ..KeysOptions::default() };
    let keys =
        Keys::new(Arc::<GatedStore>::clone(&gate), Arc::new(Pepper::new(&Secret::new("pepper"))), options);
    (World { store, pepper, keys }, gate)
}

#[tokio::test]
async fn whoever_read_before_a_change_does_not_undo_it() {
    let (world, gate) = gated(Duration::from_secs(10)).await;
    world.put(Kind::Team, "red", |_| {}, json!({ "rpm_limit": 1 })).await;
    for key in [KEY, OTHER] {
        let index = world.pepper.index(&Token::of(key)).as_str().to_owned();
        world.put(Kind::Key, &index, |key| key.team_id = Some("red".into()), json!({})).await;
    }
    gate.close(&[Kind::Team]);
    let early = async { world.keys.find(KEY).await.expect("answers").expect("a key") };
    let changing = async {
        gate.asked(Kind::Team, 1).await;
        gate.open();
        world.put(Kind::Team, "red", |_| {}, json!({ "rpm_limit": 7 })).await;
        world.keys.forget(Kind::Team, "red");
        let late = world.keys.find(OTHER).await.expect("answers").expect("a key");
        gate.release();
        late
    };
    let (early, late) = futures_util::future::join(early, changing).await;
    for found in [&early, &late] {
        let team = &found.accounts.always[1];
        assert_eq!(team.standing().requests.map(|left| left.limit), Some(7));
        assert!(!found.is_stale(), "it was read anew");
    }
}

#[tokio::test]
async fn a_key_that_was_looked_for_before_it_was_made_is_found() {
    let (world, gate) = gated(Duration::from_secs(10)).await;
    gate.close(&[Kind::Key]);
    let early = async { world.keys.find(KEY).await.expect("answers") };
    let making = async {
        gate.asked(Kind::Key, 1).await;
        gate.open();
        world.put(Kind::Key, &world.index(), |_| {}, json!({})).await;
        world.keys.forget(Kind::Key, &world.index());
        gate.release();
    };
    let (found, ()) = futures_util::future::join(early, making).await;
    assert!(found.is_some());
}

#[tokio::test]
async fn what_a_key_refers_to_is_asked_for_at_once() {
    let (world, gate) = gated(Duration::from_secs(10)).await;
    let owned = |key: &mut Object| {
        key.team_id = Some("red".into());
        key.user_id = Some("ann".into());
    };
    world.put(Kind::Key, &world.index(), owned, json!({ "budget_id": "small" })).await;
    world.put(Kind::Budget, "small", |_| {}, json!({ "rpm_limit": 3 })).await;
    let kinds = [Kind::User, Kind::Team, Kind::Member, Kind::Budget];
    gate.close(&kinds);
    let finding = async { world.keys.find(KEY).await.expect("answers").expect("a key") };
    let asking = async {
        for kind in kinds {
            gate.asked(kind, 1).await;
        }
        gate.release();
    };
    let (found, ()) = futures_util::future::join(finding, asking).await;
    assert_eq!(found.accounts.always[0].standing().requests.map(|left| left.limit), Some(3));
}

#[tokio::test]
async fn a_database_that_is_put_back_is_read_anew() {
    let (world, gate) = gated(Duration::from_secs(10)).await;
    for change in 0..3 {
        world.put(Kind::Key, &world.index(), |_| {}, json!({ "rpm_limit": change })).await;
    }
    let earlier = World::new().await;
    let following = world.keys.follow();
    let restoring = async {
        // What is found after the first look is forgotten for a reason.
        let stays = async || {
            let found = world.keys.find(KEY).await.expect("answers").expect("a key");
            gate.looked(2).await;
            !found.is_stale()
        };
        while !stays().await {}
        gate.restore(earlier.store);
        while world.keys.find(KEY).await.expect("answers").is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = following => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(5), restoring) => done.expect("it is forgotten"),
    }
}

#[tokio::test]
async fn what_took_too_long_is_known_to_the_next_request() {
    let (world, gate) = gated(Duration::from_millis(10)).await;
    world.put(Kind::Team, "red", |_| {}, json!({ "rpm_limit": 7 })).await;
    world.put(Kind::Key, &world.index(), |key| key.team_id = Some("red".into()), json!({})).await;
    world.put(Kind::Customer, "bob", |_| {}, json!({ "rpm_limit": 3 })).await;
    gate.close(&[Kind::Team, Kind::Customer]);
    let asking = async {
        let (key, user) = (world.keys.find(KEY).await, world.keys.limited(Kind::Customer, "bob").await);
        let told = [key.map(|_| ()), user.map(|_| ())].map(|told| told.map_err(|error| error.kind()));
        assert_eq!(told, [Err(ErrorKind::StoreUnavailable); 2]);
        // It is read once more, beside requests, and answered after as long as the store likes.
        gate.asked(Kind::Team, 2).await;
        gate.asked(Kind::Customer, 2).await;
        gate.release();
        while world.keys.known().is_empty() {
            tokio::task::yield_now().await;
        }
        gate.close(&[Kind::Key, Kind::Customer]);
        assert!(world.keys.find(KEY).await.expect("it is in memory").is_some());
        while world.keys.limited(Kind::Customer, "bob").await.is_err() {}
    };
    tokio::select! {
        () = world.keys.follow() => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(5), asking) => done.expect("it is read"),
    }
}

#[tokio::test]
async fn whoever_read_an_end_user_before_a_change_does_not_undo_it() {
    let (world, gate) = gated(Duration::from_secs(10)).await;
    world.put(Kind::Customer, "bob", |_| {}, json!({ "budget_id": "small" })).await;
    world.put(Kind::Budget, "small", |_| {}, json!({ "rpm_limit": 1 })).await;
    gate.close(&[Kind::Budget]);
    let early = async { world.keys.limited(Kind::Customer, "bob").await.expect("answers") };
    let changing = async {
        gate.asked(Kind::Budget, 1).await;
        gate.open();
        world.put(Kind::Budget, "small", |_| {}, json!({ "rpm_limit": 7 })).await;
        world.keys.forget(Kind::Budget, "small");
        gate.release();
    };
    let (found, ()) = futures_util::future::join(early, changing).await;
    assert_eq!(found.accounts.always[0].standing().requests.map(|left| left.limit), Some(7));
}

/// The database may not answer any more when the key is asked for next.
#[tokio::test]
async fn what_has_changed_is_read_anew_before_anybody_asks() {
    let (world, gate) = gated(Duration::from_secs(10)).await;
    world.put(Kind::Team, "red", |_| {}, json!({ "rpm_limit": 1 })).await;
    world.put(Kind::Key, &world.index(), |key| key.team_id = Some("red".into()), json!({})).await;
    let changing = async {
        // What is found after the first look is forgotten for a reason.
        gate.looked(2).await;
        let before = world.keys.find(KEY).await.expect("answers").expect("a key");
        world.put(Kind::Team, "red", |_| {}, json!({ "rpm_limit": 7 })).await;
        let is_new = |known: &Arc<Identity>| !Arc::ptr_eq(known, &before) && !known.is_stale();
        while !world.keys.known().iter().any(is_new) {
            tokio::task::yield_now().await;
        }
        gate.close(&[Kind::Key, Kind::Team]);
        let found = world.keys.find(KEY).await.expect("it is in memory").expect("a key");
        assert_eq!(found.accounts.always[1].standing().requests.map(|left| left.limit), Some(7));
    };
    tokio::select! {
        () = world.keys.follow() => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(5), changing) => done.expect("it is read"),
    }
}

/// What is told of all who are known, such as what is left of their budgets, has no gap while they are read anew.
#[tokio::test]
async fn whoever_is_read_anew_is_known_meanwhile() {
    let (world, gate) = gated(Duration::from_secs(10)).await;
    let put = async |limit: u32| {
        world.put(Kind::Key, &world.index(), |_| {}, json!({ "rpm_limit": limit })).await;
        world.put(Kind::Customer, "bob", |_| {}, json!({ "rpm_limit": limit })).await;
    };
    put(1).await;
    world.keys.find(KEY).await.expect("answers").expect("a key");
    world.keys.limited(Kind::Customer, "bob").await.expect("answers");
    let known = || (world.keys.known(), world.keys.known_customers());
    let changing = async {
        // Read anew for the first look, and then for a change.
        for (times, limit) in [(2, 1), (3, 7)] {
            let before = known();
            gate.close(&[Kind::Key, Kind::Customer]);
            if limit != 1 {
                put(limit).await;
            }
            gate.asked(Kind::Key, times).await;
            gate.asked(Kind::Customer, times).await;
            let meanwhile = known();
            assert!(Arc::ptr_eq(&meanwhile.0[0], &before.0[0]) && meanwhile.0[0].is_stale());
            assert!(Arc::ptr_eq(&meanwhile.1[0], &before.1[0]));
            gate.open();
            gate.release();
            let is_new = |(keys, customers): (Vec<Arc<Identity>>, Vec<Arc<Limited>>)| {
                assert_eq!((keys.len(), customers.len()), (1, 1));
                !Arc::ptr_eq(&keys[0], &before.0[0]) && !Arc::ptr_eq(&customers[0], &before.1[0])
            };
            while !is_new(known()) {
                tokio::task::yield_now().await;
            }
            let (keys, customers) = known();
            for accounts in [&keys[0].accounts, &customers[0].accounts] {
                assert_eq!(accounts.always[0].standing().requests.map(|left| left.limit), Some(limit.into()));
            }
        }
        world.put(Kind::Key, &world.index(), |key| key.deleted = true, json!({})).await;
        while !world.keys.known().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = world.keys.follow() => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(5), changing) => done.expect("it is read"),
    }
}

#[tokio::test]
async fn who_was_refused_for_others_that_waited_too_long_is_read_too() {
    let (world, gate) = gated(Duration::from_millis(20)).await;
    gate.close(&[Kind::Key, Kind::Customer]);
    let asking = async {
        for _ in 0..3 {
            assert!(world.keys.find(KEY).await.is_err());
        }
        for id in ["ann", "bob", "erin"] {
            assert!(world.keys.limited(Kind::Customer, id).await.is_err());
        }
        assert_eq!(gate.asked_so_far(Kind::Customer), 0, "no request asked for them");
        gate.open();
        gate.release();
        gate.asked(Kind::Customer, 3).await;
    };
    tokio::select! {
        () = world.keys.follow() => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(5), asking) => done.expect("they are read"),
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_not_waited_for_each_time() {
    const DEADLINE: Duration = Duration::from_millis(200);
    let (world, gate) = gated(DEADLINE).await;
    world.put(Kind::Key, &world.index(), |_| {}, json!({})).await;
    gate.close(&[Kind::Key, Kind::Customer]);
    let asking = async {
        for _ in 0..3 {
            assert!(world.keys.find(KEY).await.is_err());
        }
        let began = tokio::time::Instant::now();
        for id in ["ann", "bob", "erin"] {
            let refused = world.keys.limited(Kind::Customer, id).await.map(drop);
            assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::StoreUnavailable));
        }
        assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
        gate.open();
        gate.release();
        // What was late is read, and then everybody may ask again.
        while world.keys.limited(Kind::Customer, "ann").await.is_err() {
            tokio::task::yield_now().await;
        }
        assert!(world.keys.find(KEY).await.expect("answers").is_some());
    };
    tokio::select! {
        () = world.keys.follow() => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(5), asking) => done.expect("it is read"),
    }
}
