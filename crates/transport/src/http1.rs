//! HTTP/1.1 towards upstreams, spoken inside the task of the request that it serves.
//!
//! A client with a task for each connection wakes that task and this one in turn, for every piece that passes.
//! Here the reply's body owns its connection while it lasts: what one read brought comes out as one piece, however
//! many chunks it was sent in, so that it can leave in one write.

mod connection;
mod framing;
mod head;

pub(crate) use connection::{Broken, Connection, Replied};
pub(crate) use framing::Framing;
pub(crate) use head::{HEAD_BYTES_MAX, HEADERS_MAX, HeadFlaw, RequestHead};
