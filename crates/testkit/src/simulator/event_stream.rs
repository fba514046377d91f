//! From events to bytes to writes: framing, pacing, splits, stalls and cuts.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::body::Step;
use super::events::{Event, Events};
use super::fault::LineEnding;
use super::options::{Pacing, Split};
use super::shape::Shape;

/// The steps that put a stream on the wire, and where each of its good events ends in its bytes.
pub(crate) fn steps(good: &Events, shape: &Shape, pacing: &Pacing) -> (Vec<Step>, Vec<usize>) {
    let events = shaped(good, shape);
    let (bytes, mut ends) = frame(&events, shape);
    let total = bytes.len();
    let stall_at = shape.stall_after.map(|count| end_of(&ends, count));
    let groups =
        ends.iter().copied().skip(pacing.events_per_write.max(1) - 1).step_by(pacing.events_per_write.max(1));
    let groups = groups.filter(|end| *end < total).collect::<BTreeSet<_>>();
    let cut = match shape.cut_events {
        Some((after, how)) => Some((end_of(&ends, after), how)),
        None => shape.cut,
    };
    let cut_at = cut.map_or(usize::MAX, |(after, _)| after);

    let mut offsets = groups.clone();
    offsets.extend(
        splits(&bytes, &ends, &pacing.split).into_iter().filter(|offset| (1..total).contains(offset)),
    );
    offsets.extend(stall_at.filter(|offset| (1..total).contains(offset)));
    offsets.insert(total);

    let mut steps = begin(shape);
    if stall_at == Some(0) {
        steps.push(Step::Stall);
    }
    let mut start = 0;
    for end in offsets {
        if cut_at > start && end > start {
            steps.push(Step::Write(bytes.slice(start..end.min(cut_at))));
        }
        if cut_at <= end {
            break;
        }
        if stall_at == Some(end) {
            steps.push(Step::Stall);
        }
        if pacing.delay_ms > 0 && groups.contains(&end) {
            steps.push(Step::Wait(pacing.delay()));
        }
        start = end;
    }
    if let Some((_, how)) = cut {
        steps.push(Step::Cut(how));
    } else if shape.hold_open {
        steps.push(Step::Hold);
    }
    if shape.error_after.is_some() {
        // The last one is the error.
        ends.pop();
    }
    (steps, ends)
}

/// The steps that put a whole body on the wire.
pub(crate) fn whole_steps(body: &Bytes, shape: &Shape) -> Vec<Step> {
    let mut steps = begin(shape);
    if shape.stall_after.is_some() {
        steps.push(Step::Stall);
    }
    // A whole body is one event: it is cut before it or in its midst.
    let cut = shape.cut_events.map(|(after, how)| (if after == 0 { 0 } else { body.len() / 2 }, how));
    match cut.or(shape.cut) {
        Some((0, how)) => steps.push(Step::Cut(how)),
        Some((after, how)) if after < body.len() => {
            steps.extend([Step::Write(body.slice(..after)), Step::Cut(how)]);
        }
        _ if body.is_empty() => {}
        _ => steps.push(Step::Write(body.clone())),
    }
    steps
}

/// The steps that put bytes on the wire in these pieces; a piece counts as an event.
pub(crate) fn piece_steps(pieces: &[Bytes], shape: &Shape, pacing: &Pacing) -> Vec<Step> {
    let mut steps = begin(shape);
    let mut left = shape.cut.map_or(usize::MAX, |(after, _)| after);
    for (index, piece) in pieces.iter().enumerate() {
        if shape.stall_after == Some(index) {
            steps.push(Step::Stall);
        }
        let ends_here = shape.truncate_after.or(shape.cut_events.map(|(after, _)| after));
        if ends_here.is_some_and(|after| index >= after) || left == 0 {
            break;
        }
        let piece = piece.slice(..piece.len().min(left));
        left -= piece.len();
        steps.push(Step::Write(piece));
        if pacing.delay_ms > 0 && index + 1 < pieces.len() {
            steps.push(Step::Wait(pacing.delay()));
        }
    }
    if let Some((_, how)) = shape.cut_events.or(shape.cut) {
        steps.push(Step::Cut(how));
    } else if shape.hold_open {
        steps.push(Step::Hold);
    }
    steps
}

