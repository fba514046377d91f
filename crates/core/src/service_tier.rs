//! How fast a call is served, where that changes its price.

use crate::json;

/// How a call is served: what `service_tier` asks for, and what a reply says that it got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ServiceTier {
    /// As usual.
    #[default]
    Default,
    /// As the upstream thinks fit.
    Auto,
    /// Cheaper and later.
    Flex,
    /// Dearer and sooner.
    Priority,
    /// Dearer than that.
    Ultrafast,
    /// Anthropic's fast mode, `speed: fast`.
    FastMode,
    /// One that has no name here, or two at a time.
    Other,
}

impl ServiceTier {
    /// What a `service_tier` names, given as JSON. `None` where it is null.
    ///
    /// ```
    /// use trunkline_core::ServiceTier;
    ///
    /// assert_eq!(ServiceTier::of_tier(br#""flex""#), Some(ServiceTier::Flex));
    /// assert_eq!(ServiceTier::of_tier(br#""warp""#), Some(ServiceTier::Other));
    /// assert_eq!(ServiceTier::of_tier(b"null"), None);
    /// ```
    pub fn of_tier(raw: &[u8]) -> Option<Self> {
        if json::is_null(raw) {
            return None;
        }
        Some(match json::string(raw).as_deref() {
            // `on_demand` is Groq's word, the other two are Anthropic's.
            Some("default" | "standard" | "standard_only" | "on_demand") => Self::Default,
            Some("auto") => Self::Auto,
            Some("flex") => Self::Flex,
            // OpenAI's `fast` has the price of priority.
            Some("priority" | "fast") => Self::Priority,
            Some("ultrafast") => Self::Ultrafast,
            Some(_) | None => Self::Other,
        })
    }

    /// What a `speed` names, given as JSON. `None` where it is null.
    pub fn of_speed(raw: &[u8]) -> Option<Self> {
        if json::is_null(raw) {
            return None;
        }
        Some(match json::string(raw).as_deref() {
            Some("standard") => Self::Default,
            Some("fast") => Self::FastMode,
            Some(_) | None => Self::Other,
        })
    }

    /// What is meant where two say something. The usual tier gives way; of two others nobody knows what they are
    /// together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Default, tier) | (tier, Self::Default) => tier,
            (one, other) if one == other => one,
            // Fast mode is no tier: the upstream may choose that besides, and has none but its usual one to choose.
            (Self::Auto, Self::FastMode) | (Self::FastMode, Self::Auto) => Self::FastMode,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_every_spelling() {
        for (raw, expected) in [
            (r#""default""#, Some(ServiceTier::Default)),
            (r#""standard_only""#, Some(ServiceTier::Default)),
            (r#""auto""#, Some(ServiceTier::Auto)),
            (r#""pri\u006frity""#, Some(ServiceTier::Priority)),
            (r#""ultrafast""#, Some(ServiceTier::Ultrafast)),
            ("7", Some(ServiceTier::Other)),
            ("null", None),
        ] {
            assert_eq!(ServiceTier::of_tier(raw.as_bytes()), expected, "{raw}");
        }
        assert_eq!(ServiceTier::of_speed(br#""fast""#), Some(ServiceTier::FastMode));
        assert_eq!(ServiceTier::of_speed(br#""standard""#), Some(ServiceTier::Default));
        assert_eq!(ServiceTier::of_speed(br#""slow""#), Some(ServiceTier::Other));
    }

    #[test]
    fn two_words_are_one_or_nobody_knows() {
        use ServiceTier::{Auto, Default, FastMode, Flex, Other, Priority};
        assert_eq!(Default.and(Flex), Flex);
        assert_eq!(Priority.and(Default), Priority);
        assert_eq!(Flex.and(Flex), Flex);
        assert_eq!(Flex.and(Priority), Other);
        assert_eq!(Auto.and(FastMode), FastMode);
        assert_eq!(Priority.and(FastMode), Other);
    }
}
