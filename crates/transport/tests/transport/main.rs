//! The transport against real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "what cannot go on has failed")]

mod exchange;
mod faults;
mod pool;
mod proxies;
mod tls;
mod upstream;
