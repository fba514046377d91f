//! Starts at which the store does not answer: what was written down stands in for it, until it does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::json;
use trunkline_core::{ErrorKind, Secret, Subject, SubjectKind};
use trunkline_keys::{Identity, Keys, KeysOptions, Pepper, Token};
use trunkline_limits::{Account, Budget, Limits, Want};
use trunkline_store::{Kind, Object, Spent, Store};

use crate::gated_store::GatedStore;
use crate::{KEY, World};

const GONE: &str = "sk-a-key-that-was-deleted";
const BLOCKED: &str = "sk-a-key-that-was-blocked";
const NEVER_SEEN: &str = "sk-a-key-that-nobody-used";

/// A store that outlives processes, and where they write down what they know.
struct Place {
    world: World,
    gate: Arc<GatedStore>,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let world = World::new().await;
        let gate = Arc::new(GatedStore::over(Arc::clone(&world.store)));
        let folder = tempfile::tempdir().expect("a folder");
        let place = Self { world, gate, folder };
        place.world.put(Kind::Team, "red", |_| {}, json!({ "rpm_limit": 7 })).await;
        let of_team = |key: &mut Object| key.team_id = Some("red".into());
        place.world.put(Kind::Key, &place.index(KEY), of_team, json!({ "max_budget": 9 })).await;
        for key in [GONE, NEVER_SEEN] {
            place.world.put(Kind::Key, &place.index(key), |_| {}, json!({})).await;
        }
        place.world.put(Kind::Key, &place.index(BLOCKED), |_| {}, json!({ "blocked": true })).await;
        place.world.put(Kind::Customer, "bob", |_| {}, json!({ "rpm_limit": 3 })).await;
        place
    }

    fn index(&self, key: &str) -> String {
        self.world.pepper.index(&Token::of(key)).as_str().to_owned()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys.snapshot")
    }

    /// A process with a pepper, and how long its requests wait.
    fn start_with(&self, pepper: &str, deadline: Duration) -> Keys {
        let options = KeysOptions {
            deadline,
            poll_every: Duration::from_millis(20),
            snapshot: Some(self.path()),
            global: Limits { budgets: vec![Budget::new(Decimal::from(100), None)], ..Limits::default() },
            ..KeysOptions::default()
        };
        let pepper = Arc::new(Pepper::new(&Secret::new(pepper)));
        Keys::new(Arc::<GatedStore>::clone(&self.gate), pepper, options)
    }

    fn start(&self) -> Keys {
        self.start_with("pepper", Duration::from_secs(10))
    }

    async fn delete(&self, key: &str) {
        self.world.put(Kind::Key, &self.index(key), |key| key.deleted = true, json!({})).await;
    }

    async fn set_spent(&self, dollars: i64) {
        let subject = Subject::new(SubjectKind::Key, self.index(KEY));
        let (amount, corrected) = (Decimal::from(dollars), Decimal::ZERO);
        let spent = Spent { subject, period: String::new(), begins_at: 0, amount, corrected };
        self.world.store.set_spent(&spent).await.expect("written");
    }

    /// What a process knew that saw all keys but one, and in which two dollars were spent.
    async fn written(&self) -> PathBuf {
        let keys = self.start();
        keys.seed_known().await.expect("the store answers");
        for key in [KEY, BLOCKED, GONE] {
            found(&keys, key).await;
        }
        keys.limited(Kind::Customer, "bob").await.expect("answers");
        self.delete(GONE).await;
        keys.forget(Kind::Key, &self.index(GONE));
        assert!(keys.find(GONE).await.expect("answers").is_none());
        spend(&keys, 2).await;
        keys.write_snapshot().await;
        self.path()
    }

    /// Waits until another snapshot stands in the place of the one that does.
    async fn rewritten(&self, keys: &Keys) {
        let before = self.bytes();
        while self.bytes() == before {
            keys.write_snapshot().await;
            tokio::task::yield_now().await;
        }
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).expect("it is there")
    }
}

