//! A mixed load by seed: what each request asks for, and what is to become of it upstream.

use serde_json::{Value, json};

/// The groups that requests name. All are served by the simulator, which has its own price for each model.
///
/// The deployments of `plain`, `hedged` and `falling` have the model's price in the configuration, so that a reply that
/// tells no cost can be priced; the others have none, and what they cost is known only where it is told, which whoever has
/// a budget may spend too. Replies are kept where a request asks for it.
pub(crate) fn config(upstream: &str) -> String {
    let row = |group: &str, id: &str, model: &str, more: &str| {
        format!(
            "- {{model_name: {group}, model_info: {{id: {id}}}, litellm_params: {{model: vercel_ai_gateway/{model}, \
             api_key: vck_billing, api_base: \"{upstream}\"{more}}}}}\n"
        )
    };
    let priced = ", input_cost_per_token: 0.000002, output_cost_per_token: 0.000008, \
                  cache_read_input_token_cost: 0.0000005, cache_creation_input_token_cost: 0.0000025, \
                  input_cost_per_token_flex: 0.000001, output_cost_per_token_flex: 0.000004, \
                  cache_read_input_token_cost_flex: 0.00000025, input_cost_per_token_priority: 0.000004, \
                  output_cost_per_token_priority: 0.000016";
    let rows = [
        row("plain", "plain", "sim/service-tiers", priced),
        row("hedged", "hedged-a", "sim/service-tiers", priced),
        row("hedged", "hedged-b", "sim/service-tiers", priced),
        row("falling", "falling", "sim/service-tiers", priced),
        row("discounted", "discounted", "sim/discounted", ""),
        row("surcharged", "surcharged", "sim/surcharged", ""),
        row("free", "free", "sim/free", ""),
        row("embedding", "embedding", "openai/text-embedding-3-small", ""),
    ]
    .concat();
    format!(
        "model_list:\n{rows}\
         litellm_settings: {{cache: true, cache_params: {{type: local, mode: default_off, ttl: 3600}}}}\n\
         router_settings: {{num_retries: 2, disable_cooldowns: true, fallbacks: [{{falling: [plain]}}]}}\n\
         trunkline_settings: {{hedging: true, hedge_delay_ms: 400, hedge_percent_max: 100, \
         retry_budget_percent: 100, retry_budget_burst: 1000, unknown_price: allow}}\n"
    )
}

/// One request.
#[derive(Debug)]
pub(crate) struct Planned {
    /// Its call id, and the end user that it names.
    pub(crate) id: String,
    /// What kind of request it is, in a word.
    pub(crate) kind: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: String,
    pub(crate) stays: Stays,
    /// Whether it is asked for with a key that has a budget.
    pub(crate) has_budget: bool,
    /// The number of the request that it asks for again, whose reply was kept.
    pub(crate) again: Option<usize>,
}

/// How long a caller stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stays {
    ToTheEnd,
    /// Until so many events have come.
    Events(usize),
    /// Until the upstream has the request; nothing of the reply has come then.
    UntilSent,
}

/// Numbers that are the same for the same seed.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("it is below a length")]
    }
}

/// The dialects that are spoken, and embeddings.
const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/messages", "/v1/responses"];
const CHAT: &str = PATHS[0];
/// Whose reply is kept, and who is given it again.
pub(crate) const KEPT: &str = "kept";
pub(crate) const AGAIN: &str = "again";
pub(crate) const LEFT_WHOLE: &str = "left whole";
pub(crate) const HALVED: &str = "halved";
const WORDS: [&str; 6] = ["alpha", "Größe", "漢字", "a longer piece of text", "🙂", "0123456789"];

/// What a request has besides its words.
#[derive(Debug)]
struct Draft {
    kind: &'static str,
    path: &'static str,
    model: &'static str,
    streamed: bool,
    scripts: Value,
    gateway: Value,
    stays: Stays,
    is_kept: bool,
}

/// So many requests in this order.
pub(crate) fn load(requests: usize, seed: u64) -> Vec<Planned> {
    let mut random = Random::new(seed);
    let mut load = Vec::with_capacity(requests);
    // The newest whose reply is kept, of callers without a budget and with one, who are two tenants.
    let mut kept = [None; 2];
    for number in 0..requests {
        let has_budget = random.one_in(2);
        let newest = &mut kept[usize::from(has_budget)];
        let planned = match *newest {
            Some(first) if random.one_in(20) => again(number, (first, &load[first]), &mut random),
            _ => planned(number, has_budget, &mut random),
        };
        if planned.kind == KEPT {
            *newest = Some(number);
        }
        load.push(planned);
    }
    load
}

