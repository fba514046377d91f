//! One exchange over any stream of bytes: a request out, and a look at the reply until its end.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::http1::{Body, Head, invalid};
use crate::reply::Reply;

/// What is read at once, at first and at most.
pub(crate) const READ_BYTES: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 256 * 1024;

/// What kind of reply is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) streams: bool,
    /// A text that a right reply holds; any reply holds the empty one.
    pub(crate) holds: &'static [u8],
}

/// A reply, and whether the connection ends with it.
#[derive(Debug)]
pub(crate) struct Exchanged {
    pub(crate) reply: Reply,
    pub(crate) closes: bool,
}

/// Sends a request and reads the reply. Events are added to `counted` as they come.
///
/// # Errors
///
/// Those of the stream, `UnexpectedEof` where no reply begins, and `InvalidData` for what is none.
pub(crate) async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    buffer: &mut Vec<u8>,
    request: &[u8],
    asked: Asked,
    counted: Option<&AtomicU64>,
) -> io::Result<Exchanged> {
    stream.write_all(request).await?;
    let mut beginning = Vec::new();
    let head = loop {
        let read = stream.read(buffer).await?;
        if read == 0 {
            let message = "the connection ended before a reply";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        beginning.extend_from_slice(&buffer[..read]);
        if let Some(head) = Head::parse(&beginning)? {
            break head;
        }
    };
    let status = head.status.ok_or_else(|| invalid("a reply has no status"))?;
    let streams = asked.streams && status == 200;
    let mut reply = Reply::new(status, streams, asked.holds);
    let mut body = Body::new(head.framing);
    let mut taken = take(&mut body, &mut reply, streams, counted, &beginning[head.bytes..])?;
    let mut given = beginning.len() - head.bytes;
    while !body.is_complete() {
        given = stream.read(buffer).await?;
        if given == 0 {
            return Err(invalid("a reply was cut"));
        }
        taken = take(&mut body, &mut reply, streams, counted, &buffer[..given])?;
        if given == buffer.len() && given < READ_BYTES_MAX {
            buffer.resize(given * 2, 0);
        }
    }
    if taken < given {
        return Err(invalid("bytes follow a reply"));
    }
    Ok(Exchanged { reply, closes: head.closes })
}

fn take(
    body: &mut Body,
    reply: &mut Reply,
    streams: bool,
    counted: Option<&AtomicU64>,
    bytes: &[u8],
) -> io::Result<usize> {
    if !streams {
        return body.feed(bytes, &mut |piece| reply.see(piece));
    }
    let before = reply.events;
    let taken = body.feed(bytes, &mut |piece| reply.see_events(piece))?;
    if let Some(counted) = counted {
        counted.fetch_add(reply.events - before, Ordering::Relaxed);
    }
    Ok(taken)
}