async fn found(keys: &Keys, key: &str) -> Arc<Identity> {
    keys.find(key).await.expect("it is known").expect("a key")
}

/// Does something while changes are followed and what was known is read.
async fn following<T>(keys: &Keys, doing: impl Future<Output = T>) -> T {
    tokio::select! {
        () = keys.follow() => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(5), doing) => done.expect("it is done in time"),
    }
}

/// What a key has spent, with what it spent before.
async fn spent(keys: &Keys) -> Option<Decimal> {
    found(keys, KEY).await.accounts.always[0].spent(None)
}

async fn spend(keys: &Keys, dollars: i64) {
    let identity = found(keys, KEY).await;
    let accounts: Vec<Arc<Account>> = identity.accounts.paying.clone();
    let amount = Some(Decimal::from(dollars));
    let want = Want { accounts: &accounts, by_model: &[], tokens: 0, amount, wait: Duration::ZERO };
    keys.book().reserve(want).await.expect("room").settle(0, amount);
}

async fn is_unknown(keys: &Keys, key: &str) -> bool {
    keys.find(key).await.is_err_and(|error| error.kind() == ErrorKind::StoreUnavailable)
}

#[tokio::test]
async fn who_was_known_is_known_at_a_start_without_the_store() {
    let place = Place::new().await;
    place.written().await;
    place.gate.set_away(true);
    let keys = place.start();
    keys.estimate_global();
    let identity = found(&keys, KEY).await;
    assert_eq!(identity.team_id.as_deref(), Some("red"));
    let requests = |account: &Account| account.standing().requests.map(|left| left.limit);
    assert_eq!(requests(&identity.accounts.always[1]), Some(7), "with its team's limits");
    assert_eq!(spent(&keys).await, Some(Decimal::TWO), "and what was spent");
    assert_eq!(keys.global().always[0].spent(None), Some(Decimal::TWO));
    let refused = found(&keys, BLOCKED).await.check(jiff::Timestamp::now());
    assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Unauthenticated));
    assert!(keys.find(GONE).await.expect("it is known").is_none(), "it is known to be gone");
    for key in [NEVER_SEEN, "sk-that-there-never-was"] {
        assert!(is_unknown(&keys, key).await, "nobody knows whether there is such a key");
    }
    let bob = keys.limited(Kind::Customer, "bob").await.expect("he is known");
    assert_eq!(requests(&bob.accounts.always[0]), Some(3));
    assert!(keys.limited(Kind::Customer, "erin").await.is_err());
    assert!(!keys.store_answers(), "what was found was not the store's");
}

#[tokio::test]
async fn what_was_written_with_another_pepper_is_neither_used_nor_replaced() {
    let place = Place::new().await;
    let path = place.written().await;
    let before = std::fs::read(&path).expect("read");
    place.gate.set_away(true);
    let keys = place.start_with("another", Duration::from_secs(10));
    assert!(is_unknown(&keys, KEY).await && is_unknown(&keys, GONE).await);
    keys.write_snapshot().await;
    assert_eq!(std::fs::read(&path).expect("read"), before, "who knows nothing writes nothing down");
    assert!(place.start().find(KEY).await.is_ok());
}

#[tokio::test]
async fn a_start_that_never_finds_the_store_leaves_as_much_as_it_found() {
    let place = Place::new().await;
    place.written().await;
    place.gate.set_away(true);
    let second = place.start();
    spend(&second, 3).await;
    second.write_snapshot().await;
    let third = place.start();
    assert_eq!(spent(&third).await, Some(Decimal::from(5)));
    assert!(third.find(GONE).await.expect("it is known").is_none());
    assert!(third.find(BLOCKED).await.expect("it is known").is_some(), "though nobody used it meanwhile");
}