fn id(number: usize) -> String {
    format!("billing-{number:06}")
}

/// The same once more. Its body names the end user of the first, on whose bill it would stand. A chat may be asked for in
/// the other form.
fn again(number: usize, (first, kept): (usize, &Planned), random: &mut Random) -> Planned {
    let mut body: Value = serde_json::from_str(&kept.body).expect("it was JSON");
    if kept.path == CHAT && random.one_in(2) {
        body["stream"] = json!(body["stream"] != true);
    }
    Planned {
        id: id(number),
        kind: AGAIN,
        path: kept.path,
        body: body.to_string(),
        stays: Stays::ToTheEnd,
        has_budget: kept.has_budget,
        again: Some(first),
    }
}

fn planned(number: usize, has_budget: bool, random: &mut Random) -> Planned {
    let id = id(number);
    let draft = draft(random);
    let words = (0..=random.below(12)).map(|_| random.of(&WORDS)).collect::<Vec<_>>().join(" ");
    let mut gateway = draft.gateway;
    gateway["user"] = json!(id);
    let options = json!({ "gateway": gateway, "sim": draft.scripts });
    let mut body = match draft.path {
        "/v1/messages" => json!({ "max_tokens": 4096, "messages": [{ "role": "user", "content": words }] }),
        CHAT => json!({ "messages": [{ "role": "user", "content": words }] }),
        _ => json!({ "input": words }),
    };
    body["model"] = json!(draft.model);
    body["providerOptions"] = options;
    if draft.streamed {
        body["stream"] = json!(true);
    }
    if draft.is_kept {
        body["cache"] = json!({ "use-cache": true });
        // What a budget has cut short is not kept.
        body[if draft.path == PATHS[2] { "max_output_tokens" } else { "max_tokens" }] = json!(4096);
    }
    let (kind, path, stays) = (draft.kind, draft.path, draft.stays);
    Planned { id, kind, path, body: body.to_string(), stays, has_budget, again: None }
}

fn draft(random: &mut Random) -> Draft {
    let plain = Draft {
        kind: "plain",
        path: random.of(&PATHS),
        model: random.of(&["plain", "discounted", "surcharged", "free"]),
        streamed: random.one_in(2),
        scripts: json!([{ "text_events": random.below(12) + 1 }]),
        gateway: json!({}),
        stays: Stays::ToTheEnd,
        is_kept: false,
    };
    match random.below(22) {
        0..=3 => plain,
        4 => {
            Draft { kind: "embedding", path: "/v1/embeddings", model: "embedding", streamed: false, ..plain }
        }
        5 | 6 => counted(plain, random),
        7 | 8 => told(plain, random),
        9 => tier(plain, random),
        10 => {
            Draft { kind: "byok", gateway: json!({ "byok": { "sim": [{ "apiKey": "sk-own" }] } }), ..plain }
        }
        11..=13 => cut(plain, random),
        14 => left(plain, random),
        15 => untold(plain, random),
        16 | 17 => tried_again(plain, random),
        18 => refused(plain, random),
        19 => left_whole(plain, random),
        20 => Draft { kind: KEPT, is_kept: true, ..plain },
        _ => hedged(plain, random),
    }
}

/// Served at another tier than usual, with its price told or not.
fn tier(plain: Draft, random: &mut Random) -> Draft {
    let gateway = json!({ "serviceTier": random.of(&["flex", "priority"]) });
    let plain = Draft { kind: "tier", path: CHAT, model: "plain", gateway, ..plain };
    if random.one_in(2) {
        return plain;
    }
    Draft { kind: "tier, no cost", scripts: json!({ "faults": ["omit_cost"] }), ..plain }
}

/// Cached, written and reasoning tokens.
fn counted(plain: Draft, random: &mut Random) -> Draft {
    let mut script = json!({ "cached_tokens": random.below(30), "reasoning_tokens": random.below(50) });
    // Responses have no word for what was written to a cache.
    if plain.path != PATHS[2] {
        script["cache_write_tokens"] = json!(random.below(9));
    }
    let no_cost = plain.model == "plain" && random.one_in(2);
    if no_cost {
        script["faults"] = json!(["omit_cost"]);
    }
    Draft { kind: if no_cost { "computed" } else { "counted" }, scripts: script, ..plain }
}

