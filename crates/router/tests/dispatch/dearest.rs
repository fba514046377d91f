//! The most that a request can cost, wherever it ends.

use rust_decimal::Decimal;
use trunkline_core::{Call, Document, Operation};
use trunkline_prices::{Price, Rates, Tier};
use trunkline_router::{Dearest, DeploymentSpec, Fallback, Fallbacks, Routing, Wishes};

use crate::world::{World, spec};

fn priced(group: &str, model: &str, rates: Option<(i64, i64)>, most: Option<u64>) -> DeploymentSpec {
    let price = rates.map(|(input, output)| Price {
        rates: Rates {
            input: Some(Decimal::from(input)),
            output: Some(Decimal::from(output)),
            ..Rates::default()
        },
        output_tokens_max: most,
        ..Price::default()
    });
    DeploymentSpec { price, ..spec(group, model) }
}

fn dearest(world: &World, body: &str, wishes: &Wishes, offered: &[String]) -> Dearest {
    let router = &world.router;
    let route = router.resolve("m").expect("a route");
    let document = Document::parse(body.to_owned()).expect("a document");
    let call = Call::new(Operation::ChatCompletions, "a", document);
    router.dearest(&route, &call, wishes, (offered, 4_096))
}

const LIMITED: &str = r#"{"messages":[{"role":"user","content":"hi"}],"max_tokens":10}"#;
const ENDLESS: &str = r#"{"messages":[{"role":"user","content":"hi"}]}"#;

