//! A log under readers that take, that stop, and that fail.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// A sink that says what it is given, and answers when and what it is told.
struct Told {
    given: Sender<String>,
    answers: Receiver<io::Result<()>>,
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A test that is over takes nothing and says nothing any more.
        let _ = self.given.send(String::from_utf8(bytes.to_vec()).expect("text"));
        self.answers.recv().unwrap_or(Ok(())).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn told(form: LogForm) -> (Log, Receiver<String>, Sender<io::Result<()>>) {
    let ((given, writes), (answer, answers)) = (channel(), channel());
    let log = Log::start(form, Told { given, answers }).expect("a thread");
    (log, writes, answer)
}

/// The end of the log, which lets every write pass, and what was written by then.
fn rest(log: Log, writes: &Receiver<String>, answer: Sender<io::Result<()>>) -> String {
    drop(answer);
    drop(log);
    writes.try_iter().collect()
}

#[test]
fn what_comes_during_a_write_leaves_with_the_next() {
    let (log, writes, answer) = told(LogForm::Text);
    let lines = log.lines();
    lines.push(b"first\n");
    assert_eq!(writes.recv().expect("a write"), "first\n");
    (0..3).for_each(|index| lines.push(format!("{index}\n").as_bytes()));
    answer.send(Ok(())).expect("it waits");
    assert_eq!(writes.recv().expect("a write"), "0\n1\n2\n");
    lines.push(b"last\n");
    assert_eq!(rest(log, &writes, answer), "last\n");
    lines.push(b"too late\n");
    assert!(writes.recv().is_err(), "the thread has ended");
}

#[test]
fn a_reader_that_stops_holds_nobody_up_and_is_told_what_it_missed() {
    let (log, writes, answer) = told(LogForm::Text);
    let lines = log.lines();
    lines.push(b"first\n");
    writes.recv().expect("a write");
    let line = [[b'x'; 1023].as_slice(), b"\n"].concat();
    // Nobody reads, and nobody waits.
    (0..WAITING_BYTES_MAX / line.len() + 3).for_each(|_| lines.push(&line));
    assert!(!log.lines.0.flush(Duration::ZERO), "nothing moves");
    answer.send(Ok(())).expect("it waits");
    let mut text = writes.recv().expect("a write");
    assert!(text.len() <= BATCH_BYTES && text.ends_with('\n'), "whole lines, so many at most");
    lines.push(b"afterwards\n");
    text += &rest(log, &writes, answer);
    let (before, behind) = text.split_at(WAITING_BYTES_MAX);
    assert!(before.lines().all(|written| written.len() == 1023));
    let (told, afterwards) = behind.split_once('\n').expect("a line");
    assert_eq!(told.split_once('Z').expect("a time").1, " ERROR lines of the log were dropped lines=3");
    assert_eq!(afterwards, "afterwards\n");
}

#[test]
fn lines_that_the_sink_refuses_are_counted() {
    let (log, writes, answer) = told(LogForm::Json);
    let lines = log.lines();
    lines.push(b"one\ntwo\n");
    writes.recv().expect("a write");
    for (line, lost) in [("three\n", 2), ("four\n", 3)] {
        lines.push(line.as_bytes());
        answer.send(Err(ErrorKind::StorageFull.into())).expect("it waits");
        let text = writes.recv().expect("a write");
        let told = text.strip_prefix(line).expect("the line").strip_suffix("}\n").expect("its end");
        let (_, told) = told.split_once("\",\"level\":").expect("behind the time");
        let expected = format!("\"ERROR\",\"message\":\"lines of the log were dropped\",\"lines\":{lost}");
        assert_eq!(told, expected);
    }
    answer.send(Ok(())).expect("it waits");
    lines.push(b"five\n");
    assert_eq!(rest(log, &writes, answer), "five\n");
}

/// Takes so many bytes, then fails once, then takes all.
struct Torn {
    taken: Arc<Mutex<Vec<u8>>>,
    room: Option<usize>,
}

impl Write for Torn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match self.room {
            Some(0) => {
                self.room = None;
                return Err(ErrorKind::StorageFull.into());
            }
            Some(room) => room.min(bytes.len()),
            None => bytes.len(),
        };
        self.room = self.room.map(|room| room - count);
        self.taken.lock().expect("no panic").extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_that_was_taken_in_part_is_not_glued_to_the_next() {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let log = Log::start(LogForm::Json, Torn { taken: Arc::clone(&taken), room: Some(6) }).expect("a thread");
    let mut lines = log.lines();
    lines.push(b"one\ntwo\n");
    lines.flush().expect("it is done with");
    lines.push(b"three\n");
    drop(log);
    let text = String::from_utf8(taken.lock().expect("no panic").clone()).expect("text");
    let seen: Vec<&str> = text.lines().collect();
    assert_eq!((seen[0], seen[1], seen[2], seen.len()), ("one", "tw", "three", 4), "{text}");
    // The line that was whole does not count.
    assert!(seen[3].ends_with("\"lines\":1}"), "{text}");
}

#[test]
fn interruptions_and_a_full_pipe_lose_nothing() {
    let (log, writes, answer) = told(LogForm::Text);
    log.lines().push(b"line\n");
    for kind in [ErrorKind::Interrupted, ErrorKind::WouldBlock] {
        assert_eq!(writes.recv().expect("a write"), "line\n");
        answer.send(Err(kind.into())).expect("it waits");
    }
    assert_eq!(rest(log, &writes, answer), "line\n");
}

#[test]
fn an_event_is_one_line() {
    let (log, writes, answer) = told(LogForm::Text);
    let mut lines = log.lines();
    for event in ["a\nb\r\nforged\n", "without end", "as it is\n"] {
        lines.write_all(event.as_bytes()).expect("it takes all");
    }
    assert_eq!(rest(log, &writes, answer), "a\\nb\\r\\nforged\nwithout end\nas it is\n");
}

#[test]
fn a_flush_waits_for_what_was_there_before() {
    let (log, writes, answer) = told(LogForm::Text);
    let mut lines = log.lines();
    lines.push(b"line\n");
    answer.send(Ok(())).expect("it listens");
    lines.flush().expect("it is written");
    assert_eq!(writes.try_recv().as_deref(), Ok("line\n"));
    lines.flush().expect("there is nothing to wait for");
}
