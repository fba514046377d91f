//! Whatever the gateway sends, its probe answers: it neither panics nor bills what is not there.

use rust_decimal::Decimal;
use trunkline_core::{Cost, Document, Environment, Observation, Operation};
use trunkline_provider::{Codec, Decode, Probe, Sight};
use trunkline_vercel_ai_gateway::VercelCodec;

const STREAMS: [(Operation, &str); 4] = [
    (Operation::Responses, include_str!("conformance/responses.sse")),
    (Operation::Responses, include_str!("conformance/responses_failed.sse")),
    (Operation::Messages, include_str!("conformance/messages.sse")),
    (Operation::ImageGenerations, include_str!("conformance/image_generation.sse")),
];

fn codec() -> VercelCodec {
    VercelCodec::new(&Environment::empty())
}

fn probe(codec: &VercelCodec, operation: Operation) -> Box<dyn Probe> {
    match codec.decoder(operation, true) {
        Decode::Verbatim(probe) => probe,
        Decode::With(_) => panic!("nothing is translated"),
    }
}

fn payloads(stream: &'static str) -> impl Iterator<Item = &'static str> {
    stream.lines().filter_map(|line| line.strip_prefix("data: "))
}

/// What is seen in these bytes, as an event and as a whole reply.
fn read(codec: &VercelCodec, operation: Operation, data: &[u8]) -> Vec<Observation> {
    let mut seen = Vec::new();
    if let Sight::Observed(observation) = probe(codec, operation).event(data) {
        seen.push(observation);
    }
    if let Ok(document) = Document::parse(data.to_vec())
        && let Ok(observation) = probe(codec, operation).document(&document)
    {
        seen.push(observation);
    }
    seen
}

#[test]
fn a_cut_event_ends_no_stream() {
    let codec = codec();
    for (operation, stream) in STREAMS {
        for payload in payloads(stream) {
            for end in 0..payload.len() {
                let seen = read(&codec, operation, &payload.as_bytes()[..end]);
                assert!(seen.iter().all(|seen| !seen.terminal), "{operation}: {end} bytes of {payload}");
            }
        }
    }
}

/// One byte of each event is replaced by some that change what JSON means, or an amount.
#[test]
fn an_altered_event_is_answered_and_never_gives_money_back() {
    let codec = codec();
    for (operation, stream) in STREAMS {
        for payload in payloads(stream) {
            for at in 0..payload.len() {
                for byte in *b"\"}-" {
                    let mut altered = payload.as_bytes().to_vec();
                    altered[at] = byte;
                    for seen in read(&codec, operation, &altered) {
                        let spend = seen.cost.as_ref().and_then(Cost::spend);
                        assert!(spend.is_none_or(|spend| spend >= Decimal::ZERO), "{seen:?}");
                    }
                }
            }
        }
    }
}

/// A reply in the dialect of another operation, as a proxy that mixes up its routes would send it.
#[test]
fn events_of_one_dialect_are_answered_by_the_probe_of_each() {
    let codec = codec();
    for &operation in codec.capabilities("openai/gpt-6-sol").operations {
        for (_, stream) in STREAMS {
            for payload in payloads(stream) {
                for seen in read(&codec, operation, payload.as_bytes()) {
                    let id = seen.generation_id.as_deref();
                    assert!(id.is_none_or(|id| id.starts_with("gen_")), "{operation}: {id:?}");
                }
            }
        }
    }
}
