//! The four waits for an upstream.

use std::fmt;

/// A wait for an upstream that has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// Until a connection stands.
    Connect,
    /// From sending until the first event, or the first byte of what is no stream.
    FirstEvent,
    /// Between one piece of the body and the next.
    Idle,
    /// From sending until the end.
    Total,
}

impl Wait {
    /// Its name, as in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::FirstEvent => "first_event",
            Self::Idle => "idle",
            Self::Total => "total",
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
