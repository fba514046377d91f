//! Room for a record that is still to come.

use std::sync::Arc;

use crate::full::Full;
use crate::position::Position;
use crate::record::{Head, framed};
use crate::shared::Shared;

/// Room that was reserved for one record. Dropped, it gives the room back.
///
/// A place that came with a record of its own holds that record: its segment stays, or the record is appended once more,
/// until the place is used or dropped.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    bytes: usize,
    slot: Option<u32>,
}

/// A record was longer than its place, and there was no room for the rest.
#[derive(Debug)]
pub struct TooLong {
    /// The place, to append something shorter in.
    pub place: Place,
}

impl Place {
    pub(crate) fn new(shared: Arc<Shared>, bytes: usize, slot: Option<u32>) -> Self {
        Self { shared, bytes, slot }
    }

    /// The longest payload that is certain to fit.
    pub fn payload_bytes(&self) -> usize {
        self.bytes - framed(0)
    }

    /// Appends the record. It cannot fail with a payload of at most [`Place::payload_bytes`]; a longer one is taken where
    /// there is room besides what is reserved for others.
    ///
    /// # Errors
    ///
    /// [`TooLong`], with the place, where there is not.
    pub fn append(mut self, kind: u8, payload: &[u8]) -> Result<Position, TooLong> {
        let shared = Arc::clone(&self.shared);
        let needed = framed(payload.len());
        if needed > shared.maker.record_bytes_max() {
            return Err(TooLong { place: self });
        }
        let epoch = shared.epoch();
        let head = Head::new(kind, epoch, payload);
        let mut state = shared.lock();
        if needed > self.bytes && !state.afford(needed - self.bytes, &shared.maker) {
            drop(state);
            return Err(TooLong { place: self });
        }
        let Some(position) = state.append(head, payload) else {
            drop(state);
            return Err(TooLong { place: self });
        };
        state.reserved = state.reserved.saturating_sub(self.bytes);
        if let Some(slot) = self.slot.take() {
            state.release(slot);
        }
        self.bytes = 0;
        shared.finish(state);
        Ok(position)
    }

    /// The record that came with the place: its kind and payload.
    pub fn held(&self) -> Option<(u8, Vec<u8>)> {
        let position = self.shared.lock().holds.position(self.slot?)?;
        self.shared.record(position)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.bytes == 0 && self.slot.is_none() {
            return;
        }
        let mut state = self.shared.lock();
        state.reserved = state.reserved.saturating_sub(self.bytes);
        if let Some(slot) = self.slot.take() {
            state.release(slot);
        }
    }
}

/// Reserves room for a record, and with it for one that is appended now and held.
pub(crate) fn take(
    shared: &Arc<Shared>,
    place_bytes: usize,
    record: Option<(Head, &[u8])>,
) -> Result<(Place, Position), Full> {
    let place_bytes = framed(place_bytes);
    let record_bytes = record.map_or(0, |(_, payload)| framed(payload.len()));
    if place_bytes.max(record_bytes) > shared.maker.record_bytes_max() {
        return Err(Full::too_long(shared.maker.record_bytes_max()));
    }
    let mut state = shared.lock();
    if !state.afford(place_bytes + record_bytes, &shared.maker) {
        return Err(Full::new(state.failure.as_ref().map(|(_, why)| why.clone())));
    }
    let mut position = state.end();
    let mut slot = None;
    if let Some((head, payload)) = record {
        position = state.append(head, payload).ok_or_else(|| Full::new(None))?;
        slot = Some(state.hold(position));
    }
    state.reserved += place_bytes;
    shared.finish(state);
    Ok((Place::new(Arc::clone(shared), place_bytes, slot), position))
}
