//! Where a record stands in a journal.

/// The place of a record. Later records have larger positions, over all starts of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Before everything.
    pub const START: Self = Self(0);

    pub(crate) fn new(sequence: u64, offset: usize) -> Self {
        Self((sequence << 32) | offset as u64)
    }

    pub(crate) fn sequence(self) -> u64 {
        self.0 >> 32
    }

    pub(crate) fn offset(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }

    /// As a number that [`Position::from_number`] takes back.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The position of that number.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_in_the_order_of_records() {
        assert!(Position::new(2, 64) > Position::new(1, 4_000_000));
        assert!(Position::new(2, 65) > Position::new(2, 64));
        let position = Position::new(7, 99);
        assert_eq!((position.sequence(), position.offset()), (7, 99));
        assert_eq!(Position::from_number(position.number()), position);
    }
}
