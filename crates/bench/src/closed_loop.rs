//! The closed loop: so many callers, each with its next request as soon as it has its reply.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::caller::{Caller, Plan};
use crate::tally::Tally;

/// Callers who keep their connections from one phase to the next.
#[derive(Debug)]
pub(crate) struct Crowd {
    callers: Vec<Caller>,
    plan: Arc<Plan>,
}

impl Crowd {
    pub(crate) fn new(address: SocketAddr, connections: usize, plan: Arc<Plan>) -> Self {
        Self { callers: (0..connections).map(|_| Caller::new(address)).collect(), plan }
    }

    /// Lets all of them call until the time is over, and waits until the last has its reply.
    pub(crate) async fn call_for(&mut self, duration: Duration) -> Tally {
        let deadline = Instant::now() + duration;
        let mut calling = JoinSet::new();
        let count = self.callers.len();
        for (place, caller) in self.callers.drain(..).enumerate() {
            // Each begins elsewhere among the requests, so that all are asked.
            let first = place * self.plan.requests.len() / count;
            calling.spawn(call_until(caller, Arc::clone(&self.plan), first, deadline));
        }
        let mut tally = Tally::default();
        while let Some(ended) = calling.join_next().await {
            let (caller, own) = ended.expect("callers do not panic and are not aborted");
            self.callers.push(caller);
            tally.absorb(own);
        }
        tally
    }
}

async fn call_until(mut caller: Caller, plan: Arc<Plan>, first: usize, deadline: Instant) -> (Caller, Tally) {
    let mut tally = Tally::default();
    for request in plan.requests.iter().cycle().skip(first) {
        let sent = Instant::now();
        if sent >= deadline {
            break;
        }
        let outcome = caller.exchange(request, &plan).await;
        let until = outcome.as_ref().ok().and_then(|reply| reply.first_event).unwrap_or_else(Instant::now);
        let failed = outcome.is_err();
        tally.count(outcome, until - sent);
        if failed {
            // Whoever refuses connections would otherwise be asked as fast as can be.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    (caller, tally)
}