#[tokio::test]
async fn once_the_store_has_answered_it_alone_says_who_there_is() {
    let place = Place::new().await;
    place.written().await;
    place.gate.set_away(true);
    let keys = place.start();
    assert!(keys.find(KEY).await.is_ok());
    place.delete(KEY).await;
    let answering = async {
        place.gate.set_away(false);
        while keys.find(KEY).await.expect("known or gone").is_some() {
            tokio::task::yield_now().await;
        }
        place.gate.set_away(true);
        for key in [BLOCKED, GONE] {
            assert!(is_unknown(&keys, key).await, "what was written down is of no use any more");
        }
    };
    tokio::select! {
        () = keys.follow() => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(5), answering) => done.expect("it is forgotten"),
    }
}

#[tokio::test]
async fn a_read_that_is_answered_is_an_answer_too() {
    let place = Place::new().await;
    place.written().await;
    place.gate.set_away(true);
    let keys = place.start();
    let before = found(&keys, KEY).await;
    place.gate.set_away(false);
    found(&keys, NEVER_SEEN).await;
    assert!(before.is_stale());
    assert!(!found(&keys, KEY).await.is_stale());
}

/// The store has what an earlier process delivered, and that only once it has delivered it.
#[tokio::test]
async fn what_the_store_says_is_spent_takes_the_place_of_what_was_written_down() {
    let place = Place::new().await;
    place.written().await;
    place.gate.set_away(true);
    let keys = place.start();
    keys.estimate_global();
    spend(&keys, 1).await;
    assert!(keys.seed_known().await.is_err());
    assert_eq!(spent(&keys).await, Some(Decimal::from(3)));
    place.gate.set_away(false);
    found(&keys, NEVER_SEEN).await;
    assert_eq!(spent(&keys).await, Some(Decimal::from(3)), "the store may not have everything yet");
    place.set_spent(4).await;
    keys.seed_known().await.expect("the store answers");
    assert_eq!(spent(&keys).await, Some(Decimal::from(5)));
    assert_eq!(keys.global().always[0].spent(None), Some(Decimal::ONE));
    place.set_spent(5).await;
    keys.seed_known().await.expect("the store answers");
    assert_eq!(
        spent(&keys).await,
        Some(Decimal::from(5)),
        "what was spent here has been delivered, and counts once"
    );
}

#[tokio::test]
async fn what_has_changed_and_was_not_read_since_is_not_written_down() {
    let place = Place::new().await;
    let keys = place.start();
    keys.seed_known().await.expect("the store answers");
    found(&keys, KEY).await;
    found(&keys, NEVER_SEEN).await;
    place.delete(KEY).await;
    keys.forget(Kind::Key, &place.index(KEY));
    keys.write_snapshot().await;
    place.gate.set_away(true);
    let next = place.start();
    assert!(is_unknown(&next, KEY).await);
    assert!(next.find(NEVER_SEEN).await.is_ok());
}

#[tokio::test]
async fn who_was_known_is_read_again_before_anybody_asks() {
    let place = Place::new().await;
    place.written().await;
    let keys = place.start();
    let reading = async {
        keys.seed_known().await.expect("the store answers");
        let is_there = |key: &str| {
            let token = Token::of(key);
            keys.known().iter().any(|identity| identity.token == token)
        };
        while !(is_there(KEY) && is_there(BLOCKED)) {
            tokio::task::yield_now().await;
        }
        assert!(!is_there(NEVER_SEEN));
    };
    tokio::select! {
        () = keys.follow() => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(5), reading) => done.expect("they are read"),
    }
}

/// Whoever was known and is not read again yet would be gone from the file.
#[tokio::test]
async fn nothing_is_written_down_before_who_was_known_is_read_again() {
    let place = Place::new().await;
    place.written().await;
    let keys = place.start();
    keys.seed_known().await.expect("the store answers");
    found(&keys, NEVER_SEEN).await;
    let before = place.bytes();
    keys.write_snapshot().await;
    assert!(place.bytes() == before, "it stays as it is");
    following(&keys, place.rewritten(&keys)).await;
    place.gate.set_away(true);
    let next = place.start();
    for key in [KEY, BLOCKED] {
        found(&next, key).await;
    }
    next.limited(Kind::Customer, "bob").await.expect("he is known");
}

