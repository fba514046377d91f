//! Reads that took longer than a request waits: they are done beside requests, so that the next one finds what was read.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

use tokio::sync::{Mutex, mpsc};
use trunkline_store::Kind;

use crate::Token;

/// How many wait to be read. Past them whoever asks next has to begin anew.
const WAITING_MAX: usize = 1_024;

/// What was not read in time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Late {
    Key(Token),
    Limited(Kind, String),
}

/// What was not read in time, in the order in which it was asked for, each once.
#[derive(Debug)]
pub(crate) struct LateReads {
    noted: mpsc::Sender<Late>,
    waiting: Mutex<mpsc::Receiver<Late>>,
    /// Those that wait.
    names: std::sync::Mutex<HashSet<Late>>,
}

impl Default for LateReads {
    fn default() -> Self {
        let (noted, waiting) = mpsc::channel(WAITING_MAX);
        Self { noted, waiting: Mutex::new(waiting), names: std::sync::Mutex::default() }
    }
}

impl LateReads {
    /// Notes what is to be read, and gives whether there is room. Whoever asks for it next will ask the store in any case, so
    /// that one too many is none.
    pub(crate) fn note(&self, late: Late) -> bool {
        let mut names = self.names();
        if names.contains(&late) {
            return true;
        }
        match self.noted.try_send(late.clone()) {
            Ok(()) => names.insert(late),
            Err(error) => {
                tracing::debug!(error = %error, "what was not read in time is not read beside requests");
                false
            }
        }
    }

    /// The same for who was refused without the store being asked. There may be many of them: half of the room is for those
    /// that have waited.
    pub(crate) fn note_refused(&self, late: Late) {
        if self.noted.capacity() > WAITING_MAX / 2 {
            self.note(late);
        }
    }

    pub(crate) async fn next(&self) -> Option<Late> {
        let late = self.waiting.lock().await.recv().await?;
        // Before it is read: what changes from here on is to be read once more.
        self.names().remove(&late);
        Some(late)
    }

    fn names(&self) -> MutexGuard<'_, HashSet<Late>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_were_refused_leave_room_for_those_who_waited() {
        let reads = LateReads::default();
        let user = |number: usize| Late::Limited(Kind::Customer, number.to_string());
        for number in 0..2 * WAITING_MAX {
            reads.note_refused(user(number));
        }
        assert_eq!(reads.noted.capacity(), WAITING_MAX / 2);
        reads.note(user(2 * WAITING_MAX));
        assert_eq!(reads.noted.capacity(), WAITING_MAX / 2 - 1);
    }

    #[tokio::test]
    async fn what_waits_waits_once() {
        let reads = LateReads::default();
        let bob = || Late::Limited(Kind::Customer, "bob".to_owned());
        assert!(reads.note(bob()) && reads.note(bob()));
        assert_eq!(reads.noted.capacity(), WAITING_MAX - 1);
        assert_eq!(reads.next().await, Some(bob()));
        assert!(reads.note(bob()), "what is being read may change meanwhile");
        assert_eq!(reads.noted.capacity(), WAITING_MAX - 1);
    }
}
