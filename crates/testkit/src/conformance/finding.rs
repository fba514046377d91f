//! What a case finds: that the rule held, that it does not apply, or what was expected and what came instead.

use std::fmt;
use std::fmt::Write;

use trunkline_core::Error;

/// How much of a body a finding shows, in bytes.
const SHOWN_BYTES_MAX: usize = 600;

/// What a case comes to.
pub type Outcome = Result<Verdict, Finding>;

/// What a case comes to that found nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The rule held.
    Held,
    /// The rule is about something that the provider does not claim to have.
    NotApplicable(&'static str),
}

/// What is wrong with a provider: what was done, what should have come of it, and what did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was done.
    pub doing: String,
    /// What should have come of it.
    pub expected: String,
    /// What did.
    pub came: String,
}

impl Finding {
    /// A finding.
    pub(crate) fn new(
        doing: impl Into<String>,
        expected: impl Into<String>,
        came: impl Into<String>,
    ) -> Self {
        Self { doing: doing.into(), expected: expected.into(), came: came.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "  doing:    {}\n  expected: {}\n  came:     {}",
            self.doing, self.expected, self.came
        )
    }
}

/// Finds fault unless the two are equal.
pub(crate) fn same<T: PartialEq + fmt::Debug + ?Sized>(
    doing: impl Into<String>,
    what: &str,
    expected: &T,
    came: &T,
) -> Result<(), Finding> {
    if expected == came {
        return Ok(());
    }
    Err(Finding::new(doing, format!("{what} {expected:?}"), format!("{came:?}")))
}

/// Finds fault unless it holds.
pub(crate) fn holds(
    holds: bool,
    doing: impl Into<String>,
    expected: &str,
    came: impl Into<String>,
) -> Result<(), Finding> {
    if holds { Ok(()) } else { Err(Finding::new(doing, expected, came)) }
}

/// Finds fault unless the bytes are equal, and shows where they part.
pub(crate) fn same_bytes(
    doing: impl Into<String>,
    what: &str,
    expected: &[u8],
    came: &[u8],
) -> Result<(), Finding> {
    if expected == came {
        return Ok(());
    }
    let at = expected.iter().zip(came).take_while(|(left, right)| left == right).count();
    let expected =
        format!("{what}: {} bytes, from byte {at} on {}", expected.len(), excerpt(&expected[at..]));
    Err(Finding::new(
        doing,
        expected,
        format!("{} bytes, from there on {}", came.len(), excerpt(&came[at..])),
    ))
}

/// The beginning of a body, as text.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES_MAX)]);
    let more = if body.len() > SHOWN_BYTES_MAX { " …" } else { "" };
    format!("{shown:?}{more}")
}

/// An error with all that it knows.
pub(crate) fn told(error: &Error) -> String {
    let mut text = format!("{:?}: {}", error.kind(), error.message());
    if let Some(answer) = error.upstream() {
        let status = answer.status.map_or("no status".to_owned(), |status| status.as_u16().to_string());
        write!(text, " (upstream: {status}, {})", excerpt(&answer.body)).expect("a text takes all");
    }
    text
}
