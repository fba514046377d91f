//! Ids of calls: random UUIDs that need no system call each.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Builder;

/// Gives each call an id that nobody has given before, in this process or another.
///
/// An id is a count under a keyed hash, whose key is the standard library's: random, from the system, made once. It is
/// there to tell calls apart. Nothing relies on its being secret.
#[derive(Debug, Default)]
pub(crate) struct CallIds {
    key: RandomState,
    count: AtomicU64,
}

impl CallIds {
    /// The next id: a UUID of version 4, in lower case.
    pub(crate) fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let half = |half: u64| u128::from(self.key.hash_one([count, half]));
        let bits = half(0) << 64 | half(1);
        let id = Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        id.hyphenated().encode_lower(&mut text).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use uuid::{Uuid, Variant};

    #[test]
    fn ids_are_random_uuids_and_differ_within_a_gateway_and_between_gateways() {
        let sources = [CallIds::default(), CallIds::default()];
        let ids: Vec<String> = (0..1000).flat_map(|_| sources.iter().map(CallIds::next)).collect();
        for id in &ids {
            let read = Uuid::parse_str(id).expect("a UUID");
            assert_eq!((read.get_version_num(), read.get_variant()), (4, Variant::RFC4122));
            assert_eq!(&read.to_string(), id);
        }
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }
}
