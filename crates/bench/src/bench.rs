//! What every lane of a run needs: the upstream, the rounds, the subjects, and requests for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::caller::Plan;
use crate::configuration::{CALLER_KEY, Configuration, Features};
use crate::lanes::Calls;
use crate::peers::Peer;
use crate::process;
use crate::results::{Figures, Sample};
use crate::subject::{Place, Running, Subject};

/// A run under way.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) place: Place,
    pub(crate) upstream: Running,
    pub(crate) peers: Vec<Peer>,
    pub(crate) rounds: usize,
    /// How long one measurement takes.
    pub(crate) duration: Duration,
    /// How long callers are gone before memory is looked at.
    pub(crate) burst_wait: Duration,
    /// Files that a process may have open.
    pub(crate) files_max: u64,
}

/// A name in the results, and what stands behind it.
pub(crate) type Named = (&'static str, Subject);

/// CPU time that has been used so far: by what is measured, by the upstream, and by this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) subject: Duration,
    pub(crate) upstream: Duration,
    pub(crate) load: Duration,
}

impl Bench {
    /// The usual subjects, and the other gateways.
    pub(crate) fn all_subjects(&self, public: &str, script: &str) -> Vec<Named> {
        let peers = self.peers.iter().map(|peer| (peer.name(), Subject::Peer(peer.clone())));
        subjects(public, script).into_iter().chain(peers).collect()
    }

    pub(crate) async fn start(&self, name: &str, subject: &Subject) -> Result<Running, String> {
        self.place.subject(name, subject, self.upstream.address).await
    }

    /// Starts every subject. They are measured in turn, so that all of them see the same machine.
    pub(crate) async fn start_all(&self, subjects: &[Named]) -> Result<Vec<Running>, String> {
        let mut running = Vec::new();
        for (name, subject) in subjects {
            running.push(self.start(name, subject).await?);
        }
        Ok(running)
    }

    /// What each process has used of its core so far.
    pub(crate) fn used(&self, pid: u32) -> Result<Used, String> {
        let cpu =
            |pid| process::cpu(pid).map_err(|error| format!("the CPU time of {pid} is not known: {error}"));
        Ok(Used { subject: cpu(pid)?, upstream: cpu(self.upstream.pid())?, load: cpu(std::process::id())? })
    }
}

/// The usual subjects: the floor, and Trunkline with its features off and on.
pub(crate) fn subjects(public: &str, script: &str) -> Vec<Named> {
    let trunkline = |features| Subject::Trunkline(Box::new(Configuration::new(features, public, script)));
    vec![("floor", Subject::Floor), ("off", trunkline(Features::OFF)), ("on", trunkline(Features::ON))]
}

/// The order of a round: each round begins with another subject.
pub(crate) fn turns(count: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |place| (place + round) % count)
}

/// What callers of `calls` send to `address`, and what is to come back.
pub(crate) fn plan(calls: &Calls, model: &str, address: SocketAddr, headers: &str) -> Arc<Plan> {
    plan_holding(calls, model, address, headers, b"")
}

/// The same, where a right reply holds a text.
pub(crate) fn plan_holding(
    calls: &Calls,
    model: &str,
    address: SocketAddr,
    headers: &str,
    holds: &'static [u8],
) -> Arc<Plan> {
    let streams = calls.events > 0;
    let body = calls.payload.body(model, streams);
    Arc::new(Plan {
        requests: vec![request(calls.payload.path(), address, headers, &body)],
        events: streams.then_some(calls.events + 1),
        holds,
        expects_refusals: calls.script.starts_with("fault-"),
    })
}

/// A request as it goes over the wire. Everybody is shown the key, so that all are sent the same bytes.
pub(crate) fn request(path: &str, address: SocketAddr, headers: &str, body: &str) -> Bytes {
    let length = body.len();
    Bytes::from(format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: trunkline-bench\r\naccept: */*\r\nauthorization: \
         Bearer {CALLER_KEY}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

/// The name by which a subject's callers ask for the model: only Trunkline has names of its own.
pub(crate) fn model_of<'n>(subject: &Subject, public: &'n str, script: &'n str) -> &'n str {
    match subject {
        Subject::Trunkline(_) => public,
        Subject::Floor | Subject::Peer(_) => script,
    }
}

/// A sample of one figure or more.
pub(crate) fn sample(lane: &str, subject: &str, round: usize, figures: &[(&str, f64)]) -> Sample {
    let figures: Figures = figures.iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect();
    Sample { lane: lane.to_owned(), subject: subject.to_owned(), round, figures }
}

/// Microseconds for each of so many units.
pub(crate) fn micros_each(duration: Duration, units: u64) -> f64 {
    duration.as_secs_f64() * 1e6 / units as f64
}

/// Lets a subject come to rest.
pub(crate) async fn rest(duration: Duration) -> Instant {
    tokio::time::sleep(duration).await;
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_begins_with_another_subject() {
        let order = |round| turns(3, round).collect::<Vec<_>>();
        assert_eq!([order(0), order(1), order(2), order(3)], [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]);
    }

    #[test]
    fn a_request_is_whole() {
        let address = SocketAddr::from(([127, 0, 0, 1], 81));
        let bytes = request("/v1/x", address, "a: b\r\n", "{}");
        let text = std::str::from_utf8(&bytes).expect("text");
        assert!(text.starts_with("POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1:81\r\n"), "{text}");
        assert!(text.ends_with("\r\na: b\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"));
    }
}
