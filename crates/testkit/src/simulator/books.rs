//! The simulator's books: every call that reached it, what was agreed on, and what is owed in the end.

use std::collections::{BTreeMap, VecDeque};

use rust_decimal::Decimal;

use super::billed::{BilledCall, Cause};
use super::money::{Bill, Rates, Tokens};
use super::outcome::Outcome;
use super::sent::Sent;

/// All calls, by arrival.
#[derive(Debug)]
pub(crate) struct Books {
    entries: VecDeque<Entry>,
    by_generation: BTreeMap<String, u64>,
    kept: usize,
}

#[derive(Debug)]
struct Entry {
    call: BilledCall,
    agreed: Option<Agreed>,
    under_way: bool,
    /// How often `/v1/generation` still does not know it.
    misses_left: u32,
}

/// What a call costs if all of it is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agreed {
    pub(crate) bill: Bill,
    pub(crate) tokens: Tokens,
    /// What a token costs; `None` where the price is not by tokens and all of it is owed.
    pub(crate) rates: Option<Rates>,
    pub(crate) quota_entity: Option<String>,
}

/// What is owed less than was agreed on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) owed: Decimal,
    pub(crate) refund: Decimal,
    pub(crate) quota_entity: Option<String>,
}

impl Books {
    pub(crate) fn new(kept: usize) -> Self {
        Self { entries: VecDeque::new(), by_generation: BTreeMap::new(), kept: kept.max(1) }
    }

    /// A call has arrived; nothing is agreed on yet.
    pub(crate) fn open(&mut self, number: u64, operation: &str, created_ms: u64) {
        if self.entries.len() == self.kept {
            let oldest = self.entries.pop_front();
            if let Some(id) = oldest.and_then(|oldest| oldest.call.generation_id) {
                self.by_generation.remove(&id);
            }
        }
        let call = BilledCall {
            number,
            generation_id: None,
            operation: operation.to_owned(),
            model: String::new(),
            provider: String::new(),
            streamed: false,
            prompt_tokens: 0,
            cached_tokens: 0,
            cache_write_tokens: 0,
            completion_tokens: 0,
            reasoning_tokens: 0,
            tier: "default".to_owned(),
            is_byok: false,
            discount: Decimal::ZERO,
            cost: Decimal::ZERO,
            market_cost: Decimal::ZERO,
            surcharge_cost: Decimal::ZERO,
            gateway_cost: Decimal::ZERO,
            cause: Cause::Refused,
            finish_reason: String::new(),
            created_ms,
            user: None,
            tags: Vec::new(),
        };
        self.entries.push_back(Entry { call, agreed: None, under_way: true, misses_left: 0 });
    }

    /// Writes what becomes known of a call that is under way.
    pub(crate) fn note(&mut self, number: u64, note: impl FnOnce(&mut BilledCall)) {
        if let Some(entry) = self.entry(number) {
            note(&mut entry.call);
        }
    }

    /// A call is served at this price, which is owed in whole until it ends otherwise.
    pub(crate) fn agree(&mut self, number: u64, agreed: Agreed, misses: u32) {
        let Some(entry) = self.entry(number) else { return };
        entry.agreed = Some(agreed);
        entry.misses_left = misses;
        if let Some(id) = entry.call.generation_id.clone() {
            self.by_generation.insert(id, number);
        }
    }

    /// A call has ended, and what was sent of it is owed.
    pub(crate) fn end(&mut self, number: u64, outcome: Outcome, sent: &Sent) -> Option<Ending> {
        let entry = self.entry(number).filter(|entry| entry.under_way)?;
        entry.under_way = false;
        let Some(agreed) = &entry.agreed else {
            if outcome == Outcome::CallerLeft && !sent.anything() {
                entry.call.cause = Cause::CallerLeft { after_events: 0 };
            }
            return None;
        };
        let (tokens, bill) = owed(agreed, sent);
        entry.call.cause = cause(outcome, sent);
        entry.call.owe(&tokens, &bill);
        let quota_entity = agreed.quota_entity.clone();
        Some(Ending { owed: bill.gateway(), refund: agreed.bill.gateway() - bill.gateway(), quota_entity })
    }

    /// The calls that have ended, by arrival.
    pub(crate) fn bill(&self) -> impl Iterator<Item = &BilledCall> {
        self.entries.iter().filter(|entry| !entry.under_way).map(|entry| &entry.call)
    }

    pub(crate) fn under_way(&self) -> usize {
        self.entries.iter().filter(|entry| entry.under_way).count()
    }

    /// The call that `/v1/generation` tells; unknown while it is under way, and for the first few times.
    pub(crate) fn look_up(&mut self, generation_id: &str) -> Option<&BilledCall> {
        let number = *self.by_generation.get(generation_id)?;
        let entry = self.entry(number).filter(|entry| !entry.under_way)?;
        if entry.misses_left > 0 {
            entry.misses_left -= 1;
            return None;
        }
        Some(&entry.call)
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        let index = self.entries.binary_search_by_key(&number, |entry| entry.call.number).ok()?;
        self.entries.get_mut(index)
    }
}

fn cause(outcome: Outcome, sent: &Sent) -> Cause {
    let after_events = sent.events();
    match outcome {
        _ if sent.is_whole() => Cause::Completed,
        Outcome::CallerLeft => Cause::CallerLeft { after_events },
        Outcome::Complete | Outcome::Cut => Cause::Cut { after_events },
    }
}

