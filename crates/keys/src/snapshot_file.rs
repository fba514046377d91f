//! The file of a snapshot: sealed with the pepper, written whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ring::digest;

use crate::Pepper;
use crate::snapshot::Snapshot;

/// What the file begins with. WHEN CHANGING what stands in it in a way that an earlier version would misread, count up.
const VERSION: &[u8] = b"trunkline keys 1\n";

/// How large a file may be, by default. One that is larger is none of ours.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Where a snapshot is written.
#[derive(Debug)]
pub(crate) struct SnapshotFile {
    path: PathBuf,
    bytes_max: u64,
    written: Mutex<Written>,
}

/// What was written last, and by which call. One that was overtaken writes nothing.
#[derive(Debug, Default)]
struct Written {
    number: u64,
    digest: Option<[u8; 32]>,
}

impl SnapshotFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, bytes_max: BYTES_MAX, written: Mutex::default() }
    }

    /// What stands there. `None` if there is nothing, or nothing that can be read with this pepper: the log says so.
    pub(crate) fn read(&self, pepper: &Pepper) -> Option<Snapshot> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return self.unused(&error.to_string()),
        };
        let mut bytes = Vec::new();
        if let Err(error) = file.take(self.bytes_max.saturating_add(1)).read_to_end(&mut bytes) {
            return self.unused(&error.to_string());
        }
        if bytes.len() as u64 > self.bytes_max {
            return self.unused("it is too large");
        }
        if !bytes.starts_with(VERSION) {
            return self.unused("it is of another version");
        }
        let Some(text) = pepper.open_snapshot(bytes.split_off(VERSION.len())) else {
            return self.unused("it was written with another pepper, or is damaged");
        };
        Snapshot::from_json(&text).map_or_else(|error| self.unused(&error.to_string()), Some)
    }

    fn unused(&self, why: &str) -> Option<Snapshot> {
        tracing::warn!(file = %self.path.display(), "what was known of keys is not used: {why}");
        None
    }

    /// Writes a snapshot, if it says something else than the last one. Of several calls at once that with the largest number
    /// stays.
    pub(crate) fn write(&self, number: u64, mut snapshot: Snapshot, pepper: &Pepper) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if number <= written.number {
            return Ok(());
        }
        let at = std::mem::take(&mut snapshot.written_at_ms);
        let mut digest = [0; 32];
        digest.copy_from_slice(digest::digest(&digest::SHA256, &snapshot.to_json()?).as_ref());
        if written.digest != Some(digest) {
            snapshot.written_at_ms = at;
            let sealed = pepper.seal_snapshot(snapshot.to_json()?);
            let bytes = (VERSION.len() + sealed.len()) as u64;
            if bytes > self.bytes_max {
                // Nobody would read it.
                let message = format!("it has {bytes} bytes, and {} at most are read", self.bytes_max);
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
            }
            replace(&self.path, &sealed)?;
        }
        *written = Written { number, digest: Some(digest) };
        Ok(())
    }
}

/// Written under another name first: whoever reads finds the old one or the new one, whole.
fn replace(path: &Path, sealed: &[u8]) -> io::Result<()> {
    // Two processes over one folder have a draft each.
    let draft = path.with_added_extension(std::process::id().to_string());
    let written = drafted(&draft, sealed).and_then(|()| std::fs::rename(&draft, path));
    if written.is_err() && draft.exists() {
        std::fs::remove_file(&draft)?;
    }
    written
}

