//! The limits of a cache.

use std::time::Duration;

/// The limits of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most that is kept in memory, in bytes. Default 64 MiB. A storage elsewhere has its own bound.
    pub bytes_max: u64,
    /// The largest reply that is kept, in bytes. Default 1 MiB, as in LiteLLM.
    pub entry_bytes_max: usize,
    /// How long the storage may take to answer. Default 50 ms.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bytes_max: 64 * 1024 * 1024,
            entry_bytes_max: 1024 * 1024,
            deadline: Duration::from_millis(50),
        }
    }
}
