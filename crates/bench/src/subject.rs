//! What is measured: processes that are started, pinned to a core, found ready, and ended with their owner.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::configuration::{Configuration, Features};
use crate::peers::{self, Peer};
use crate::virtual_key;

/// How long a process may take until it accepts connections. LiteLLM needs some eleven seconds.
const START_MAX: Duration = Duration::from_secs(120);

/// Where things are, and which cores they run on.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// This program, which is also the upstream and the floor.
    pub(crate) bench: PathBuf,
    pub(crate) trunkline: PathBuf,
    /// For configurations and logs; removed at the end.
    pub(crate) folder: PathBuf,
    pub(crate) gateway_core: usize,
    pub(crate) load_core: usize,
    /// The address of the PostgreSQL where accounts are kept. `None` is SQLite, a new file for each start.
    pub(crate) database: Option<String>,
}

/// Something that can be measured.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Floor,
    Trunkline(Box<Configuration>),
    Peer(Peer),
}

/// A process, ended when it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// Headers that its callers must send besides, each with its line's end.
    pub(crate) headers: String,
    /// Since when it runs.
    pub(crate) started: Instant,
    child: Child,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Place {
    /// Starts the scripted upstream on the core of the load.
    pub(crate) async fn upstream(&self) -> Result<Running, String> {
        let port = free_port()?;
        let mut command = placed(self.load_core, &self.bench);
        command.args(["upstream", "--port", &port.to_string()]);
        self.start("upstream".to_owned(), command, port, String::new()).await
    }

    /// Starts a subject on the core of the gateways, and waits until it accepts connections.
    pub(crate) async fn subject(
        &self,
        name: &str,
        subject: &Subject,
        upstream: SocketAddr,
    ) -> Result<Running, String> {
        let port = free_port()?;
        let mut headers = String::new();
        let command = match subject {
            Subject::Floor => {
                let mut command = placed(self.gateway_core, &self.bench);
                command.args(["floor", "--port", &port.to_string(), "--upstream", &upstream.to_string()]);
                command
            }
            Subject::Trunkline(configuration) => self.trunkline(name, configuration, upstream, port)?,
            Subject::Peer(peer) => {
                headers = peer.headers(upstream);
                let file = self.write(name, &peer.configuration(upstream, port, &self.folder))?;
                let (program, arguments) = peer.command(&file, port);
                let mut command = placed(self.gateway_core, &program);
                command.args(arguments);
                // Whatever a peer leaves in its user's home is removed at the end.
                command.env("HOME", &self.folder).envs(peer.variables().iter().copied());
                command
            }
        };
        let running = self.start(name.to_owned(), command, port, headers).await?;
        if let Subject::Trunkline(configuration) = subject
            && configuration.features.accounts
        {
            virtual_key::make(running.address)
                .await
                .map_err(|error| format!("{name} made no key: {error}"))?;
        }
        Ok(running)
    }

    fn trunkline(
        &self,
        name: &str,
        configuration: &Configuration,
        upstream: SocketAddr,
        port: u16,
    ) -> Result<Command, String> {
        let file = self.write(name, &configuration.yaml(upstream))?;
        let mut command = placed(self.gateway_core, &self.trunkline);
        command.arg("--config").arg(file).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        let Features { log, .. } = configuration.features;
        command.env("LITELLM_LOG", if log { "INFO" } else { "ERROR" });
        if configuration.features.accounts {
            command.arg("--data-dir").arg(self.folder.join(format!("{name}-{port}")));
            if let Some(database) = &self.database {
                command.env("DATABASE_URL", database);
            }
        }
        Ok(command)
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let file = self.folder.join(format!("{name}.yaml"));
        std::fs::write(&file, text)
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        Ok(file)
    }

    async fn start(
        &self,
        name: String,
        mut command: Command,
        port: u16,
        headers: String,
    ) -> Result<Running, String> {
        let path = self.folder.join(format!("{name}.log"));
        let log =
            File::create(&path).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| {
            format!("{name} cannot be started (setpriv and taskset of util-linux are needed): {error}")
        })?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut running = Running { name, address, headers, started, child };
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if let Ok(Some(status)) = running.child.try_wait() {
                return Err(format!("{} ended at once: {status}\n{}", running.name, last_lines(&path)));
            }
            if started.elapsed() > START_MAX {
                return Err(format!("{} did not begin to serve\n{}", running.name, last_lines(&path)));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(running)
    }
}

/// A program on one core, which ends with this process even if that is killed.
fn placed(core: usize, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "taskset", "-c", &core.to_string()]).arg(program);
    // What is measured does not depend on whose shell it is.
    command.env_clear().env("PATH", peers::PATH);
    command
}

/// Moves this process to a core.
pub(crate) fn pin_this_process(core: usize) -> Result<(), String> {
    let pid = std::process::id().to_string();
    let status = Command::new("taskset")
        .args(["-a", "-p", "-c", &core.to_string(), &pid])
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("taskset of util-linux is needed: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("there is no core {core} to run on")) }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, String> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|error| format!("there is no free port: {error}"))
}

fn last_lines(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
