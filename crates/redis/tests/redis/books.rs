//! Three replicas that keep to one limit.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use trunkline_core::{Subject, SubjectKind};
use trunkline_limits::{Account, Book, Budget, Clock, Limits, OnOutage, Sharing, Want, lease_size};
use trunkline_redis::Leases;
use trunkline_testkit::redis::RedisServer;

use crate::{DEADLINE, connection};

/// A replica: a book and the task that keeps its leases.
pub(crate) struct Replica {
    pub(crate) book: Arc<Book>,
    keeper: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Replica {
    pub(crate) fn start(server: &RedisServer, name: &str, deadline: Duration, on_outage: OnOutage) -> Self {
        let (limits_on_outage, budgets_on_outage) = (on_outage, on_outage);
        let sharing = Sharing { deadline, limits_on_outage, budgets_on_outage, ..Sharing::new(name) };
        let book = Arc::new(Book::shared(Clock::system(), sharing));
        let leases = Leases::new(connection(server, deadline), None);
        let (stop, stopped) = oneshot::channel::<()>();
        let kept = Arc::clone(&book);
        let keeper = tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            kept.keep_leased(&leases, until).await;
        });
        Self { book, keeper, stop }
    }

    pub(crate) fn key(&self, limits: &Limits) -> [Arc<Account>; 1] {
        let account = self.book.account(&Subject::new(SubjectKind::Key, "key"));
        account.set(limits);
        for (period, begins_at_ms) in account.unseeded() {
            account.seed(period, begins_at_ms, Decimal::ZERO);
        }
        [account]
    }

    async fn end(self) {
        let _ = self.stop.send(());
        self.keeper.await.expect("it ends well");
    }
}

fn three(server: &RedisServer) -> [Replica; 3] {
    ["a", "b", "c"].map(|name| Replica::start(server, name, DEADLINE, OnOutage::Refuse))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_at_three_replicas_never_spend_more_than_there_is() {
    const MICRO_DOLLARS: u64 = 10_000;
    let micro = |count: u64| Decimal::new(i64::try_from(count).expect("small"), 6);
    let server = RedisServer::start().expect("a Redis");
    let replicas = three(&server);
    let budgets = vec![Budget::new(micro(MICRO_DOLLARS), None)];
    let limits = Limits { budgets, ..Limits::default() };
    let mut calls = JoinSet::new();
    for call in 0..200_usize {
        let replica = &replicas[call % 3];
        let (book, key) = (Arc::clone(&replica.book), replica.key(&limits));
        calls.spawn(async move {
            let (amount, wait) = (Some(micro(400)), Duration::from_secs(20));
            let want = Want { accounts: &key, by_model: &[], tokens: 0, amount, wait };
            let Ok(held) = book.reserve(want).await else { return 0 };
            tokio::task::yield_now().await;
            held.settle(0, Some(micro(90)));
            90
        });
    }
    let spent: u64 = calls.join_all().await.into_iter().sum();
    assert!(spent <= MICRO_DOLLARS, "{spent}");
    assert!(spent * 10 >= MICRO_DOLLARS * 9, "what is there can be spent: {spent}");
    for replica in replicas {
        replica.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_a_minute_are_within_the_limit_and_nearly_all_of_it() {
    const LIMIT: u64 = 320;
    let server = RedisServer::start().expect("a Redis");
    let replicas = three(&server);
    let limits = Limits { requests_per_minute: Some(LIMIT), ..Limits::default() };
    // A minute that ends meanwhile would allow as many again.
    let minute = || Clock::system().now_ms().div_euclid(60_000);
    let (mut began, mut admitted) = (minute(), 0);
    loop {
        for round in 0..LIMIT {
            let replica = &replicas[usize::try_from(round % 3).expect("small")];
            // Half as many again, so that each asks for more than is left.
            for _ in 0..1 + round % 2 {
                let key = replica.key(&limits);
                admitted +=
                    u64::from(replica.book.admit_within(&key, Duration::from_millis(200)).await.is_ok());
            }
        }
        if minute() == began {
            break;
        }
        (began, admitted) = (minute(), 0);
    }
    assert!(admitted <= LIMIT, "{admitted}");
    assert!(admitted + 3 * lease_size(LIMIT) >= LIMIT, "{admitted}");
}
