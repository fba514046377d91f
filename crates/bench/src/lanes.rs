//! The lanes: what each of them sends, and what is to come of it.

use crate::payload::Payload;

/// One thing that is measured.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    /// What it sends, for those who read the table.
    pub(crate) sends: &'static str,
    pub(crate) kind: Kind,
    pub(crate) goals: &'static [Goal],
}

/// How a lane is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// CPU time of calls in a closed loop.
    Calls(Calls),
    /// The same, once for each feature that can be turned on.
    Features(Calls),
    /// The same, with more and more model groups, or deployments of one group.
    Scale(Scale),
    /// CPU time of events that come singly and slowly, on many streams at once.
    Paced { streams: usize, every_ms: u64 },
    /// Added latency in an open loop at half of capacity.
    Latency(Calls),
    /// From the start of the process until the first reply.
    ColdStart,
    /// Resident memory.
    Memory(Memory),
}

/// Calls of one sort.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls {
    pub(crate) payload: Payload,
    /// What the upstream is to answer.
    pub(crate) script: &'static str,
    /// The name that callers know the model under, where it is another.
    pub(crate) public: Option<&'static str>,
    /// The events of the reply, the terminal one not counted; 0 for whole replies.
    pub(crate) events: u64,
    pub(crate) connections: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Groups,
    Deployments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    Idle,
    Load,
    PerStream,
    AfterBurst,
}

/// The most that a figure of a subject may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) figure: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) against: Against,
    pub(crate) most: f64,
}

