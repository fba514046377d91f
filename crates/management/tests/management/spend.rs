//! What was spent: rows, sums by day and by whom, and who may look.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_core::Usage;
use trunkline_management::{Actor, Options};
use trunkline_store::{CostOrigin, RequestRow};

use crate::office::Office;

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_millisecond()
}

fn amount(text: &str) -> Decimal {
    text.parse().expect("an amount")
}

/// Ann spends on two days, by a key of her own; Ben on one, for a team.
async fn with_rows() -> (Office, Actor, Actor, String, String) {
    let office = Office::new().await;
    let (ann, ben) = (office.user("ann", "internal_user").await, office.user("ben", "internal_user").await);
    let members = json!([{ "role": "user", "user_id": "ben" }]);
    office.done("/team/new", json!({ "team_id": "red", "members_with_roles": members })).await;
    let made = async |body: Value| {
        office.done("/key/generate", body).await["key"].as_str().expect("a key").to_owned()
    };
    let anns = made(json!({ "user_id": "ann", "key_alias": "ann-1" })).await;
    let bens = made(json!({ "user_id": "ben", "team_id": "red" })).await;
    let row = |id: &str, time: &str, key: &str, user: &str, spend: Option<&str>| RequestRow {
        request_id: id.to_owned(),
        call_id: format!("call-{id}"),
        started_at: at(time),
        ended_at: at(time) + 250,
        operation: "chat_completions".to_owned(),
        status: Some(200),
        outcome: "completed".to_owned(),
        key: Some(office.index(key)),
        user_id: Some(user.to_owned()),
        model: "gpt".to_owned(),
        group: Some("gpt".to_owned()),
        provider: Some("openai".to_owned()),
        upstream_model: Some("openai/gpt-4o".to_owned()),
        usage: Some(Usage { uncached_input: 10, cache_read: 5, output: 3, ..Usage::default() }),
        spend: spend.map(amount),
        cost_origin: CostOrigin::Reported,
        tags: vec!["night".to_owned()],
        ..RequestRow::default()
    };
    let rows = [
        row("1", "2026-11-26T10:00:00Z", &anns, "ann", Some("0.000000000001")),
        row("2", "2026-11-27T10:00:00Z", &anns, "ann", Some("1.25")),
        RequestRow {
            team_id: Some("red".to_owned()),
            outcome: "failed".to_owned(),
            status: Some(502),
            ..row("3", "2026-11-27T11:00:00Z", &bens, "ben", None)
        },
    ];
    assert_eq!(office.store.record(&rows).await.expect("recorded"), 3);
    (office, ann, ben, anns, bens)
}

const DAYS: &str = "start_date=2026-11-01&end_date=2026-11-30";

#[tokio::test]
async fn rows_are_told_with_the_names_of_keys_and_never_with_what_opens_them() {
    let (office, _, _, anns, _) = with_rows().await;
    let token = trunkline_keys::Token::of(&anns).to_string();
    let rows = office.seen(&format!("/spend/logs?summarize=false&{DAYS}")).await;
    let ids: Vec<_> = rows.as_array().expect("rows").iter().map(|row| &row["request_id"]).collect();
    assert_eq!(ids, [&json!("3"), &json!("2"), &json!("1")]);
    assert_eq!(
        (&rows[1]["api_key"], &rows[1]["total_tokens"], &rows[1]["status"]),
        (&json!(token), &json!(18), &json!("success"))
    );
    assert_eq!(
        (&rows[0]["spend"], &rows[0]["status"]),
        (&Value::Null, &json!("failure")),
        "unknown is no zero"
    );
    assert_eq!(rows[2]["spend"].to_string(), "0.000000000001");
    assert!(!rows.to_string().contains(&office.index(&anns)));
    let one = office.seen("/spend/logs?request_id=call-2").await;
    assert_eq!(one[0]["request_id"], "2");
    let page = office.seen(&format!("/spend/logs/v2?page=2&page_size=2&{DAYS}")).await;
    assert_eq!(
        (&page["total"], &page["total_pages"], &page["data"][0]["request_id"]),
        (&json!(3), &json!(2), &json!("1"))
    );
    let of_key = office.seen(&format!("/spend/logs/v2?api_key={token}")).await;
    assert_eq!((&of_key["total"], of_key["data"].as_array().map(Vec::len)), (&json!(2), Some(2)));
    let days = office.seen(&format!("/spend/logs?{DAYS}")).await;
    assert_eq!(days[0]["startTime"], "2026-11-26");
    assert_eq!(
        (&days[1]["spend"], &days[1]["users"]["ann"], &days[1]["models"]["gpt"]),
        (&json!(1.25), &json!(1.25), &json!(1.25))
    );
}

