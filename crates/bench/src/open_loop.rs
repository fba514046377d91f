//! The open loop: requests at a constant rate, whatever becomes of the earlier ones.
//!
//! Latency counts from when a request was due, so that a stall shows in every request that it held up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::caller::{Caller, Plan};
use crate::tally::Tally;

/// When requests are due.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    begin: Instant,
    a_second: f64,
    count: u32,
}

impl Schedule {
    fn due(&self, index: u32) -> Instant {
        self.begin + Duration::from_secs_f64(f64::from(index) / self.a_second)
    }
}

/// Calls at a rate for a time, over at most so many connections.
pub(crate) async fn call(
    address: SocketAddr,
    connections: usize,
    plan: Arc<Plan>,
    a_second: f64,
    duration: Duration,
) -> Tally {
    let (callers, mut tally) = connected(address, connections, &plan).await;
    let count = (a_second * duration.as_secs_f64()) as u32;
    let schedule = Schedule { begin: Instant::now() + Duration::from_millis(20), a_second, count };
    let (sender, receiver) = unbounded_channel();
    let receiver = Arc::new(Mutex::new(receiver));
    // The runtime's clock ticks in milliseconds, which is coarser than what is measured.
    let pacer = std::thread::spawn(move || pace(schedule, &sender));
    let mut calling = JoinSet::new();
    for (place, caller) in callers.into_iter().enumerate() {
        calling.spawn(call_when_due(caller, Arc::clone(&plan), place, Arc::clone(&receiver)));
    }
    while let Some(ended) = calling.join_next().await {
        tally.absorb(ended.expect("callers do not panic and are not aborted"));
    }
    pacer.join().expect("the pacer does not panic");
    tally
}

/// Callers that have had their first reply: connecting is no part of what is measured. Only failures are counted.
async fn connected(address: SocketAddr, connections: usize, plan: &Arc<Plan>) -> (Vec<Caller>, Tally) {
    let mut calling = JoinSet::new();
    for place in 0..connections {
        let (mut caller, plan) = (Caller::new(address), Arc::clone(plan));
        calling.spawn(async move {
            let request = &plan.requests[place % plan.requests.len()];
            let outcome = caller.exchange(request, &plan).await;
            (caller, outcome.err())
        });
    }
    let (mut callers, mut tally) = (Vec::new(), Tally::default());
    while let Some(ended) = calling.join_next().await {
        let (caller, failure) = ended.expect("callers do not panic and are not aborted");
        callers.push(caller);
        if let Some(error) = failure {
            tally.count(Err(error), Duration::ZERO);
        }
    }
    (callers, tally)
}

/// Gives out each request when it is due.
fn pace(schedule: Schedule, sender: &UnboundedSender<Instant>) {
    for index in 0..schedule.count {
        let due = schedule.due(index);
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::park_timeout(left);
        }
        if sender.send(due).is_err() {
            return;
        }
    }
}

async fn call_when_due(
    mut caller: Caller,
    plan: Arc<Plan>,
    place: usize,
    receiver: Arc<Mutex<UnboundedReceiver<Instant>>>,
) -> Tally {
    let mut tally = Tally::default();
    let request = &plan.requests[place % plan.requests.len()];
    loop {
        let next = receiver.lock().await.recv().await;
        let Some(due) = next else { return tally };
        let outcome = caller.exchange(request, &plan).await;
        let until = outcome.as_ref().ok().and_then(|reply| reply.first_event).unwrap_or_else(Instant::now);
        tally.count(outcome, until.saturating_duration_since(due));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_a_constant_rate() {
        let schedule = Schedule { begin: Instant::now(), a_second: 4_000.0, count: 8_000 };
        assert_eq!(schedule.due(0), schedule.begin);
        assert_eq!(schedule.due(1) - schedule.begin, Duration::from_micros(250));
        assert_eq!(schedule.due(8_000) - schedule.begin, Duration::from_secs(2));
    }

    #[test]
    fn nothing_is_given_out_before_it_is_due() {
        let (sender, mut receiver) = unbounded_channel();
        let schedule = Schedule { begin: Instant::now(), a_second: 10_000.0, count: 20 };
        pace(schedule, &sender);
        let ended = Instant::now();
        let given: Vec<Instant> = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
        assert_eq!(given, (0..20).map(|index| schedule.due(index)).collect::<Vec<_>>());
        assert!(ended >= schedule.due(19));
    }
}
