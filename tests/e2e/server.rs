//! The real binary as a process: started on a free port, stopped and waited for at the end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;

/// Nothing that is waited for here takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `trunkline`.
pub(crate) struct Trunkline {
    child: Child,
    log: Log,
    _stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
    /// What it printed until it served.
    pub(crate) start_text: String,
    /// From starting the process until it said that it serves.
    pub(crate) ready_after: Duration,
    directory: tempfile::TempDir,
}

/// The log, as it is read, or as it piles up in its pipe.
enum Log {
    Read(JoinHandle<String>),
    Unread(ChildStderr),
}

/// Waits until something is so.
#[expect(clippy::future_not_send, reason = "tests stay on the thread that they begin on")]
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    let looking = async {
        while !is_so().await {
            looks.tick().await;
        }
    };
    let looked = tokio::time::timeout(PATIENCE, looking).await;
    assert!(looked.is_ok(), "it is not so yet: {what}");
}

/// How to start one.
#[derive(Default)]
pub(crate) struct Start {
    config: Option<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log_unread: bool,
}

impl Start {
    /// Whoever tests what becomes of a slow store sets how long is waited for it; for others a busy machine is none of their
    /// concern.
    pub(crate) fn new() -> Self {
        Self::default().variable("TRUNKLINE_STORE_TIMEOUT_MS", "5000")
    }

    pub(crate) fn config(mut self, text: impl Into<String>) -> Self {
        self.config = Some(text.into());
        self
    }

    pub(crate) fn argument(mut self, text: impl Into<String>) -> Self {
        self.arguments.push(text.into());
        self
    }

    pub(crate) fn variable(mut self, name: &str, text: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), text.into()));
        self
    }

    /// Nobody reads the log until the server's end is waited for.
    pub(crate) fn log_unread(mut self) -> Self {
        self.log_unread = true;
        self
    }

    fn command(&self) -> (Command, tempfile::TempDir) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // `./tests/run optimized` names the binary of another profile.
        let built = std::env::var_os("TRUNKLINE_BIN");
        let binary = built.unwrap_or_else(|| env!("CARGO_BIN_EXE_trunkline").into());
        let mut command = Command::new(binary);
        command.env_clear().envs(self.environment.iter().map(|(name, text)| (name, text)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        if let Some(text) = &self.config {
            let path: PathBuf = directory.path().join("config.yaml");
            std::fs::write(&path, text).expect("the file is written");
            command.arg("--config").arg(path);
        }
        command.args(&self.arguments);
        (command, directory)
    }

    /// Starts it and waits until it serves.
    pub(crate) async fn serve(self) -> Trunkline {
        let (mut command, directory) = self.command();
        let started = Instant::now();
        let mut child = command.args(["--port", "0"]).spawn().expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut log = Log::Unread(child.stderr.take().expect("piped"));
        if !self.log_unread {
            log = Log::Read(log.read());
        }
        let mut start_text = String::new();
        let mut ready_after = None;
        let reading = async {
            // The text ends with an empty line behind the lines to copy; the second one is the last.
            let mut empty = 0;
            while empty < 2 {
                let mut line = String::new();
                if stdout.read_line(&mut line).await.expect("text") == 0 {
                    return false;
                }
                if line.contains("RUNNING on") {
                    ready_after = Some(started.elapsed());
                }
                empty += usize::from(line.trim().is_empty());
                start_text.push_str(&line);
            }
            true
        };
        if !tokio::time::timeout(PATIENCE, reading).await.expect("it starts in time") {
            panic!("the server did not start:\n{}", log.read().await.expect("it was read"));
        }
        let line = start_text.lines().find(|line| line.contains("RUNNING on")).expect("an address");
        let authority = line.rsplit("//").next().expect("an address").trim();
        let port = authority.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let ready_after = ready_after.expect("it said so");
        Trunkline { child, log, _stdout: stdout, address, start_text, ready_after, directory }
    }

    /// Runs it to its end: for what does not serve.
    pub(crate) async fn run(self) -> (ExitStatus, String, String) {
        let (mut command, _directory) = self.command();
        let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends in time");
        let output = output.expect("the binary starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status, text(output.stdout), text(output.stderr))
    }
}

impl Log {
    fn read(self) -> JoinHandle<String> {
        match self {
            Log::Read(reading) => reading,
            Log::Unread(mut stderr) => tokio::spawn(async move {
                let mut log = String::new();
                stderr.read_to_string(&mut log).await.expect("text");
                log
            }),
        }
    }
}

impl Trunkline {
    pub(crate) fn process(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Where its configuration stands, and whatever that includes.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Puts another text in the place of its configuration, all at once.
    pub(crate) fn configure(&self, text: &str) {
        let (new, path) = (self.directory().join("new"), self.directory().join("config.yaml"));
        std::fs::write(&new, text).expect("the file is written");
        std::fs::rename(new, path).expect("it takes the place of the other");
    }

    /// Asks it to stop, as a supervisor does.
    pub(crate) async fn terminate(&self) {
        self.signal("-TERM").await;
    }

    pub(crate) async fn signal(&self, name: &str) {
        let process = self.process().to_string();
        let status = Command::new("kill").args([name, &process]).status().await.expect("kill is there");
        assert!(status.success());
    }

    /// Waits for its end, and gives what it logged.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let log = self.log.read();
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends in time");
        (status.expect("it can be waited for"), log.await.expect("it was read"))
    }

    /// Stops it and gives its log, in which a test can look for what must not be there.
    pub(crate) async fn stop(self) -> String {
        self.terminate().await;
        let (status, log) = self.ended().await;
        assert!(status.success(), "it stops well: {status}\n{log}");
        log
    }
}
