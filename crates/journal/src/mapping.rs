//! A file in memory: the one place of the workspace that asks the compiler for trust.

use std::fs::File;
use std::io;

use memmap2::{MmapMut, MmapOptions};

/// Maps the first `length` bytes of a file for reading and writing, shared with the system: what is copied there is the
/// system's, and outlives the process.
///
/// The caller has the journal's lock file, and has seen that the file is as long as that.
///
/// # Errors
///
/// What the system says: out of address space, or a file system that has no mappings.
#[allow(unsafe_code)]
pub(crate) fn map(file: &File, length: usize) -> io::Result<MmapMut> {
    // SAFETY: a mapping is unsound where its bytes change behind the compiler's back, or where the file becomes shorter
    // than the mapping. Neither can come about by what this program does, or by another one like it:
    // - The file is one of a folder that is locked for this process by `lock` as long as the mapping lives, so that no
    //   second journal maps it; it is made with mode 0600 and is of no use to anything but a journal.
    // - It is mapped once at a time: the `MmapMut` is owned by one block, under one mutex, and dropped before the block
    //   is mapped anew. While it lives this process writes to the file in no other way. It reads the file by `read_at`
    //   only once its segment is sealed, when nothing is written there any more.
    // - It is never made shorter. All its bytes were written before it was mapped, so that its blocks are there: a full
    //   disk cannot turn a store into a SIGBUS. (On file systems that copy on write, btrfs and ZFS, a full disk can: that
    //   ends the process as SIGKILL would, and is not unsound. So does a disk that fails to give a page back.)
    // - A record is read only as far as its checksum holds, so that bytes of any value are fine.
    unsafe { MmapOptions::new().len(length).map_mut(file) }
}
