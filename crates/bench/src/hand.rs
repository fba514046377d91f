//! The load generator by hand: one lane's calls against any address, for whoever looks into one figure.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::bench::plan;
use crate::closed_loop::Crowd;
use crate::lanes::{self, Kind};
use crate::open_loop;
use crate::statistics::percentile;

/// The flags of `load`.
pub(crate) const FLAGS: &[&str] = &["address", "lane", "model", "rate", "seconds"];

/// Calls, and says how it went.
///
/// # Errors
///
/// Says which flag will not do, and what was wrong with replies.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), String> {
    let address = arguments.text("address").ok_or("--address is missing")?;
    let address: SocketAddr =
        address.parse().map_err(|_| format!("--address is `{address}`, which is none"))?;
    let name = arguments.text("lane").unwrap_or("chat-200b");
    let lane = lanes::chosen(Some(name))?.remove(0);
    let (Kind::Calls(calls) | Kind::Features(calls) | Kind::Latency(calls)) = &lane.kind else {
        return Err(format!("{} does not consist of calls alone", lane.name));
    };
    let duration = Duration::from_secs_f64(arguments.number("seconds", 3.0)?);
    let rate: f64 = arguments.number("rate", 0.0)?;
    let plan = plan(calls, arguments.text("model").unwrap_or(calls.script), address, "");
    let begun = Instant::now();
    let mut tally = if rate > 0.0 {
        open_loop::call(address, calls.connections, plan, rate, duration).await
    } else {
        Crowd::new(address, calls.connections, plan).call_for(duration).await
    };
    let seconds = begun.elapsed().as_secs_f64();
    let [p50, p99] = [0.5, 0.99].map(|share| percentile(&mut tally.latencies, share).unwrap_or(f64::NAN));
    println!(
        "{} right, {} refused, {} failed, {} events, {:.0} a second, p50 {p50:.0} µs, p99 {p99:.0} µs",
        tally.completed,
        tally.refused,
        tally.failed,
        tally.events,
        tally.completed as f64 / seconds,
    );
    tally.failure.map_or(Ok(()), Err)
}
