//! Ids of traces and spans: random, and never all zeros.

use std::hash::{BuildHasher, RandomState};

/// Gives out ids that nobody has given before, in this process or another.
///
/// An id is a count under a keyed hash, whose key is the standard library's: random, from the system. Nothing relies
/// on its being secret.
#[derive(Debug, Default)]
pub(crate) struct TraceIds {
    key: RandomState,
    count: u64,
}

impl TraceIds {
    pub(crate) fn trace(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.span());
        id[8..].copy_from_slice(&self.span());
        id
    }

    pub(crate) fn span(&mut self) -> [u8; 8] {
        loop {
            self.count += 1;
            let id = self.key.hash_one(self.count);
            if id != 0 {
                return id.to_be_bytes();
            }
        }
    }
}
