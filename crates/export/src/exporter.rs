//! The recorder that keeps rows for destinations, and the future that sends them.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::watch;
use trunkline_core::ErrorKind;
use trunkline_gateway::{Outcome, Record, Recorder};
use trunkline_keys::SoftBudgetPassed;
use trunkline_provider::Transport;

use crate::item::Item;
use crate::lane::Lane;
use crate::row::Row;
use crate::{Destination, ExportOptions, Standing};

/// Keeps rows of finished requests for destinations, and hands each record on to the recorder behind it.
///
/// What asks no model leaves no row, and neither does who shows no good key: a flood of those would push out the rest.
#[derive(Debug)]
pub struct Exporter {
    next: Arc<dyn Recorder>,
    transport: Arc<dyn Transport>,
    lanes: Vec<Lane>,
}

impl Exporter {
    /// An exporter with nothing queued. Nothing is sent until [`run`](Self::run) is polled.
    pub fn new(
        next: Arc<dyn Recorder>,
        transport: Arc<dyn Transport>,
        destinations: impl IntoIterator<Item = Destination>,
        options: &ExportOptions,
    ) -> Self {
        let lanes = destinations.into_iter().map(|to| Lane::new(to, options.clone())).collect();
        Self { next, transport, lanes }
    }

    /// Sends what is queued, in batches, until `stop` is ready; then sends what is left, for as long as
    /// [`ExportOptions::flush_timeout`], and counts the rest as lost.
    ///
    /// It spawns nothing: dropping it ends what is under way, whose rows wait again until it is run once more. It
    /// wants a Tokio runtime with time, and to be run once at a time.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let (stopping, told) = watch::channel(false);
        let transport = &*self.transport;
        let all = join_all(self.lanes.iter().map(|lane| lane.run(transport, told.clone())));
        let told_to_stop = async {
            stop.await;
            stopping.send_replace(true);
        };
        tokio::join!(all, told_to_stop);
    }

    /// How it stands with each destination, in the order in which they were given.
    pub fn standings(&self) -> impl Iterator<Item = Standing> + '_ {
        self.lanes.iter().map(Lane::standing)
    }
}

impl Recorder for Exporter {
    fn opened(&self) {
        self.next.opened();
    }

    fn settled(&self, record: &Record) {
        if let (Some(route), false) = (record.route, is_stranger(record)) {
            let mut row = None;
            for lane in &self.lanes {
                let make = || Arc::new(Row::new(record, route));
                lane.push(|| Item::Request(Arc::clone(row.get_or_insert_with(make))));
            }
        }
        self.next.settled(record);
    }

    fn soft_budget_passed(&self, passed: &SoftBudgetPassed) {
        for lane in self.lanes.iter().filter(|lane| lane.takes_notices()) {
            lane.push(|| Item::Passed(Arc::new(passed.clone())));
        }
        self.next.soft_budget_passed(passed);
    }
}

/// Whether nobody knows who asked. Whose key was good is refused in the same words for tags, or without a `user` that is
/// asked for: there the key is noted, or, of the master key, the model, since nothing of a stranger's body is read.
fn is_stranger(record: &Record) -> bool {
    let is_refused =
        matches!(record.outcome, Some(Outcome::Failed(ErrorKind::Unauthenticated | ErrorKind::KeyExpired)));
    is_refused && record.identity.is_none() && record.model.is_none()
}
