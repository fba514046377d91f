//! The names that someone may have meant.

/// Up to three of `names` that are close to `wanted`, the closest first.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    const NAMES_MAX: usize = 3;
    const WANTED_BYTES_MAX: usize = 256;
    if wanted.len() > WANTED_BYTES_MAX {
        return Vec::new();
    }
    const SIMILARITY_MIN: f64 = 0.75;
    let asked = wanted;
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(f64, &str)> = names
        .into_iter()
        // A name that leads nowhere is no better for being known.
        .filter(|name| *name != asked)
        .map(|name| (similarity(&wanted, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= SIMILARITY_MIN)
        .collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0).then_with(|| left.1.cmp(right.1)));
    scored.truncate(NAMES_MAX);
    scored.into_iter().map(|(_, name)| name).collect()
}

/// A name is also near when only the path before it differs: `gpt-4o` and `openai/gpt-4o`.
fn similarity(wanted: &str, name: &str) -> f64 {
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    strsim::jaro_winkler(wanted, name).max(strsim::jaro_winkler(&last(wanted), &last(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_and_a_missing_prefix_are_near() {
        let names = ["gpt-4o-gateway", "claude-4-sonnet-gateway", "openai/gpt-4o"];
        assert_eq!(nearest("gpt-4o-gatway", names)[0], "gpt-4o-gateway");
        assert_eq!(nearest("gpt-4o", names)[0], "openai/gpt-4o");
        assert!(nearest("llama", names).is_empty());
        assert!(nearest("gpt-4o-gateway", names).iter().all(|name| *name != "gpt-4o-gateway"));
    }
}
