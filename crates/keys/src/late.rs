//! Reads that took longer than a request waits: they are done beside requests, so that the next one finds what was read.

use tokio::sync::{Mutex, mpsc};
use trunkline_store::Kind;

use crate::Token;

/// How many wait to be read. Past them whoever asks next has to begin anew.
const WAITING_MAX: usize = 1_024;

/// What was not read in time.
#[derive(Clone, Debug)]
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
    /// Notes what is to be read, and gives whether there is room. Whoever asks for it next will ask the store in any case, so
    /// that one too many is none.
    pub(crate) fn note(&self, late: Late) -> bool {
        let noted = self.noted.try_send(late);
        if let Err(error) = &noted {
            tracing::debug!(error = %error, "what was not read in time is not read beside requests");
        }
        noted.is_ok()
    }

    /// The same for who was refused without the store being asked. There may be many of them: half of the room is for those
    /// that have waited.
    pub(crate) fn note_refused(&self, late: Late) {
        if self.noted.capacity() > WAITING_MAX / 2 {
            self.note(late);
        }
    }

    pub(crate) async fn next(&self) -> Option<Late> {
        self.waiting.lock().await.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_were_refused_leave_room_for_those_who_waited() {
        let reads = LateReads::default();
        let bob = || Late::Limited(Kind::Customer, "bob".to_owned());
        for _ in 0..2 * WAITING_MAX {
            reads.note_refused(bob());
        }
        assert_eq!(reads.noted.capacity(), WAITING_MAX / 2);
        reads.note(bob());
        assert_eq!(reads.noted.capacity(), WAITING_MAX / 2 - 1);
    }
}
