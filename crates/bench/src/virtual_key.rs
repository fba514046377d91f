//! The virtual key that callers show, made as an operator makes one.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::configuration::{CALLER_KEY, OPERATOR_KEY};

/// Makes a key with every kind of limit, none of which is ever reached. One that an earlier start left in a database goes.
///
/// # Errors
///
/// What the server answered where that is no key, or why it did not.
pub(crate) async fn make(address: SocketAddr) -> Result<(), String> {
    let new = format!(
        r#"{{"key":"{CALLER_KEY}","key_alias":"bench","rpm_limit":1000000000,"tpm_limit":1000000000000000,"max_parallel_requests":1000000,"max_budget":1000000000,"budget_duration":"30d"}}"#
    );
    // Refused where there is none; whatever else went wrong shows when the new one is made.
    answered(address, "/key/delete", r#"{"key_aliases":["bench"]}"#).await?;
    let reply = answered(address, "/key/generate", &new).await?;
    if reply.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(reply) }
}

async fn answered(address: SocketAddr, path: &str, body: &str) -> Result<String, String> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {OPERATOR_KEY}\r\ncontent-type: \
         application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    exchanged(address, request.as_bytes()).await.map_err(|error| format!("{path}: {error}"))
}

async fn exchanged(address: SocketAddr, request: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    Ok(reply)
}
