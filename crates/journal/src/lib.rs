//! An append-only local log of records that survives the end of its process.
//!
//! A [`Journal`] is a folder with files of one size, each mapped into memory while it is written. An append is a copy
//! into such a file under a short lock: no system call, no allocation. The system has it from there, so that it outlives
//! a process that is killed; [`Journal::synced`] waits until it outlives the machine. Files are made ahead by a thread,
//! and used again when what is in them is done with.
//!
//! A [`Place`] is room for a record that is still to come: who has one can append, whatever happens meanwhile.

mod block;
mod chunk;
mod disk;
mod folder;
mod forget;
mod full;
mod holds;
mod journal;
mod keeper;
mod maker;
mod mapping;
mod marks;
mod options;
mod place;
mod position;
mod record;
mod segment;
mod shared;
mod state;
mod synced;

pub use chunk::{Chunk, Record};
pub use disk::{Disk, SystemDisk};
pub use full::Full;
pub use journal::Journal;
pub use options::{Durability, Options};
pub use place::{Place, TooLong};
pub use position::Position;
pub use synced::Synced;
