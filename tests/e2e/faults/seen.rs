//! What a caller saw of a fault, in the words of the table.

/// An answer, as far as the table tells of it.
pub(super) struct Seen<'a> {
    pub(super) status: u16,
    /// The header `x-trunkline-attempts`.
    pub(super) attempts: &'a str,
    /// The header `x-litellm-model-id`: `bad`, `good` or `other` behind its last dot.
    pub(super) deployment: &'a str,
    pub(super) text: &'a str,
    pub(super) is_stream: bool,
    /// How often the one that fails was reached, where that can be counted, and the one that answers.
    pub(super) reached: (Option<usize>, usize),
}

impl Seen<'_> {
    /// `200 ×2, second` is an answer of the second deployment after one failed attempt.
    pub(super) fn told(&self) -> String {
        let attempts = self.attempts.split(", ").count();
        let at_bad = self.attempts.split(", ").filter(|attempt| attempt.contains(".bad ")).count();
        let (bad, good) = self.reached;
        assert_eq!((bad.unwrap_or(at_bad), good), (at_bad, attempts - at_bad), "{}", self.attempts);
        let who = match self.deployment.rsplit('.').next() {
            Some("bad") => "first",
            Some("good") => "second",
            Some("other") => "fallback",
            _ => "nobody",
        };
        let how = match (self.status, self.is_stream) {
            (200, false) => who.to_owned(),
            (200, true) => match self.text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back()
            {
                Some("[DONE]") => who.to_owned(),
                last => {
                    // A stream that failed never looks like one that ended.
                    assert!(!self.text.contains("[DONE]"), "{}", self.text);
                    format!("{who}, then the event `{}`", error_type(last.unwrap_or_default()))
                }
            },
            _ => format!("`{}`", error_type(self.text)),
        };
        format!("{} ×{attempts}, {how}", self.status)
    }
}

fn error_type(json: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
    json["error"]["type"].as_str().unwrap_or_default().to_owned()
}