/// What is owed of what was agreed on. The prompt's size chose the prices, so that they stay what they were.
fn owed(agreed: &Agreed, sent: &Sent) -> (Tokens, Bill) {
    if !sent.anything() {
        return (Tokens::default(), Bill { byok: agreed.bill.byok, ..Bill::default() });
    }
    let Some(rates) = &agreed.rates else { return (agreed.tokens, agreed.bill) };
    let tokens = sent.tokens(agreed.tokens);
    (
        tokens,
        Bill { surcharge: agreed.bill.surcharge, ..rates.bill(&tokens, agreed.bill.share, agreed.bill.byok) },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::events::{Event, Events, Failure};
    use super::*;

    /// Ten events' worth of text, each of one token, a finish event and the terminal one.
    fn events() -> Events {
        let text = |_| Event::unnamed(json!({"choices": [{"delta": {"content": "abcd"}}]}).to_string());
        let role = Event::unnamed(json!({"choices": [{"delta": {"role": "assistant"}}]}).to_string());
        let last = [Event::unnamed(json!({"choices": []}).to_string()), Event::unnamed("[DONE]")];
        let events = [role].into_iter().chain((0..10).map(text)).chain(last).collect();
        Events { events, closing: 2, failure: Failure::Chat }
    }

    fn agreed() -> Agreed {
        let row = json!({"pricing": {"input": "0.001", "input_cache_read": "0.0001", "output": "0.01"}});
        let tokens = Tokens { prompt: 100, cache_read: 40, cache_write: 0, completion: 17, reasoning: 7 };
        let rates = Rates::of(&row, tokens.prompt, None);
        let bill = Bill { surcharge: Decimal::new(5, 1), ..rates.bill(&tokens, Decimal::ONE, false) };
        Agreed { bill, tokens, rates: Some(rates), quota_entity: None }
    }

    fn check(outcome: Outcome, events_sent: usize, cause: Cause, completion: u64, cost: &str, gateway: &str) {
        let mut books = Books::new(10);
        books.open(3, "chat_completions", 0);
        books.agree(3, agreed(), 0);
        let events = events();
        let ends = (1..=events.events.len()).map(|count| count * 10).collect::<Vec<_>>();
        let mut sent = Sent::stream(events.events, ends);
        sent.add(events_sent * 10 + 9);
        let ending = books.end(3, outcome, &sent).unwrap();
        let call = books.bill().next().unwrap().clone();
        assert_eq!((call.cause, call.completion_tokens), (cause, completion), "{events_sent}");
        assert_eq!((call.cost.to_string(), call.gateway_cost.to_string()), (cost.into(), gateway.into()));
        assert_eq!(ending.owed + ending.refund, agreed().bill.gateway());
        assert_eq!(call.prompt_tokens, if events_sent == 0 { 0 } else { 100 });
        assert_eq!(books.end(3, outcome, &sent), None, "a call ends once");
    }

    #[test]
    fn what_was_sent_is_owed() {
        let left = |after_events| Cause::CallerLeft { after_events };
        let cut = |after_events| Cause::Cut { after_events };
        check(Outcome::CallerLeft, 0, left(0), 0, "0", "0");
        // The prompt is 60 × 0.001 + 40 × 0.0001; the seven tokens of hidden thought come before the first event.
        check(Outcome::CallerLeft, 1, left(1), 7, "0.134", "0.634");
        check(Outcome::Cut, 3, cut(3), 9, "0.154", "0.654");
        check(Outcome::Complete, 5, cut(5), 11, "0.174", "0.674");
        check(Outcome::Complete, 12, cut(12), 17, "0.234", "0.734");
        check(Outcome::Complete, 13, Cause::Completed, 17, "0.234", "0.734");
        check(Outcome::CallerLeft, 13, Cause::Completed, 17, "0.234", "0.734");
    }

    #[test]
    fn a_refusal_costs_nothing_and_a_whole_reply_all() {
        let mut books = Books::new(2);
        for number in 0..3 {
            books.open(number, "chat_completions", 0);
        }
        assert_eq!(books.under_way(), 2, "the oldest leaves");
        assert_eq!(books.end(1, Outcome::Complete, &Sent::whole()), None);
        books.agree(2, agreed(), 1);
        let mut sent = Sent::whole();
        sent.add(1);
        let ending = books.end(2, Outcome::Cut, &sent).unwrap();
        assert_eq!(ending.refund, Decimal::ZERO);
        let causes = books.bill().map(|call| (call.cause, call.completion_tokens)).collect::<Vec<_>>();
        assert_eq!(causes, [(Cause::Refused, 0), (Cause::Completed, 17)]);
    }

    #[test]
    fn a_generation_is_known_once_it_has_ended() {
        let mut books = Books::new(10);
        books.open(0, "chat_completions", 0);
        books.note(0, |call| call.generation_id = Some("gen_1".to_owned()));
        books.agree(0, agreed(), 1);
        assert_eq!(books.look_up("gen_1"), None);
        books.end(0, Outcome::Complete, &Sent::whole());
        assert_eq!(books.look_up("gen_1"), None, "a miss was asked for");
        assert!(books.look_up("gen_1").is_some());
        assert_eq!(books.look_up("gen_2"), None);
    }
}
