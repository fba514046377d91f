//! A database behind a pooler, which refuses what it does not know of a connection that is made.

use std::io;
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use trunkline_core::{Error, Secret};
use trunkline_testkit::postgres::PostgresServer;

use crate::database::Database as _;
use crate::{LitellmDatabase, LitellmTable, PostgresOptions, PostgresStore, Store as _};

/// What PgBouncer takes by itself, as its documentation of `ignore_startup_parameters` has it.
const KNOWN: [&str; 7] = [
    "user",
    "database",
    "client_encoding",
    "datestyle",
    "timezone",
    "standard_conforming_strings",
    "application_name",
];

/// The number that stands for a wish to encrypt.
const ENCRYPT: u32 = 80_877_103;

const SOCKET: &str = ".s.PGSQL.5432";

/// Passes connections on from a socket in one folder to that in another.
async fn pool(own: UnixListener, database: std::path::PathBuf) {
    let mut connections = JoinSet::new();
    while let Ok((caller, _)) = own.accept().await {
        let database = database.clone();
        connections.spawn(async move { pass_on(caller, &database).await });
    }
}

async fn pass_on(mut caller: UnixStream, database: &Path) -> io::Result<()> {
    let mut start = packet(&mut caller).await?;
    if start[4..8] == ENCRYPT.to_be_bytes() {
        caller.write_all(b"N").await?;
        start = packet(&mut caller).await?;
    }
    let unknown = start[8..]
        .split(|byte| *byte == 0)
        .step_by(2)
        .filter_map(|name| std::str::from_utf8(name).ok())
        .find(|name| !name.is_empty() && !KNOWN.contains(&name.to_lowercase().as_str()));
    if let Some(unknown) = unknown {
        let fields = format!("SFATAL\0C08P01\0Munsupported startup parameter: {unknown}\0\0");
        caller.write_u8(b'E').await?;
        caller.write_u32(4 + fields.len() as u32).await?;
        return caller.write_all(fields.as_bytes()).await;
    }
    let mut server = UnixStream::connect(database).await?;
    server.write_all(&start).await?;
    copy_bidirectional(&mut caller, &mut server).await.map(drop)
}

/// A packet that begins with its length.
async fn packet(caller: &mut UnixStream) -> io::Result<Vec<u8>> {
    let length = caller.read_u32().await?;
    let mut packet = vec![0; length as usize];
    packet[..4].copy_from_slice(&length.to_be_bytes());
    caller.read_exact(&mut packet[4..]).await?;
    Ok(packet)
}

async fn said(store: &PostgresStore, setting: &str) -> Result<String, Error> {
    let rows = store.read().await?.fetch(&format!("SHOW {setting}"), Vec::new()).await?;
    rows[0].text(0)
}

#[tokio::test]
async fn a_pooler_refuses_nothing_and_statements_have_their_limit_behind_it() {
    let server = PostgresServer::shared().expect("a server");
    let address = server.database().expect("a new database");
    let keys = "CREATE TABLE \"LiteLLM_VerificationToken\" (token TEXT PRIMARY KEY)";
    server.run(&address, keys).expect("a table");
    let (rest, behind) = address.split_once("?host=").expect("the folder of its socket");
    let folder = tempfile::tempdir().expect("a folder");
    let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket");
    let pooler = tokio::spawn(pool(listener, Path::new(behind).join(SOCKET)));
    let url = Secret::new(format!("{rest}?host={}", folder.path().display()));
    let store = PostgresStore::connect(&url, &PostgresOptions::default()).expect("an address");
    store.ping().await.expect("it answers");
    for limit in ["statement_timeout", "idle_in_transaction_session_timeout"] {
        assert_eq!(said(&store, limit).await.expect("it answers"), "1min", "{limit}");
    }
    let others = LitellmDatabase::new(&url).expect("an address").snapshot().await.expect("it answers");
    assert!(others.has(LitellmTable::Keys));
    pooler.abort();
}
