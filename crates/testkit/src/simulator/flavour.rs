//! Whose service a path takes the simulator for.

/// Whose service a path takes the simulator for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// The Vercel AI Gateway, at the root.
    Vercel,
    /// OpenAI itself, under `/openai`: models without a creator, no `provider_metadata`.
    OpenAi,
    /// Anthropic itself, under `/anthropic`: the same, ids as `msg_…`, real usage from the first event on.
    Anthropic,
}

impl Flavour {
    /// Takes the flavour's own prefix off a path.
    pub(crate) fn of(path: &str) -> (Self, &str) {
        let below = |prefix: &str| path.strip_prefix(prefix).filter(|rest| rest.starts_with('/'));
        if let Some(rest) = below("/openai") {
            (Self::OpenAi, rest)
        } else if let Some(rest) = below("/anthropic") {
            (Self::Anthropic, rest)
        } else {
            (Self::Vercel, path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_says_whose_service_it_is() {
        assert_eq!(Flavour::of("/v1/messages"), (Flavour::Vercel, "/v1/messages"));
        assert_eq!(Flavour::of("/anthropic/v1/messages"), (Flavour::Anthropic, "/v1/messages"));
        assert_eq!(Flavour::of("/openai/v1/responses"), (Flavour::OpenAi, "/v1/responses"));
        assert_eq!(Flavour::of("/openais/v1"), (Flavour::Vercel, "/openais/v1"));
    }
}