fn begin(shape: &Shape) -> Vec<Step> {
    if shape.first_byte_delay.is_zero() { Vec::new() } else { vec![Step::Wait(shape.first_byte_delay)] }
}

/// The events that are left and added by the faults that end a stream.
fn shaped(good: &Events, shape: &Shape) -> Vec<Event> {
    let mut events = good.events.clone();
    if let Some((after, form)) = shape.error_after {
        // An error stands before what closes the stream: behind it there is nothing left to fail.
        events.truncate(after.min(events.len().saturating_sub(good.closing)));
        events.push(good.failure.event(form, events.len()));
    } else if let Some(after) = shape.truncate_after {
        events.truncate(after);
    } else if shape.no_done {
        events.pop();
    }
    events
}

/// The bytes of the stream, and where each event ends in them.
fn frame(events: &[Event], shape: &Shape) -> (Bytes, Vec<usize>) {
    let line_ending = match shape.line_ending {
        None => "\n",
        Some(LineEnding::CrLf) => "\r\n",
        Some(LineEnding::Cr) => "\r",
    };
    let mut text = String::new();
    let mut ends = Vec::with_capacity(events.len());
    if shape.byte_order_mark {
        text.push('\u{feff}');
    }
    for (index, event) in events.iter().enumerate() {
        if shape.comments {
            text.push_str(&format!(": keep-alive {index} é{line_ending}{line_ending}"));
        }
        if let Some(name) = event.name {
            text.push_str(&format!("event: {name}{line_ending}"));
        }
        text.push_str(&format!("data: {}", event.data));
        if !(shape.no_trailing_newline && index + 1 == events.len()) {
            text.push_str(line_ending);
            text.push_str(line_ending);
        }
        ends.push(text.len());
    }
    (text.into(), ends)
}

fn splits(bytes: &[u8], ends: &[usize], split: &Split) -> Vec<usize> {
    match split {
        Split::None => Vec::new(),
        Split::InsideLine => {
            let starts = [0].into_iter().chain(ends.iter().copied());
            starts.zip(ends).map(|(start, end)| start.midpoint(*end)).collect()
        }
        Split::InsideCharacter => {
            // The first byte of a character of several begins with two ones.
            let firsts = bytes.iter().enumerate().filter(|(_, byte)| **byte >= 0xc0);
            firsts.map(|(offset, _)| offset + 1).collect()
        }
        Split::Every(length) => {
            (1..).map(|count| count * (*length).max(1)).take_while(|it| *it < bytes.len()).collect()
        }
        Split::At(offsets) => offsets.clone(),
    }
}

