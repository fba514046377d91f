//! The log of a server: whole lines, gathered in memory and written by a thread of their own.
//!
//! tracing-appender's `non_blocking` has the same purpose. It was measured, and lost: each line is a copy on the heap,
//! a message in a channel and mostly a wake-up of the thread, and what it drops it does not tell.

mod line;
mod line_recorder;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use memchr::{memchr_iter, memrchr};

pub use line_recorder::LineRecorder;

use line::{Line, Spelling};

/// Bytes of lines that wait to be written. Past it lines are dropped, and counted.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes that are written at one time. So many do not wait for company.
const BATCH_BYTES: usize = 64 * 1024;

/// The same while somebody waits for a flush.
const HURRIED_BYTES: usize = 4 * 1024;

/// How long the first line waits for others to leave with it.
const GATHER_WAIT: Duration = Duration::from_millis(5);

/// How long an end waits for a reader that takes nothing.
const FLUSH_WAIT: Duration = Duration::from_secs(1);

/// The last thing that is said of lines that were dropped.
const DROPPED: Spelling = line::opening!(ERROR, "lines of the log were dropped");
const DROPPED_LINES: Spelling = line::field!("lines");

/// How a line is spelled: as tracing-subscriber spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogForm {
    /// Its full form, without target and colours.
    Text,
    /// Its JSON, flattened, without target.
    Json,
}

/// The owner of a log and of the thread that writes it. Dropped, it writes what is left, and lines end there.
///
/// Whoever logs never waits for whoever reads: 4 MiB of lines wait in memory; what comes past them is dropped, and a
/// line says how many there were once the reader goes on.
#[derive(Debug)]
pub struct Log {
    lines: LogLines,
    thread: Option<JoinHandle<()>>,
}

/// Takes the lines of a [`Log`]. Each `write` is one event; line ends inside of it are escaped.
#[derive(Clone)]
pub struct LogLines(Arc<Shared>);

struct Shared {
    form: LogForm,
    state: Mutex<State>,
    /// Wakes the thread: there is a first line, a batch is full, or somebody is in a hurry.
    filled: Condvar,
    /// Fires after each write.
    moved: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Lines that were dropped and not yet told of.
    dropped: u64,
    /// Whether the thread waits for a first line. Otherwise it looks by itself, and need not be woken.
    asleep: bool,
    closed: bool,
    /// How many wait for a flush: then nothing is gathered.
    flushing: usize,
    /// Bytes that were taken on so far, and bytes that are done with, written or lost.
    accepted: u64,
    settled: u64,
}

impl Log {
    /// Starts the thread that writes to `sink`.
    ///
    /// # Errors
    ///
    /// Where the system has no thread left.
    pub fn start(form: LogForm, mut sink: impl Write + Send + 'static) -> io::Result<Self> {
        let shared =
            Arc::new(Shared { form, state: Mutex::default(), filled: Condvar::new(), moved: Condvar::new() });
        let lines = LogLines(Arc::clone(&shared));
        let thread = thread::Builder::new().name("log".to_owned()).spawn(move || shared.run(&mut sink))?;
        Ok(Self { lines, thread: Some(thread) })
    }

    /// Where lines are put.
    pub fn lines(&self) -> LogLines {
        self.lines.clone()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let shared = &self.lines.0;
        let flushed = shared.flush(FLUSH_WAIT);
        shared.lock().closed = true;
        shared.filled.notify_all();
        // A thread whose reader has stopped cannot be waited for; it ends with the process.
        if let Some(thread) = self.thread.take().filter(|_| flushed) {
            let _ = thread.join();
        }
    }
}

impl LogLines {
    pub(crate) fn form(&self) -> LogForm {
        self.0.form
    }

    /// Takes one line, its end included. Nothing waits here.
    pub(crate) fn push(&self, line: &[u8]) {
        let mut state = self.0.lock();
        let before = state.waiting.len();
        if before + line.len() > WAITING_BYTES_MAX || state.closed {
            state.dropped += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        state.accepted += line.len() as u64;
        let is_batch = before < BATCH_BYTES && state.waiting.len() >= BATCH_BYTES;
        let wakes = state.asleep || is_batch;
        state.asleep = false;
        drop(state);
        if wakes {
            self.0.filled.notify_one();
        }
    }
}

impl Write for LogLines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let inner = event.strip_suffix(b"\n").unwrap_or(event);
        if memchr::memchr2(b'\n', b'\r', inner).is_none() && inner.len() < event.len() {
            self.push(event);
            return Ok(event.len());
        }
        // A text of an upstream's must not pass for a line of ours.
        let mut line = Vec::with_capacity(event.len() + 16);
        for byte in inner {
            match byte {
                b'\n' => line.extend_from_slice(b"\\n"),
                b'\r' => line.extend_from_slice(b"\\r"),
                byte => line.push(*byte),
            }
        }
        line.push(b'\n');
        self.push(&line);
        Ok(event.len())
    }

    /// Waits until all lines so far are written. It gives up where the reader has taken nothing for a second.
    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush(FLUSH_WAIT) {
            true => Ok(()),
            false => Err(ErrorKind::TimedOut.into()),
        }
    }
}

