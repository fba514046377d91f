//! Giving back what is done with.

use std::io;
use std::sync::Arc;

use crate::block::Block;
use crate::marks::MarksFile;
use crate::position::Position;
use crate::record::{Head, framed};
use crate::segment::OPENING_BYTES;
use crate::shared::Shared;

/// So many segments may stay for the sake of records that are held. Past that those records are appended once more, so
/// that one request that takes an hour does not keep all that came after it.
const SEGMENTS_KEPT_MAX: usize = 8;

/// Notes that everything before a position is done with, and gives back segments.
pub(crate) fn until(
    shared: &Arc<Shared>,
    marks_file: Option<&mut MarksFile>,
    position: Position,
    opened_at: Position,
) -> io::Result<()> {
    {
        let mut state = shared.lock();
        state.marks.forgotten = state.marks.forgotten.max(position);
    }
    carry(shared, position);
    let (blocks, marks) = take_forgotten(shared, opened_at);
    // First it is noted that nobody needs them, then they are used for something else.
    let noted = marks_file.map_or(Ok(()), |file| file.write(marks));
    for block in blocks {
        give_back(shared, block);
    }
    noted
}

/// Takes out the segments that nobody needs.
fn take_forgotten(shared: &Shared, opened_at: Position) -> (Vec<Block>, crate::marks::Marks) {
    let mut state = shared.lock();
    let mut blocks = Vec::new();
    // Before that, what an earlier process began and did not close is still wanted. And what was closed since is wanted
    // until its closing is on the disk: of a machine that ends before that nothing else would tell of it.
    let is_settled = state.marks.settled >= opened_at;
    while is_settled
        && let Some(front) = state.sealed.front()
        && front.sequence < state.marks.forgotten.sequence()
        && front.held == 0
        && (!shared.is_sync() || front.replaced_until <= state.on_disk)
    {
        blocks.extend(state.sealed.pop_front().map(|segment| segment.block));
    }
    state.marks.first = state.first_sequence();
    (blocks, state.marks)
}

/// Keeps a block for use, or deletes it.
fn give_back(shared: &Shared, mut block: Block) {
    let wants_it = block.length == shared.maker.segment_bytes && shared.lock().wants_spare(&shared.maker);
    if let (Some(file), true) = (block.file.clone(), wants_it)
        && file.write(0, &[0; OPENING_BYTES]).is_ok()
        && block.ensure_mapped().is_ok()
    {
        shared.lock().spare.push(block);
        return;
    }
    if let Some(file) = &block.file {
        // Were it to stay, a later process would find that nobody needs it.
        let _ = std::fs::remove_file(&file.path);
    }
    shared.lock().files -= 1;
}

/// Appends the records again for whose sake the oldest segments stay.
fn carry(shared: &Arc<Shared>, until: Position) {
    let kept_max = SEGMENTS_KEPT_MAX.min(shared.maker.files_max / 4);
    loop {
        let state = shared.lock();
        let Some(front) = state.sealed.front() else { return };
        let (sequence, is_held) = (front.sequence, front.held > 0);
        if !is_held || state.sealed.len() <= kept_max || sequence >= until.sequence() {
            return;
        }
        let held = state.holds.of_segment(sequence);
        drop(state);
        for (slot, position) in held {
            if carry_one(shared, slot, position).is_none() {
                return;
            }
        }
    }
}

/// `None` where there is no room, or where it cannot be read.
fn carry_one(shared: &Arc<Shared>, slot: u32, position: Position) -> Option<()> {
    let Some((kind, payload)) = shared.record(position) else {
        // Closed while this looked, and then nobody needs it.
        let is_held = shared.lock().holds.position(slot) == Some(position);
        return if is_held { None } else { Some(()) };
    };
    let mut state = shared.lock();
    if state.holds.position(slot) != Some(position) {
        return Some(());
    }
    if !state.afford(framed(payload.len()), &shared.maker) {
        return None;
    }
    let head = Head::new(kind, state.epoch, &payload);
    let moved = state.append(head, &payload)?;
    state.relocate(slot, moved);
    shared.finish(state);
    Some(())
}
