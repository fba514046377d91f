//! The headers by which a request steers the gateway itself.

use http::{HeaderMap, HeaderName, HeaderValue};

/// A request's headers, as far as they are meant for the gateway.
///
/// Most requests have none, and to look for each by its name takes longer than to see that there is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steering<'h>(Option<&'h HeaderMap>);

impl<'h> Steering<'h> {
    pub(crate) fn of(headers: &'h HeaderMap) -> Self {
        Self(headers.keys().any(steers).then_some(headers))
    }

    pub(crate) fn get(self, name: &HeaderName) -> Option<&'h HeaderValue> {
        debug_assert!(steers(name), "{name} is looked for among headers that it is not one of");
        self.0?.get(name)
    }
}

fn steers(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-litellm-") || name.starts_with("x-trunkline-")
}