impl fmt::Debug for LogLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("LogLines").field(&self.0.form).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, sink: &mut impl Write) {
        let mut batch = Vec::with_capacity(BATCH_BYTES);
        let mut is_torn = false;
        while let Some(dropped) = self.take(&mut batch) {
            if is_torn {
                // What is left of a line that the sink took in part is a line of its own.
                batch.insert(0, b'\n');
                self.lock().accepted += 1;
            }
            is_torn = self.write(&batch, dropped, sink);
            batch.clear();
            // After a standstill the memory is given back.
            batch.shrink_to(2 * BATCH_BYTES);
        }
    }

    /// Waits for lines, and takes all that have gathered. Gives how many were dropped behind them, of which the last
    /// line tells; `None` is the end.
    fn take(&self, batch: &mut Vec<u8>) -> Option<u64> {
        let mut state = self.lock();
        loop {
            let gathers =
                |state: &mut State| state.waiting.len() < BATCH_BYTES && state.flushing == 0 && !state.closed;
            let gathered = self.filled.wait_timeout_while(state, GATHER_WAIT, gathers);
            state = gathered.unwrap_or_else(PoisonError::into_inner).0;
            if !state.waiting.is_empty() {
                break;
            }
            if state.closed {
                return None;
            }
            state.asleep = true;
            let rests = |state: &mut State| state.waiting.is_empty() && !state.closed;
            state = self.filled.wait_while(state, rests).unwrap_or_else(PoisonError::into_inner);
            state.asleep = false;
        }
        std::mem::swap(&mut state.waiting, batch);
        let dropped = std::mem::take(&mut state.dropped);
        if dropped > 0 {
            let mut line = Line::open(self.form, DROPPED);
            line.number(DROPPED_LINES, dropped);
            let line = line.close();
            state.accepted += line.len() as u64;
            batch.extend_from_slice(&line);
        }
        Some(dropped)
    }

    /// Writes a batch, whole lines at a time. Lines that the sink refuses are lost, and told of with the next batch.
    /// Gives whether the last of what the sink took was a part of a line.
    fn write(&self, batch: &[u8], dropped: u64, sink: &mut impl Write) -> bool {
        let mut rest = batch;
        while !rest.is_empty() {
            // Whoever waits for a flush goes by what moves.
            let at_once = if self.lock().flushing > 0 { HURRIED_BYTES } else { BATCH_BYTES };
            let most = rest.len().min(at_once);
            let end = if most == rest.len() { None } else { memrchr(b'\n', &rest[..most]) };
            let (now, later) = rest.split_at(end.map_or(most, |end| end + 1));
            let taken = self.write_all(now, sink);
            let mut state = self.lock();
            if taken < now.len() {
                state.dropped += dropped + memchr_iter(b'\n', &rest[taken..]).count() as u64;
                if dropped > 0 {
                    // The line that told of the dropped ones is among the lost, and is none of them.
                    state.dropped -= 1;
                }
                state.settled += rest.len() as u64;
                self.moved.notify_all();
                return taken > 0 && now[taken - 1] != b'\n';
            }
            state.settled += now.len() as u64;
            rest = later;
            drop(state);
            self.moved.notify_all();
        }
        false
    }

    /// Gives how much the sink took: all of it, or what it took before it failed.
    fn write_all(&self, bytes: &[u8], sink: &mut impl Write) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            match sink.write(&bytes[taken..]) {
                Ok(0) => break,
                Ok(count) => taken += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Whoever shares our standard error may have made it so for all.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    drop(self.filled.wait_timeout(self.lock(), GATHER_WAIT));
                }
                Err(_) => break,
            }
        }
        taken
    }

    /// Waits until what was taken on so far is settled; `false`, where nothing moved for `wait`.
    fn flush(&self, wait: Duration) -> bool {
        let mut state = self.lock();
        let target = state.accepted;
        state.flushing += 1;
        self.filled.notify_all();
        let mut moves = true;
        while moves && state.settled < target {
            let before = state.settled;
            let waited = self.moved.wait_timeout_while(state, wait, |state| state.settled == before);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            moves = state.settled > before;
        }
        state.flushing -= 1;
        state.settled >= target
    }
}