fn end_of(ends: &[usize], count: usize) -> usize {
    match count {
        0 => 0,
        _ => ends.get(count - 1).or(ends.last()).copied().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::events::Failure;
    use super::super::fault::CutKind;
    use super::super::shape::ErrorForm;
    use super::*;

    fn chat(events: [&str; 4]) -> Events {
        Events { events: events.map(Event::unnamed).to_vec(), closing: 2, failure: Failure::Chat }
    }

    fn check(shape: &Shape, pacing: &Pacing, expected: &[&str]) {
        let (steps, _) = steps(&chat(["a", "é", "f", "[DONE]"]), shape, pacing);
        let spelled = steps.iter().map(|step| match step {
            Step::Write(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)).replace('"', ""),
            Step::Wait(wait) => format!("wait {}", wait.as_millis()),
            Step::Stall => "stall".to_owned(),
            Step::Cut(how) => format!("{how:?}"),
            Step::Hold => "hold".to_owned(),
        });
        assert_eq!(spelled.collect::<Vec<_>>(), expected);
    }

    fn pacing(events_per_write: usize, delay_ms: u64, split: Split) -> Pacing {
        Pacing { events_per_write, delay_ms, split }
    }

    #[test]
    fn events_go_out_in_the_writes_asked_for() {
        let shape = Shape::default();
        let one = [r"data: a\n\n", r"data: é\n\n", r"data: f\n\n", r"data: [DONE]\n\n"];
        check(&shape, &Pacing::default(), &one);
        let two = [r"data: a\n\ndata: é\n\n", "wait 5", r"data: f\n\ndata: [DONE]\n\n"];
        check(&shape, &pacing(2, 5, Split::None), &two);
        let at = ["d", r"ata: a\n\nd", r"ata: é\n\ndata: f\n\ndata: [DONE]\n\n"];
        check(&shape, &pacing(4, 0, Split::At(vec![0, 1, 10, 99])), &at);
        let lines = [r"data", r": a\n\n", r"data:", r" é\n\n", r"data", r": f\n\n", r"data: [", r"DONE]\n\n"];
        check(&shape, &pacing(1, 0, Split::InsideLine), &lines);
        let characters = ["data: a\\n\\ndata: \u{fffd}", "\u{fffd}\\n\\ndata: f\\n\\ndata: [DONE]\\n\\n"];
        check(&shape, &pacing(4, 0, Split::InsideCharacter), &characters);
    }

    #[test]
    fn faults_shape_the_bytes() {
        let whole = pacing(9, 0, Split::None);
        let crlf =
            Shape { line_ending: Some(LineEnding::CrLf), no_trailing_newline: true, ..Shape::default() };
        check(&crlf, &whole, &[r"data: a\r\n\r\ndata: é\r\n\r\ndata: f\r\n\r\ndata: [DONE]"]);
        let comments = Shape { comments: true, truncate_after: Some(1), ..Shape::default() };
        check(&comments, &whole, &[r": keep-alive 0 é\n\ndata: a\n\n"]);
        let no_done = Shape { no_done: true, byte_order_mark: true, ..Shape::default() };
        check(
            &no_done,
            &whole,
            &["\u{feff}data: a\\n\\ndata: é\\n\\ndata: f\\n\\n"
                .escape_debug()
                .to_string()
                .replace("\\\\", "\\")
                .as_str()],
        );
        let stall = Shape { stall_after: Some(1), hold_open: true, ..Shape::default() };
        check(&stall, &whole, &[r"data: a\n\n", "stall", r"data: é\n\ndata: f\n\ndata: [DONE]\n\n", "hold"]);
        let cut = Shape { cut: Some((12, CutKind::Reset)), ..Shape::default() };
        check(&cut, &Pacing::default(), &[r"data: a\n\n", "dat", "Reset"]);
        let cut = Shape { cut_events: Some((2, CutKind::Close)), ..Shape::default() };
        check(&cut, &Pacing::default(), &[r"data: a\n\n", r"data: é\n\n", "Close"]);
        let nothing = Shape { cut: Some((0, CutKind::Close)), ..Shape::default() };
        check(&nothing, &Pacing::default(), &["Close"]);
        let slow = Shape {
            first_byte_delay: std::time::Duration::from_millis(7),
            truncate_after: Some(1),
            ..Shape::default()
        };
        check(&slow, &whole, &["wait 7", r"data: a\n\n"]);
    }

    #[test]
    fn an_error_stands_before_the_finish_event() {
        let events = chat(["a", "b", "f", "[DONE]"]);
        for (after, expected) in [(0, 1), (1, 2), (2, 3), (9, 3)] {
            let shape = Shape { error_after: Some((after, ErrorForm::Plain)), ..Shape::default() };
            let shaped = shaped(&events, &shape);
            assert_eq!(shaped.len(), expected);
            assert!(shaped[expected - 1].data.starts_with(r#"{"error":{"#));
        }
    }

    #[test]
    fn the_ends_of_good_events_are_told() {
        let ends = |shape: &Shape| steps(&chat(["a", "b", "f", "[DONE]"]), shape, &Pacing::default()).1;
        assert_eq!(ends(&Shape::default()), [9, 18, 27, 41]);
        let error = Shape { error_after: Some((1, ErrorForm::Plain)), ..Shape::default() };
        assert_eq!(ends(&error), [9]);
        assert_eq!(ends(&Shape { no_done: true, ..Shape::default() }), [9, 18, 27]);
    }

    #[test]
    fn names_of_events_have_a_line_of_their_own() {
        let events = Events {
            events: vec![Event::named("ping", &serde_json::json!({"type": "ping"}))],
            closing: 1,
            failure: Failure::Responses { failed: "{}".to_owned() },
        };
        let text = |shape: &Shape| {
            let (bytes, _) = frame(&shaped(&events, shape), shape);
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        assert_eq!(text(&Shape::default()), "event: ping\ndata: {\"type\":\"ping\"}\n\n");
        let failed = Shape { error_after: Some((9, ErrorForm::Relayed)), ..Shape::default() };
        assert_eq!(
            text(&failed),
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":0,\"response\":{}}\n\n"
        );
    }
}
