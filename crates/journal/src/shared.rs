//! What a journal, its places and its keeper share.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::thread::Thread;

use crate::block::BlockFile;
use crate::maker::Maker;
use crate::options::Durability;
use crate::position::Position;
use crate::record::{self, HEAD_BYTES, Look, framed};
use crate::state::State;

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    epoch: u32,
    pub(crate) maker: Maker,
    /// Who makes blocks ahead and forces files to the disk. None in memory.
    pub(crate) keeper: OnceLock<Thread>,
    pub(crate) progress: Mutex<Progress>,
    /// Locked for this process as long as anything of the journal is mapped.
    pub(crate) _lock: Option<File>,
}

/// How much is on the disk, and who waits for more.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Records before this were forced to the disk, or it was tried.
    pub(crate) until: Position,
    /// Between these it was tried in vain.
    pub(crate) failed: Option<(Position, Position)>,
    /// Nobody will try any more.
    pub(crate) is_over: bool,
    pub(crate) waiting: Vec<Waker>,
}

/// Where bytes of a segment were found.
pub(crate) struct Copied {
    /// The number of the segment that they are of: the one that was asked for, or the next that there is.
    pub(crate) sequence: u64,
    /// Whether more may be appended there.
    pub(crate) is_active: bool,
}

impl Shared {
    pub(crate) fn new(state: State, maker: Maker, lock: Option<File>) -> Self {
        Self {
            epoch: state.epoch,
            state: Mutex::new(state),
            maker,
            keeper: OnceLock::new(),
            progress: Mutex::default(),
            _lock: lock,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often the journal has been opened.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a change: wakes the keeper if there is something to do for it that it does not know of.
    pub(crate) fn finish(&self, mut state: MutexGuard<'_, State>) {
        let Some(keeper) = self.keeper.get() else { return };
        let has_work = !state.retired.is_empty() || state.is_sync_wanted || state.wants_block(&self.maker);
        if state.is_asked || !has_work {
            return;
        }
        state.is_asked = true;
        drop(state);
        keeper.unpark();
    }

    /// Asks for everything that was appended to be forced to the disk.
    pub(crate) fn want_sync(&self) {
        let mut state = self.lock();
        state.is_sync_wanted = true;
        self.finish(state);
    }

    pub(crate) fn is_sync(&self) -> bool {
        self.maker.durability == Durability::Sync && self.maker.folder.is_some()
    }

    /// Copies at most `bytes_max` bytes from a position on, as far as records go, or those from the start of the next
    /// segment if there is none of that number.
    pub(crate) fn copy(
        &self,
        from: Position,
        bytes_max: usize,
        into: &mut Vec<u8>,
    ) -> std::io::Result<(Copied, Position)> {
        into.clear();
        let state = self.lock();
        let segment = state.segment_from(from.sequence());
        let start = if segment.sequence == from.sequence() { from.offset() } else { 0 };
        let start = start.max(crate::segment::OPENING_BYTES);
        let copied =
            Copied { sequence: segment.sequence, is_active: segment.sequence == state.active.sequence };
        let position = Position::new(segment.sequence, start);
        let end = segment.end.min(start.saturating_add(bytes_max)).max(start);
        let in_memory = segment.block.bytes().and_then(|bytes| bytes.get(start..end));
        if let (Some(bytes), true) = (in_memory, copied.is_active || segment.block.file.is_none()) {
            into.extend_from_slice(bytes);
            return Ok((copied, position));
        }
        let file: Option<Arc<BlockFile>> = segment.block.file.clone();
        drop(state);
        if let Some(file) = file {
            into.resize(end - start, 0);
            let count = file.read(start, into)?;
            into.truncate(count);
        }
        Ok((copied, position))
    }

    /// The record at a position, which is held.
    pub(crate) fn record(&self, position: Position) -> Option<(u8, Vec<u8>)> {
        let mut bytes = Vec::new();
        let mut wanted = framed(1 << 10);
        loop {
            let (copied, _) = self.copy(position, wanted, &mut bytes).ok()?;
            if copied.sequence != position.sequence() {
                return None;
            }
            match record::look(&bytes, 0, copied.sequence, 0) {
                Look::Record(found) => {
                    bytes.truncate(found.payload.end);
                    bytes.drain(..HEAD_BYTES);
                    return Some((found.kind, bytes));
                }
                Look::Cut { bytes: whole } if whole > wanted => wanted = whole,
                Look::Cut { .. } | Look::Nothing => return None,
            }
        }
    }
}
