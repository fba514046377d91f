//! The rules of a claim, one by one.

use trunkline_core::{Subject, SubjectKind};
use trunkline_limits::{Claim, Counter, CounterKind, Generation, Held, Period, Shared as _};
use trunkline_redis::Leases;
use trunkline_testkit::redis::RedisServer;

use crate::{DEADLINE, connection};

fn counter(id: &str, kind: CounterKind) -> Counter {
    Counter {
        subject: Subject::new(SubjectKind::Key, id),
        kind,
        begins_at_ms: 0,
        generation: Generation::default(),
    }
}

/// A claim on a counter of 100.
fn claim(id: &str, holder: &str, sequence: u64, units: u64) -> Claim {
    Claim {
        counter: counter(id, CounterKind::Budget(None)),
        holder: holder.into(),
        sequence,
        units,
        least: 0,
        spent: 0,
        noted_spent: 0,
        limit: 100,
        base: 0,
        base_has_holders: false,
        others: Vec::new(),
        ends_at_ms: None,
    }
}

fn leases(server: &RedisServer, namespace: Option<&str>) -> Leases {
    Leases::new(connection(server, DEADLINE), namespace)
}

async fn hold(leases: &Leases, claims: &[Claim]) -> Vec<Held> {
    leases.hold(claims).await.expect("Redis answers")
}

async fn one(leases: &Leases, claim: Claim) -> (u64, u64, i64) {
    let held = hold(leases, &[claim]).await.remove(0);
    (held.units, held.left, held.spent)
}

#[tokio::test]
async fn a_counter_begins_with_its_base_and_never_past_its_limit() {
    let server = RedisServer::start().expect("a Redis");
    let leases = leases(&server, None);
    let based = |claim| Claim { base: 30, ..claim };
    assert_eq!(one(&leases, based(claim("k", "a.1", 1, 40))).await, (40, 30, 30));
    assert_eq!(one(&leases, Claim { base: 90, ..claim("k", "b.1", 1, 40) }).await, (30, 0, 30), "only once");
    assert_eq!(one(&leases, claim("k", "b.1", 1, 5)).await, (30, 0, 30), "it was heard before");
    assert_eq!(one(&leases, claim("k", "b.1", 2, 5)).await, (5, 25, 30), "given back");
    let least = |least| Claim { least, ..claim("k", "a.1", least, 90) };
    assert_eq!(one(&leases, least(66)).await, (40, 25, 30), "one less than it could use");
    assert_eq!(one(&leases, Claim { least: 65, sequence: 67, ..least(65) }).await, (65, 0, 30));
    let spent = Claim { spent: 7, ..claim("k", "a.1", 68, 3) };
    assert_eq!(one(&leases, spent).await, (7, 58, 37), "no less than it spent");
    let lowered = Claim { limit: 20, ..claim("k", "c.1", 1, 10) };
    assert_eq!(one(&leases, lowered).await, (0, 0, 37), "a limit that is lowered");
}

#[tokio::test]
async fn it_is_told_what_each_of_the_others_spent_of_money() {
    let server = RedisServer::start().expect("a Redis");
    let leases = leases(&server, None);
    let spent = |holder: &str, spent| Claim { spent, base: 1, ..claim("k", holder, 1, spent) };
    let held = hold(&leases, &[spent("a.1", 5), spent("b.1", 6), spent("c.1", 7)]).await;
    assert_eq!(held[0].others, [], "nobody was there before");
    let mut others = held[2].others.clone();
    others.sort();
    assert_eq!(others, [("a.1".into(), 5), ("b.1".into(), 6)]);
    assert_eq!(held[2].spent, 19);
    // What is lost is told again by whoever asks first.
    let again = Claim { others, base: 1, spent: 8, sequence: 2, ..claim("other", "c.1", 2, 8) };
    let held = hold(&leases, &[again, Claim { spent: 9, ..claim("other", "a.1", 2, 9) }]).await;
    assert_eq!((held[0].spent, held[0].left), (1 + 5 + 6 + 8, 80));
    assert_eq!(held[1].spent, 1 + 9 + 6 + 8, "and what is newer holds");
    let requests = |holder: &str| Claim {
        counter: counter("k", CounterKind::Requests),
        spent: 3,
        ..claim("k", holder, 1, 3)
    };
    let held = hold(&leases, &[requests("a.1"), requests("b.1")]).await;
    assert_eq!((held[1].spent, &held[1].others[..]), (6, &[][..]));
}

