//! A shell that runs a server for a test, and is told what to do line by line.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A shell with a script that says `ready` and what it has to say first, and `done` after each order that it followed.
///
/// Dropping it closes the pipe, and so does the end of the process however it comes: that is the script's word to clear
/// away. The drop waits for it.
pub(crate) struct Shell(Mutex<Pipes>);

struct Pipes {
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Shell {
    /// Starts a script, and gives what it says behind `ready`.
    ///
    /// # Errors
    ///
    /// What it says in the place of that, or that there is no shell.
    pub(crate) fn start(script: &str, arguments: &[&str]) -> io::Result<(Self, String)> {
        let mut shell = Self::spawn(script, arguments)?;
        let (Some(orders), Some(answers)) = (shell.stdin.take(), shell.stdout.take()) else {
            return Err(io::Error::other("the shell has no pipes"));
        };
        let mut pipes = Pipes { shell, orders: Some(orders), answers: BufReader::new(answers) };
        let answer = pipes.answer()?;
        let Some(said) = answer.strip_prefix("ready").map(|said| said.trim().to_owned()) else {
            return Err(io::Error::other(answer));
        };
        Ok((Self(Mutex::new(pipes)), said))
    }

    pub(crate) fn spawn(script: &str, arguments: &[&str]) -> io::Result<Child> {
        Command::new("sh")
            .args(["-c", script, "sh"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }

    /// Gives an order, and waits until it was followed.
    ///
    /// # Errors
    ///
    /// What the script says in the place of `done`.
    pub(crate) fn obey(&self, order: &str) -> io::Result<()> {
        let mut pipes = self.pipes();
        let Some(orders) = &mut pipes.orders else { return Err(io::Error::other("the server has ended")) };
        writeln!(orders, "{order}")?;
        let answer = pipes.answer()?;
        let what = order.split(' ').next().unwrap_or_default();
        if answer == "done" { Ok(()) } else { Err(io::Error::other(format!("{what}: {answer}"))) }
    }

    fn pipes(&self) -> MutexGuard<'_, Pipes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipes {
    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.shell.wait();
    }
}
