//! Random claims: Redis grants what the store in memory does that the limits are tested with.

/// That store, and replicas over it, which are not needed here.
#[path = "../../../limits/tests/book/replica.rs"]
#[expect(dead_code, reason = "the limits' tests use all of it")]
mod replica;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;
use trunkline_core::{Subject, SubjectKind};
use trunkline_limits::{
    Account, Book, Claim, Clock, Counter, CounterKind, Generation, Held, Limits, Shared as _,
};
use trunkline_redis::Leases;
use trunkline_testkit::redis::RedisServer;

use crate::{DEADLINE, connection};
use replica::{Fate, Store};

/// Who claims.
const HOLDERS: [&str; 4] = ["a.1", "a.2", "b.1", "c.1"];

fn limited(book: &Book, id: &str, limits: &Limits) -> Arc<Account> {
    let account = book.account(&Subject::new(SubjectKind::Key, id));
    account.set(limits);
    account
}

/// What happens.
#[derive(Clone, Debug)]
enum Step {
    /// Some claim, in one batch.
    Claim(Vec<Claim>),
    /// All counters are lost.
    Lose,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![20 => vec(claim(), 1..5).prop_map(Step::Claim), 1 => Just(Step::Lose)]
}

/// A claim on one of a few counters. Its sequence counts from its place, so that some come late; and limits change.
fn claim() -> impl Strategy<Value = Claim> {
    // Amounts of money are large, and exact all the same.
    let unit = prop_oneof![Just(1_u64), Just(1 << 42)];
    let figures = (0_u64..130, 0_u64..60, prop_oneof![3 => Just(0_u64), 1 => 0_u64..90], 0_u64..120);
    let base = (-40_i64..40, any::<bool>(), 0_u64..60);
    let others = prop::sample::subsequence(HOLDERS.to_vec(), 0..=3);
    (0_usize..4, 0_usize..HOLDERS.len(), 0_u64..5, unit, figures, base, others, 0_u64..30).prop_map(
        |(counter, holder, sequence, unit, figures, base, others, spent_by_others)| {
            let (units, least, spent, limit) = figures;
            let (base, base_has_holders, noted_spent) = base;
            let counter = self::counter(counter);
            let is_money = matches!(counter.kind, CounterKind::Budget(_));
            let told = others.into_iter().filter(|_| is_money);
            let told: BTreeMap<&str, u64> = told.map(|other| (other, spent_by_others * unit)).collect();
            Claim {
                holder: HOLDERS[holder].into(),
                sequence,
                units: units * unit,
                least: least * unit,
                spent: spent * unit,
                noted_spent: noted_spent * unit,
                limit: limit * unit,
                base: base * unit.cast_signed(),
                base_has_holders,
                others: told.into_iter().map(|(other, spent)| (other.into(), spent)).collect(),
                ends_at_ms: None,
                counter,
            }
        },
    )
}

fn counter(number: usize) -> Counter {
    let (id, kind) = match number {
        0 => ("one", CounterKind::Budget(None)),
        1 => ("two", CounterKind::Budget(None)),
        2 => ("one", CounterKind::Parallel),
        _ => ("one", CounterKind::Tokens),
    };
    let subject = Subject::new(SubjectKind::Key, id);
    Counter { subject, kind, begins_at_ms: 0, generation: Generation::default() }
}

/// The answers, where the order of others says nothing.
fn sorted(mut answers: Vec<Held>) -> Vec<Held> {
    answers.iter_mut().for_each(|held| held.others.sort());
    answers
}

#[test]
fn any_claims_are_granted_as_by_the_limits_own_store() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let server = RedisServer::start().expect("a Redis");
    let connection = runtime.block_on(async { connection(&server, DEADLINE) });
    // Counters of a namespace of its own are new ones.
    let made = Cell::new(0_u64);
    let next = || {
        made.set(made.get() + 1);
        Leases::new(connection.clone(), Some(&made.get().to_string()))
    };
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) };
    let held = TestRunner::new(config).run(&vec(step(), 1..40), |steps| {
        let (mut leases, model) = (next(), Store::default());
        for (at, step) in (0_u64..).zip(steps) {
            match step {
                Step::Lose => {
                    leases = next();
                    model.forget();
                }
                Step::Claim(mut claims) => {
                    claims.iter_mut().for_each(|claim| claim.sequence += at);
                    model.inner().fates.push_back(Fate::Answered { after_ms: 0 });
                    let (granted, expected) =
                        runtime.block_on(async { (leases.hold(&claims).await, model.hold(&claims).await) });
                    let granted = sorted(granted.expect("Redis answers"));
                    prop_assert_eq!(granted, sorted(expected.expect("so does the model")), "{:?}", claims);
                }
            }
        }
        Ok(())
    });
    held.expect("the same is granted");
}