#[tokio::test]
async fn counters_are_apart() {
    let server = RedisServer::start().expect("a Redis");
    let shared = leases(&server, None);
    let of = |counter: Counter| Claim { counter, ..claim("", "a.1", 1, 60) };
    let subject = |kind, id: &str, model: Option<&str>| Subject {
        model: model.map(Into::into),
        ..Subject::new(kind, id)
    };
    let with = |subject| Counter { subject, ..counter("", CounterKind::Tokens) };
    let budget = |period: &str| counter("k", CounterKind::Budget(Some(Period::parse(period))));
    let counters = [
        with(subject(SubjectKind::Key, "k", None)),
        with(subject(SubjectKind::User, "k", None)),
        with(subject(SubjectKind::Key, "k", Some("m"))),
        with(subject(SubjectKind::Key, "k:1:m", None)),
        counter("k", CounterKind::Requests),
        counter("k", CounterKind::Parallel),
        Counter { begins_at_ms: 60_000, ..counter("k", CounterKind::Requests) },
        counter("k", CounterKind::Budget(None)),
        Counter {
            generation: Generation { lowered: 7, ..Generation::default() },
            ..counter("k", CounterKind::Budget(None))
        },
        budget("1d"),
        budget("30d"),
    ];
    let held = hold(&shared, &counters.map(of)).await;
    assert!(held.iter().all(|held| held.units == 60), "{held:?}");
    let apart = leases(&server, Some("staging"));
    assert_eq!(one(&apart, of(counter("k", CounterKind::Requests))).await.0, 60);
    assert_eq!(
        one(&shared, Claim { holder: "b.1".into(), ..of(counter("k", CounterKind::Requests)) }).await.0,
        40
    );
}

#[tokio::test]
async fn large_numbers_stay_exact() {
    let server = RedisServer::start().expect("a Redis");
    let leases = leases(&server, None);
    // Nine billion dollars, in millionths.
    let limit = 9_000_000_000_000_001;
    let large = Claim { limit, spent: 4_503_599_627_370_497, ..claim("k", "a.1", 1, 4_503_599_627_370_497) };
    let (units, left, spent) = one(&leases, large).await;
    assert_eq!(
        (units, left, spent),
        (4_503_599_627_370_497, limit - 4_503_599_627_370_497, 4_503_599_627_370_497)
    );
    let endless = Claim { limit: u64::MAX, ..claim("l", "a.1", 1, u64::MAX) };
    assert_eq!(one(&leases, endless).await.0, 1 << 53);
}

#[tokio::test]
async fn a_base_can_be_less_than_nothing() {
    let server = RedisServer::start().expect("a Redis");
    let leases = leases(&server, None);
    let corrected = |holder: &str, spent| Claim { base: -5, spent, ..claim("k", holder, 1, spent) };
    assert_eq!(one(&leases, corrected("a.1", 3)).await, (3, 102, -2));
    assert_eq!(one(&leases, corrected("b.1", 104)).await, (104, 0, 102), "what is spent is spent");
}

#[tokio::test]
async fn what_a_holder_brings_is_taken_out_of_a_base_that_may_have_it() {
    let server = RedisServer::start().expect("a Redis");
    let leases = leases(&server, None);
    for (id, base_has_holders, expected) in [("a", true, [26, 28, 34]), ("b", false, [26, 42, 58])] {
        let mut spent_by_all = Vec::new();
        // Of the last one's sixteen the base can have ten at most.
        for (holder, spent, noted_spent) in [("a.1", 2, 0), ("b.1", 16, 14), ("c.1", 16, 16)] {
            let claim =
                Claim { base: 24, base_has_holders, noted_spent, spent, ..claim(id, holder, 1, spent) };
            spent_by_all.push(one(&leases, claim.clone()).await.2);
            assert_eq!(one(&leases, claim).await.2, spent_by_all[spent_by_all.len() - 1], "once");
        }
        assert_eq!(spent_by_all, expected);
    }
}

