//! Callers: some read to the end, some leave before it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use trunkline_testkit::simulator::Control;

use super::load::{Planned, Stays};

const PATIENCE: Duration = Duration::from_secs(60);

/// Sends a request with a key, and reads the reply as far as its caller does.
pub(crate) async fn call(address: SocketAddr, key: &str, planned: &Planned, upstream: &Control) {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nx-litellm-call-id: {}\r\n\
         authorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        planned.path,
        planned.id,
        planned.body.len()
    );
    // A server may refuse and close before it has taken the whole request; what it answers says why.
    let _ = stream.write_all((head + &planned.body).as_bytes()).await;
    if planned.stays == Stays::UntilSent {
        let is_there =
            tokio::time::timeout(PATIENCE, upstream.wait_for(|request| is_of(planned, &request.body)));
        assert!(is_there.await.is_ok(), "not sent in time: {planned:?}");
        return;
    }
    let (mut reply, mut failure) = (Vec::new(), None);
    let reading = async {
        loop {
            if matches!(planned.stays, Stays::Events(after) if events(&reply) >= after) {
                break;
            }
            match stream.read_buf(&mut reply).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, reading).await.is_ok();
    assert!(ended, "no end in time: {planned:?}\n{}", String::from_utf8_lossy(&reply));
    assert!(reply.starts_with(b"HTTP/1.1 "), "no answer, {failure:?}: {planned:?}");
}

fn events(reply: &[u8]) -> usize {
    const DATA: &[u8] = b"data: ";
    reply.windows(DATA.len()).filter(|window| *window == DATA).count()
}

/// Whether a body, which names its end user, is that of a request.
fn is_of(planned: &Planned, body: &[u8]) -> Option<()> {
    body.windows(planned.id.len()).any(|window| window == planned.id.as_bytes()).then_some(())
}
