//! Rows as a busy gateway leaves them, the same ones at each run.

use rust_decimal::Decimal;
use trunkline_core::{Subject, SubjectKind, Usage};
use trunkline_store::{AttemptRow, Charge, CostOrigin, RequestRow};

/// 2026-11-27T00:00:00Z.
pub(crate) const MIDNIGHT: i64 = 1_795_737_600_000;
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Numbers that look random and are not.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn one_of(&mut self, names: &[&str]) -> String {
        let place = usize::try_from(self.roll(names.len() as u64)).expect("a place");
        names[place].to_owned()
    }

    fn perhaps(&mut self, names: &[&str]) -> Option<String> {
        (self.roll(4) > 0).then(|| self.one_of(names))
    }
}

/// A plain row: completed, with a spend.
pub(crate) fn row(id: &str, started_at: i64, spend: &str) -> RequestRow {
    RequestRow {
        request_id: id.to_owned(),
        call_id: format!("call-{id}"),
        started_at,
        ended_at: started_at + 1_250,
        operation: "chat_completions".to_owned(),
        route: "/v1/chat/completions".to_owned(),
        outcome: "completed".to_owned(),
        model: "gpt-4o".to_owned(),
        spend: Some(money(spend)),
        cost_origin: CostOrigin::Reported,
        ..RequestRow::default()
    }
}

pub(crate) fn money(text: &str) -> Decimal {
    text.parse().expect("the test's own figure")
}

/// Rows of three days, with all that a row may lack or have.
pub(crate) fn load(seed: u64, count: usize) -> Vec<RequestRow> {
    let mut dice = Dice::new(seed);
    (0..count).map(|number| random_row(&mut dice, &format!("r{seed}-{number:06}"))).collect()
}

fn random_row(dice: &mut Dice, id: &str) -> RequestRow {
    let started_at = MIDNIGHT - DAY + i64::try_from(dice.roll(3 * 86_400_000)).expect("small");
    let usage = (dice.roll(5) > 0).then(|| Usage {
        uncached_input: dice.roll(5_000),
        cache_read: dice.roll(900),
        cache_write: dice.roll(90),
        output: dice.roll(2_000),
        reasoning: dice.roll(700),
        ..Usage::default()
    });
    // A few figures have more places than any database keeps.
    let scale = [6, 9, 12, 15, 18][usize::try_from(dice.roll(5)).expect("small")];
    let spend =
        (dice.roll(6) > 0).then(|| Decimal::new(i64::try_from(dice.roll(9_000_000)).expect("small"), scale));
    let origins = [CostOrigin::Reported, CostOrigin::Computed, CostOrigin::Estimated];
    let origin = origins[usize::try_from(dice.roll(3)).expect("small")];
    let mut random = RequestRow {
        ended_at: started_at + i64::try_from(dice.roll(60_000)).expect("small"),
        operation: dice.one_of(&["chat_completions", "embeddings"]),
        outcome: dice.one_of(&["completed", "completed", "failed", "caller_gone"]),
        key: dice.perhaps(&["key-a", "key-b", "key-c"]),
        user_id: dice.perhaps(&["ada", "bob"]),
        team_id: dice.perhaps(&["red", "blue"]),
        customer: dice.perhaps(&["c1", "c2"]),
        tags: ["dev", "batch", "dev"][..usize::try_from(dice.roll(4)).expect("small")]
            .iter()
            .map(|tag| (*tag).to_owned())
            .collect(),
        group: dice.perhaps(&["gpt-4o", "claude"]),
        provider: dice.perhaps(&["openai", "anthropic"]),
        upstream_model: dice.perhaps(&["gpt-4o-2024", "claude-4"]),
        usage,
        spend,
        cost_origin: if spend.is_some() { origin } else { CostOrigin::Unknown },
        generation_id: dice.perhaps(&["gen-1"]),
        cache_hit: dice.roll(10) == 0,
        ..row(id, started_at, "0")
    };
    random.charges = charges(&random);
    random
}

