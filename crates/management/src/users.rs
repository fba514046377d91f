//! Users: making, showing, changing and deleting them.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod info;
pub(crate) mod lookup;