/// Sets fields of the one counter: to a text, and how many seconds ago that was.
async fn set(server: &RedisServer, fields: &[(&str, &str, u64)]) {
    let client = redis::Client::open(server.url()).expect("an address");
    let mut raw = client.get_multiplexed_async_connection().await.expect("a connection");
    let (now, _): (u64, u64) = redis::cmd("TIME").query_async(&mut raw).await.expect("a time");
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut raw).await.expect("keys");
    for (field, text, ago) in fields {
        let value = format!("{text}{}", now - ago);
        let set = redis::cmd("HSET").arg(&keys).arg(field).arg(value).query_async::<()>(&mut raw).await;
        set.expect("set");
    }
}

#[tokio::test]
async fn places_of_holders_that_were_not_heard_for_a_minute_are_free_unless_nobody_was() {
    let server = RedisServer::start().expect("a Redis");
    let leases = leases(&server, None);
    let of = |holder: &str, sequence| Claim {
        counter: counter("k", CounterKind::Parallel),
        limit: 10,
        spent: 4,
        ..claim("", holder, sequence, 4)
    };
    hold(&leases, &[of("a.1", 1), of("b.1", 1)]).await;
    assert_eq!(one(&leases, of("a.1", 2)).await, (4, 2, 8));
    set(&server, &[("=b.1", "1 4 4 ", 61), ("asked", "", 21), ("since", "", 500)]).await;
    assert_eq!(one(&leases, of("a.1", 3)).await, (4, 2, 8), "nobody could be heard");
    set(&server, &[("=b.1", "1 4 4 ", 59), ("asked", "", 19), ("since", "", 500)]).await;
    assert_eq!(one(&leases, of("a.1", 4)).await, (4, 2, 8));
    set(&server, &[("=b.1", "1 4 4 ", 61), ("asked", "", 19), ("since", "", 59)]).await;
    assert_eq!(one(&leases, of("a.1", 5)).await, (4, 2, 8), "it is not so long since others are");
    set(&server, &[("=b.1", "1 4 4 ", 61), ("asked", "", 19), ("since", "", 61)]).await;
    assert_eq!(one(&leases, of("a.1", 6)).await, (4, 6, 4));
    assert_eq!(one(&leases, of("b.1", 2)).await, (4, 2, 8), "what is open is open");
    set(&server, &[("=b.1", "2 4 4 ", 601), ("asked", "", 30), ("since", "", 30)]).await;
    assert_eq!(one(&leases, of("a.1", 7)).await, (4, 6, 4), "though nobody asks often");
}

#[tokio::test]
async fn holders_that_were_not_heard_for_long_become_a_part_of_the_base() {
    const HOUR: u64 = 3_600;
    let server = RedisServer::start().expect("a Redis");
    let leases = leases(&server, None);
    let spent = |holder: &str, units, spent| Claim { spent, ..claim("k", holder, 1, units) };
    hold(&leases, &[spent("rests.1", 5, 5), spent("holds.1", 9, 6), spent("gone.1", 20, 7)]).await;
    let heard = [
        ("=rests.1", "1 5 5 ", HOUR + 5),
        ("=holds.1", "1 9 6 ", HOUR + 5),
        ("=gone.1", "1 20 7 ", 25 * HOUR),
    ];
    set(&server, &heard).await;
    let held = hold(&leases, &[spent("new.1", 1, 1)]).await.remove(0);
    assert_eq!(held.others, [("holds.1".into(), 6)]);
    assert_eq!((held.spent, held.left), (5 + 6 + 7 + 1, 100 - 12 - 9 - 1), "thirteen were held in vain");
    let again = Claim { noted_spent: 7, sequence: 2, ..spent("gone.1", 8, 8) };
    assert_eq!(one(&leases, again).await.2, 5 + 6 + 8 + 1, "none is counted twice");
}
