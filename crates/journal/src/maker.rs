//! Makes the blocks that segments are written to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::block::{Block, BlockFile};
use crate::disk::Disk;
use crate::options::{Durability, Options};

/// The ending of files that hold segments.
pub(crate) const ENDING: &str = "journal";

/// Makes blocks.
#[derive(Debug)]
pub(crate) struct Maker {
    /// `None` for blocks in memory.
    pub(crate) folder: Option<PathBuf>,
    /// The number in the name of the next file. It says nothing of what is in the file.
    next: AtomicU64,
    pub(crate) segment_bytes: usize,
    pub(crate) files_max: usize,
    pub(crate) format: u8,
    pub(crate) durability: Durability,
    pub(crate) disk: Arc<dyn Disk>,
}

impl Maker {
    pub(crate) fn new(folder: Option<PathBuf>, next: u64, options: &Options) -> Self {
        Self {
            folder,
            next: AtomicU64::new(next),
            segment_bytes: options.segment_bytes(),
            files_max: options.files_max(),
            format: options.format,
            durability: options.durability,
            disk: Arc::clone(&options.disk),
        }
    }

    /// A new block, mapped. A file takes about a millisecond.
    pub(crate) fn make(&self) -> io::Result<Block> {
        let Some(folder) = &self.folder else { return Ok(Block::on_heap(self.segment_bytes)) };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let block = Block::create(folder.join(format!("{number:08}.{ENDING}")), self.segment_bytes)?;
        if self.durability == Durability::Sync
            && let Some(file) = &block.file
            && let Err(error) = self.sync(file, folder)
        {
            // It is not counted, and each further try would leave another one behind.
            let _ = std::fs::remove_file(&file.path);
            return Err(error);
        }
        Ok(block)
    }

    /// Forces a new file to the disk, and its name.
    fn sync(&self, file: &BlockFile, folder: &Path) -> io::Result<()> {
        self.disk.sync_file(&file.path, &file.file)?;
        self.disk.sync_folder(folder)
    }

    /// The most that one record may take up, head included.
    pub(crate) fn record_bytes_max(&self) -> usize {
        self.segment_bytes / 16
    }

    /// What a new block holds at least, whatever the sizes of the records: the end of a segment stays empty where the next
    /// record does not fit.
    pub(crate) fn usable_bytes(&self) -> usize {
        self.segment_bytes - crate::segment::OPENING_BYTES - self.record_bytes_max()
    }
}
