//! A real PostgreSQL for tests, in a temporary folder, that ends with the test.
//!
//! ```no_run
//! use trunkline_testkit::postgres::PostgresServer;
//!
//! # fn example() -> std::io::Result<()> {
//! let address = PostgresServer::shared()?.database()?;
//! println!("{address}");
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::shell::Shell;

/// Starts the server, does as it is told line by line, and clears all away when nobody tells it anything any more: the
/// pipe is closed however its owner ends.
///
/// PostgreSQL refuses to run as root, and Debian keeps its programs out of the path.
const SCRIPT: &str = r#"
if [ "$(id -u)" = 0 ]; then
  id postgres >/dev/null 2>&1 || { echo 'there is no user postgres'; exit 1; }
  exec setpriv --reuid=postgres --regid=postgres --init-groups sh -c "$1" sh "$1"
fi
for folder in /usr/lib/postgresql/*/bin; do PATH=$folder:$PATH; done
cd /
for program in initdb pg_ctl createdb psql; do
  command -v $program >/dev/null || { echo "there is no $program"; exit 1; }
done
folder=$(mktemp -d /tmp/trunkline-postgres.XXXXXX) || { echo 'there is no temporary folder'; exit 1; }
# An answer that nobody reads, or a terminal that is closed, must not keep it from clearing away.
trap '' PIPE INT HUP
trap 'tell CONT; pg_ctl -D "$folder/data" -m immediate -w stop >/dev/null 2>&1; rm -rf "$folder"' EXIT
# The first line of the file is the number of the server's first process, which begins all others.
tell() {
  first=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null) && kill -s "$1" "$first" || return
  for status in /proc/[0-9]*/status; do
    while read -r name value; do
      [ "$name $value" != "PPid: $first" ] || { other=${status#/proc/}; kill -s "$1" "${other%/status}"; }
    done <"$status"
  done 2>/dev/null
  # One that has ended meanwhile is none that was missed.
  true
}
start() {
  pg_ctl -D "$folder/data" -l "$folder/log" -w start >/dev/null 2>&1
}
{ initdb -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$folder/log" 2>&1 &&
  printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$folder'" 'fsync = off' \
    'full_page_writes = off' 'shared_buffers = 16MB' 'max_connections = 100' >>"$folder/data/postgresql.conf" &&
  start; } || { tail -n 3 "$folder/log" | tr '\n' ' '; echo; exit 1; }
echo "ready $folder"
while read -r order name; do
  case $order in
    create) createdb -h "$folder" -U postgres "$name" ;;
    run) printf '%s' "${name#* }" | psql -X -q -v ON_ERROR_STOP=1 "${name%% *}" ;;
    stop) pg_ctl -D "$folder/data" -m immediate -w stop ;;
    start) start ;;
    freeze) tell STOP ;;
    thaw) tell CONT ;;
  esac >"$folder/said" 2>&1 && echo "done" || { tr '\n' ' ' <"$folder/said"; echo; }
done
"#;

/// A PostgreSQL server that listens on a socket in a temporary folder. Dropping it ends it and removes the folder, and so
/// does the end of the process, however it comes.
pub struct PostgresServer {
    folder: String,
    shell: Shell,
    databases: AtomicU32,
}

impl PostgresServer {
    /// Starts a server of its own; takes a second or two.
    ///
    /// # Errors
    ///
    /// Names what is missing, if PostgreSQL is not installed. It is the package `postgresql`.
    pub fn start() -> io::Result<Self> {
        let (shell, folder) = Shell::start(SCRIPT, &[SCRIPT]).map_err(|error| {
            let message = format!("no PostgreSQL to test with ({error}): install the package postgresql");
            io::Error::other(message)
        })?;
        Ok(Self { folder, shell, databases: AtomicU32::new(0) })
    }

