//! A store whose answers can be held back, so that a test decides who reads first and who comes last.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};
use trunkline_core::{Error, ErrorKind, Subject};
use trunkline_store::{
    Act, Activity, ActivityQuery, Change, Kind, Object, ObjectQuery, Page, RequestQuery, RequestRow, Spent,
    SqliteStore, Store, Write,
};

#[derive(Debug)]
pub(crate) struct GatedStore {
    store: Mutex<Arc<SqliteStore>>,
    closed: Mutex<BTreeSet<Kind>>,
    held: Mutex<Vec<oneshot::Sender<()>>>,
    /// Whether it does not answer.
    is_away: AtomicBool,
    /// The object that it cannot read.
    spoiled: Mutex<Option<String>>,
    /// How often it was asked whether it answers.
    pings: watch::Sender<u64>,
    /// How often it was asked for changes.
    looks: watch::Sender<u64>,
    /// The objects that were asked for, in their order.
    asked: watch::Sender<Vec<(Kind, String)>>,
}

impl GatedStore {
    pub(crate) fn over(store: Arc<SqliteStore>) -> Self {
        let store = Mutex::new(store);
        Self {
            store,
            closed: Mutex::default(),
            held: Mutex::default(),
            is_away: AtomicBool::new(false),
            spoiled: Mutex::default(),
            pings: watch::Sender::default(),
            looks: watch::Sender::default(),
            asked: watch::Sender::default(),
        }
    }

    /// Puts another database in the place of this one.
    pub(crate) fn restore(&self, store: Arc<SqliteStore>) {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = store;
    }

    fn store(&self) -> Arc<SqliteStore> {
        Arc::clone(&self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has it answer nothing from now on, or everything.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Release);
    }

    /// Has one object not be read from now on.
    pub(crate) fn spoil(&self, id: &str) {
        *self.spoiled.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.to_owned());
    }

    /// Waits until it was asked whether it answers so many times more.
    pub(crate) async fn pinged(&self, times: u64) {
        let until = *self.pings.borrow() + times;
        self.pings.subscribe().wait_for(|pings| *pings >= until).await.expect("the store lives");
    }

    fn answers(&self) -> Result<(), Error> {
        let error = || Error::new(ErrorKind::StoreUnavailable, "it is away");
        if self.is_away.load(Ordering::Acquire) { Err(error()) } else { Ok(()) }
    }

    /// Holds back what is said of objects of these kinds from now on: it is read, and not told.
    pub(crate) fn close(&self, kinds: &[Kind]) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).extend(kinds);
    }

    /// Holds back nothing from now on. What is held stays so.
    pub(crate) fn open(&self) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Tells what was held back.
    pub(crate) fn release(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until so many objects of a kind were asked for.
    pub(crate) async fn asked(&self, kind: Kind, times: usize) {
        self.asked.subscribe().wait_for(|asked| count(asked, kind) >= times).await.expect("the store lives");
    }

    /// How many objects of a kind were asked for.
    pub(crate) fn asked_so_far(&self, kind: Kind) -> usize {
        count(&self.asked.borrow(), kind)
    }

    /// Waits until it was asked for changes so many times more.
    pub(crate) async fn looked(&self, times: u64) {
        let until = *self.looks.borrow() + times;
        self.looks.subscribe().wait_for(|looks| *looks >= until).await.expect("the store lives");
    }

    async fn held_back(&self, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
        let said = match self.answers() {
            Ok(()) if self.spoiled.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(id) => {
                Err(Error::new(ErrorKind::StoreUnavailable, "it cannot be read"))
            }
            Ok(()) => self.store().object(kind, id).await,
            Err(error) => Err(error),
        };
        let held = self.closed.lock().unwrap_or_else(PoisonError::into_inner).contains(&kind).then(|| {
            let (release, held) = oneshot::channel();
            self.held.lock().unwrap_or_else(PoisonError::into_inner).push(release);
            held
        });
        self.asked.send_modify(|asked| asked.push((kind, id.to_owned())));
        if let Some(held) = held {
            assert!(held.await.is_err(), "what is held is released by being dropped");
        }
        said
    }
}

fn count(asked: &[(Kind, String)], kind: Kind) -> usize {
    asked.iter().filter(|(other, _)| *other == kind).count()
}

/// A store that does nearly all things as another does it.
macro_rules! like_another {
    ($($method:ident($($name:ident: $type:ty),*) -> $output:ty;)+) => {
        #[async_trait]
        impl Store for GatedStore {
            fn name(&self) -> &'static str {
                "gated"
            }

            async fn object(&self, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
                self.held_back(kind, id).await
            }

            async fn ping(&self) -> Result<(), Error> {
                self.pings.send_modify(|pings| *pings += 1);
                self.answers()?;
                self.store().ping().await
            }

            async fn changes(&self, after: i64, limit: u64) -> Result<Vec<Change>, Error> {
                self.answers()?;
                self.looks.send_modify(|looks| *looks += 1);
                self.store().changes(after, limit).await
            }

            $(async fn $method(&self, $($name: $type),*) -> Result<$output, Error> {
                self.answers()?;
                self.store().$method($($name),*).await
            })+
        }
    };
}

like_another! {
    objects(kind: Kind, ids: &[String]) -> Vec<Object>;
    list(kind: Kind, query: &ObjectQuery) -> Page<Object>;
    write(write: Write) -> Vec<Object>;
    newest_change() -> i64;
    acts(before: Option<i64>, limit: u64) -> Vec<Act>;
    record(rows: &[RequestRow]) -> u64;
    amend(rows: &[RequestRow], by: &str, at: i64) -> u64;
    requests(query: &RequestQuery) -> Vec<RequestRow>;
    count(from: Option<i64>, until: Option<i64>) -> u64;
    activity(query: &ActivityQuery) -> Vec<Activity>;
    spent(subjects: &[Subject]) -> Vec<Spent>;
    set_spent(spent: &Spent) -> ();
    rebuild() -> ();
    forget(before: i64, recorded_before: i64, limit: u64) -> u64;
}
