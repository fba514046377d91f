//! How a journal is kept: how safe, how large.

use std::sync::Arc;

use crate::disk::{Disk, SystemDisk};

/// What an appended record survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: records are kept in memory.
    Memory,
    /// The end of the process, however it comes: the record is in the system's memory.
    #[default]
    Write,
    /// The end of the machine too, once [`Journal::synced`](crate::Journal::synced) has said so.
    Sync,
}

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// What records survive. Default: [`Durability::Write`].
    pub durability: Durability,
    /// The size of one file. Default 4 MiB; at least 64 KiB and at most 256 MiB. A record may take a sixteenth of it.
    pub segment_bytes: usize,
    /// The size of all files together, rounded down to whole files; at least two. Default 1 GiB.
    pub bytes_max: u64,
    /// The version of what is in the records, which is the user's own. Records of a later one are refused when the journal
    /// is opened. Default 1.
    pub format: u8,
    /// By what files are forced to the disk. Default: the system.
    pub disk: Arc<dyn Disk>,
}

const SEGMENT_BYTES: usize = 4 << 20;
const SEGMENT_BYTES_MIN: usize = 64 << 10;
const SEGMENT_BYTES_MAX: usize = 256 << 20;
const BYTES_MAX: u64 = 1 << 30;

/// Memory is dearer than disk.
const MEMORY_BYTES_MAX: u64 = 64 << 20;
const MEMORY_SEGMENT_BYTES: usize = 1 << 20;

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            segment_bytes: SEGMENT_BYTES,
            bytes_max: BYTES_MAX,
            format: 1,
            disk: Arc::new(SystemDisk),
        }
    }
}

impl Options {
    /// What a journal in memory has: 64 MiB in pieces of 1 MiB, which are given back when they are forgotten.
    pub fn in_memory() -> Self {
        Self {
            durability: Durability::Memory,
            segment_bytes: MEMORY_SEGMENT_BYTES,
            bytes_max: MEMORY_BYTES_MAX,
            ..Self::default()
        }
    }

    pub(crate) fn segment_bytes(&self) -> usize {
        self.segment_bytes.clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX)
    }

    pub(crate) fn files_max(&self) -> usize {
        let files = self.bytes_max / self.segment_bytes() as u64;
        usize::try_from(files).unwrap_or(usize::MAX).max(2)
    }
}
