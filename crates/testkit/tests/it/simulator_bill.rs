//! The bill: one call for each that arrived, owed as far as it was sent.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use trunkline_testkit::simulator::{BilledCall, Cause, CutKind, Fault, FaultRule, Script, Simulator};

use crate::client::{KEY, chat, connect, events, get, post, read_until, request, send};
use crate::simulator_chat::simulator;

/// 0.000002 USD a token in, 0.000008 out.
const MODEL: &str = "sim/surcharged";

/// The last call on the bill once nothing is under way.
async fn last(simulator: &Simulator) -> BilledCall {
    simulator.control().settled_bill().await.pop().unwrap()
}

fn money(text: &str) -> Decimal {
    text.parse().unwrap()
}

async fn scripted(simulator: &Simulator, script: &Script, members: &str) -> (u16, BilledCall) {
    let options = json!({ "sim": script });
    let members = format!(r#","providerOptions":{options}{members}"#);
    let received = chat(&simulator.url(), MODEL, &members).await;
    (received.status, last(simulator).await)
}

#[tokio::test]
async fn a_whole_call_is_on_the_bill_as_its_reply_tells_it() {
    let simulator = simulator().await;
    let reply = chat(&simulator.url(), MODEL, r#","user":"u1""#).await.json();
    let call = last(&simulator).await;
    assert_eq!(call.generation_id.as_deref(), reply["id"].as_str());
    assert_eq!((call.number, call.operation.as_str(), call.streamed), (0, "chat_completions", false));
    assert_eq!((call.prompt_tokens, call.completion_tokens), (8, 11));
    assert_eq!(
        (call.cause, call.user.as_deref(), call.tier.as_str()),
        (Cause::Completed, Some("u1"), "default")
    );
    assert_eq!((call.cost, call.gateway_cost), (money("0.000104"), money("0.000354")));
    assert_eq!(simulator.control().balance(), Decimal::ONE_HUNDRED - call.gateway_cost);
    let metadata = &reply["choices"][0]["message"]["provider_metadata"]["gateway"];
    let told =
        ["cost", "marketCost", "surchargeCost", "gatewayCost"].map(|key| metadata[key].as_str().unwrap());
    assert_eq!(told, ["0.000104", "0.000104", "0.00025", "0.000354"]);
    let usage = ["cost", "market_cost", "gateway_cost"].map(|key| reply["usage"][key].to_string());
    assert_eq!(usage, ["0.000104", "0.000104", "0.000354"]);
}

#[tokio::test]
async fn a_stream_is_owed_event_by_event_wherever_it_ends() {
    let whole = Script { text_events: Some(8), reasoning_tokens: Some(5), ..Script::default() };
    // Role, eight of text, finish, the terminal one.
    let text = [6, 7, 13, 6, 6, 7, 13, 6];
    for after_events in 0..=11 {
        let simulator = simulator().await;
        let how = if after_events % 2 == 0 { CutKind::Close } else { CutKind::Reset };
        let script = Script { faults: vec![Fault::CutEvents { after_events, how }], ..whole.clone() };
        let (_, call) = scripted(&simulator, &script, r#","stream":true"#).await;
        let bytes = text.iter().take(after_events.saturating_sub(1)).sum::<u64>();
        let completion = if after_events == 0 { 0 } else { 5 + bytes.div_ceil(4) };
        assert_eq!((call.completion_tokens, call.streamed), (completion, true), "{after_events}");
        assert_eq!(call.prompt_tokens, if after_events == 0 { 0 } else { 8 });
        let expected = if after_events == 11 { Cause::Completed } else { Cause::Cut { after_events } };
        assert_eq!(call.cause, expected);
        let cost = money("0.000002") * Decimal::from(call.prompt_tokens)
            + money("0.000008") * Decimal::from(completion);
        let surcharge = if after_events == 0 { Decimal::ZERO } else { money("0.00025") };
        assert_eq!((call.cost, call.surcharge_cost, call.gateway_cost), (cost, surcharge, cost + surcharge));
        assert_eq!(simulator.control().balance(), Decimal::ONE_HUNDRED - cost - surcharge);
        assert_eq!(simulator.control().billed(), cost + surcharge);
        assert_eq!(simulator.control().requests()[0].billed, Some(call.gateway_cost));
    }
}

#[tokio::test]
async fn other_dialects_end_at_what_the_whole_costs() {
    let body = |path: &str| match path {
        "/v1/messages" => json!({"model": "anthropic/claude-sonnet-4.5", "max_tokens": 4000, "stream": true,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "messages": [{"role": "user", "content": "use wx {\"city\": \"Oslo\"} now"}],
            "tools": [{"name": "wx", "input_schema": {"type": "object"}}]}),
        _ => {
            json!({"model": "openai/gpt-5", "stream": true, "input": "Hello", "reasoning": {"effort": "low", "summary": "auto"}})
        }
    };
    for path in ["/v1/messages", "/v1/responses"] {
        let simulator = simulator().await;
        let whole = post(&simulator.url(), path, &body(path).to_string()).await;
        let count = whole.text().matches("data: ").count();
        let completion = last(&simulator).await.completion_tokens;
        assert!(completion > 10, "{completion}");
        let mut before = 0;
        for after_events in 1..=count {
            simulator.control().fault(Fault::CutEvents { after_events, how: CutKind::Close });
            post(&simulator.url(), path, &body(path).to_string()).await;
            let call = last(&simulator).await;
            assert!((before..=completion).contains(&call.completion_tokens), "{path} {after_events}");
            before = call.completion_tokens;
            let left = |cause| matches!(cause, Cause::Cut { after_events: after } if after == after_events);
            assert!(left(call.cause) || after_events == count && call.cause == Cause::Completed);
        }
        assert_eq!(before, completion, "{path}");
    }
}

#[tokio::test]
async fn a_caller_who_leaves_owes_what_was_sent() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::Stall { after_events: 3 });
    let mut stream = connect(&simulator.url()).await;
    let body =
        format!(r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":"Hé!"}}],"stream":true}}"#);
    stream.write_all(request("POST", "/v1/chat/completions", &[KEY], &body).as_bytes()).await.unwrap();
    read_until(&mut stream, b"id \xe2\x80\x9cH").await;
    assert_eq!(simulator.control().bill(), [], "what is under way is not on the bill");
    drop(stream);
    let call = last(&simulator).await;
    assert_eq!((call.cause, call.prompt_tokens), (Cause::CallerLeft { after_events: 3 }, 8));
    // Six bytes and nine: a quotation mark has three, an é two.
    assert_eq!(call.completion_tokens, 4);

    simulator.control().fault(Fault::Hang);
    let mut stream = connect(&simulator.url()).await;
    stream.write_all(request("POST", "/v1/chat/completions", &[KEY], &body).as_bytes()).await.unwrap();
    simulator.control().wait_for_requests(2).await;
    drop(stream);
    let call = last(&simulator).await;
    assert_eq!((call.cause, call.gateway_cost), (Cause::CallerLeft { after_events: 0 }, Decimal::ZERO));
}

#[tokio::test]
async fn refusals_and_broken_ends_are_on_the_bill() {
    let simulator = simulator().await;
    for fault in [Fault::InternalError, Fault::Unavailable, Fault::RateLimited { retry_after: None }] {
        let script = Script { faults: vec![fault], ..Script::default() };
        let (status, call) = scripted(&simulator, &script, "").await;
        assert!(status >= 429);
        assert_eq!(
            (call.cause, call.gateway_cost, call.generation_id),
            (Cause::Refused, Decimal::ZERO, None)
        );
    }
    let ends = [
        (Fault::NoDone, Cause::Cut { after_events: 7 }, 11),
        (Fault::Truncate { after_events: 1 }, Cause::Cut { after_events: 1 }, 0),
        (Fault::ErrorEvent { after_events: 2 }, Cause::Cut { after_events: 2 }, 2),
    ];
    for (fault, cause, completion) in ends {
        let script = Script { faults: vec![fault], ..Script::default() };
        let (_, call) = scripted(&simulator, &script, r#","stream":true"#).await;
        assert_eq!((call.cause, call.completion_tokens), (cause, completion));
    }
    let script =
        Script { faults: vec![Fault::Cut { after_bytes: 9, how: CutKind::Close }], ..Script::default() };
    let (_, call) = scripted(&simulator, &script, "").await;
    assert_eq!((call.cause, call.completion_tokens), (Cause::Completed, 11), "a whole reply was made whole");
    assert_eq!(simulator.control().bill().len(), 7);
    let free = chat(&simulator.url(), "openai/no-such", "").await.status;
    assert_eq!((free, last(&simulator).await.model.as_str()), (404, "openai/no-such"));
}

#[tokio::test]
async fn tiers_discounts_and_own_keys_change_the_price() {
    let simulator = simulator().await;
    let gateway = |options: &Value| format!(r#","providerOptions":{{"gateway":{options}}}"#);
    let call = async |model: &str, members: &str| {
        let reply = chat(&simulator.url(), model, members).await.json();
        (reply["service_tier"].as_str().map(str::to_owned), last(&simulator).await)
    };
    let (told, default) = call("sim/service-tiers", "").await;
    assert_eq!((told, default.tier.as_str(), default.cost), (None, "default", money("0.000104")));
    for members in [gateway(&json!({"serviceTier": "flex"})), r#","service_tier":"flex""#.to_owned()] {
        let (told, flex) = call("sim/service-tiers", &members).await;
        assert_eq!(
            (told.as_deref(), flex.tier.as_str(), flex.cost),
            (Some("flex"), "flex", money("0.000052"))
        );
    }
    let (told, unpriced) = call(MODEL, r#","service_tier":"flex""#).await;
    assert_eq!((told, unpriced.tier.as_str()), (None, "default"));
    let (_, half) = call("sim/discounted", "").await;
    assert_eq!(
        (half.discount, half.cost, half.market_cost),
        (money("0.5"), money("0.000052"), money("0.000104"))
    );
    let byok = json!({"byok": {"sim": [{"apiKey": "x"}]}, "tags": ["a", "b"], "user": "u2"});
    let (_, own) = call(MODEL, &gateway(&byok)).await;
    assert_eq!((own.is_byok, own.cost, own.market_cost), (true, Decimal::ZERO, money("0.000104")));
    assert_eq!((own.gateway_cost, own.discount), (money("0.00025"), Decimal::ZERO));
    assert_eq!((own.user.as_deref(), own.tags), (Some("u2"), vec!["a".to_owned(), "b".to_owned()]));
}

#[tokio::test]
async fn what_is_told_is_scripted() {
    let simulator = simulator().await;
    let reply = async |fault: Fault| {
        simulator.control().fault(fault);
        let reply = chat(&simulator.url(), MODEL, "").await.json();
        let gateway = reply["choices"][0]["message"]["provider_metadata"]["gateway"].clone();
        (reply["usage"].clone(), gateway)
    };
    let (usage, gateway) = reply(Fault::OmitCost).await;
    assert_eq!((usage.get("cost"), gateway.get("cost")), (None, None));
    assert_eq!((&usage["completion_tokens"], gateway["generationId"].is_string()), (&json!(11), true));
    let (usage, gateway) = reply(Fault::CostInUsageAlone).await;
    assert_eq!(
        (usage["gateway_cost"].to_string(), gateway.get("gatewayCost")),
        ("0.000354".to_owned(), None)
    );
    let (usage, gateway) = reply(Fault::CostInMetadataAlone).await;
    assert_eq!((usage.get("gateway_cost"), &gateway["gatewayCost"]), (None, &json!("0.000354")));
    let (_, gateway) = reply(Fault::CostAsNumber).await;
    assert_eq!(gateway["gatewayCost"].to_string(), "0.000354");
    let (usage, gateway) = reply(Fault::PartialUsage).await;
    assert_eq!(
        (usage.to_string(), gateway.get("cost")),
        (r#"{"is_byok":false,"prompt_tokens":8}"#.to_owned(), None)
    );
    let (usage, _) = reply(Fault::ContradictoryTotal).await;
    assert_eq!(usage["total_tokens"], 8 + 11 + 7);
    let calls = simulator.control().settled_bill().await;
    assert!(
        calls.iter().all(|call| call.gateway_cost == money("0.000354")),
        "what is told does not change it"
    );
}

#[tokio::test]
async fn scripts_count_the_calls_of_a_user() {
    let simulator = simulator().await;
    let scripts = json!([{"faults": ["unavailable"]}, {"cached_tokens": 6, "cache_write_tokens": 1}]);
    let call = async |user: &str| {
        let members = format!(r#","user":"{user}","providerOptions":{{"sim":{scripts}}}"#);
        chat(&simulator.url(), MODEL, &members).await.status
    };
    assert_eq!((call("a").await, call("b").await), (503, 503));
    assert_eq!((call("a").await, call("b").await, call("a").await), (200, 200, 200));
    let calls = simulator.control().settled_bill().await;
    assert_eq!((calls[2].cached_tokens, calls[2].cache_write_tokens), (6, 1));
    let header = ("x-sim-script", r#"{"text_events":2,"faults":[{"stall":{"after_events":1}}]}"#);
    simulator.control().release();
    let body = format!(r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":"x"}}],"stream":true}}"#);
    let received = send(&simulator.url(), "POST", "/v1/chat/completions", &[KEY, header], &body).await;
    assert_eq!(events(&received).len(), 1 + 2 + 2);
    let wrong = chat(&simulator.url(), MODEL, r#","providerOptions":{"sim":{"text":2}}"#).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("providerOptions.sim"));
}

#[tokio::test]
async fn the_bill_is_served_and_is_the_same_by_seed() {
    let bill = async || {
        let simulator = simulator().await;
        simulator
            .control()
            .fault(FaultRule::new([Fault::Truncate { after_events: 4 }]).for_model("sim/free"));
        for model in [MODEL, "sim/free", "openai/gpt-4o", "sim/fault-unavailable"] {
            chat(&simulator.url(), model, r#","stream":true"#).await;
        }
        post(
            &simulator.url(),
            "/v1/embeddings",
            r#"{"model":"openai/text-embedding-3-small","input":"abc"}"#,
        )
        .await;
        get(&simulator.url(), "/v1/models").await;
        let calls = simulator.control().settled_bill().await;
        let lines = get(&simulator.url(), "/bill").await;
        let read = lines.text().lines().map(|line| serde_json::from_str::<BilledCall>(line).unwrap());
        assert_eq!(read.collect::<Vec<_>>(), calls);
        let told = get(&simulator.url(), "/__sim/bill").await.json();
        assert_eq!(told["bill"], serde_json::to_value(&calls).unwrap());
        assert_eq!(calls.iter().map(|call| call.gateway_cost).sum::<Decimal>(), simulator.control().billed());
        calls
    };
    let calls = bill().await;
    assert_eq!(calls.len(), 5);
    assert_eq!((calls[4].operation.as_str(), calls[4].cost), ("embeddings", money("0.00000002")));
    assert_eq!(calls, bill().await);
}

#[tokio::test]
async fn generations_and_reports_are_told_from_the_bill() {
    let simulator = simulator().await;
    let members = r#","user":"u1","providerOptions":{"gateway":{"tags":["x","y"]}}"#;
    chat(&simulator.url(), MODEL, members).await;
    simulator.control().fault(Fault::Truncate { after_events: 2 });
    chat(&simulator.url(), MODEL, r#","stream":true,"providerOptions":{"gateway":{"tags":["y"]}}"#).await;
    chat(&simulator.url(), "sim/fault-unavailable", members).await;
    let calls = simulator.control().settled_bill().await;

    let target = format!("/v1/generation?id={}", calls[1].generation_id.as_deref().unwrap());
    send(&simulator.url(), "GET", &target, &[KEY], "").await;
    let data = send(&simulator.url(), "GET", &target, &[KEY], "").await.json()["data"].clone();
    assert_eq!(
        (&data["tokens_completion"], data["total_cost"].to_string()),
        (&json!(2), calls[1].gateway_cost.to_string())
    );
    assert_eq!(data["surcharge_cost"].to_string(), "0.00025");

    let report = async |query: &str| {
        let target = format!("/v1/report?start_date=2026-09-21&end_date=2026-09-21{query}");
        let report = send(&simulator.url(), "GET", &target, &[KEY], "").await;
        (report.status, report.json()["results"].clone())
    };
    let (_, days) = report("").await;
    let sum = calls.iter().map(|call| call.gateway_cost).sum::<Decimal>();
    assert_eq!((&days[0]["day"], days[0]["total_cost"].to_string()), (&json!("2026-09-21"), sum.to_string()));
    assert_eq!((&days[0]["request_count"], &days[0]["output_tokens"]), (&json!(2), &json!(13)));
    let keys = |rows: &Value, member: &str| {
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| (row[member].clone(), row["request_count"].clone()))
            .collect::<Vec<_>>()
    };
    let (_, tags) = report("&group_by=tag").await;
    assert_eq!(keys(&tags, "tag"), [(json!("x"), json!(1)), (json!("y"), json!(2))]);
    let (_, users) = report("&group_by=user").await;
    assert_eq!(keys(&users, "user"), [(json!("u1"), json!(1))]);
    let (_, both) = report("&group_by=model&tags=x,y&tags_match=all").await;
    assert_eq!(keys(&both, "model"), [(json!(MODEL), json!(1))]);
    let (_, hours) = report("&date_part=hour&credential_type=system").await;
    assert_eq!(keys(&hours, "hour"), [(json!("2026-09-21T14:00:00.000Z"), json!(2))]);
    assert_eq!(report("&provider=openai").await.1, json!([]));
    assert_eq!(report("&group_by=mood").await.0, 400);
}
