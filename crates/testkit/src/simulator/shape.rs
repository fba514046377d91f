//! What the faults of one request do to the shape of its reply.

use std::time::Duration;

use super::fault::{CutKind, Fault, LineEnding};

/// What the faults of one request do to the shape of a good reply.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) usage_only_chunk: bool,
    pub(crate) omit_usage: bool,
    pub(crate) comments: bool,
    pub(crate) line_ending: Option<LineEnding>,
    pub(crate) byte_order_mark: bool,
    pub(crate) no_trailing_newline: bool,
    pub(crate) first_byte_delay: Duration,
    pub(crate) stall_after: Option<usize>,
    pub(crate) cut: Option<(usize, CutKind)>,
    /// After so many events.
    pub(crate) cut_events: Option<(usize, CutKind)>,
    pub(crate) no_done: bool,
    pub(crate) truncate_after: Option<usize>,
    pub(crate) error_after: Option<(usize, ErrorForm)>,
    pub(crate) hold_open: bool,
}

/// The two forms of an error inside a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    Plain,
    Relayed,
}

impl Shape {
    /// Takes in what concerns the shape, and gives back the fault that answers instead, if there is one.
    pub(crate) fn of(faults: &[Fault]) -> (Self, Option<&Fault>) {
        let mut shape = Self::default();
        let mut instead = None;
        for fault in faults {
            match fault {
                Fault::UsageOnlyChunk => shape.usage_only_chunk = true,
                Fault::OmitUsage => shape.omit_usage = true,
                Fault::Comments => shape.comments = true,
                Fault::LineEnding(ending) => shape.line_ending = Some(*ending),
                Fault::ByteOrderMark => shape.byte_order_mark = true,
                Fault::NoTrailingNewline => shape.no_trailing_newline = true,
                Fault::SlowFirstByte { milliseconds } => {
                    shape.first_byte_delay = Duration::from_millis(*milliseconds);
                }
                Fault::Stall { after_events } => shape.stall_after = Some(*after_events),
                Fault::Cut { after_bytes, how } => shape.cut = Some((*after_bytes, *how)),
                Fault::CutEvents { after_events, how } => shape.cut_events = Some((*after_events, *how)),
                // They change what is told, not how.
                Fault::PartialUsage
                | Fault::OmitCost
                | Fault::CostInUsageAlone
                | Fault::CostInMetadataAlone
                | Fault::CostAsNumber
                | Fault::ContradictoryTotal => {}
                Fault::NoDone => shape.no_done = true,
                Fault::Truncate { after_events } => shape.truncate_after = Some(*after_events),
                Fault::ErrorEvent { after_events } => {
                    shape.error_after = Some((*after_events, ErrorForm::Plain));
                }
                Fault::RelayedErrorEvent { after_events } => {
                    shape.error_after = Some((*after_events, ErrorForm::Relayed));
                }
                Fault::HoldOpen => shape.hold_open = true,
                Fault::InvalidKey
                | Fault::InsufficientFunds
                | Fault::QuotaExceeded
                | Fault::VerificationRequired
                | Fault::RestrictedModel
                | Fault::RuleDenied
                | Fault::TermsViolated
                | Fault::UnknownModel
                | Fault::NoProviders
                | Fault::ContextTooLong
                | Fault::FailedDependency
                | Fault::RateLimited { .. }
                | Fault::ProviderRateLimited
                | Fault::InternalError
                | Fault::Unavailable
                | Fault::HtmlBadGateway
                | Fault::GatewayTimeout
                | Fault::FlatError
                | Fault::PlainTextError
                | Fault::EmptyError { .. }
                | Fault::Garbage
                | Fault::Answer { .. }
                | Fault::Hang => instead = instead.or(Some(fault)),
            }
        }
        (shape, instead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_instead_wins_and_shapes_add_up() {
        let faults = [Fault::Comments, Fault::Unavailable, Fault::Hang, Fault::NoDone];
        let (shape, instead) = Shape::of(&faults);
        assert_eq!(instead, Some(&Fault::Unavailable));
        assert_eq!(shape, Shape { comments: true, no_done: true, ..Shape::default() });
    }
}