/// What a gateway would charge it to.
fn charges(row: &RequestRow) -> Vec<Charge> {
    let names = [
        (SubjectKind::Key, &row.key, "30d", MIDNIGHT - DAY),
        (SubjectKind::User, &row.user_id, "", 0),
        (SubjectKind::Team, &row.team_id, "1d", row.started_at - row.started_at % DAY),
    ];
    let mut charges = vec![Charge { subject: Subject::global(), period: String::new(), begins_at: 0 }];
    for (kind, name, period, begins_at) in names {
        let Some(name) = name else { continue };
        let subject = Subject::new(kind, name.as_str());
        let with_model = row.group.as_ref().map(|group| subject.with_model(group.as_str()));
        for subject in [Some(subject), with_model].into_iter().flatten() {
            charges.push(Charge { subject, period: period.to_owned(), begins_at });
        }
    }
    charges
}

/// A row with something in every field.
pub(crate) fn full_row() -> RequestRow {
    let usage = Usage {
        uncached_input: 10,
        cache_read: 11,
        cache_write: 12,
        audio_input: 13,
        output: 14,
        reasoning: 15,
        audio_output: 16,
        image_output: 17,
        inconsistent: true,
        lacks_output: false,
    };
    let attempt = AttemptRow {
        group: "gpt-4o".to_owned(),
        deployment: "d1".to_owned(),
        provider: "openai".to_owned(),
        upstream_model: "gpt-4o-2024".to_owned(),
        duration_ms: 77,
        error_kind: Some("upstream_timeout".to_owned()),
        status: Some(503),
        usage: Some(usage.clone()),
        spend: Some(money("0.000100")),
        generation_id: Some("gen-0".to_owned()),
    };
    // One that answered has most in common with its row; a figure with another spelling is another.
    let answered = AttemptRow {
        error_kind: None,
        spend: Some(money("0.0123456789012345678")),
        generation_id: Some("gen-1".to_owned()),
        ..attempt.clone()
    };
    let spelled = AttemptRow { spend: Some(money("0.01234567890123456780")), ..answered.clone() };
    let unknown = AttemptRow { usage: None, spend: None, generation_id: None, ..answered.clone() };
    let attempts = vec![attempt, spelled, unknown, answered];
    let subjects = [
        Subject::global().with_model("gpt-4o"),
        Subject::new(SubjectKind::Key, "key-a"),
        Subject::new(SubjectKind::Key, "another"),
        Subject::new(SubjectKind::Key, ""),
        Subject::new(SubjectKind::Team, "red").with_model("gpt-4o"),
        Subject::new(SubjectKind::Customer, "c1"),
        Subject::new(SubjectKind::User, "ada\u{0}"),
        Subject::new(SubjectKind::Member, "red\u{1f}ada"),
        Subject::new(SubjectKind::Tag, "dev"),
    ];
    let charges = subjects.map(|subject| Charge { subject, period: "30d".to_owned(), begins_at: 7 }).to_vec();
    RequestRow {
        call_id: "chosen by the caller".to_owned(),
        first_byte_at: Some(MIDNIGHT + 5),
        streamed: true,
        status: Some(200),
        error_kind: Some("upstream_cut".to_owned()),
        key: Some("key-a".to_owned()),
        user_id: Some("ada".to_owned()),
        team_id: Some("red".to_owned()),
        customer: Some("c1".to_owned()),
        tags: vec!["dev".to_owned(), "\u{1f980}'\"\\".to_owned()],
        group: Some("gpt-4o".to_owned()),
        deployment: Some("d1".to_owned()),
        provider: Some("openai".to_owned()),
        upstream_model: Some("gpt-4o-2024".to_owned()),
        api_base: Some("https://api.openai.com/v1".to_owned()),
        usage: Some(usage),
        usage_is_estimated: true,
        cost: Some(money("0.0123456789012345678")),
        market_cost: Some(money("0.10")),
        surcharge_cost: Some(money("0.00000000000000000001")),
        gateway_cost: Some(money("-0.5")),
        is_byok: true,
        is_contradictory: true,
        generation_id: Some("gen-1".to_owned()),
        cache_hit: true,
        cache_key: Some("abc".to_owned()),
        session_id: Some("s1".to_owned()),
        client_address: Some("10.0.0.7".to_owned()),
        metadata: Some("{\"a\":\"b\\u0000\"}".to_owned()),
        attempts,
        charges,
        ..row("full", MIDNIGHT, "0.0123456789012345678")
    }
}
