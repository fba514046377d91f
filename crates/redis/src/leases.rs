//! The counters of limits and budgets that replicas share.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use redis::Script;
use trunkline_core::{Error, ErrorKind};
use trunkline_limits::{Claim, Counter, CounterKind, Generation, Held, Shared};

use crate::Connection;

/// Takes a batch of claims.
const HOLD: &str = include_str!("hold.lua");

/// The form of what stands in Redis.
///
/// WHEN CHANGING what `hold.lua` keeps: raise it. Processes of two forms count apart for as long as both run.
const FORM: u32 = 2;

/// For how long a counter outlives its window, and by how much the clocks of replicas may differ, in milliseconds.
const OUTLIVES_MS: i64 = 120_000;
/// For how long a counter without a window is kept that nobody asks for, in milliseconds: 30 days. What was spent stands in
/// the ledger, which tells whoever asks next.
const UNASKED_MS: i64 = 30 * 86_400_000;
/// For how long a counter with a window is kept at most, in milliseconds: a hundred years. More is no time to Redis.
const LASTS_MAX_MS: i64 = 100 * 365 * 86_400_000;
/// Numbers in a script are exact up to here.
const NUMBER_MAX: u64 = 1 << 53;

/// The counters of limits and budgets, in Redis.
pub struct Leases {
    connection: Connection,
    prefix: String,
    script: Script,
}

impl Leases {
    /// Counters that are shared with all who have the same `namespace`, and the same store of keys.
    pub fn new(connection: Connection, namespace: Option<&str>) -> Self {
        let prefix = format!("{{trunkline}}:{FORM}:{}:", namespace.unwrap_or_default());
        Self { connection, prefix, script: Script::new(HOLD) }
    }

    /// Its name in Redis. One that ends in `$` is money, of which the script tells who spent it; `parallel` are places, which
    /// are free again once nobody is heard of who holds them.
    fn key(&self, counter: &Counter) -> String {
        let Counter { subject, kind, begins_at_ms, generation } = counter;
        let Generation { lowered, corrected } = generation;
        let mut key = format!("{}{begins_at_ms}:{lowered}:{corrected}:{}:", self.prefix, subject.kind.name());
        // The lengths keep two names from being one.
        for part in [Some(&subject.id), subject.model.as_ref()].into_iter().flatten() {
            let _ = write!(key, "{}:{part}:", part.len());
        }
        match kind {
            CounterKind::Requests => key.push_str("requests"),
            CounterKind::Tokens => key.push_str("tokens"),
            CounterKind::Parallel => key.push_str("parallel"),
            CounterKind::Budget(None) => key.push('$'),
            CounterKind::Budget(Some(period)) => {
                let _ = write!(key, "{period}$");
            }
        }
        key
    }
}

#[async_trait]
impl Shared for Leases {
    async fn hold(&self, claims: &[Claim]) -> Result<Vec<Held>, Error> {
        if claims.is_empty() {
            return self.connection.ping().await.map(|()| Vec::new());
        }
        let now_ms = now_ms();
        let mut invocation = self.script.prepare_invoke();
        for claim in claims {
            invocation.key(self.key(&claim.counter));
            let number = |count: u64| count.min(NUMBER_MAX);
            let lasts_ms = claim.ends_at_ms.map_or(UNASKED_MS, |ends| ends.saturating_sub(now_ms));
            invocation
                .arg(&*claim.holder)
                .arg(claim.sequence)
                .arg(number(claim.units))
                .arg(number(claim.least))
                .arg(number(claim.spent))
                .arg(number(claim.noted_spent))
                .arg(number(claim.limit))
                .arg(claim.base.clamp(-NUMBER_MAX.cast_signed(), NUMBER_MAX.cast_signed()))
                .arg(u8::from(claim.base_has_holders))
                .arg(lasts_ms.clamp(0, LASTS_MAX_MS) + OUTLIVES_MS)
                .arg(others_of(claim));
        }
        let answers: Vec<Vec<String>> =
            self.connection.call(async |link| invocation.invoke_async(link).await).await?;
        answers.iter().map(|answer| held(answer)).collect::<Option<_>>().ok_or_else(|| {
            let message =
                format!("Redis at {} answered something else than was asked", self.connection.shown());
            Error::new(ErrorKind::StoreUnavailable, message)
        })
    }
}

fn others_of(claim: &Claim) -> String {
    let mut text = String::new();
    for (holder, spent) in &claim.others {
        let _ = write!(text, "{holder} {} ", spent.min(&NUMBER_MAX));
    }
    text
}

fn held(answer: &[String]) -> Option<Held> {
    let [units, left, spent, others @ ..] = answer else { return None };
    let (pairs, rest) = others.as_chunks::<2>();
    let others = pairs.iter().map(|[holder, spent]| Some((holder.as_str().into(), spent.parse().ok()?)));
    let held = Held {
        units: units.parse().ok()?,
        left: left.parse().ok()?,
        spent: spent.parse().ok()?,
        others: others.collect::<Option<_>>()?,
    };
    rest.is_empty().then_some(held)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Leases").field("connection", &self.connection).finish_non_exhaustive()
    }
}
