//! What the scripted upstream is to answer, told by the name of the model that is asked for.

/// An answer that a model's name asks for. The names are parts joined by `-`: `stream-200x16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Script {
    /// `whole-<bytes>`: a chat completion with so much content.
    Whole { bytes: usize },
    /// `embed-<bytes>`: embeddings of about so many bytes.
    Embeddings { bytes: usize },
    /// `stream-<events>x<events a write>`, with `-reasoning` behind it where half of the events say `reasoning`.
    Stream { events: usize, a_write: usize, reasoning: bool },
    /// `paced-<events>-<milliseconds>`: one event at a time, so far apart.
    Paced { events: usize, every_ms: u64 },
    /// `fault-<percent>`: so many of a hundred calls are refused with 500.
    Fault { percent: u64 },
}

/// Limits, so that a slip in a name does not fill the memory.
const BYTES_MAX: usize = 64 * 1024 * 1024;
const EVENTS_MAX: usize = 1_000_000;

impl Script {
    /// The script that a model's name asks for.
    pub(crate) fn parse(model: &str) -> Option<Self> {
        let (kind, rest) = model.split_once('-')?;
        let bytes = || rest.parse().ok().filter(|bytes| *bytes <= BYTES_MAX);
        let events = |text: &str| text.parse().ok().filter(|events| (1..=EVENTS_MAX).contains(events));
        match kind {
            "whole" => Some(Self::Whole { bytes: bytes()? }),
            "embed" => Some(Self::Embeddings { bytes: bytes()? }),
            "stream" => {
                let (shape, reasoning) = match rest.strip_suffix("-reasoning") {
                    Some(shape) => (shape, true),
                    None => (rest, false),
                };
                let (count, a_write) = shape.split_once('x')?;
                Some(Self::Stream { events: events(count)?, a_write: events(a_write)?, reasoning })
            }
            "paced" => {
                let (count, every_ms) = rest.split_once('-')?;
                let every_ms = every_ms.parse().ok().filter(|every| *every > 0)?;
                Some(Self::Paced { events: events(count)?, every_ms })
            }
            "fault" => Some(Self::Fault { percent: rest.parse().ok().filter(|percent| *percent <= 100)? }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ask_for_scripts() {
        let check = |name: &str, expected: Script| assert_eq!(Script::parse(name), Some(expected), "{name}");
        check("whole-200", Script::Whole { bytes: 200 });
        check("embed-1000000", Script::Embeddings { bytes: 1_000_000 });
        check("stream-200x16", Script::Stream { events: 200, a_write: 16, reasoning: false });
        check("stream-20x1-reasoning", Script::Stream { events: 20, a_write: 1, reasoning: true });
        check("paced-60-1000", Script::Paced { events: 60, every_ms: 1000 });
        check("fault-100", Script::Fault { percent: 100 });
    }

    #[test]
    fn other_names_ask_for_none() {
        for name in
            ["gpt-4o", "whole", "whole-x", "stream-0x1", "stream-5", "paced-5", "paced-5-0", "fault-101"]
        {
            assert_eq!(Script::parse(name), None, "{name}");
        }
        assert_eq!(Script::parse("whole-99999999999"), None);
    }
}
