//! Ids of traces and spans: random, never all zeros, and of one row always the same.

use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use crate::row::Row;

/// Gives out the ids of a row's spans, that nobody has given before, in this process or another.
///
/// An id is a row and a count under a keyed hash, whose key is the standard library's: random, from the system. Nothing
/// relies on its being secret.
#[derive(Debug)]
pub(crate) struct TraceIds<'r> {
    key: &'r RandomState,
    row: (&'r str, SystemTime),
    count: u64,
}

impl<'r> TraceIds<'r> {
    pub(crate) fn of(row: &'r Row, key: &'r RandomState) -> Self {
        Self { key, row: (&row.call_id, row.ended), count: 0 }
    }

    pub(crate) fn trace(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.span());
        id[8..].copy_from_slice(&self.span());
        id
    }

    pub(crate) fn span(&mut self) -> [u8; 8] {
        loop {
            self.count += 1;
            let id = self.key.hash_one((self.row, self.count));
            if id != 0 {
                return id.to_be_bytes();
            }
        }
    }
}
