//! What a request is known by in the ledger: unique, and in the order of time.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// The id of a request: a UUID of version 7. It prints as 36 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// Its bytes, in the order in which it is sorted.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(formatter)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Makes ids without asking the system for anything.
///
/// An id is the time in milliseconds (48 bits), a count (12), and 62 bits that are the count, mixed: two of one process
/// differ because the mixture of different counts differs, those of different processes because each mixes from a number
/// of its own, which is drawn at its start.
#[derive(Debug)]
pub(crate) struct RequestIds {
    start: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        // The standard library draws the keys of its tables from the system.
        Self { start: RandomState::new().build_hasher().finish(), count: AtomicU64::new(0) }
    }

    /// The next id, of a request that began at this time in milliseconds since 1970.
    pub(crate) fn next(&self, started_at: i64) -> RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mixed = mix(self.start.wrapping_add(count));
        let milliseconds = started_at.max(0) as u64;
        let high = (milliseconds << 16) | 0x7000 | (count & 0x0FFF);
        let low = (mixed >> 2) | 1 << 63;
        RequestId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }

    /// A number that nobody foresees, for waits that shall differ.
    pub(crate) fn random(&self) -> u64 {
        mix(self.start.rotate_left(32).wrapping_add(self.count.load(Ordering::Relaxed)))
    }
}

/// Leads different numbers to different numbers that look like any (the finalizer of splitmix64).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_and_follow_the_time() {
        let (one, other) = (RequestIds::new(), RequestIds::new());
        let mut seen = HashSet::new();
        for count in 0..50_000 {
            assert!(seen.insert(one.next(count / 10_000)) && seen.insert(other.next(count / 10_000)));
        }
        assert!(one.next(1_764_000_000_000) < one.next(1_764_000_000_001));
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7() {
        let text = RequestIds::new().next(1_764_000_000_000).to_string();
        let uuid: Uuid = text.parse().expect("a UUID");
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
        let (seconds, nanoseconds) = uuid.get_timestamp().expect("a time").to_unix();
        assert_eq!((seconds, nanoseconds), (1_764_000_000, 0));
    }
}
