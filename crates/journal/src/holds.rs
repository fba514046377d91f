//! Which records are held, so that their segments stay.

use crate::position::Position;

/// Places in a table that are used again.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    slots: Vec<Slot>,
    free: Option<u32>,
    pub(crate) count: usize,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Held(Position),
    Free { next: Option<u32> },
}

impl Holds {
    /// Holds the record at a position.
    pub(crate) fn hold(&mut self, position: Position) -> u32 {
        self.count += 1;
        if let Some(slot) = self.free
            && let Some(place) = self.slots.get_mut(slot as usize)
            && let Slot::Free { next } = *place
        {
            self.free = next;
            *place = Slot::Held(position);
            return slot;
        }
        self.slots.push(Slot::Held(position));
        self.slots.len() as u32 - 1
    }

    /// Lets go, and gives where the record stood.
    pub(crate) fn release(&mut self, slot: u32) -> Option<Position> {
        let position = self.position(slot)?;
        self.slots[slot as usize] = Slot::Free { next: self.free };
        self.free = Some(slot);
        self.count -= 1;
        Some(position)
    }

    pub(crate) fn position(&self, slot: u32) -> Option<Position> {
        match self.slots.get(slot as usize)? {
            Slot::Held(position) => Some(*position),
            Slot::Free { .. } => None,
        }
    }

    /// Notes that the record of a slot stands elsewhere now.
    pub(crate) fn relocate(&mut self, slot: u32, position: Position) {
        if let Some(place @ Slot::Held(_)) = self.slots.get_mut(slot as usize) {
            *place = Slot::Held(position);
        }
    }

    /// Those that are held in one segment.
    pub(crate) fn of_segment(&self, sequence: u64) -> Vec<(u32, Position)> {
        let held = self.slots.iter().zip(0..).filter_map(|(slot, number)| match slot {
            Slot::Held(position) if position.sequence() == sequence => Some((number, *position)),
            Slot::Held(_) | Slot::Free { .. } => None,
        });
        held.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again() {
        let mut holds = Holds::default();
        let (first, second) = (holds.hold(Position::new(1, 64)), holds.hold(Position::new(2, 64)));
        assert_eq!(holds.release(first), Some(Position::new(1, 64)));
        assert_eq!(holds.release(first), None);
        assert_eq!(holds.hold(Position::new(2, 128)), first);
        assert_eq!(holds.of_segment(2).len(), 2);
        holds.relocate(second, Position::new(3, 64));
        assert_eq!(holds.of_segment(2), [(first, Position::new(2, 128))]);
        assert_eq!(holds.count, 2);
    }
}
