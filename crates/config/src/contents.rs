//! What the files of a configuration held when they were read, so that a change of them can be told.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A larger file is taken for a mistake.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The files that a configuration was looked for in, and what they held then, within this process. Those that were not
/// there are among them: once they are, the configuration is another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents(BTreeMap<PathBuf, Option<u64>>);

impl Contents {
    /// Whether a file holds something else by now, or has come or gone. Reads them all.
    pub(crate) fn have_changed(&self) -> bool {
        self.0.iter().any(|(file, before)| held(file) != *before)
    }

    /// The files, in the order of their names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// Reads a file, and notes what was read.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than 16 MiB. Then too it is one of the files.
    pub fn read(&mut self, file: &Path) -> io::Result<Vec<u8>> {
        self.note_absent(file);
        let bytes = read(file)?;
        if is_regular(file) {
            self.0.insert(file.to_owned(), Some(hash(&bytes)));
        }
        Ok(bytes)
    }

    /// Notes a file that would have been read if it were there.
    pub(crate) fn note_absent(&mut self, file: &Path) {
        self.0.entry(file.to_owned()).or_insert(None);
    }
}

/// `None` for what cannot be read or is too large, and for a pipe: it gives what it holds only once.
fn held(file: &Path) -> Option<u64> {
    is_regular(file).then(|| read(file).ok().map(|bytes| hash(&bytes))).flatten()
}

fn is_regular(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file())
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("it is larger than {FILE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_told_from_what_is_there_now() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.yaml");
        std::fs::write(&file, "a").expect("written");
        let mut contents = Contents::default();
        assert_eq!(contents.read(&file).expect("it is there"), b"a");
        assert!(!contents.have_changed());
        std::fs::write(&file, "b").expect("written");
        assert!(contents.have_changed());
        std::fs::write(&file, "a").expect("written");
        assert!(!contents.have_changed(), "the same text is no change");
        std::fs::remove_file(&file).expect("it is there");
        assert!(contents.have_changed());
    }

    #[test]
    fn a_file_that_comes_is_a_change() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.yaml");
        let mut contents = Contents::default();
        assert!(contents.read(&file).is_err());
        assert!(!contents.have_changed());
        std::fs::write(&file, "").expect("written");
        assert!(contents.have_changed());
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read_until_it_is_smaller() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.yaml");
        let file = File::create(&path).expect("made");
        file.set_len(FILE_BYTES_MAX + 1).expect("made larger");
        let mut contents = Contents::default();
        let error = contents.read(&path).expect_err("a byte too many");
        assert_eq!(error.to_string(), "it is larger than 16777216 bytes");
        assert!(!contents.have_changed());
        file.set_len(FILE_BYTES_MAX).expect("made smaller");
        assert!(contents.have_changed());
        assert_eq!(contents.read(&path).expect("it is small enough").len() as u64, FILE_BYTES_MAX);
    }
}
