//! A simulator and a client that calls it.

use trunkline::Client;
use trunkline_testkit::simulator::{Simulator, SimulatorOptions};

/// The key that the client shows.
pub(crate) const KEY: &str = "vck_of_the_client";

pub(crate) async fn simulator() -> Simulator {
    Simulator::start(SimulatorOptions { now_seconds: Some(1_790_000_000), ..SimulatorOptions::default() })
        .await
        .unwrap()
}

pub(crate) fn client(simulator: &Simulator) -> Client {
    Client::builder()
        .api_key("vercel_ai_gateway", KEY)
        .api_base("vercel_ai_gateway", simulator.v1_url())
        .build()
        .unwrap()
}

/// The body of the request at `index`, as the upstream received it.
pub(crate) fn body(simulator: &Simulator, index: usize) -> String {
    String::from_utf8(simulator.control().requests()[index].body.to_vec()).unwrap()
}
