//! A real Redis for tests, on a port of its own, that ends with the test.
//!
//! ```no_run
//! use trunkline_testkit::redis::RedisServer;
//!
//! # fn example() -> std::io::Result<()> {
//! let server = RedisServer::start()?;
//! println!("127.0.0.1:{}", server.port());
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::io;
use std::net::TcpListener;

use crate::shell::Shell;

/// Starts the server, does as it is told line by line, and clears all away when nobody tells it anything any more: the pipe
/// is closed however its owner ends.
const SCRIPT: &str = r#"
port=$1
for program in redis-server valkey-server; do
  command -v $program >/dev/null && server=$program && break
done
[ -n "$server" ] || { echo 'there is neither redis-server nor valkey-server'; exit 1; }
folder=$(mktemp -d /tmp/trunkline-redis.XXXXXX) || { echo 'there is no temporary folder'; exit 1; }
trap '' PIPE INT HUP
trap 'kill -CONT "$id" 2>/dev/null; kill -KILL "$id" 2>/dev/null; wait "$id" 2>/dev/null; rm -rf "$folder"' EXIT
start() {
  : >"$folder/log"
  "$server" --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$folder" >"$folder/log" 2>&1 &
  id=$!
  # The log tells when it listens; a server that cannot ends.
  until grep -q 'Ready to accept connections' "$folder/log"; do
    kill -0 "$id" 2>/dev/null || return 1
    sleep 0.02
  done
}
start || { tail -n 3 "$folder/log" | tr '\n' ' '; echo; exit 1; }
echo ready
while read -r order; do
  case $order in
    stop) kill -KILL "$id" && { wait "$id" 2>/dev/null; true; } ;;
    start) start ;;
    freeze) kill -STOP "$id" ;;
    thaw) kill -CONT "$id" ;;
  esac && echo "done" || { tail -n 3 "$folder/log" | tr '\n' ' '; echo; }
done
"#;

/// A Redis server, or a Valkey, that keeps nothing on disk. Dropping it ends it, and so does the end of the process.
pub struct RedisServer {
    port: u16,
    shell: Shell,
}

impl RedisServer {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// Names what is missing, if none is installed. It is the package `redis-server` or `valkey-server`.
    pub fn start() -> io::Result<Self> {
        // Somebody else may take the port before the server does.
        let mut last = None;
        for _ in 0..5 {
            match Self::start_once() {
                Ok(server) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("no server was started")))
    }

    fn start_once() -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (shell, _) = Shell::start(SCRIPT, &[&port.to_string()]).map_err(|error| {
            let message = format!("no Redis to test with ({error}): install the package redis-server");
            io::Error::other(message)
        })?;
        Ok(Self { port, shell })
    }

    /// The port that it listens on, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as `redis://127.0.0.1:6379`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends the server at once. What it held is lost.
    ///
    /// # Errors
    ///
    /// If it does not end.
    pub fn stop(&self) -> io::Result<()> {
        self.shell.obey("stop")
    }

    /// Starts a server again that was stopped, on the same port, with nothing in it.
    ///
    /// # Errors
    ///
    /// Says what the server says, if it does not start.
    pub fn resume(&self) -> io::Result<()> {
        self.shell.obey("start")
    }

    /// Lets the server stand still: it takes connections and answers nothing.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn freeze(&self) -> io::Result<()> {
        self.shell.obey("freeze")
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn thaw(&self) -> io::Result<()> {
        self.shell.obey("thaw")
    }
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedisServer").field("port", &self.port).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    fn ping(server: &RedisServer) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port()))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    #[test]
    fn a_server_stops_starts_and_ends_with_its_owner() {
        let server = RedisServer::start().expect("a server");
        assert_eq!(ping(&server).expect("an answer"), "+PONG\r\n");
        server.freeze().expect("it stands still");
        server.thaw().expect("it goes on");
        assert_eq!(ping(&server).expect("an answer"), "+PONG\r\n");
        server.stop().expect("it stops");
        assert!(ping(&server).is_err());
        server.resume().expect("it starts again");
        let port = server.port();
        drop(server);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
