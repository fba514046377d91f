//! The ledger as its users have it: over a journal and a store.

mod delivery;
mod full;
mod kill;
mod map_store;
mod power;
mod retention;
mod samples;
