//! The contract between Trunkline and a provider, and the one place that sends HTTP calls for it.
