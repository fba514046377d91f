//! The allocator of every program that links this crate, and how it gives back what is no longer needed.
//!
//! Server and bare proxy share it, so that they differ in nothing but what they do. It is mimalloc, chosen by measurement: a chat allocates some sixty times and takes 13,000 instructions less than
//! with the C library's. Its feature `no_thp` keeps it from transparent huge pages, with which an idle server holds
//! 16 MB instead of 9.

use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often memory that is no longer needed goes back to the system, at most.
const EVERY: Duration = Duration::from_secs(10);

/// Larger than what the allocator keeps for each thread, so that its release reaches what all threads share.
const RELEASE_BYTES: usize = 1024 * 1024;

/// Works, and all the while gives memory back to the system that a burst needed and nobody needs any more.
///
/// mimalloc looks for what it can give back whenever a large piece is freed. A program at rest frees none, and would
/// hold four times its idle size for as long as it rests. The lane `rss-after-burst` of the benchmarks measures this.
pub async fn giving_back_at_rest<W: Future>(work: W) -> W::Output {
    let giving_back = async {
        loop {
            tokio::time::sleep(EVERY).await;
            drop(std::hint::black_box(Vec::<u8>::with_capacity(RELEASE_BYTES)));
        }
    };
    tokio::select! {
        done = work => done,
        never = giving_back => never,
    }
}
