//! Reads that took longer than a request waits: they are done beside requests, so that the next one finds what was read.

use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use trunkline_core::{Error, ErrorKind};
use trunkline_store::Kind;

use crate::{Keys, Token};

/// How many wait to be read. Past them whoever asks next has to begin anew.
const WAITING_MAX: usize = 1_024;

/// How long one may take.
const READ_MAX: Duration = Duration::from_secs(10);

/// What was not read in time.
#[derive(Debug)]
pub(crate) enum Late {
    Key(Token),
    Limited(Kind, String),
}

/// What was not read in time, in the order in which it was asked for.
#[derive(Debug)]
pub(crate) struct LateReads {
    noted: mpsc::Sender<Late>,
    waiting: Mutex<mpsc::Receiver<Late>>,
}

impl Default for LateReads {
    fn default() -> Self {
        let (noted, waiting) = mpsc::channel(WAITING_MAX);
        Self { noted, waiting: Mutex::new(waiting) }
    }
}

impl LateReads {
    /// Notes what is to be read. Whoever asks for it next will ask the store in any case, so that one too many is none.
    pub(crate) fn note(&self, late: Late) {
        if let Err(error) = self.noted.try_send(late) {
            tracing::debug!(error = %error, "a read that took too long is not finished");
        }
    }

    async fn next(&self) -> Option<Late> {
        self.waiting.lock().await.recv().await
    }
}

impl Keys {
    /// Reads what was not read in time, four at once. Never ends; whoever polls it ends it.
    pub(crate) async fn read_late(&self) {
        tokio::join!(
            self.read_one_by_one(),
            self.read_one_by_one(),
            self.read_one_by_one(),
            self.read_one_by_one()
        );
    }

    async fn read_one_by_one(&self) {
        while let Some(late) = self.late.next().await {
            let reading = async {
                match late {
                    Late::Key(token) => self.look_up(token).await.map(|_| ()),
                    Late::Limited(kind, id) => self.look_up_limited((kind, id)).await.map(|_| ()),
                }
            };
            let late = || Error::new(ErrorKind::StoreUnavailable, "the store did not answer");
            if let Err(error) = timeout(READ_MAX, reading).await.unwrap_or_else(|_| Err(late())) {
                tracing::debug!(error = %error, causes = error.causes(), "a key could not be read in time, nor later");
            }
        }
    }
}
