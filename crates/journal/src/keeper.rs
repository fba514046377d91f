//! The thread that a journal on disk has: it makes blocks ahead, drops mappings, and forces files to the disk.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::block::{BlockFile, Bytes};
use crate::position::Position;
use crate::shared::Shared;

/// The owner of the thread. Dropped, it lets the thread finish what was asked for, and waits for it.
#[derive(Debug)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

enum Work {
    Sync { until: Position, files: Vec<(u64, Arc<BlockFile>)> },
    Make,
    Drop(Vec<Bytes>),
    Rest,
    Stop,
}

impl Keeper {
    /// Starts the thread.
    pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<Self> {
        let own = Arc::clone(shared);
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || run(&own))?;
        // Nobody else sets it, so that it is not set yet.
        let _ = shared.keeper.set(thread.thread().clone());
        Ok(Self { shared: Arc::clone(shared), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.lock().is_stopping = true;
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
        let mut progress = self.shared.progress();
        progress.is_over = true;
        let waiting = std::mem::take(&mut progress.waiting);
        drop(progress);
        for waker in waiting {
            waker.wake();
        }
    }
}

fn run(shared: &Shared) {
    loop {
        match next(shared) {
            Work::Sync { until, files } => sync(shared, until, &files),
            Work::Make => make(shared),
            Work::Drop(bytes) => drop(bytes),
            // Whoever has work after that look has unparked this thread, which then does not park.
            Work::Rest => thread::park(),
            Work::Stop => return,
        }
    }
}

/// What is to be done, the most urgent first.
fn next(shared: &Shared) -> Work {
    let mut state = shared.lock();
    if state.is_sync_wanted {
        state.is_sync_wanted = false;
        let until = state.end();
        let sealed = state.sealed.iter().filter(|segment| !segment.is_synced);
        let segments = sealed.chain([&state.active]);
        let files = segments.filter_map(|segment| Some((segment.sequence, segment.block.file.clone()?)));
        return Work::Sync { until, files: files.collect() };
    }
    if state.is_stopping {
        return Work::Stop;
    }
    if state.wants_block(&shared.maker) {
        // Counted before it is there, so that no more are made than there may be.
        state.files += 1;
        return Work::Make;
    }
    if !state.retired.is_empty() {
        return Work::Drop(std::mem::take(&mut state.retired));
    }
    state.is_asked = false;
    Work::Rest
}

/// One call for all who wait: everything that was appended before it is on the disk when it returns.
fn sync(shared: &Shared, until: Position, files: &[(u64, Arc<BlockFile>)]) {
    let failed = files.iter().find_map(|(_, file)| shared.maker.disk.sync_file(&file.path, &file.file).err());
    if failed.is_none() {
        let mut state = shared.lock();
        for segment in state.sealed.iter_mut() {
            segment.is_synced |= segment.sequence < until.sequence();
        }
        state.on_disk = state.on_disk.max(until);
    }
    let mut progress = shared.progress();
    if failed.is_some() {
        let from = progress.failed.map_or(progress.until, |(from, _)| from);
        progress.failed = Some((from, until));
    }
    progress.until = progress.until.max(until);
    let waiting = std::mem::take(&mut progress.waiting);
    drop(progress);
    for waker in waiting {
        waker.wake();
    }
}

fn make(shared: &Shared) {
    match shared.maker.make() {
        Ok(block) => shared.lock().add(block),
        Err(error) => shared.lock().failed(&error),
    }
}