#[tokio::test]
async fn nobody_looks_at_what_others_spent() {
    let (office, ann, ben, anns, bens) = with_rows().await;
    let ids = async |actor: &Actor, query: &str| -> Vec<String> {
        let rows = office.get(actor, &format!("/spend/logs?summarize=false&{query}")).await.body();
        let rows = rows.as_array().expect("rows").clone();
        rows.iter().map(|row| row["request_id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&ann, "").await, ["2", "1"]);
    assert_eq!(ids(&ben, "").await, ["3"]);
    assert_eq!(ids(&ann, "request_id=3").await, [""; 0], "nor by its id");
    assert_eq!(ids(&ann, "team_id=red").await, [""; 0]);
    for path in [
        "/spend/logs?user_id=ben".to_owned(),
        format!("/spend/logs?api_key={bens}"),
        "/spend/logs/v2?user_id=ben".to_owned(),
        format!("/key/daily/activity?api_key={bens}"),
        "/user/daily/activity?user_id=ben".to_owned(),
    ] {
        assert_eq!(office.get(&ann, &path).await.refused().0, 403, "{path}");
    }
    let own = office.holder(&anns).await.expect("good");
    let daily = office.get(&own, &format!("/user/daily/activity?{DAYS}")).await.body();
    assert_eq!(daily["metadata"]["total_api_requests"], 2);
    let of_team = office.done("/key/generate", json!({ "team_id": "red" })).await;
    let of_team = office.holder(of_team["key"].as_str().expect("a key")).await.expect("good");
    assert_eq!(ids(&of_team, "").await, [""; 0], "a key without a user sees its own");
}

#[tokio::test]
async fn days_add_up_to_what_they_are_made_of() {
    let (office, ..) = with_rows().await;
    let daily = office.seen(&format!("/user/daily/activity?{DAYS}")).await;
    let newest = &daily["results"][0];
    assert_eq!(newest["date"], "2026-11-27");
    assert_eq!(
        (&newest["metrics"]["api_requests"], &newest["metrics"]["failed_requests"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(newest["metrics"]["unpriced_requests"], 1);
    assert_eq!(newest["breakdown"]["entities"]["ann"]["metrics"]["spend"], json!(1.25));
    assert_eq!(newest["breakdown"]["models"]["openai/gpt-4o"]["metrics"]["prompt_tokens"], 30);
    let keys = newest["breakdown"]["api_keys"].as_object().expect("keys");
    assert!(keys.values().any(|key| key["metadata"]["key_alias"] == "ann-1"), "{keys:?}");
    for day in daily["results"].as_array().expect("days") {
        let asked = |what: &Value| what["metrics"]["api_requests"].as_u64().expect("a count");
        for (name, parts) in day["breakdown"].as_object().expect("a breakdown") {
            let parts = parts.as_object().expect("parts");
            let whole = if name == "mcp_servers" { 0 } else { asked(day) };
            assert_eq!(parts.values().map(asked).sum::<u64>(), whole, "{name} of {}", day["date"]);
        }
    }
    assert_eq!(daily["metadata"]["total_spend"].to_string(), "1.250000000001");
    assert_eq!(
        (&daily["metadata"]["total_tokens"], &daily["metadata"]["has_more"]),
        (&json!(54), &json!(false))
    );
    let by_tag = office.seen(&format!("/tag/daily/activity?tags=night&{DAYS}")).await;
    assert_eq!(by_tag["results"][0]["breakdown"]["entities"]["night"]["metrics"]["api_requests"], 2);
    assert_eq!(office.seen(&format!("/tag/daily/activity?tags=day&{DAYS}")).await["results"], json!([]));
    let of_red = office.seen(&format!("/team/daily/activity?team_ids=red&{DAYS}")).await;
    assert_eq!(of_red["metadata"]["total_api_requests"], 1);
    for several in ["/team/daily/activity?team_ids=red,blue", "/spend/logs?tag=night"] {
        assert_eq!(office.get(&Actor::Master, several).await.refused().0, 400, "{several}");
    }
    let paged = office.seen(&format!("/team/daily/activity?page_size=1&{DAYS}")).await;
    assert_eq!(
        (&paged["metadata"]["total_pages"], &paged["metadata"]["has_more"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(paged["results"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn sums_over_all_callers() {
    let (office, ..) = with_rows().await;
    let seen = async |path: &str| office.seen(&format!("{path}?{DAYS}")).await;
    assert_eq!(seen("/global/spend").await["spend"].to_string(), "1.250000000001");
    let days = seen("/global/spend/logs").await;
    assert_eq!((&days[0]["date"], &days[1]["spend"]), (&json!("2026-11-26"), &json!(1.25)));
    let keys = seen("/global/spend/keys").await;
    assert_eq!(
        (&keys[0]["key_alias"], keys[0]["total_spend"].to_string().as_str()),
        (&json!("ann-1"), "1.250000000001")
    );
    assert_eq!(seen("/spend/users").await[0]["user_id"], "ann");
    assert_eq!(seen("/spend/tags").await[0]["log_count"], 3);
    assert_eq!(seen("/global/spend/tags").await["spend_per_tag"][0]["name"], "night");
    assert_eq!(seen("/global/spend/all_tag_names").await["tag_names"], json!(["night"]));
    assert_eq!(seen("/global/spend/models").await[0]["model"], "gpt");
    assert_eq!(seen("/global/spend/provider").await[0]["provider"], "openai");
    let teams = seen("/global/spend/teams").await;
    assert_eq!(teams["daily_spend"][1]["red"], 0);
    let activity = seen("/global/activity").await;
    assert_eq!((&activity["sum_api_requests"], &activity["sum_total_tokens"]), (&json!(3), &json!(54)));
    let wrong = office.get(&Actor::Master, "/global/spend?start_date=soon").await.refused();
    assert_eq!(wrong.0, 400);
}

#[tokio::test]
async fn end_users_that_have_spent_most() {
    let (office, _, _, anns, bens) = with_rows().await;
    let row = |id: &str, time: &str, key: &str, customer: &str, spend: &str| RequestRow {
        request_id: id.to_owned(),
        started_at: at(time),
        key: Some(office.index(key)),
        customer: Some(customer.to_owned()),
        spend: Some(amount(spend)),
        cost_origin: CostOrigin::Computed,
        ..RequestRow::default()
    };
    let rows = [
        row("4", "2026-11-26T23:00:00Z", &anns, "alice", "2"),
        row("5", "2026-11-27T12:00:00Z", &anns, "alice", "0.5"),
        row("6", "2026-11-27T12:00:00Z", &bens, "bob", "3"),
    ];
    office.store.record(&rows).await.expect("a record");
    let asked = async |body: Value| office.done("/global/spend/end_users", body).await;
    let of = |end_user: &str, count: u64, spend: Value| json!({ "end_user": end_user, "total_count": count, "total_spend": spend });
    let both_days = json!({ "startTime": "2026-11-26", "endTime": "2026-11-27" });
    let nobody = of("", 3, serde_json::from_str("1.250000000001").expect("a number"));
    assert_eq!(asked(both_days).await, json!([of("bob", 1, json!(3)), of("alice", 2, json!(2.5)), nobody]));
    let of_ann = json!({ "startTime": "2026-11-27T00:00:00.000Z", "endTime": "2026-11-28T00:00:00.000Z", "api_key": anns });
    assert_eq!(asked(of_ann).await, json!([of("", 1, json!(1.25)), of("alice", 1, json!(0.5))]));
    for (wrong, words) in [
        (json!({ "startTime": "soon" }), "`startTime` must be a date"),
        (json!({ "endTime": "soon" }), "`endTime` must be a date"),
        (json!({ "api_key": "sk-nobody" }), "not found"),
    ] {
        let (_, told) = office.post(&Actor::Master, "/global/spend/end_users", wrong).await.refused();
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn what_would_be_made_of_too_many_sums_is_refused() {
    let office = Office::with(Options { sums_max: 2, ..Options::default() }).await;
    let row = |number: i64| RequestRow {
        request_id: number.to_string(),
        started_at: at("2026-11-26T10:00:00Z") + number,
        group: Some(format!("group-{number}")),
        provider: Some(format!("provider-{number}")),
        team_id: Some(format!("team-{number}")),
        tags: vec![format!("tag-{number}")],
        ..RequestRow::default()
    };
    let paths = [
        "/user/daily/activity",
        "/tag/daily/activity",
        "/global/spend/report",
        "/global/spend/tags",
        "/global/spend/all_tag_names",
        "/global/spend/provider",
        "/global/spend/teams",
        "/spend/logs",
    ];
    office.store.record(&[row(1), row(2)]).await.expect("a record");
    for path in paths {
        office.seen(&format!("{path}?{DAYS}")).await;
    }
    office.store.record(&[row(3)]).await.expect("a record");
    for path in paths {
        let (status, words) = office.get(&Actor::Master, &format!("{path}?{DAYS}")).await.refused();
        assert_eq!(
            (status, words.contains("more than 2 sums: ask for fewer days")),
            (400, true),
            "{path} {words}"
        );
    }
    assert_eq!(
        office.seen(&format!("/global/spend/tags?{DAYS}&limit=2")).await["spend_per_tag"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn the_audit_log_is_read_in_pages() {
    let office = Office::new().await;
    for number in 0..5 {
        office.done("/tag/new", json!({ "name": format!("t{number}") })).await;
    }
    let first = office.seen("/audit/logs?limit=3").await;
    let ids = |page: &Value| -> Vec<String> {
        let lines = page["logs"].as_array().expect("lines").clone();
        lines.iter().map(|line| line["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&first), ["t4", "t3", "t2"]);
    let rest = office.seen(&format!("/audit/logs?limit=3&before={}", first["next_before"])).await;
    assert_eq!((ids(&rest), &rest["next_before"]), (vec!["t1".to_owned(), "t0".to_owned()], &Value::Null));
    assert_eq!((&rest["logs"][0]["action"], &rest["logs"][0]["by"]), (&json!("created"), &json!("master")));
}

#[tokio::test]
async fn a_report_tells_days_by_team_and_end_user_and_all_of_it_by_key() {
    let (office, ann, _, anns, bens) = with_rows().await;
    office.done("/team/update", json!({ "team_id": "red", "team_alias": "Red Team" })).await;
    let token = |key: &str| trunkline_keys::Token::of(key).to_string();
    let report = async |query: &str| office.seen(&format!("/global/spend/report?{DAYS}{query}")).await;
    let unassigned = |day: &str, spend: Value| {
        let part =
            json!({ "model": "openai/gpt-4o", "api_key": token(&anns), "spend": spend, "total_tokens": 18 });
        let team = json!({ "team_name": "Unassigned Team", "team_id": null, "total_spend": spend, "metadata": [part] });
        (format!("{day}T00:00:00+00:00"), team)
    };
    let by_team = report("").await;
    assert_eq!(by_team, report("&group_by=team").await, "as in LiteLLM");
    let (day, team) = unassigned("2026-11-26", serde_json::from_str("0.000000000001").expect("a number"));
    assert_eq!(by_team[0], json!({ "group_by_day": day, "teams": [team] }));
    let (day, team) = unassigned("2026-11-27", json!(1.25));
    assert_eq!((&by_team[1]["group_by_day"], &by_team[1]["teams"][0]), (&json!(day), &team));
    let red = &by_team[1]["teams"][1];
    assert_eq!((&red["team_name"], &red["team_id"]), (&json!("Red Team"), &json!("red")));
    assert_eq!(red["metadata"][0]["api_key"], token(&bens));

    let by_customer = report("&group_by=customer").await;
    let customers = by_customer[1]["customers"].as_array().expect("customers");
    assert_eq!((customers.len(), &customers[0]["customer"]), (1, &json!("")));
    assert_eq!(customers[0]["metadata"].as_array().map(Vec::len), Some(2));

    let by_key = report("&group_by=api_key").await;
    let model = json!({
        "model": "openai/gpt-4o", "total_cost": by_key[0]["total_cost"], "total_input_tokens": 30, "total_output_tokens": 6,
    });
    assert_eq!((&by_key[0]["api_key"], by_key[0]["model_details"][0].clone()), (&json!(token(&anns)), model));
    assert_eq!(by_key[0]["total_cost"].to_string(), "1.250000000001");
    assert_eq!(by_key[1]["api_key"], token(&bens));
    for of_one in [format!("&api_key={anns}"), "&internal_user_id=ann&group_by=team".to_owned()] {
        assert_eq!(report(&of_one).await, json!([by_key[0]]), "{of_one}");
    }
    assert_eq!(report("&team_id=red").await[0]["teams"].as_array().map(Vec::len), Some(1));
    assert_eq!(report("&customer_id=nobody").await, json!([]));

    for (query, word) in [
        ("end_date=2026-11-30".to_owned(), "Please provide start_date and end_date"),
        (format!("{DAYS}&group_by=planet"), "group_by"),
        (format!("{DAYS}&tag=a"), "there is no query parameter `tag`"),
    ] {
        let refused = office.get(&Actor::Master, &format!("/global/spend/report?{query}")).await.refused();
        assert!(refused.0 == 400 && refused.1.contains(word), "{refused:?}");
    }
    assert_eq!(office.get(&ann, &format!("/global/spend/report?{DAYS}")).await.refused().0, 401);
}
