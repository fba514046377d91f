//! The journal: what its users see of it.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use trunkline_core::{Error, ErrorKind};

use crate::chunk::{Chunk, Ending};
use crate::folder::open_folder;
use crate::forget;
use crate::full::Full;
use crate::keeper::Keeper;
use crate::maker::Maker;
use crate::marks::MarksFile;
use crate::options::{Durability, Options};
use crate::place::{self, Place};
use crate::position::Position;
use crate::record::{Head, framed};
use crate::segment::Segment;
use crate::shared::Shared;
use crate::state::State;
use crate::synced::Synced;

/// An append-only log of records.
///
/// A record is a kind from 1 to 254 and a payload of at most a sixteenth of a segment (256 KiB by default). Any number of
/// threads append; one reads, and says what is done with. Records of one journal are in one order for all.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    /// Ends the thread before anything else goes.
    _keeper: Option<Keeper>,
    marks: Mutex<Option<MarksFile>>,
    opened_at: Position,
    damaged: usize,
}

impl Journal {
    /// Opens the journal in a folder, with what is there to be read. The folder is made where there is none, with mode
    /// 0700, and is this process's alone until the journal and all its places are dropped. With [`Durability::Memory`]
    /// nothing is opened.
    ///
    /// # Errors
    ///
    /// `ErrorKind::StoreUnavailable` where the folder cannot be written: it says why. `ErrorKind::Configuration` where
    /// another process has it, or where another version wrote it.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, Error> {
        if options.durability == Durability::Memory {
            return Ok(Self::in_memory(options));
        }
        let opened = open_folder(folder, options)?;
        let opened_at = opened.state.end();
        let shared = Arc::new(Shared::new(opened.state, opened.maker, Some(opened.lock)));
        let keeper = Keeper::start(&shared).map_err(|error| {
            Error::new(ErrorKind::StoreUnavailable, format!("the journal has no thread: {error}"))
        })?;
        let marks = Mutex::new(Some(opened.marks));
        Ok(Self { shared, _keeper: Some(keeper), marks, opened_at, damaged: opened.damaged })
    }

    /// A journal in a folder. Where there is none, or nothing is to survive, one in memory: as large as [`Options::in_memory`]
    /// says, whatever a folder may hold.
    ///
    /// # Errors
    ///
    /// As [`Journal::open`].
    pub fn open_or_in_memory(folder: Option<&Path>, options: &Options) -> Result<Self, Error> {
        match folder.filter(|_| options.durability != Durability::Memory) {
            Some(folder) => Self::open(folder, options),
            None => Ok(Self::in_memory(&Options { format: options.format, ..Options::in_memory() })),
        }
    }

    /// A journal that is kept in memory, and lost with the process.
    pub fn in_memory(options: &Options) -> Self {
        let maker = Maker::new(None, 0, options);
        let block = crate::block::Block::on_heap(maker.segment_bytes);
        let state = State::new(
            Segment::begin(block, 1, 1, maker.format),
            VecDeque::new(),
            Vec::new(),
            1,
            maker.format,
        );
        let opened_at = state.end();
        let shared = Arc::new(Shared::new(state, maker, None));
        Self { shared, _keeper: None, marks: Mutex::new(None), opened_at, damaged: 0 }
    }

    /// Appends a record.
    ///
    /// # Errors
    ///
    /// [`Full`] where there is no room besides what is reserved, and none can be made.
    pub fn append(&self, kind: u8, payload: &[u8]) -> Result<Position, Full> {
        if framed(payload.len()) > self.shared.maker.record_bytes_max() {
            return Err(Full::too_long(self.shared.maker.record_bytes_max()));
        }
        let head = Head::new(kind, self.shared.epoch(), payload);
        let mut state = self.shared.lock();
        if !state.afford(framed(payload.len()), &self.shared.maker) {
            return Err(Full::new(state.failure.as_ref().map(|(_, why)| why.clone())));
        }
        let position = state.append(head, payload).ok_or_else(|| Full::new(None))?;
        self.shared.finish(state);
        Ok(position)
    }

    /// Reserves room for a record with a payload of at most so many bytes.
    ///
    /// # Errors
    ///
    /// [`Full`] where there is none, and none can be made.
    pub fn reserve(&self, payload_bytes: usize) -> Result<Place, Full> {
        place::take(&self.shared, payload_bytes, None).map(|(place, _)| place)
    }

    /// Appends a record, holds it, and reserves room for the record that will close it: both or neither.
    ///
    /// # Errors
    ///
    /// [`Full`] where there is no room for both, and none can be made.
    pub fn append_and_reserve(
        &self,
        kind: u8,
        payload: &[u8],
        payload_bytes: usize,
    ) -> Result<(Place, Position), Full> {
        let head = Head::new(kind, self.shared.epoch(), payload);
        place::take(&self.shared, payload_bytes, Some((head, payload)))
    }

    /// Ready once the record at that position is on the disk. Where several wait, one fdatasync serves them all. At once
    /// ready unless the journal is kept with [`Durability::Sync`].
    pub fn synced(&self, position: Position) -> Synced {
        Synced::of(&self.shared, position)
    }

    /// Reads records from a position on: at most about `bytes_max` bytes of them, but always one whole record where there
    /// is one. A chunk without records whose `next` is the position that was asked for is the end.
    ///
    /// # Errors
    ///
    /// `ErrorKind::StoreUnavailable` where the system cannot read a file.
    pub fn read(&self, from: Position, bytes_max: usize) -> Result<Chunk, Error> {
        self.read_chunk(from, bytes_max).map_err(|error| {
            Error::new(ErrorKind::StoreUnavailable, "the journal cannot be read").with_source(error)
        })
    }

    fn read_chunk(&self, from: Position, bytes_max: usize) -> io::Result<Chunk> {
        if from >= self.end() {
            return Ok(Chunk::empty(from));
        }
        let mut wanted = bytes_max.max(framed(0));
        loop {
            let mut bytes = Vec::new();
            let (copied, start) = self.shared.copy(from, wanted, &mut bytes)?;
            let is_all = bytes.len() < wanted;
            let (mut chunk, ending) = Chunk::parse(bytes, start);
            let ends_segment = match ending {
                Ending::Segment => true,
                // A record that reaches past the segment is none; one that reaches past the copy is read anew.
                Ending::Within(_) if is_all => true,
                Ending::Within(whole) if chunk.is_empty() => {
                    wanted = whole.max(wanted + 1);
                    continue;
                }
                Ending::Within(_) => false,
                Ending::Between => is_all,
            };
            if ends_segment && !copied.is_active {
                chunk.set_next(Position::new(copied.sequence + 1, 0));
            }
            return Ok(chunk);
        }
    }

    /// Says that everything before a position is done with, in this process and later ones. Segments that lie before it,
    /// and hold no record that a [`Place`] holds, are used again or deleted; nothing is deleted before
    /// [`Journal::settle`].
    ///
    /// # Errors
    ///
    /// `ErrorKind::StoreUnavailable` where it could not be written down: a later process will read records again.
    pub fn forget_until(&self, position: Position) -> Result<(), Error> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        forget::until(&self.shared, marks.as_mut(), position, self.opened_at).map_err(|error| {
            let message = "what is done with could not be written down in the journal";
            Error::new(ErrorKind::StoreUnavailable, message).with_source(error)
        })
    }

    /// Says that whatever an earlier process left is done with, records that were never closed too. Written down by the
    /// next [`Journal::forget_until`].
    pub fn settle(&self) {
        let mut state = self.shared.lock();
        state.marks.settled = state.marks.settled.max(self.opened_at);
    }

    /// Where the oldest record that is there stands.
    pub fn first(&self) -> Position {
        Position::new(self.shared.lock().first_sequence(), 0)
    }

    /// Where the next record will stand.
    pub fn end(&self) -> Position {
        self.shared.lock().end()
    }

    /// Where the first record of this process stands, or will stand.
    pub fn opened_at(&self) -> Position {
        self.opened_at
    }

    /// Until where everything is done with that is not held.
    pub fn forgotten(&self) -> Position {
        self.shared.lock().marks.forgotten
    }

    /// Until where everything is done with, whatever it is.
    pub fn settled(&self) -> Position {
        self.shared.lock().marks.settled
    }

    /// What it is kept by.
    pub fn durability(&self) -> Durability {
        if self.shared.maker.folder.is_none() { Durability::Memory } else { self.shared.maker.durability }
    }

    /// Bytes that its files have together, or its memory.
    pub fn bytes(&self) -> u64 {
        self.shared.lock().files as u64 * self.shared.maker.segment_bytes as u64
    }

    /// The most that [`Journal::bytes`] may become.
    pub fn bytes_max(&self) -> u64 {
        self.shared.maker.files_max as u64 * self.shared.maker.segment_bytes as u64
    }

    /// Files that could not be read when it was opened. They were set aside, with the ending `damaged`.
    pub fn damaged(&self) -> usize {
        self.damaged
    }
}
