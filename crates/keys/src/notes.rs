//! What the program itself notes on a key, in settings that callers neither see nor set.

use serde_json::Value;
use trunkline_store::Object;

/// Set on a key that is lent: its secret was shown to somebody who is neither its user nor an administrator.
pub const LENT: &str = "lent";

/// Set on a key that is gone since it was given another secret: nobody gets that secret again.
pub const RENEWED: &str = "renewed";

/// The id under which the limits and the spend of a key are counted, where it had another secret before.
pub const COUNTS_AS: &str = "counts_as";

/// The id under which the limits and the spend of a key are counted.
pub fn counts_as(key: &Object) -> &str {
    key.settings.get(COUNTS_AS).and_then(Value::as_str).unwrap_or(&key.id)
}
