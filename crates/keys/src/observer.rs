//! Whoever wants to know what others have changed in the store.

use std::fmt;

use trunkline_store::Kind;

/// Is told of changes of objects, after they are in the store.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Objects of this kind have changed, or may have: some are told of twice, and all at the first look.
    fn changed(&self, kind: Kind);
}
