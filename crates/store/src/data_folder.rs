//! The folder that a server keeps its files in.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};

/// The folder that a server keeps its files in, or why it has none.
#[derive(Clone, Debug)]
pub struct DataFolder(Result<PathBuf, String>);

impl DataFolder {
    /// A folder that can be written, made where it is not there. Looks at the disk.
    pub fn made(place: Result<PathBuf, String>) -> Self {
        Self(place.and_then(|path| {
            let made = std::fs::create_dir_all(&path).and_then(|()| check_writable(&path));
            made.map(|()| path.clone()).map_err(|error| format!("{}: {error}", path.display()))
        }))
    }

    /// A folder that somebody else has made, who is taken at their word.
    pub fn of_others(place: Result<PathBuf, String>) -> Self {
        Self(place)
    }

    /// Its path, or why there is none that can be written.
    pub fn path(&self) -> Result<&Path, &str> {
        self.0.as_deref().map_err(String::as_str)
    }

    /// Its path, or why there is none, as people are told of it.
    pub fn shown(&self) -> String {
        match &self.0 {
            Ok(path) => path.display().to_string(),
            Err(why) => format!("none, {why}"),
        }
    }
}

/// Whether a file can be made in a folder. Several who start at once over one folder make a file each.
fn check_writable(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".writable-{:016x}", RandomState::new().hash_one(std::process::id())));
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_who_start_over_one_folder_can_all_write_to_it() {
        let folder = tempfile::tempdir().expect("a folder");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        check_writable(folder.path()).expect("it can be written");
                    }
                });
            }
        });
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
    }

    #[test]
    fn a_folder_is_made_or_its_absence_explained() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a").join("b");
        assert_eq!(DataFolder::made(Ok(path.clone())).path(), Ok(path.as_path()));
        std::fs::write(folder.path().join("file"), b"").expect("written");
        let none = DataFolder::made(Ok(folder.path().join("file")));
        assert!(none.path().is_err());
        assert!(none.shown().starts_with("none, /"), "{}", none.shown());
        assert_eq!(DataFolder::made(Err("nobody says".to_owned())).path(), Err("nobody says"));
    }
}
