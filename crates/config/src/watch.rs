//! Tells that something has changed where files stand: written, replaced, or a link led elsewhere.

use std::collections::BTreeSet;
use std::fmt;
use std::mem;
use std::time::Duration;

use notify::{Error, Event, RecommendedWatcher, RecursiveMode, Watcher, recommended_watcher};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use crate::places::{Place, Places};

/// How long nothing more must have happened before a change counts as done.
const QUIET: Duration = Duration::from_millis(200);

/// How long a change may go on happening before it is looked at all the same.
const QUIET_MAX: Duration = Duration::from_secs(2);

/// How often is looked where the system does not tell.
const POLL: Duration = Duration::from_secs(5);

/// How often is looked where the system does: some file systems, of networks above all, tell nothing of what others do.
const POLL_WATCHED: Duration = Duration::from_mins(1);

/// Watches directories. Whether one of the files has changed is for [`Contents`](crate::Contents) to say.
#[derive(Default)]
pub(crate) struct Watch {
    /// `None` until there are places to watch, and where the system gives none.
    watcher: Option<RecommendedWatcher>,
    /// Those that are watched.
    places: BTreeSet<Place>,
    /// Whether some cannot be.
    is_partial: bool,
    changes: Changes,
}

impl Watch {
    /// Watches these places, and no others. Of a place that is new here a change is told: what has happened there before
    /// was told to nobody.
    ///
    /// # Errors
    ///
    /// Why a place cannot be watched, the first time that it is so. The others are, and every five seconds is looked.
    pub(crate) fn follow(&mut self, places: Places) -> Result<(), Error> {
        let outcome = self.watch(places);
        let was_partial = mem::replace(&mut self.is_partial, outcome.is_err());
        if was_partial { Ok(()) } else { outcome }
    }

    fn watch(&mut self, Places(places): Places) -> Result<(), Error> {
        if self.watcher.is_none() {
            let told = self.changes.told.clone();
            self.watcher = Some(recommended_watcher(move |event| tell(&told, event))?);
        }
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        for gone in self.places.difference(&places) {
            // One that does not exist any more is not watched any more either.
            let _ = watcher.unwatch(&gone.directory);
        }
        self.places.retain(|place| places.contains(place));
        let mut outcome = Ok(());
        for new in places {
            if self.places.contains(&new) {
                continue;
            }
            match watcher.watch(&new.directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.places.insert(new);
                    let _ = self.changes.told.try_send(());
                }
                Err(error) => outcome = outcome.and(Err(error.add_path(new.directory))),
            }
        }
        outcome
    }

    /// Waits until something has changed and has come to rest for a fifth of a second, or until it is time to look all
    /// the same.
    pub(crate) async fn changed(&mut self) {
        self.changes.settled(if self.is_partial { POLL } else { POLL_WATCHED }).await;
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").field("places", &self.places).finish_non_exhaustive()
    }
}

/// That somebody reads a file is no change of it, least of all when it is us. What was missed may be one.
fn tell(told: &Sender<()>, event: notify::Result<Event>) {
    if !event.is_ok_and(|event| event.kind.is_access()) {
        // One that is told already stands for all.
        let _ = told.try_send(());
    }
}

/// Changes as they are told, until they have come to rest.
struct Changes {
    told: Sender<()>,
    changes: Receiver<()>,
}

impl Default for Changes {
    fn default() -> Self {
        let (told, changes) = channel(1);
        Self { told, changes }
    }
}

impl Changes {
    async fn settled(&mut self, pause: Duration) {
        if timeout(pause, self.changes.recv()).await.is_err() {
            return;
        }
        let at_rest = async { while timeout(QUIET, self.changes.recv()).await.is_ok() {} };
        // A change without an end is looked at where it stands.
        let _ = timeout(QUIET_MAX, at_rest).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::EventKind;
    use notify::event::{AccessKind, CreateKind};
    use tokio::time::{Instant, interval};

    /// When a change is told that begins at once and goes on every so often, so many times.
    async fn check(every_ms: u64, times: usize, expected_ms: u64) {
        let mut changes = Changes::default();
        let told = changes.told.clone();
        let began = Instant::now();
        let changing = async {
            let mut ticks = interval(Duration::from_millis(every_ms));
            for _ in 0..times {
                ticks.tick().await;
                let _ = told.try_send(());
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = changes.settled(POLL) => {}
            () = changing => {}
        }
        let after = began.elapsed();
        // The timer counts in milliseconds.
        let most = Duration::from_millis(expected_ms + 2);
        assert!(
            (Duration::from_millis(expected_ms)..=most).contains(&after),
            "{after:?}, not {expected_ms} ms"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_told_when_they_rest() {
        check(1, 1, 200).await;
        check(1, 101, 300).await;
        check(150, 5, 800).await;
        // The second comes when the first has rested.
        check(300, 5, 200).await;
    }

    #[tokio::test(start_paused = true)]
    async fn changes_without_an_end_are_told_all_the_same() {
        check(50, 1_000, 2_000).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_time_to_look_where_nothing_is_told() {
        check(1, 0, 5_000).await;
    }

    #[test]
    fn reading_is_no_change_and_what_was_missed_is_one() {
        let mut changes = Changes::default();
        let mut is_told = |event| {
            tell(&changes.told, event);
            changes.changes.try_recv().is_ok()
        };
        assert!(!is_told(Ok(Event::new(EventKind::Access(AccessKind::Any)))));
        assert!(is_told(Ok(Event::new(EventKind::Create(CreateKind::File)))));
        assert!(is_told(Err(Error::generic("the queue was full"))));
    }

    #[tokio::test]
    async fn a_place_that_is_new_or_changes_is_told_and_one_that_cannot_be_watched_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.yaml");
        let mut watch = Watch::default();
        watch.follow(Places::of([file.as_path()])).expect("it can be watched");
        watch.changes.changes.try_recv().expect("the place is new");
        watch.follow(Places::of([file.as_path()])).expect("it can be watched");
        watch.changes.changes.try_recv().expect_err("nothing has happened");
        std::fs::write(&file, "a").expect("written");
        timeout(POLL, watch.changed()).await.expect("it is told before it would be time to look");

        // A place that is gone by the time that it is to be watched.
        let places = Places::of([file.as_path()]);
        directory.close().expect("removed");
        let mut watch = Watch::default();
        watch.follow(places.clone()).expect_err("nothing is there");
        assert!(watch.is_partial);
        watch.follow(places).expect("it is said once");
        assert!(watch.is_partial);
    }
}
