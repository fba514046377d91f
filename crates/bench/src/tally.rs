//! What became of many exchanges: how many were right, what they carried, how long they took.

use std::io;
use std::time::Duration;

use crate::reply::Reply;

/// The sum over exchanges.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Replies that were right.
    pub(crate) completed: u64,
    /// Refusals that were part of the plan.
    pub(crate) refused: u64,
    /// Whatever else.
    pub(crate) failed: u64,
    pub(crate) events: u64,
    /// The first failure, in words.
    pub(crate) failure: Option<String>,
    /// The length of a right reply, which all have.
    length: Option<u64>,
    /// Microseconds to the end of a whole reply, or to the first event of a stream.
    pub(crate) latencies: Vec<f64>,
}

impl Tally {
    /// Counts an exchange. `latency` is what it took to the first event, or to the end.
    pub(crate) fn count(&mut self, outcome: io::Result<Reply>, latency: Duration) {
        let reply = match outcome {
            Ok(reply) => reply,
            Err(error) => return self.fail(error.to_string()),
        };
        if reply.status != 200 {
            self.refused += 1;
            return;
        }
        if self.length.is_some_and(|length| length != reply.bytes) {
            return self.fail("replies to like requests differ in length".to_owned());
        }
        self.length = Some(reply.bytes);
        self.completed += 1;
        self.events += reply.events;
        self.latencies.push(latency.as_secs_f64() * 1e6);
    }

    fn fail(&mut self, why: String) {
        self.failed += 1;
        self.failure.get_or_insert(why);
    }

    /// Adds what another has counted.
    pub(crate) fn absorb(&mut self, other: Self) {
        let differs = matches!((self.length, other.length), (Some(own), Some(length)) if own != length);
        if differs {
            self.fail("replies to like requests differ in length".to_owned());
        }
        self.completed += other.completed;
        self.refused += other.refused;
        self.failed += other.failed;
        self.events += other.events;
        self.length = self.length.or(other.length);
        self.latencies.extend(other.latencies);
        if let Some(failure) = other.failure {
            self.failure.get_or_insert(failure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(bytes: &[u8]) -> io::Result<Reply> {
        let mut reply = Reply::new(200, false, b"");
        reply.see(bytes);
        Ok(reply)
    }

    #[test]
    fn replies_that_differ_in_length_are_failures() {
        let mut tally = Tally::default();
        tally.count(reply(b"{}"), Duration::from_micros(3));
        tally.count(reply(b"{ }"), Duration::from_micros(5));
        tally.count(Err(io::ErrorKind::TimedOut.into()), Duration::ZERO);
        assert_eq!((tally.completed, tally.failed), (1, 2));
        assert_eq!(tally.failure.as_deref(), Some("replies to like requests differ in length"));
        let mut other = Tally::default();
        other.count(reply(b"{}"), Duration::from_micros(7));
        tally.absorb(other);
        assert_eq!((tally.completed, tally.failed), (2, 2));
        assert_eq!(tally.latencies, [3.0, 7.0]);
    }
}
