//! Many streams at one time, each with an event now and then: what they cost while all of them are open.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::caller::{Caller, Plan};

/// Streams that are open. Dropping them hangs up.
#[derive(Debug)]
pub(crate) struct OpenStreams {
    calling: JoinSet<io::Result<()>>,
    events: Arc<AtomicU64>,
}

impl OpenStreams {
    /// Opens so many streams, evenly spread over a time, and comes back when all have been asked for.
    pub(crate) async fn open(address: SocketAddr, streams: usize, plan: &Arc<Plan>, over: Duration) -> Self {
        let events = Arc::new(AtomicU64::new(0));
        let mut calling = JoinSet::new();
        let begin = tokio::time::Instant::now();
        for index in 0..streams {
            let share = index as f64 / streams as f64;
            tokio::time::sleep_until(begin + over.mul_f64(share)).await;
            let mut caller = Caller::counting(address, Arc::clone(&events));
            let plan = Arc::clone(plan);
            calling.spawn(async move {
                let request = &plan.requests[index % plan.requests.len()];
                caller.exchange(request, &plan).await.map(|_| ())
            });
        }
        Self { calling, events }
    }

    /// The events that have come so far.
    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Streams that are still open.
    pub(crate) fn open_count(&mut self) -> Result<usize, String> {
        while let Some(ended) = self.calling.try_join_next() {
            let ended = ended.expect("callers do not panic and are not aborted");
            ended.map_err(|error| format!("a paced stream failed: {error}"))?;
        }
        Ok(self.calling.len())
    }

    /// Hangs up.
    pub(crate) async fn close(mut self) {
        self.calling.shutdown().await;
    }
}