    /// The server that all tests of a program share. It is started by the first that asks.
    ///
    /// # Errors
    ///
    /// As [`PostgresServer::start`]. A test that needs it fails then, and says so.
    pub fn shared() -> io::Result<&'static Self> {
        static SHARED: OnceLock<Result<PostgresServer, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start().map_err(|error| error.to_string()));
        shared.as_ref().map_err(|error| io::Error::other(error.as_str()))
    }

    /// Makes an empty database, and gives its address.
    ///
    /// # Errors
    ///
    /// Says what the server says, if it makes none.
    pub fn database(&self) -> io::Result<String> {
        let name = format!("test_{}", 1 + self.databases.fetch_add(1, Ordering::Relaxed));
        self.shell.obey(&format!("create {name}"))?;
        Ok(self.address(&name))
    }

    /// Runs statements in the database at an address that [`PostgresServer::database`] gave: what other programs leave in
    /// theirs. Lines are joined, so that no comment may stand in them.
    ///
    /// # Errors
    ///
    /// Says what the server says of the first statement that fails.
    pub fn run(&self, address: &str, statements: &str) -> io::Result<()> {
        let statements = statements.replace('\n', " ");
        self.shell.obey(&format!("run {address} {statements}"))
    }

    /// The address of a database of that name, whether it is there or not.
    pub fn address(&self, name: &str) -> String {
        format!("postgresql://postgres@localhost/{name}?host={}", self.folder)
    }

    /// Stops the server at once, as a crash would. What was committed is there after [`PostgresServer::resume`].
    ///
    /// # Errors
    ///
    /// Says what the server says, if it does not stop.
    pub fn stop(&self) -> io::Result<()> {
        self.shell.obey("stop")
    }

    /// Starts a server again that was stopped, at the same address.
    ///
    /// # Errors
    ///
    /// Says what the server says, if it does not start.
    pub fn resume(&self) -> io::Result<()> {
        self.shell.obey("start")
    }

    /// Stops all of the server's processes where they are (SIGSTOP): who is connected gets no answer, and who connects is
    /// not refused and gets none either. Linux only.
    ///
    /// # Errors
    ///
    /// Says what the system says, if they do not stop.
    pub fn freeze(&self) -> io::Result<()> {
        self.shell.obey("freeze")
    }

    /// Lets a server go on that was frozen.
    ///
    /// # Errors
    ///
    /// Says what the system says, if it does not go on.
    pub fn thaw(&self) -> io::Result<()> {
        self.shell.obey("thaw")
    }
}

impl fmt::Debug for PostgresServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PostgresServer").field("folder", &self.folder).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::path::Path;

    use super::*;

    #[test]
    fn a_server_does_as_it_is_told_and_leaves_nothing_when_it_is_dropped() {
        let server = PostgresServer::start().expect("a server");
        let address = server.database().expect("a database");
        let folder = address.rsplit('=').next().expect("the folder of the socket").to_owned();
        assert!(Path::new(&folder).exists());
        assert!(server.shell.obey("create test_1").is_err(), "it is there already");
        server
            .run(&address, "CREATE TABLE a (b TEXT);\nINSERT INTO a VALUES ('it''s ; \\n');")
            .expect("they run");
        let failed =
            server.run(&address, "SELECT c FROM a").expect_err("there is no such column").to_string();
        assert!(failed.contains("column \"c\" does not exist"), "{failed}");
        server.stop().expect("it stops");
        server.resume().expect("it starts again");
        server.freeze().expect("it stops where it is");
        drop(server);
        assert!(!Path::new(&folder).exists());
    }

    /// The shell was once killed by the answer to its last order, and the server stayed.
    #[test]
    fn an_owner_that_is_killed_while_it_waits_leaves_nothing() {
        let mut shell = Shell::spawn(SCRIPT, &[SCRIPT]).expect("a shell");
        let mut answers = BufReader::new(shell.stdout.take().expect("a pipe"));
        let mut ready = String::new();
        answers.read_line(&mut ready).expect("an answer");
        let folder = ready.trim().strip_prefix("ready ").expect("a server").to_owned();
        assert!(Path::new(&folder).exists());
        let mut orders = shell.stdin.take().expect("a pipe");
        writeln!(orders, "create test_1").expect("an order");
        drop((answers, orders));
        shell.wait().expect("it ends");
        assert!(!Path::new(&folder).exists());
    }
}