#[test]
fn the_dearest_of_all_that_may_answer_counts() {
    let mut fallbacks = Fallbacks::default();
    fallbacks.general.insert("m".into(), vec!["n".into()]);
    let specs = [
        priced("m", "one/a", Some((0, 1)), None),
        priced("m", "one/b", Some((0, 3)), None),
        priced("n", "one/c", Some((0, 7)), None),
        priced("o", "one/d", Some((0, 9)), None),
    ];
    let world = World::new(Routing { fallbacks, ..Routing::default() }, specs);
    let most = |wishes: &Wishes| dearest(&world, LIMITED, wishes, &[]).amount;
    assert_eq!(most(&Wishes::default()), Some(Decimal::from(70)));
    assert_eq!(most(&Wishes { no_fallbacks: true, ..Wishes::default() }), Some(Decimal::from(30)));
    let changes = Document::parse(r#"{"max_tokens":100}"#).expect("a document");
    let own = vec![Fallback { model: "o".into(), changes: Some(changes) }];
    assert_eq!(most(&Wishes { fallbacks: Some(own), ..Wishes::default() }), Some(Decimal::from(900)));
}

#[test]
fn what_a_request_s_own_fallback_changes_counts() {
    let world = World::new(Routing::default(), [priced("m", "one/a", Some((1, 1)), Some(8_000))]);
    let most = |body: &str, changes: &str| {
        let changes = Some(Document::parse(changes.to_owned()).expect("a document"));
        let own = vec![Fallback { model: "m".into(), changes }];
        dearest(&world, body, &Wishes { fallbacks: Some(own), ..Wishes::default() }, &[])
    };
    let plain = dearest(&world, LIMITED, &Wishes::default(), &[]);
    let same = most(LIMITED, r#"{"user":"ann"}"#);
    assert_eq!((same.input_tokens, same.amount), (plain.input_tokens, plain.amount));
    let long = format!(r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#, "word ".repeat(1_000));
    assert!(most(LIMITED, &long).input_tokens > 1_000, "the longer of the two");
    assert!(most(LIMITED, &long).amount > plain.amount);
    assert_eq!(most(LIMITED, r#"{"max_tokens":null}"#).output_tokens, 8_000, "all that the model gives");
    assert_eq!(most(ENDLESS, r#"{"user":"ann"}"#).output_tokens, 4_096, "the limit that is added stays");
}

#[test]
fn what_a_deployment_adds_counts() {
    let members = |limit: Option<(&str, &'static str)>| {
        limit.map(|(name, value)| (name.to_owned(), value.as_bytes().into())).into_iter().collect()
    };
    let adding = |model: &str, default, instead| DeploymentSpec {
        defaults: members(default),
        overrides: members(instead),
        ..priced("m", model, Some((0, 1)), Some(8_000))
    };
    let most = |specs: [DeploymentSpec; 2], body: &str| {
        dearest(&World::new(Routing::default(), specs), body, &Wishes::default(), &[]).output_tokens
    };
    let plain = || adding("one/a", None, None);
    assert_eq!(most([plain(), adding("one/b", Some(("max_tokens", "500")), None)], LIMITED), 10);
    let longer = || adding("one/b", None, Some(("max_tokens", "500")));
    assert_eq!(most([plain(), longer()], LIMITED), 500, "it writes over what the request says");
    assert_eq!(most([longer(), longer()], LIMITED), 500);
    let several = adding("one/b", None, Some(("n", "3")));
    assert_eq!(most([plain(), several], LIMITED), 30, "three answers");
}

#[test]
fn no_output_at_all_is_a_limit() {
    let world = World::new(Routing::default(), [priced("m", "one/a", Some((0, 1)), None)]);
    let body = r#"{"messages":[],"max_tokens":0}"#;
    let most = dearest(&world, body, &Wishes::default(), &[]);
    assert_eq!((most.output_tokens, most.limit_to_add), (0, None));
}

#[test]
fn a_limit_of_another_operation_is_none() {
    let world = World::new(Routing::default(), [priced("m", "one/a", Some((0, 1)), None)]);
    let body = r#"{"messages":[],"max_output_tokens":1}"#;
    let most = dearest(&world, body, &Wishes::default(), &[]);
    assert_eq!((most.output_tokens, most.limit_to_add), (4_096, Some(4_096)));
}

#[test]
fn one_price_that_nobody_knows_makes_the_whole_unknown() {
    let unknown = priced("m", "one/made-up", None, None);
    let world = World::new(Routing::default(), [priced("m", "one/a", Some((0, 1)), None), unknown]);
    let most = dearest(&world, LIMITED, &Wishes::default(), &[]);
    assert_eq!((most.amount, most.per_output_token), (None, Some(Decimal::ONE)));
    let known = World::new(Routing::default(), [priced("m", "one/a", Some((0, 1)), None)]);
    assert_eq!(dearest(&known, LIMITED, &Wishes::default(), &["made-up".to_owned()]).amount, None);
}

#[test]
fn a_token_of_output_costs_what_it_does_behind_the_input_and_nothing_besides() {
    let tier =
        Tier { input_tokens_min: 100, rates: Rates { output: Some(Decimal::from(3)), ..Rates::default() } };
    let spec = priced("m", "one/a", Some((0, 2)), None);
    let price =
        spec.price.map(|price| Price { per_request: Some(Decimal::from(50)), tiers: [tier].into(), ..price });
    let world = World::new(Routing::default(), [DeploymentSpec { price, ..spec }]);
    let most = |text: &str| {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}],"max_tokens":10}}"#);
        let most = dearest(&world, &body, &Wishes::default(), &[]);
        [most.per_output_token, most.input_amount, most.amount].map(|amount| amount.expect("it is known"))
    };
    assert_eq!(most("hi"), [2, 50, 70].map(Decimal::from));
    assert_eq!(most(&"word ".repeat(100)), [3, 50, 80].map(Decimal::from));
}

#[test]
fn an_answer_without_a_limit_is_given_one_that_every_model_takes() {
    let specs =
        [priced("m", "one/a", Some((0, 1)), Some(300)), priced("m", "one/b", Some((0, 2)), Some(500))];
    let world = World::new(Routing::default(), specs);
    let most = dearest(&world, ENDLESS, &Wishes::default(), &[]);
    assert_eq!((most.output_tokens, most.limit_to_add), (300, Some(300)));
    assert_eq!(most.amount, Some(Decimal::from(600)));
    assert_eq!(dearest(&world, LIMITED, &Wishes::default(), &[]).limit_to_add, None);
}
