//! What an append changes, under one short lock: the segments, what is reserved in them, what is held.
//!
//! What is reserved can always be appended. It is kept true by arithmetic: the room that is counted is that of the spare
//! blocks, each less the longest record, and of the active segment likewise; a record that opens the next segment
//! leaves less than the longest record empty behind it, and that was never counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use std::{io, mem};

use crate::block::{Block, Bytes};
use crate::holds::Holds;
use crate::maker::Maker;
use crate::marks::Marks;
use crate::position::Position;
use crate::record::{Head, framed};
use crate::segment::Segment;

/// For so long no file is made after one could not be made.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Spare blocks that are kept for use. More are given back.
const SPARE_BLOCKS_MAX: usize = 2;

/// The journal, as it stands.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) active: Segment,
    /// The oldest first.
    pub(crate) sealed: VecDeque<Segment>,
    /// Mapped, and not begun.
    pub(crate) spare: Vec<Block>,
    /// Mappings that nobody needs; the keeper drops them.
    pub(crate) retired: Vec<Bytes>,
    pub(crate) holds: Holds,
    pub(crate) reserved: usize,
    pub(crate) epoch: u32,
    format: u8,
    /// Files that there are, or blocks in memory.
    pub(crate) files: usize,
    pub(crate) marks: Marks,
    /// All before it is on the disk, where the journal is kept so.
    pub(crate) on_disk: Position,
    /// The keeper has been woken and has not yet looked.
    pub(crate) is_asked: bool,
    pub(crate) is_sync_wanted: bool,
    pub(crate) is_stopping: bool,
    /// Why no file could be made lately.
    pub(crate) failure: Option<(Instant, String)>,
}

impl State {
    pub(crate) fn new(
        active: Segment,
        sealed: VecDeque<Segment>,
        spare: Vec<Block>,
        epoch: u32,
        format: u8,
    ) -> Self {
        Self {
            files: 1 + sealed.len() + spare.len(),
            active,
            sealed,
            spare,
            retired: Vec::new(),
            holds: Holds::default(),
            reserved: 0,
            epoch,
            format,
            marks: Marks::default(),
            on_disk: Position::START,
            is_asked: false,
            is_sync_wanted: false,
            is_stopping: false,
            failure: None,
        }
    }

    /// Where the next record will stand.
    pub(crate) fn end(&self) -> Position {
        Position::new(self.active.sequence, self.active.end)
    }

    /// The start of the oldest segment that is there.
    pub(crate) fn first_sequence(&self) -> u64 {
        self.sealed.front().map_or(self.active.sequence, |segment| segment.sequence)
    }

    /// Room that is there for certain.
    fn room(&self, maker: &Maker) -> usize {
        let active = self.active.left().saturating_sub(maker.record_bytes_max());
        self.spare.len() * maker.usable_bytes() + active
    }

    /// Sees to it that there is room for so many bytes besides what is reserved. Makes a block here and now where nobody
    /// has made one in time.
    pub(crate) fn afford(&mut self, bytes: usize, maker: &Maker) -> bool {
        while self.room(maker) < self.reserved + bytes {
            if self.files >= maker.files_max || self.failed_lately() {
                return false;
            }
            self.files += 1;
            match maker.make() {
                Ok(block) => self.add(block),
                Err(error) => {
                    self.failed(&error);
                    return false;
                }
            }
        }
        true
    }

    fn failed_lately(&self) -> bool {
        self.failure.as_ref().is_some_and(|(at, _)| at.elapsed() < REST_AFTER_FAILURE)
    }

    /// Takes on a block that was made, and counted before.
    pub(crate) fn add(&mut self, block: Block) {
        self.spare.push(block);
        self.failure = None;
    }

    /// Notes that a block that was counted could not be made.
    pub(crate) fn failed(&mut self, error: &io::Error) {
        self.files -= 1;
        self.failure = Some((Instant::now(), error.to_string()));
    }

    /// Whether the keeper should make a block: less than half of one is left besides what is reserved.
    pub(crate) fn wants_block(&self, maker: &Maker) -> bool {
        self.room(maker) < self.reserved + maker.segment_bytes / 2
            && self.files < maker.files_max
            && !self.failed_lately()
    }

    /// Whether a block that is done with is worth keeping.
    pub(crate) fn wants_spare(&self, maker: &Maker) -> bool {
        self.spare.len() < SPARE_BLOCKS_MAX || self.room(maker) < self.reserved + maker.segment_bytes
    }

    /// Appends a record that room was seen to for. `None` would mean that it was not.
    pub(crate) fn append(&mut self, head: Head, payload: &[u8]) -> Option<Position> {
        if self.active.left() < framed(payload.len()) {
            self.roll()?;
        }
        let offset = self.active.append(head, payload);
        Some(Position::new(self.active.sequence, offset))
    }

    /// Goes on in the next block.
    fn roll(&mut self) -> Option<()> {
        let next = Segment::begin(self.spare.pop()?, self.active.sequence + 1, self.epoch, self.format);
        let mut full = mem::replace(&mut self.active, next);
        self.retired.extend(full.seal(self.epoch));
        self.sealed.push_back(full);
        Some(())
    }

    /// Holds a record: its segment stays until it is let go.
    pub(crate) fn hold(&mut self, position: Position) -> u32 {
        if let Some(segment) = self.segment_mut(position.sequence()) {
            segment.held += 1;
        }
        self.holds.hold(position)
    }

    /// Lets go. What was appended in its place, if anything, stands before the end by now.
    pub(crate) fn release(&mut self, slot: u32) {
        let (position, end) = (self.holds.release(slot), self.end());
        if let Some(segment) = position.and_then(|position| self.segment_mut(position.sequence())) {
            segment.held = segment.held.saturating_sub(1);
            segment.replaced_until = end;
        }
    }

    /// Notes that a held record stands elsewhere now.
    pub(crate) fn relocate(&mut self, slot: u32, position: Position) {
        let (before, end) = (self.holds.position(slot), self.end());
        self.holds.relocate(slot, position);
        if let Some(segment) = before.and_then(|before| self.segment_mut(before.sequence())) {
            segment.held = segment.held.saturating_sub(1);
            segment.replaced_until = end;
        }
        if let Some(segment) = self.segment_mut(position.sequence()) {
            segment.held += 1;
        }
    }

    /// The segment of that number, or the next one that there is.
    pub(crate) fn segment_from(&self, sequence: u64) -> &Segment {
        let index = self.sealed.partition_point(|segment| segment.sequence < sequence);
        self.sealed.get(index).unwrap_or(&self.active)
    }

    fn segment_mut(&mut self, sequence: u64) -> Option<&mut Segment> {
        if sequence == self.active.sequence {
            return Some(&mut self.active);
        }
        let index = self.sealed.partition_point(|segment| segment.sequence < sequence);
        self.sealed.get_mut(index).filter(|segment| segment.sequence == sequence)
    }
}
