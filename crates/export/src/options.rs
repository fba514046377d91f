//! How much is kept for a destination, and how long it is tried.

use std::time::Duration;

/// How much is kept for each destination, and how long it is tried. Everything has a default.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// Rows that wait for a destination at most. What comes beyond is dropped and counted. Default 10,000.
    pub rows_max: usize,
    /// Bytes that those rows take at most, about. Default 32 MiB.
    pub bytes_max: usize,
    /// Rows in one POST at most. Default 100.
    pub batch_rows_max: usize,
    /// How long a row waits for others to go with it. Default 1 s.
    pub batch_wait: Duration,
    /// POSTs that are under way to one destination at one time. Default 4.
    pub posts_max: usize,
    /// How long one POST may take, from connecting to the end of the reply. Default 10 s.
    pub post_timeout: Duration,
    /// How often the same rows are sent at most, the first time included. Default 5.
    pub attempts_max: u32,
    /// Between the first failure and the second attempt. It doubles each time. Default 500 ms.
    pub backoff: Duration,
    /// Between two attempts at most, even where the destination asks for more. Default 30 s.
    pub backoff_max: Duration,
    /// How long, at the end, what is queued is still tried. Default 5 s.
    pub flush_timeout: Duration,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            rows_max: 10_000,
            bytes_max: 32 * 1024 * 1024,
            batch_rows_max: 100,
            batch_wait: Duration::from_secs(1),
            posts_max: 4,
            post_timeout: Duration::from_secs(10),
            attempts_max: 5,
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
            flush_timeout: Duration::from_secs(5),
        }
    }
}
