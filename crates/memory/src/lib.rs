//! The allocator of every program that links this crate, and how it gives back what is no longer needed.
//!
//! Server and bare proxy share it, so that they differ in nothing but what they do. It is mimalloc, chosen by
//! measurement: a chat allocates some sixty times and takes 13,000 instructions less than with the C library's. Its
//! feature `no_thp` keeps it from transparent huge pages, with which an idle server holds 16 MB instead of 9.

use std::hint::black_box;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often memory that is no longer needed goes back to the system, at most.
const EVERY: Duration = Duration::from_secs(10);

/// Larger than what the allocator keeps for each thread, so that its release reaches what all threads share.
const SHARED_BYTES: usize = 1024 * 1024;

/// Large enough that a request for it counts among those after some of which the thread's pages are looked through.
const OWN_BYTES: usize = 2 * 1024;

/// How many such requests lie between two looks, and some more. They take a quarter of a millisecond.
const OWN_REQUESTS: usize = 12_000;

/// Works, and all the while gives memory back to the system that a burst needed and nobody needs any more.
///
/// mimalloc looks for what it can give back when a large piece is freed, and in a thread's own pages once in so many
/// requests. A program at rest does neither, and would hold four times its idle size for as long as it rests. The lane
/// `rss-after-burst` of the benchmarks measures this.
///
/// Call it within a Tokio runtime, whose workers take part. Dropping what it returns ends their part.
pub async fn giving_back_at_rest<W: Future>(work: W) -> W::Output {
    let giving_back = async {
        loop {
            tokio::time::sleep(EVERY).await;
            // One for each worker: while one is busy with its own, the next one is woken.
            let workers = Handle::current().metrics().num_workers();
            let giving: JoinSet<()> = (0..workers).map(|_| async { give_back_own() }).collect();
            giving.join_all().await;
            drop(black_box(Vec::<u8>::with_capacity(SHARED_BYTES)));
        }
    };
    tokio::select! {
        done = work => done,
        never = giving_back => never,
    }
}

/// Gives back what the calling thread keeps for itself.
fn give_back_own() {
    for _ in 0..OWN_REQUESTS {
        drop(black_box(Vec::<u8>::with_capacity(OWN_BYTES)));
    }
}
