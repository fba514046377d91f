//! What is known of a vendor whose upstream speaks OpenAI's wire format.

use trunkline_core::Operation;

/// A vendor, or a server program, whose upstream speaks OpenAI's wire format.
#[derive(Clone, Copy, Debug)]
pub struct Vendor {
    /// The prefix of its models: `groq` for `groq/<model>`.
    pub prefix: &'static str,
    /// Other prefixes for the same, which configurations written for LiteLLM use.
    pub aliases: &'static [&'static str],
    /// What people call it.
    pub name: &'static str,
    /// Its base URL; operations stand below it.
    pub base: &'static str,
    /// The variables that name another base URL, the first that is set.
    pub base_variables: &'static [&'static str],
    /// The variables that hold the key, the first that is set. That key goes to this vendor's base alone.
    pub key_variables: &'static [&'static str],
    /// Whether it answers without a key, as local servers do.
    pub is_open: bool,
    /// The operations that its documentation names.
    pub operations: &'static [Operation],
    /// Where it differs from OpenAI.
    pub quirks: &'static [Quirk],
    /// The public page that base URL and key come from.
    pub source: &'static str,
}

/// A difference from OpenAI that the codec makes up for.
///
/// WHEN ADDING A QUIRK: say in the codec what it changes; a quirk that nothing honours misleads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// It refuses `stream_options`, and tells the usage of a stream without being asked.
    NoStreamOptions,
    /// It reports what was billed, in US dollars, as `usage.cost`.
    ReportsCost,
    /// Its users write the base URL without `/v1`, because its own API stands beside it.
    BaseWithoutVersion,
}

impl Vendor {
    /// Its prefix, then the others that mean the same.
    pub fn prefixes(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.prefix).chain(self.aliases.iter().copied())
    }

    /// Whether it has this quirk.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }
}
