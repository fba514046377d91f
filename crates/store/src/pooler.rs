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

/// The code of an `SSLRequest`.
const SSL_REQUEST: u32 = 80_877_103;

const SOCKET: &str = ".s.PGSQL.5432";

/// Passes connections on from a socket in one folder to that in another.
async fn pool(own: UnixListener, database: std::path::PathBuf) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = own.accept().await {
        let database = database.clone();
        connections.spawn(async move { pass_on(client, &database).await });
    }
}

async fn pass_on(mut client: UnixStream, database: &Path) -> io::Result<()> {
    let mut startup = message(&mut client).await?;
    if startup[4..8] == SSL_REQUEST.to_be_bytes() {
        client.write_all(b"N").await?;
        startup = message(&mut client).await?;
    }
    let unknown = startup[8..]
        .split(|byte| *byte == 0)
        .step_by(2)
        .filter_map(|name| std::str::from_utf8(name).ok())
        .find(|name| !name.is_empty() && !KNOWN.contains(&name.to_lowercase().as_str()));
    if let Some(unknown) = unknown {
        let fields = format!("SFATAL\0C08P01\0Munsupported startup parameter: {unknown}\0\0");
        client.write_u8(b'E').await?;
        client.write_u32(4 + fields.len() as u32).await?;
        return client.write_all(fields.as_bytes()).await;
    }
    let mut server = UnixStream::connect(database).await?;
    server.write_all(&startup).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// A message that begins with its length.
async fn message(client: &mut UnixStream) -> io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let mut message = vec![0; length as usize];
    message[..4].copy_from_slice(&length.to_be_bytes());
    client.read_exact(&mut message[4..]).await?;
    Ok(message)
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
