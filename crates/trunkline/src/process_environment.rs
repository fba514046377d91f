//! The environment of this process, read at one place and handed down as a value.

use trunkline_core::Environment;

/// The variables of this process. One that is no UTF-8 is left out: no key, URL or name of ours could be in it.
///
/// Libraries take an `Environment`; this crate is the embedder's front door, and what an embedder calls by its
/// name, `from_env`, reads the process here and nowhere else.
pub(crate) fn process_environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect()
}
