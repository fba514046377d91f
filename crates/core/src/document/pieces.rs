//! The text of an edited document, as spans of the source with the edits between them.

use std::ops::Range;

use bytes::Bytes;

use super::member::{Appended, Member, State};

/// A piece of a document's text.
pub(super) enum Piece {
    Source(Range<usize>),
    Edited(Bytes),
}

/// Tells a document's text piece by piece. Neighbours in the source are one piece; a piece may be empty.
///
/// Between two members stands a separator: white space, a comma, white space. A member that is left takes along the
/// separator before it, except that the first one that is left stands where the first one stood.
pub(super) fn for_each(source: &[u8], members: &[Member], appended: &[Appended], tell: impl FnMut(Piece)) {
    let head_end = members.first().map_or_else(|| closing_brace(source), Member::start);
    let tail_start = members.last().map_or(head_end, |last| last.value.end);
    let mut joiner = Joiner { tell, run: 0..head_end };
    let mut separator = head_end;
    let mut is_first = true;
    for member in members {
        let start = if is_first { member.start() } else { separator };
        separator = member.value.end;
        match &member.state {
            State::Removed => continue,
            State::Kept | State::Shadowed => joiner.source(start..member.value.end),
            State::Replaced(value) => {
                joiner.source(start..member.value.start);
                joiner.edited(value.clone(), member.value.end);
            }
        }
        is_first = false;
    }
    for member in appended {
        let lead = if is_first { member.lead.slice(1..) } else { member.lead.clone() };
        joiner.edited(lead, tail_start);
        joiner.edited(member.value.clone(), tail_start);
        is_first = false;
    }
    joiner.source(tail_start..source.len());
    joiner.finish();
}

/// Joins spans that touch.
struct Joiner<F> {
    tell: F,
    /// The span that is not told yet, because the next may touch it.
    run: Range<usize>,
}

impl<F: FnMut(Piece)> Joiner<F> {
    fn source(&mut self, span: Range<usize>) {
        if self.run.end == span.start {
            self.run.end = span.end;
        } else {
            (self.tell)(Piece::Source(std::mem::replace(&mut self.run, span)));
        }
    }

    /// An edit, after which the source goes on at `next`.
    fn edited(&mut self, text: Bytes, next: usize) {
        (self.tell)(Piece::Source(std::mem::replace(&mut self.run, next..next)));
        (self.tell)(Piece::Edited(text));
    }

    fn finish(mut self) {
        (self.tell)(Piece::Source(self.run));
    }
}

/// The position of the brace that closes an object without members, which only white space can follow.
fn closing_brace(source: &[u8]) -> usize {
    memchr::memrchr(b'}', source).unwrap_or_default()
}
