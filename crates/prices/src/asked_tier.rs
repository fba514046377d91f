//! The service tier that a body asks for.

use trunkline_core::{ServiceTier, json};

/// The service tier that a body asks for, whose members `raw` gives by their names.
///
/// It is read from `service_tier` and `speed`, and from `serviceTier` and `speed` of every provider in `providerOptions`.
/// Where several say something, [`and`](ServiceTier::and) says what is meant.
///
/// ```
/// use trunkline_core::{Document, ServiceTier};
/// use trunkline_prices::asked_tier;
///
/// let document = Document::parse(r#"{"providerOptions": {"gateway": {"serviceTier": "priority"}}}"#)?;
/// assert_eq!(asked_tier(|name| document.raw(name)), ServiceTier::Priority);
/// # Ok::<(), trunkline_core::DocumentError>(())
/// ```
pub fn asked_tier<'b>(raw: impl Fn(&str) -> Option<&'b [u8]>) -> ServiceTier {
    let tier = raw("service_tier").and_then(ServiceTier::of_tier).unwrap_or_default();
    let speed = raw("speed").and_then(ServiceTier::of_speed).unwrap_or_default();
    let asked = tier.and(speed);
    raw("providerOptions").map_or(asked, |options| of_options(options).fold(asked, ServiceTier::and))
}

fn of_options(options: &[u8]) -> impl Iterator<Item = ServiceTier> {
    let providers = json::members(options).map(|provider| &options[provider.value]);
    providers.flat_map(|provider| {
        json::members(provider).filter_map(|member| {
            let raw = &provider[member.value.clone()];
            if member.is_named("serviceTier") {
                ServiceTier::of_tier(raw)
            } else if member.is_named("speed") {
                ServiceTier::of_speed(raw)
            } else {
                None
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use trunkline_core::Document;

    use super::*;

    #[track_caller]
    fn check(body: &str, expected: ServiceTier) {
        let document = Document::parse(body.to_owned()).expect("a document");
        assert_eq!(asked_tier(|name| document.raw(name)), expected, "{body}");
    }

    #[test]
    fn a_body_asks_at_the_top_or_in_options() {
        check(r#"{"model": "m"}"#, ServiceTier::Default);
        check(r#"{"service_tier": null, "speed": null}"#, ServiceTier::Default);
        check(r#"{"service_tier": "flex"}"#, ServiceTier::Flex);
        check(r#"{"service_tier": "auto", "speed": "fast"}"#, ServiceTier::FastMode);
        check(r#"{"providerOptions": {"openai": {"serviceTier": "priority"}}}"#, ServiceTier::Priority);
        check(r#"{"providerOptions": {"anthropic": {"speed": "fast"}}}"#, ServiceTier::FastMode);
        check(r#"{"providerOptions": {"gateway": {"order": ["a"]}, "x": 7}}"#, ServiceTier::Default);
    }

    #[test]
    fn whoever_asks_for_two_gets_nobody_knows_which() {
        check(
            r#"{"service_tier": "flex", "providerOptions": {"gateway": {"serviceTier": "priority"}}}"#,
            ServiceTier::Other,
        );
        check(
            r#"{"providerOptions": {"gateway": {"serviceTier": "flex", "serviceTier": "priority"}}}"#,
            ServiceTier::Other,
        );
    }
}
