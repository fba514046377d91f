//! What replicas of a router share in Redis or Valkey.
//!
//! - [`Leases`] are the counters of limits and budgets that several replicas keep to together: see
//!   [`trunkline_limits::shared`]. One script takes a batch of claims, whole or not at all.
//! - [`Replies`] are kept replies, for [`trunkline_cache::Cache`].
//!
//! Both go over one [`Connection`], which is made when it is first used, made anew when it is lost, and given up for a
//! while when the server does not answer. No names are read from the environment: [`Address`] says where the server is.
//!
//! All keys begin with `{trunkline}`, so that they are of one slot where a cluster has several. Redis 6.2 and Valkey 7.2
//! or later are needed.

mod address;
mod connection;
mod leases;
mod replies;

pub use address::Address;
pub use connection::Connection;
pub use leases::Leases;
pub use replies::{Replies, Writer};