fn drafted(draft: &Path, sealed: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    file.write_all(VERSION)?;
    file.write_all(sealed)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;
    use trunkline_core::Secret;
    use trunkline_store::{Kind, Object};

    use super::*;
    use crate::snapshot::without_secrets;

    fn pepper(text: &str) -> Pepper {
        Pepper::new(&Secret::new(text))
    }

    fn of_key(id: &str) -> Snapshot {
        let mut object = Object::new(Kind::Key, id, 0);
        let settings = json!({
            "max_budget": 7,
            "metadata": { "tags": ["a"], "logging": [{ "callback_vars": { "langfuse_secret": "sk-lf-canary" } }] },
        });
        object.settings = settings.as_object().cloned().expect("an object");
        let mut snapshot = Snapshot::default();
        snapshot.add(&without_secrets(object));
        snapshot
    }

    #[test]
    fn a_snapshot_is_read_with_its_pepper_alone_and_is_for_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.snapshot");
        let file = SnapshotFile::at(path.clone());
        assert!(file.read(&pepper("one")).is_none(), "there is none");
        file.write(1, of_key("index-canary"), &pepper("one")).expect("written");
        let read = file.read(&pepper("one")).expect("it is there");
        let key = read.object(Kind::Key, "index-canary").expect("a key");
        assert_eq!(
            serde_json::to_value(&key.settings).ok(),
            Some(json!({ "max_budget": 7, "metadata": { "tags": ["a"] } }))
        );
        assert!(file.read(&pepper("other")).is_none());
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no draft is left");
        let bytes = std::fs::read(&path).expect("read");
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!has("canary") && !has("max_budget"), "nothing can be read without the pepper");
    }

    #[test]
    fn what_is_damaged_or_of_another_version_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.snapshot");
        let file = SnapshotFile::at(path.clone());
        file.write(1, of_key("k"), &pepper("one")).expect("written");
        let whole = std::fs::read(&path).expect("read");
        let mut turned = whole.clone();
        turned[whole.len() / 2] ^= 1;
        let of_later = [b"trunkline keys 2\n", &whole[VERSION.len()..]].concat();
        for bytes in [&whole[..whole.len() - 1], &turned, &of_later, VERSION, b""] {
            std::fs::write(&path, bytes).expect("written");
            assert!(file.read(&pepper("one")).is_none());
        }
        std::fs::write(&path, &whole).expect("written");
        assert!(file.read(&pepper("one")).is_some());
    }

    #[test]
    fn nothing_is_written_that_would_not_be_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = SnapshotFile::at(folder.path().join("keys.snapshot"));
        file.write(1, of_key("k"), &pepper("one")).expect("written");
        file.bytes_max = std::fs::metadata(&file.path).expect("a file").len();
        let read = || file.read(&pepper("one")).map(|read| read.objects.into_keys().collect::<Vec<_>>());
        let before = Some(vec![(Kind::Key, "k".to_owned())]);
        assert_eq!(read(), before, "it is as large as it may be");
        let refused = file.write(2, of_key("longer"), &pepper("one"));
        assert_eq!(refused.map_err(|error| error.kind()), Err(io::ErrorKind::FileTooLarge));
        assert_eq!(read(), before, "it stays");
        file.bytes_max -= 1;
        assert!(file.read(&pepper("one")).is_none());
    }

    #[test]
    fn nothing_is_written_that_is_older_or_says_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SnapshotFile::at(folder.path().join("keys.snapshot"));
        let ids = || file.read(&pepper("one")).map(|read| read.objects.into_keys().collect::<Vec<_>>());
        let key = |id: &str| Some(vec![(Kind::Key, id.to_owned())]);
        file.write(2, of_key("new"), &pepper("one")).expect("written");
        file.write(1, of_key("old"), &pepper("one")).expect("overtaken");
        assert_eq!(ids(), key("new"));
        std::fs::remove_file(&file.path).expect("removed");
        file.write(3, of_key("new"), &pepper("one")).expect("nothing to do");
        assert_eq!(ids(), None);
        file.write(4, of_key("newer"), &pepper("one")).expect("written");
        assert_eq!(ids(), key("newer"));
        let nowhere = SnapshotFile::at("/nowhere/at/all/keys.snapshot".into());
        assert!(nowhere.write(1, of_key("k"), &pepper("one")).is_err());
    }
}
