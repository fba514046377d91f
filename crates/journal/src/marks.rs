//! What is done with: a small file of two places that are written in turn, so that one of them always holds.
//!
//! Where records are forced to the disk, it is too: what is given back by its word is used for something else then.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::block::{BlockFile, open};
use crate::disk::Disk;
use crate::position::Position;

const NAME: &str = "marks";
const PLACE_BYTES: usize = 64;
const MAGIC: &[u8; 8] = b"TRNKMRKS";
const SUMMED_BYTES: usize = 48;

/// How far a journal is done with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The number of the first segment that is still needed.
    pub(crate) first: u64,
    /// Records before this are done with, but for those that are held.
    pub(crate) forgotten: Position,
    /// Records before this are done with whatever they are: no process that wrote them lives.
    pub(crate) settled: Position,
}

impl Marks {
    /// Nothing past the end is done with.
    pub(crate) fn at_most(self, end: Position) -> Self {
        Self { first: self.first, forgotten: self.forgotten.min(end), settled: self.settled.min(end) }
    }
}

/// The file.
#[derive(Debug)]
pub(crate) struct MarksFile {
    file: BlockFile,
    turn: u64,
    /// What forces it to the disk, if anything is to be.
    disk: Option<Arc<dyn Disk>>,
}

impl MarksFile {
    /// Opens the file and reads what it says; nothing yet is the same as no file.
    pub(crate) fn open(folder: &Path, disk: Option<Arc<dyn Disk>>) -> io::Result<(Self, Marks)> {
        let path = folder.join(NAME);
        let is_new = !path.exists();
        let file = BlockFile { file: open(&path, is_new)?, path };
        if let Some(disk) = disk.as_ref().filter(|_| is_new) {
            disk.sync_file(&file.path, &file.file)?;
            disk.sync_folder(folder)?;
        }
        let mut bytes = [0; 2 * PLACE_BYTES];
        file.read(0, &mut bytes)?;
        let found = bytes.chunks_exact(PLACE_BYTES).filter_map(read).max_by_key(|(turn, _)| *turn);
        let (turn, marks) = found.unwrap_or_default();
        Ok((Self { file, turn, disk }, marks))
    }

    /// Writes it down.
    pub(crate) fn write(&mut self, marks: Marks) -> io::Result<()> {
        self.turn += 1;
        let mut bytes = [0; PLACE_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        let numbers = [self.turn, marks.first, marks.forgotten.number(), marks.settled.number()];
        for (place, number) in bytes[8..40].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let sum = crc32fast::hash(&bytes[..SUMMED_BYTES]);
        bytes[SUMMED_BYTES..SUMMED_BYTES + 4].copy_from_slice(&sum.to_le_bytes());
        self.file.write(self.turn % 2 * PLACE_BYTES as u64, &bytes)?;
        self.disk.as_ref().map_or(Ok(()), |disk| disk.sync_file(&self.file.path, &self.file.file))
    }
}

fn read(bytes: &[u8]) -> Option<(u64, Marks)> {
    let sum = bytes[SUMMED_BYTES..SUMMED_BYTES + 4].try_into().ok().map(u32::from_le_bytes)?;
    if &bytes[..8] != MAGIC || crc32fast::hash(&bytes[..SUMMED_BYTES]) != sum {
        return None;
    }
    let number = |at: usize| bytes[at..at + 8].try_into().ok().map(u64::from_le_bytes);
    let (forgotten, settled) = (Position::from_number(number(24)?), Position::from_number(number(32)?));
    Some((number(8)?, Marks { first: number(16)?, forgotten, settled }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_was_cut_off_leaves_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut file, none) = MarksFile::open(folder.path(), None).expect("opens");
        assert_eq!(none, Marks::default());
        let marks = |first| Marks { first, forgotten: Position::new(first, 64), settled: Position::START };
        file.write(marks(1)).expect("writes");
        file.write(marks(2)).expect("writes");
        file.file.write(0, &[0xFF; 20]).expect("breaks the newer place");
        let (_, found) = MarksFile::open(folder.path(), None).expect("opens");
        assert_eq!(found, marks(1));
    }
}
