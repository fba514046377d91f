//! What replicas share, over a real Redis.

mod books;
mod claims;
mod grants;
mod outage;
mod replies;

use std::time::Duration;

use trunkline_core::Secret;
use trunkline_redis::{Address, Connection};
use trunkline_testkit::redis::RedisServer;

/// Long enough for a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(5);

fn connection(server: &RedisServer, deadline: Duration) -> Connection {
    let address = Address { url: Some(Secret::new(server.url())), ..Address::default() };
    Connection::new(&address, deadline).expect("an address that can be read")
}