#[tokio::test]
async fn who_was_known_is_read_again_though_the_store_goes_away_meanwhile() {
    let place = Place::new().await;
    place.written().await;
    let keys = place.start();
    keys.seed_known().await.expect("the store answers");
    let before = place.bytes();
    let asked_before = place.gate.asked_so_far(Kind::Key);
    place.gate.close(&[Kind::Key]);
    following(&keys, async {
        place.gate.asked(Kind::Key, asked_before + 1).await;
        place.gate.set_away(true);
        place.gate.open();
        place.gate.release();
        place.gate.pinged(1).await;
        keys.write_snapshot().await;
        assert!(place.bytes() == before, "it stays as it is");
        place.gate.set_away(false);
        place.rewritten(&keys).await;
    })
    .await;
    place.gate.set_away(true);
    let next = place.start();
    for key in [KEY, BLOCKED] {
        found(&next, key).await;
    }
}

#[tokio::test]
async fn who_cannot_be_read_holds_up_nobody() {
    let place = Place::new().await;
    place.written().await;
    let keys = place.start();
    keys.seed_known().await.expect("the store answers");
    place.gate.spoil(&place.index(KEY));
    following(&keys, place.rewritten(&keys)).await;
    place.gate.set_away(true);
    let next = place.start();
    assert!(is_unknown(&next, KEY).await);
    found(&next, BLOCKED).await;
}

#[tokio::test]
async fn what_was_known_before_the_database_was_put_back_is_read_again() {
    let place = Place::new().await;
    let keys = place.start();
    keys.seed_known().await.expect("the store answers");
    following(&keys, async {
        place.gate.looked(1).await;
        found(&keys, KEY).await;
        keys.limited(Kind::Customer, "bob").await.expect("answers");
        keys.write_snapshot().await;
        let earlier = World::new().await;
        earlier.put(Kind::Key, &place.index(KEY), |_| {}, json!({ "max_budget": 3 })).await;
        place.gate.restore(Arc::clone(&earlier.store));
        place.rewritten(&keys).await;
    })
    .await;
    place.gate.set_away(true);
    let next = place.start();
    let max = found(&next, KEY).await.accounts.always[0].standing().budgets[0].max;
    assert_eq!(max, Decimal::from(3), "as the store says now");
}

#[tokio::test]
async fn what_changes_is_written_down_beside_requests() {
    let place = Place::new().await;
    let keys = place.start();
    found(&keys, KEY).await;
    // From here on time passes when nobody has anything to do.
    tokio::time::pause();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let writing = async {
        while !place.path().exists() {
            ticks.tick().await;
        }
    };
    tokio::select! {
        () = keys.follow() => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(100), writing) => done.expect("it is written"),
    }
}

#[tokio::test]
async fn what_was_written_down_is_no_answer_of_the_store() {
    let place = Place::new().await;
    place.written().await;
    place.gate.set_away(true);
    let asked_before = place.gate.asked_so_far(Kind::Key);
    place.gate.close(&[Kind::Key]);
    let keys = place.start_with("pepper", Duration::from_millis(10));
    let asking = async {
        found(&keys, KEY).await;
        assert!(is_unknown(&keys, NEVER_SEEN).await && is_unknown(&keys, "sk-that-there-never-was").await);
        assert!(!keys.store_answers());
        // All three are read once more beside requests, the known one first: it is in memory, and need not be asked for.
        place.gate.asked(Kind::Key, asked_before + 5).await;
        assert!(!keys.store_answers());
    };
    tokio::select! {
        () = keys.follow() => panic!("it never ends"),
        done = tokio::time::timeout(Duration::from_secs(5), asking) => done.expect("they are asked for"),
    }
}
