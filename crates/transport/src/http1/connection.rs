//! A connection to an upstream, and one exchange on it after another.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr_iter;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, Sleep, sleep_until};
use trunkline_core::Segments;

use super::framing::{BodyFlaw, Framing};
use super::head::{HEAD_BYTES_MAX, HeadFlaw, ReplyHead, RequestHead};
use crate::socket::Socket;

/// What a read makes room for at first, and at most.
const READ_BYTES: usize = 8 * 1024;
const READ_BYTES_MAX: usize = 256 * 1024;
/// As many pieces of a request as leave in one write.
const SLICES_MAX: usize = 32;

/// As many interim replies (`100 Continue` and its kin) as are passed over before the real one.
const INTERIM_MAX: usize = 16;

/// A connection to an upstream.
pub(crate) struct Connection {
    socket: Socket,
    /// Whose driver wakes those who wait for the socket.
    runtime: Id,
    /// What has been read and not been taken yet.
    read: BytesMut,
    /// How much of it was searched for the end of a head, in vain.
    searched: usize,
    /// What the next read makes room for.
    room: usize,
    /// What is left to send of a request.
    unsent: VecDeque<Bytes>,
    /// Whether bytes were handed to TLS that may not have left it.
    unflushed: bool,
    /// Whether a write failed: nothing more is sent then.
    has_failed: bool,
    alarm: Pin<Box<Sleep>>,
}

/// A reply has begun.
#[derive(Debug)]
pub(crate) struct Replied {
    pub(crate) head: ReplyHead,
    pub(crate) connection: Connection,
}

/// Why there was no reply.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection had ended before anything of the request was sent.
    Unused(io::Error),
    /// The upstream, or the network, ended it.
    Ended(io::Error),
    /// What came is no reply.
    NoReply(HeadFlaw),
    /// The deadline passed.
    Late,
}

