//! One connection: reads a request, plays its script, watches for the caller to hang up meanwhile.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::script::{Pause, Script, Step, parts};
use super::{Shared, request};

/// What a caller may send ahead of the reply, before it counts as gone astray.
const PIPELINED_BYTES_MAX: usize = 1 << 20;

/// How a script left its connection.
enum Ending {
    Open,
    Closed,
    Reset,
    HungUp,
}

pub(crate) async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    shared.connected();
    let mut buffer = BytesMut::new();
    while let Some(request) = request::read(&mut stream, &mut buffer).await {
        let last = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let (index, script) = shared.script(request);
        let ending = {
            let (mut read, mut write) = stream.split();
            // The script first: a caller that leaves when it has all it wanted did not hang up on it.
            tokio::select! {
                biased;
                ending = play(&mut write, script, &shared) => ending,
                () = hang_up(&mut read, &mut buffer) => Ending::HungUp,
            }
        };
        match ending {
            Ending::Open if !last => shared.played(index),
            Ending::Open | Ending::Closed => {
                shared.played(index);
                return;
            }
            Ending::Reset => {
                // With no time to linger, dropping the socket sends RST.
                let _unset = stream.set_zero_linger();
                drop(stream);
                shared.played(index);
                return;
            }
            Ending::HungUp => {
                shared.hung_up(index);
                return;
            }
        }
    }
}

async fn play(write: &mut WriteHalf<'_>, script: Script, shared: &Shared) -> Ending {
    for step in script.steps {
        let written = match step {
            Step::Send(bytes) => write.write_all(&bytes).await,
            Step::SendSplit { bytes, at } => send_split(write, &bytes, &at).await,
            Step::Pause(Pause::For(wait)) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Step::Pause(Pause::Told) => {
                if let Ok(permit) = shared.tells.acquire().await {
                    permit.forget();
                }
                Ok(())
            }
            Step::Close => {
                // The socket is dropped next, which closes it whether or not this worked.
                let _shut = write.shutdown().await;
                return Ending::Closed;
            }
            Step::Reset => return Ending::Reset,
            Step::Hold => std::future::pending().await,
        };
        if written.is_err() {
            return Ending::HungUp;
        }
    }
    Ending::Open
}

async fn send_split(write: &mut WriteHalf<'_>, bytes: &[u8], at: &[usize]) -> io::Result<()> {
    for part in parts(bytes, at) {
        write.write_all(part).await?;
        // Lets the reader see this part before the next one joins it in its buffer.
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Ends when the caller closed its side, reset it, or sends without end.
async fn hang_up(read: &mut ReadHalf<'_>, buffer: &mut BytesMut) {
    while buffer.len() < PIPELINED_BYTES_MAX {
        match read.read_buf(buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
