//! Anthropic's Messages wire, and Anthropic itself as a Trunkline provider.

pub mod wire;