impl Connection {
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            socket,
            runtime: Handle::current().id(),
            read: BytesMut::new(),
            searched: 0,
            room: READ_BYTES,
            unsent: VecDeque::new(),
            unflushed: false,
            has_failed: false,
            // It is set when there is something to wait for.
            alarm: Box::pin(sleep_until(Instant::now())),
        }
    }

    /// The runtime in which it was made.
    pub(crate) fn runtime(&self) -> Id {
        self.runtime
    }

    /// Whether an exchange is over: everything was sent, and nothing came that belongs to no reply.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.has_sent() && self.read.is_empty()
    }

    /// Whether nobody has closed it, or said something on it, while it was at rest.
    pub(crate) fn is_quiet(&mut self, context: &mut Context<'_>) -> bool {
        self.socket.is_quiet(context)
    }

    /// Lets go of what only a connection in use needs.
    pub(crate) fn rest(&mut self) {
        self.read = BytesMut::new();
        self.room = READ_BYTES;
    }

    /// Sends a request and waits for the head of its reply.
    ///
    /// # Errors
    ///
    /// Says why there is none. The connection is closed then.
    pub(crate) async fn exchange(
        mut self,
        head: &RequestHead,
        body: &Segments,
        deadline: Instant,
    ) -> Result<Replied, Broken> {
        self.unsent.push_back(head.bytes.clone());
        self.unsent.extend(body.iter().cloned());
        let unsent = head.bytes.len() + body.len();
        let is_bodiless = head.is_bodiless;
        let mut interim = 0;
        let head = poll_fn(|context| {
            // A reply may come before the request has been read: refusals do.
            if let Poll::Ready(Err(error)) = self.poll_send(context)
                && self.unsent.iter().map(Bytes::len).sum::<usize>() == unsent
            {
                return Poll::Ready(Err(Broken::Unused(error)));
            }
            loop {
                match self.poll_head(context, is_bodiless) {
                    Poll::Ready(Ok(head)) if head.is_interim() => {
                        interim += 1;
                        if interim > INTERIM_MAX {
                            return Poll::Ready(Err(Broken::NoReply(HeadFlaw::Interim)));
                        }
                    }
                    Poll::Ready(outcome) => return Poll::Ready(outcome),
                    Poll::Pending => {
                        ready!(self.poll_alarm(context, deadline));
                        return Poll::Ready(Err(Broken::Late));
                    }
                }
            }
        })
        .await?;
        Ok(Replied { head, connection: self })
    }

    /// Goes on sending what is left of the request. A failure is told once.
    pub(crate) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_failed {
            return Poll::Pending;
        }
        let sent = ready!(self.poll_write(context));
        self.has_failed = sent.is_err();
        Poll::Ready(sent)
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            for (slice, bytes) in slices.iter_mut().zip(&self.unsent) {
                *slice = IoSlice::new(bytes);
            }
            let count = self.unsent.len().min(SLICES_MAX);
            let mut sent = ready!(Pin::new(&mut self.socket).poll_write_vectored(context, &slices[..count]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            while let Some(first) = self.unsent.front_mut() {
                if sent < first.len() {
                    first.advance(sent);
                    break;
                }
                sent -= first.len();
                self.unsent.pop_front();
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.socket).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the whole request has been sent.
    pub(crate) fn has_sent(&self) -> bool {
        self.unsent.is_empty() && !self.unflushed && !self.has_failed
    }

    /// What has been read of a body.
    ///
    /// # Errors
    ///
    /// As [`Framing::take`].
    pub(crate) fn take(&mut self, framing: &mut Framing) -> Result<Bytes, BodyFlaw> {
        framing.take(&mut self.read)
    }

    fn poll_head(&mut self, context: &mut Context<'_>, is_bodiless: bool) -> Poll<Result<ReplyHead, Broken>> {
        loop {
            // The first look is at once, so that what is no HTTP is told early.
            let is_first = self.searched == 0 && !self.read.is_empty();
            if is_first || has_end(&self.read, self.searched) {
                let taken = ReplyHead::take(&mut self.read, is_bodiless).map_err(Broken::NoReply)?;
                if let Some(head) = taken {
                    self.searched = 0;
                    return Poll::Ready(Ok(head));
                }
            } else if self.read.len() > HEAD_BYTES_MAX {
                return Poll::Ready(Err(Broken::NoReply(HeadFlaw::TooLong)));
            }
            self.searched = self.read.len();
            let read = ready!(self.poll_read(context, None)).map_err(Broken::Ended)?;
            if read == 0 {
                return Poll::Ready(Err(Broken::Ended(io::ErrorKind::UnexpectedEof.into())));
            }
        }
    }

    /// Reads what has come. 0 is the end. Where it is known how much there is to come, there is room for that.
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        known: Option<u64>,
    ) -> Poll<io::Result<usize>> {
        if self.read.is_empty() && self.socket.has_nothing(context) {
            // Streams wait most of their time, and there may be many.
            self.read = BytesMut::new();
            return Poll::Pending;
        }
        let room = known.map_or(self.room, |left| usize::try_from(left).unwrap_or(usize::MAX).max(self.room));
        let room = room.min(READ_BYTES_MAX);
        self.read.reserve(room.saturating_sub(self.read.len()).max(READ_BYTES / 2));
        let spare = self.read.capacity() - self.read.len();
        let read = pin!(self.socket.read_buf(&mut self.read)).poll(context);
        match read {
            Poll::Ready(Ok(read)) if read == spare => self.room = (self.room * 2).min(READ_BYTES_MAX),
            Poll::Ready(Ok(read)) if read < spare / 4 => self.room = (self.room / 2).max(READ_BYTES),
            Poll::Pending if self.read.is_empty() => self.read = BytesMut::new(),
            Poll::Ready(_) | Poll::Pending => {}
        }
        read
    }

    /// Waits until the deadline. The alarm may have been set for an earlier one, which costs less than to set it
    /// anew for each wait; it then rings, and is set again.
    pub(crate) fn poll_alarm(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.alarm.is_elapsed() || self.alarm.deadline() > deadline {
            self.alarm.as_mut().reset(deadline);
        }
        loop {
            ready!(self.alarm.as_mut().poll(context));
            if self.alarm.deadline() >= deadline {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(deadline);
        }
    }
}

/// Whether a blank line stands in what was read, or begins in the last bytes of what was searched before.
fn has_end(read: &[u8], searched: usize) -> bool {
    let new = &read[searched.saturating_sub(3)..];
    memchr_iter(b'\n', new).any(|line| matches!(&new[line + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

// What is read and sent holds prompts, replies and keys, so that `Debug` shows the shape alone.
impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("read", &self.read.len())
            .field("has_sent", &self.has_sent())
            .finish_non_exhaustive()
    }
}
