//! A file that is followed: what it held when it was last looked at, and when it is time to look again.

use std::path::{Path, PathBuf};

use crate::contents::Contents;
use crate::places::Places;
use crate::watch::Watch;

/// A configuration file that is followed, with those that it includes.
#[derive(Debug)]
pub struct Followed {
    path: PathBuf,
    contents: Contents,
    /// `None` where changes are not looked for.
    watch: Option<Watch>,
}

/// A look at what is followed, to be taken where nobody waits for the disk.
#[derive(Debug)]
pub struct Look {
    path: PathBuf,
    contents: Contents,
    is_asked_for: bool,
}

/// What a look has found.
#[derive(Debug)]
pub struct Looked<R> {
    contents: Contents,
    places: Places,
    read: Option<R>,
}

impl Followed {
    /// A file that held this when it was read. It tells of changes if it `is_watched`.
    pub fn new(path: PathBuf, contents: Contents, is_watched: bool) -> Self {
        Self { path, contents, watch: is_watched.then(Watch::default) }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it tells of changes.
    pub fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// Waits until it is time to look. For ever where changes are not looked for.
    pub async fn changed(&mut self) {
        match &mut self.watch {
            Some(watch) => watch.changed().await,
            None => std::future::pending().await,
        }
    }

    /// A look at it, which reads it if it has changed, or in any case if that `is_asked_for`.
    pub fn look(&self, is_asked_for: bool) -> Look {
        Look { path: self.path.clone(), contents: self.contents.clone(), is_asked_for }
    }

    /// Takes in what a look has found, and gives what was read: `None` if nothing has changed.
    ///
    /// Besides, why not all of it can be watched, the first time that it is so.
    pub fn take_in<R>(&mut self, looked: Looked<R>) -> (Option<R>, Option<notify::Error>) {
        self.contents = looked.contents;
        let followed = self.watch.as_mut().map(|watch| watch.follow(looked.places));
        (looked.read, followed.and_then(Result::err))
    }
}

impl Look {
    /// Looks, and reads by `read`, which notes what the files hold. What cannot be used is read, too.
    pub fn take<R>(self, read: impl FnOnce(PathBuf, &mut Contents) -> R) -> Looked<R> {
        let Self { path, mut contents, is_asked_for } = self;
        let is_new = is_asked_for || contents.have_changed();
        let read = is_new.then(|| {
            contents = Contents::default();
            read(path, &mut contents)
        });
        Looked { places: Places::of(contents.files()), contents, read }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_followed_is_read_when_it_has_changed_or_when_that_is_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, "a").expect("written");
        let mut contents = Contents::default();
        contents.read(&path).expect("it is there");
        let mut followed = Followed::new(path.clone(), contents, true);
        let mut look = |is_asked_for| {
            let look = followed.look(is_asked_for);
            let looked = look.take(|path, contents| contents.read(&path).expect("it is there"));
            let (read, unwatched) = followed.take_in(looked);
            assert!(unwatched.is_none(), "{unwatched:?}");
            read.map(|bytes| String::from_utf8(bytes).expect("text"))
        };
        assert_eq!(look(false), None);
        assert_eq!(look(true).as_deref(), Some("a"));
        std::fs::write(&path, "b").expect("written");
        assert_eq!(look(false).as_deref(), Some("b"));
        assert_eq!(look(false), None, "it is known by now");
    }
}
