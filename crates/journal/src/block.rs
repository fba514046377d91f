//! The bytes that a segment is written to: a mapped file, or memory.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::MmapMut;

use crate::mapping::map;

/// Zeros that are written at one time.
const ZEROS: &[u8] = &[0; 64 << 10];

/// A file of a journal.
#[derive(Debug)]
pub(crate) struct BlockFile {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
}

/// Room for one segment.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) file: Option<Arc<BlockFile>>,
    bytes: Option<Bytes>,
    pub(crate) length: usize,
}

/// Where the bytes are.
#[derive(Debug)]
pub(crate) enum Bytes {
    Mapped(MmapMut),
    Heap(Box<[u8]>),
}

impl Block {
    /// In memory.
    pub(crate) fn on_heap(length: usize) -> Self {
        Self { file: None, bytes: Some(Bytes::Heap(vec![0; length].into_boxed_slice())), length }
    }

    /// A new file, full of zeros, so that all its blocks are there.
    pub(crate) fn create(path: PathBuf, length: usize) -> io::Result<Self> {
        let file = open(&path, true)?;
        let fill = || -> io::Result<MmapMut> {
            let mut left = length;
            while left > 0 {
                let part = left.min(ZEROS.len());
                (&file).write_all(&ZEROS[..part])?;
                left -= part;
            }
            map(&file, length)
        };
        match fill() {
            Ok(mapped) => {
                let file = Some(Arc::new(BlockFile { path, file }));
                Ok(Self { file, bytes: Some(Bytes::Mapped(mapped)), length })
            }
            Err(error) => {
                // What is half made would only take room on a disk that has none.
                let _ = std::fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// A file that is there, not mapped.
    pub(crate) fn of(file: Arc<BlockFile>, length: usize) -> Self {
        Self { file: Some(file), bytes: None, length }
    }

    /// Maps a file that is not.
    pub(crate) fn ensure_mapped(&mut self) -> io::Result<()> {
        if let (None, Some(file)) = (&self.bytes, &self.file) {
            self.bytes = Some(Bytes::Mapped(map(&file.file, self.length)?));
        }
        Ok(())
    }

    /// Takes the mapping out, for somebody to drop. What is in memory alone stays.
    pub(crate) fn take_mapping(&mut self) -> Option<Bytes> {
        if matches!(self.bytes, Some(Bytes::Mapped(_))) { self.bytes.take() } else { None }
    }

    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self.bytes.as_ref()? {
            Bytes::Mapped(mapped) => Some(mapped),
            Bytes::Heap(heap) => Some(heap),
        }
    }

    pub(crate) fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        match self.bytes.as_mut()? {
            Bytes::Mapped(mapped) => Some(mapped),
            Bytes::Heap(heap) => Some(heap),
        }
    }
}

/// Opens a file of a journal for reading and writing.
pub(crate) fn open(path: &Path, is_new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    if is_new {
        options.create(true).truncate(true);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl BlockFile {
    /// Reads what stands at a place, as much as there is of it.
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            match read_at(&self.file, &mut into[filled..], (offset + filled) as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        write_at(&self.file, bytes, offset)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, offset)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, offset)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        written +=
            std::os::windows::fs::FileExt::seek_write(file, &bytes[written..], offset + written as u64)?;
    }
    Ok(())
}
