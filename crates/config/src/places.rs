//! Where a change of a file shows: in its directory, and in those of the links that lead to it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// As many links are followed on the way to a file as the system follows.
const LINKS_MAX: usize = 40;

/// The directories in which changes of some files show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places(pub(crate) BTreeSet<Place>);

/// A directory, told from another one that has taken its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    inode: u64,
}

impl Places {
    /// Where these files stand now, or would. Looks at the disk.
    pub(crate) fn of<'f>(files: impl IntoIterator<Item = &'f Path>) -> Self {
        let mut directories = BTreeSet::new();
        for file in files {
            add_those_of(file, &mut directories);
        }
        Self(directories.iter().map(|directory| Place::at(directory)).collect())
    }
}

impl Place {
    /// However the directory is spelled: the system watches it once.
    fn at(directory: &Path) -> Self {
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let inode = inode(&directory);
        Self { directory, inode }
    }
}

#[cfg(unix)]
fn inode(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(directory).map_or(0, |metadata| metadata.ino())
}

#[cfg(not(unix))]
fn inode(_: &Path) -> u64 {
    0
}

/// A link that is led elsewhere changes what stands behind it, and leaves the directory there alone.
fn add_those_of(file: &Path, directories: &mut BTreeSet<PathBuf>) {
    let mut path = file.to_owned();
    for _ in 0..LINKS_MAX {
        let Some((link, target)) = first_link(&path) else { break };
        let stands_in = directory(&link);
        let rest = path.strip_prefix(&link).unwrap_or(Path::new(""));
        path = stands_in.join(target).join(rest);
        directories.insert(stands_in);
    }
    directories.insert(nearest(&directory(&path)));
}

/// The first link on a path, and where it leads.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut begin = PathBuf::new();
    path.components().find_map(|component| {
        begin.push(component);
        let target = fs::read_link(&begin).ok()?;
        Some((begin.clone(), target))
    })
}

/// The directory itself, or the one in which the next one towards it would appear.
fn nearest(directory: &Path) -> PathBuf {
    let there = directory.ancestors().find(|directory| directory.is_dir());
    there.unwrap_or(Path::new(".")).to_owned()
}

fn directory(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Holds the places of a file to names within a directory, `.` for itself.
    fn check(root: &Path, file: &str, expected: &[&str]) {
        let places = Places::of([root.join(file).as_path()]);
        let found: Vec<PathBuf> = places.0.into_iter().map(|place| place.directory).collect();
        let root = root.canonicalize().expect("it is there");
        let mut expected: Vec<PathBuf> =
            expected.iter().map(|name| if *name == "." { root.clone() } else { root.join(name) }).collect();
        // Links lead to the test's directory on some systems, and theirs are places too.
        expected.sort();
        let found: Vec<PathBuf> = found.into_iter().filter(|place| place.starts_with(&root)).collect();
        assert_eq!(found, expected, "{file}");
    }

    #[test]
    fn every_link_on_the_way_has_a_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        for name in ["plain", "shared/v1", "far"] {
            fs::create_dir_all(root.join(name)).expect("made");
        }
        check(root, "plain/config.yaml", &["plain"]);
        check(root, "plain/../plain/config.yaml", &["plain"]);
        check(root, "config.yaml", &["."]);

        // As ConfigMaps are mounted.
        symlink("v1", root.join("shared/..data")).expect("linked");
        symlink("..data/config.yaml", root.join("shared/config.yaml")).expect("linked");
        check(root, "shared/config.yaml", &["shared", "shared/v1"]);

        symlink("../shared/config.yaml", root.join("far/config.yaml")).expect("linked");
        check(root, "far/config.yaml", &["far", "shared", "shared/v1"]);
        symlink(root.join("far"), root.join("current")).expect("linked");
        check(root, "current/config.yaml", &[".", "far", "shared", "shared/v1"]);
    }

    #[test]
    fn what_is_not_there_would_appear_somewhere() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        check(root, "models/more/a.yaml", &["."]);
        fs::create_dir(root.join("models")).expect("made");
        check(root, "models/more/a.yaml", &["models"]);
        // A circle leads nowhere, and to an end.
        symlink("b", root.join("a")).expect("linked");
        symlink("a", root.join("b")).expect("linked");
        check(root, "a", &["."]);
    }

    #[test]
    fn a_directory_that_takes_the_name_of_another_is_another() {
        let directory = tempfile::tempdir().expect("a directory");
        let (old, new) = (directory.path().join("conf"), directory.path().join("new"));
        fs::create_dir(&old).expect("made");
        fs::create_dir(&new).expect("made");
        let file = old.join("config.yaml");
        let before = Places::of([file.as_path()]);
        assert_eq!(Places::of([file.as_path()]), before);
        fs::rename(&old, directory.path().join("conf.old")).expect("moved away");
        fs::rename(&new, &old).expect("moved there");
        assert_ne!(Places::of([file.as_path()]), before);
    }

    #[test]
    fn a_file_without_a_directory_stands_in_this_one() {
        assert_eq!(directory(Path::new("config.yaml")), Path::new("."));
        assert_eq!(directory(Path::new("/etc/trunkline/config.yaml")), Path::new("/etc/trunkline"));
    }
}