/// What a figure is held against, within one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// Divided by another subject's.
    Ratio(&'static str),
    /// Less another subject's.
    Difference(&'static str),
    /// As it is.
    Itself,
}

/// A public name that is not the upstream's, and what a reply under it holds.
pub(crate) const PUBLIC: &str = "public-name";
pub(crate) const PUBLIC_MEMBER: &[u8] = br#""model":"public-name""#;

/// How many groups or deployments the lanes of scale configure.
pub(crate) const SCALES: [(&str, usize); 4] = [("10", 10), ("100", 100), ("1000", 1_000), ("10000", 10_000)];

const fn to_floor(subject: &'static str, figure: &'static str, most: f64) -> Goal {
    Goal { figure, subject, against: Against::Ratio("floor"), most }
}

const CHAT: &[Goal] = &[
    to_floor("off", "cpu_us", 1.25),
    to_floor("on", "cpu_us", 1.4),
    Goal { figure: "cpu_us", subject: "on", against: Against::Ratio("litellm"), most: 0.005 },
];
const IMAGE: &[Goal] = &[to_floor("on", "cpu_us", 1.4)];
const HISTORY: &[Goal] = &[to_floor("on", "cpu_us", 2.5)];
const WRITES_OF_16: &[Goal] = &[to_floor("on", "cpu_us", 0.6)];
const WRITES_OF_4: &[Goal] = &[to_floor("on", "cpu_us", 0.9)];
const SINGLY: &[Goal] = &[to_floor("on", "cpu_us", 1.3)];
const LATENCY: &[Goal] = &[
    to_floor("on", "added_p50_us", 1.5),
    Goal { figure: "added_p99_us", subject: "on", against: Against::Difference("floor"), most: 500.0 },
];
const SCALE: &[Goal] =
    &[Goal { figure: "cpu_us", subject: "10000", against: Against::Ratio("10"), most: 1.05 }];
const IDLE: &[Goal] =
    &[Goal { figure: "rss_kib", subject: "on", against: Against::Itself, most: 12.0 * 1024.0 }];
const PER_STREAM: &[Goal] =
    &[Goal { figure: "kib_a_stream", subject: "on", against: Against::Difference("floor"), most: 8.0 }];
const AFTER_BURST: &[Goal] =
    &[Goal { figure: "times_idle", subject: "on", against: Against::Itself, most: 1.5 }];

const fn chat(payload: Payload, connections: usize) -> Calls {
    Calls { payload, script: "whole-200", public: None, events: 0, connections }
}

const fn stream(script: &'static str, events: u64) -> Calls {
    Calls { payload: Payload::Prompt(200), script, public: None, events, connections: 32 }
}

const fn lane(name: &'static str, sends: &'static str, kind: Kind, goals: &'static [Goal]) -> Lane {
    Lane { name, sends, kind, goals }
}

const MEGABYTE: usize = 1_000_000;
const HISTORY_BODY: Payload = Payload::History { messages: 400, bytes: MEGABYTE };

/// WHEN ADDING A FEATURE: put it into the configuration of the subject `on`, give it a row in `configuration.rs`
/// so that its cost shows in the lane `features-chat`, and measure again.
pub(crate) const LANES: &[Lane] = &[
    lane("chat-200b", "chat, 200 bytes", Kind::Calls(chat(Payload::Prompt(200), 32)), CHAT),
    lane("chat-10k", "chat, 10 KB", Kind::Calls(chat(Payload::Prompt(10_000), 32)), &[]),
    lane("chat-100k", "chat, 100 KB", Kind::Calls(chat(Payload::Prompt(100_000), 32)), &[]),
    lane("chat-1m-image", "an image as base64, 1 MB", Kind::Calls(chat(Payload::Image(MEGABYTE), 16)), IMAGE),
    lane("chat-1m-history", "400 messages of an agent, 1 MB", Kind::Calls(chat(HISTORY_BODY, 16)), HISTORY),
    lane("chat-20m", "chat, 20 MB", Kind::Calls(chat(Payload::Prompt(20 * MEGABYTE), 4)), &[]),
    lane("stream-20x16", "20 events, 16 a write", Kind::Calls(stream("stream-20x16", 20)), WRITES_OF_16),
    lane("stream-20x4", "20 events, 4 a write", Kind::Calls(stream("stream-20x4", 20)), WRITES_OF_4),
    lane("stream-20x1", "20 events, 1 a write", Kind::Calls(stream("stream-20x1", 20)), &[]),
    lane("stream-200x16", "200 events, 16 a write", Kind::Calls(stream("stream-200x16", 200)), WRITES_OF_16),
    lane("stream-200x4", "200 events, 4 a write", Kind::Calls(stream("stream-200x4", 200)), WRITES_OF_4),
    lane("stream-200x1", "200 events, 1 a write", Kind::Calls(stream("stream-200x1", 200)), &[]),
    lane(
        "stream-2000x16",
        "2,000 events, 16 a write",
        Kind::Calls(stream("stream-2000x16", 2000)),
        WRITES_OF_16,
    ),
    lane("stream-2000x4", "2,000 events, 4 a write", Kind::Calls(stream("stream-2000x4", 2000)), WRITES_OF_4),
    lane("stream-2000x1", "2,000 events, 1 a write", Kind::Calls(stream("stream-2000x1", 2000)), &[]),
    lane(
        "stream-rewritten",
        "200 events, 16 a write, half of them with `reasoning`; another public name",
        Kind::Calls(Calls { public: Some(PUBLIC), ..stream("stream-200x16-reasoning", 200) }),
        &[],
    ),
    lane("paced-100", "100 streams, an event each 20 ms", Kind::Paced { streams: 100, every_ms: 20 }, SINGLY),
    lane(
        "paced-1000",
        "1,000 streams, an event each 100 ms",
        Kind::Paced { streams: 1_000, every_ms: 100 },
        SINGLY,
    ),
    lane(
        "paced-9000",
        "9,000 streams, an event each second",
        Kind::Paced { streams: 9_000, every_ms: 1_000 },
        SINGLY,
    ),
    lane(
        "embeddings-1m",
        "64 texts, a reply of 1 MB",
        Kind::Calls(Calls {
            payload: Payload::Embeddings,
            script: "embed-1000000",
            ..chat(Payload::Embeddings, 16)
        }),
        &[],
    ),
    lane(
        "faults-1",
        "chat, 200 bytes; 1 of 100 calls fails upstream",
        Kind::Calls(Calls { script: "fault-1", ..chat(Payload::Prompt(200), 32) }),
        &[],
    ),
    lane(
        "faults-100",
        "chat, 200 bytes; every call fails upstream",
        Kind::Calls(Calls { script: "fault-100", ..chat(Payload::Prompt(200), 32) }),
        &[],
    ),
    lane(
        "features-chat",
        "chat, 200 bytes, each feature alone",
        Kind::Features(chat(Payload::Prompt(200), 32)),
        &[],
    ),
    lane(
        "features-stream",
        "200 events, 16 a write, half of them with `reasoning`; each feature alone",
        Kind::Features(stream("stream-200x16-reasoning", 200)),
        &[],
    ),
    lane("groups", "chat, 200 bytes, of 10 to 10,000 model groups", Kind::Scale(Scale::Groups), SCALE),
    lane(
        "deployments",
        "chat, 200 bytes, of one group with 10 to 10,000 deployments",
        Kind::Scale(Scale::Deployments),
        SCALE,
    ),
    lane(
        "latency-chat",
        "chat, 200 bytes, at half of capacity",
        Kind::Latency(chat(Payload::Prompt(200), 128)),
        LATENCY,
    ),
    lane(
        "latency-stream",
        "20 events, 4 a write, at half of capacity: time to the first",
        Kind::Latency(Calls { connections: 128, ..stream("stream-20x4", 20) }),
        LATENCY,
    ),
    lane("cold-start", "the first chat, from the start of the process", Kind::ColdStart, &[]),
    lane("rss-idle", "nothing", Kind::Memory(Memory::Idle), IDLE),
    lane("rss-load", "chat, 10 KB, 32 connections", Kind::Memory(Memory::Load), &[]),
    lane(
        "rss-per-stream",
        "1,000 streams, an event each second",
        Kind::Memory(Memory::PerStream),
        PER_STREAM,
    ),
    lane("rss-after-burst", "1 MB bodies, then a wait", Kind::Memory(Memory::AfterBurst), AFTER_BURST),
];

/// The lanes whose names are given, or all of them. A name that ends with `*` stands for all that begin so.
///
/// # Errors
///
/// Names the one that is none, and those that there are.
pub(crate) fn chosen(names: Option<&str>) -> Result<Vec<&'static Lane>, String> {
    let Some(names) = names else { return Ok(LANES.iter().collect()) };
    let mut lanes = Vec::new();
    for name in names.split(',').filter(|name| !name.is_empty()) {
        let matches = |lane: &&Lane| match name.strip_suffix('*') {
            Some(start) => lane.name.starts_with(start),
            None => lane.name == name,
        };
        let found: Vec<&Lane> = LANES.iter().filter(matches).collect();
        if found.is_empty() {
            let all: Vec<&str> = LANES.iter().map(|lane| lane.name).collect();
            return Err(format!("there is no lane `{name}`; there are {}", all.join(", ")));
        }
        lanes.extend(found);
    }
    Ok(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    #[test]
    fn every_lane_has_a_name_of_its_own_and_a_script_that_exists() {
        let mut names: Vec<&str> = LANES.iter().map(|lane| lane.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), LANES.len());
        for lane in LANES {
            if let Kind::Calls(calls) | Kind::Features(calls) | Kind::Latency(calls) = lane.kind {
                let script = Script::parse(calls.script).expect(lane.name);
                let events = if let Script::Stream { events, .. } = script { events as u64 } else { 0 };
                assert_eq!(events, calls.events, "{}", lane.name);
            }
        }
    }

    #[test]
    fn lanes_are_chosen_by_name() {
        let names = |text: &str| -> Vec<&str> {
            chosen(Some(text)).expect("they exist").into_iter().map(|lane| lane.name).collect()
        };
        assert_eq!(names("cold-start,chat-200b"), ["cold-start", "chat-200b"]);
        assert_eq!(names("paced-*"), ["paced-100", "paced-1000", "paced-9000"]);
        assert_eq!(chosen(None).expect("all").len(), LANES.len());
        assert!(chosen(Some("chat-3b")).expect_err("none").starts_with("there is no lane `chat-3b`"));
    }
}