/// Replies that tell less, or otherwise.
fn told(plain: Draft, random: &mut Random) -> Draft {
    let fault = random.of(&[
        "omit_cost",
        "cost_in_usage_alone",
        "cost_in_metadata_alone",
        "cost_as_number",
        "contradictory_total",
        "usage_only_chunk",
        "comments",
    ]);
    Draft { kind: fault, path: CHAT, model: "plain", scripts: json!({ "faults": [fault] }), ..plain }
}

/// Neither cost nor, in whole or in part, usage.
fn untold(plain: Draft, random: &mut Random) -> Draft {
    let faults = random.of(&[&["partial_usage"][..], &["omit_usage", "omit_cost"], &["omit_usage"]]);
    let kind = if faults.len() == 2 { "nothing told" } else { faults[0] };
    let scripts = json!({ "text_events": 4, "faults": faults });
    Draft { kind, path: CHAT, model: "plain", scripts, ..plain }
}

/// A whole reply that is cut in its midst, and then comes whole.
fn halved(plain: Draft) -> Draft {
    let cut = json!({ "cut_events": { "after_events": 1, "how": "close" } });
    Draft {
        kind: HALVED,
        model: "plain",
        streamed: false,
        scripts: json!([{ "faults": [cut] }, {}]),
        ..plain
    }
}

/// Streams that end in their midst, whoever's doing it is.
fn cut(plain: Draft, random: &mut Random) -> Draft {
    if random.one_in(8) {
        return halved(plain);
    }
    let (events, after) = (random.below(10) + 1, random.below(14));
    let how = random.of(&["close", "reset"]);
    let fault = match random.below(5) {
        0 => json!({ "error_event": { "after_events": after } }),
        1 => json!({ "truncate": { "after_events": after } }),
        _ => json!({ "cut_events": { "after_events": after, "how": how } }),
    };
    let scripts = json!([{ "text_events": events, "faults": [fault] }, { "text_events": events }]);
    Draft { kind: "cut", model: "plain", streamed: true, scripts, ..plain }
}

/// The caller leaves after some events, behind which the upstream waits.
fn left(plain: Draft, random: &mut Random) -> Draft {
    let after = random.below(8) + 1;
    let scripts = json!({ "text_events": after + 3, "faults": [{ "stall": { "after_events": after } }] });
    let stays = Stays::Events(usize::try_from(after).expect("it is small"));
    Draft { kind: "left", model: "plain", streamed: true, scripts, stays, ..plain }
}

/// The caller of a whole reply leaves before any of it has come: before there is a head, or behind it.
fn left_whole(plain: Draft, random: &mut Random) -> Draft {
    let silence = if random.one_in(2) { json!("hang") } else { json!({ "stall": { "after_events": 0 } }) };
    let scripts = json!({ "text_events": 4, "faults": [silence] });
    let stays = Stays::UntilSent;
    Draft { kind: LEFT_WHOLE, model: "plain", streamed: false, scripts, stays, ..plain }
}

/// Refused at first, by the same deployment or by all of a group.
fn tried_again(plain: Draft, random: &mut Random) -> Draft {
    let refusal =
        json!({ "faults": [random.of(&["unavailable", "internal_error", "provider_rate_limited"])] });
    let falls = random.one_in(2);
    let refusals = if falls { 3 } else { random.below(2) + 1 };
    let mut scripts: Vec<Value> = (0..refusals).map(|_| refusal.clone()).collect();
    scripts.push(json!({ "text_events": 3 }));
    let (kind, model) = if falls { ("fallback", "falling") } else { ("retry", plain.model) };
    Draft { kind, model, scripts: json!(scripts), ..plain }
}

/// Refused for good.
fn refused(plain: Draft, random: &mut Random) -> Draft {
    let fault =
        random.of(&["unavailable", "internal_error", "context_too_long", "rule_denied", "unknown_model"]);
    Draft { kind: "refused", model: "plain", scripts: json!({ "faults": [fault] }), ..plain }
}

/// The first call says nothing, so that a second one is asked.
fn hedged(plain: Draft, random: &mut Random) -> Draft {
    let silence = match random.one_in(2) {
        true => json!("hang"),
        false => json!({ "stall": { "after_events": 0 } }),
    };
    let scripts = json!([{ "faults": [silence] }, { "text_events": 4 }]);
    Draft { kind: "hedge", model: "hedged", scripts, ..plain }
}
