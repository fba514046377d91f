//! By what files are forced to the disk: the system, or in tests something that forgets what was not forced.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

/// Forces files to the disk.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Returns once the content of a file is on the disk.
    ///
    /// # Errors
    ///
    /// What the system says. What was not on the disk before may then be lost.
    fn sync_file(&self, path: &Path, file: &File) -> io::Result<()>;

    /// Returns once the names in a folder are on the disk.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The system's own way: fdatasync.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn sync_file(&self, _: &Path, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }
}
