//! Tells that files have changed, however that came about: written, replaced, or a link led elsewhere.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Config, Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{Receiver, channel};

/// How long nothing more must have happened before a change counts as done.
const QUIET: Duration = Duration::from_millis(200);

/// How long a change may go on happening before it is looked at all the same.
const QUIET_MAX: Duration = Duration::from_secs(2);

/// How often is looked where the system does not tell.
const POLL: Duration = Duration::from_secs(5);

/// Watches the directories of some files: what mounts a ConfigMap swaps a link there, and leaves the files alone.
pub struct Watch {
    watcher: Box<dyn Watcher + Send>,
    directories: BTreeSet<PathBuf>,
    changes: Receiver<()>,
}

impl Watch {
    /// Begins to watch. Where the system does not tell of changes, it is looked every five seconds.
    ///
    /// # Errors
    ///
    /// If nothing can be watched at all.
    pub fn of(files: &[PathBuf]) -> Result<Self, notify::Error> {
        let (told, changes) = channel(1);
        let tell = move |event: notify::Result<Event>| {
            // That somebody reads a file is no change of it, least of all when it is us.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // One that is told already stands for all.
                let _ = told.try_send(());
            }
        };
        let watcher: Box<dyn Watcher + Send> = match RecommendedWatcher::new(tell.clone(), Config::default())
        {
            Ok(watcher) => Box::new(watcher),
            Err(_) => Box::new(PollWatcher::new(tell, Config::default().with_poll_interval(POLL))?),
        };
        let mut watch = Self { watcher, directories: BTreeSet::new(), changes };
        watch.follow(files)?;
        Ok(watch)
    }

    /// Watches where these files stand, and nothing else.
    ///
    /// # Errors
    ///
    /// The first directory that cannot be watched. The others are.
    pub fn follow(&mut self, files: &[PathBuf]) -> Result<(), notify::Error> {
        let directories: BTreeSet<PathBuf> = files.iter().map(|file| directory(file)).collect();
        for gone in self.directories.difference(&directories) {
            // One that does not exist any more is not watched any more either.
            let _ = self.watcher.unwatch(gone);
        }
        let mut outcome = Ok(());
        for new in directories.difference(&self.directories) {
            let watched = self.watcher.watch(new, RecursiveMode::NonRecursive);
            outcome = outcome.and(watched.map_err(|error| error.add_path(new.clone())));
        }
        self.directories = directories;
        outcome
    }

    /// Waits until something has changed and has come to rest for a fifth of a second. It need not be one of the files:
    /// whatever happens in their directories counts, and [`Loaded::fingerprint`](crate::Loaded::fingerprint) tells.
    pub async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        let settled = async {
            let more = async |changes: &mut Receiver<()>| {
                let change = tokio::time::timeout(QUIET, changes.recv()).await;
                change.is_ok_and(|change| change.is_some())
            };
            while more(&mut self.changes).await {}
        };
        // A change without an end is looked at where it stands.
        let _ = tokio::time::timeout(QUIET_MAX, settled).await;
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").field("directories", &self.directories).finish_non_exhaustive()
    }
}

fn directory(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// What tells the contents of files from what they were, within this process. One that cannot be read counts too.
pub fn fingerprint(files: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        std::fs::read(file).ok().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_absence_are_told_apart() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.yaml");
        let files = [file.clone()];
        let absent = fingerprint(&files);
        std::fs::write(&file, "a").expect("written");
        let first = fingerprint(&files);
        std::fs::write(&file, "b").expect("written");
        let second = fingerprint(&files);
        std::fs::write(&file, "a").expect("written");
        assert_eq!(fingerprint(&files), first);
        assert!(absent != first && first != second && absent != second);
    }

    #[test]
    fn a_file_without_a_directory_stands_in_this_one() {
        assert_eq!(directory(Path::new("config.yaml")), Path::new("."));
        assert_eq!(directory(Path::new("/etc/trunkline/config.yaml")), Path::new("/etc/trunkline"));
    }
}
