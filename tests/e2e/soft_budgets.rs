//! Soft budgets: who passes one is told of in log, metrics and webhook, once, and served on.

use serde_json::{Value, json};
use trunkline_keys::Token;
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::office::{CHAT, MASTER, ask, chat, done, key, reply, row, see, spend, start, units};
use crate::server::until;

fn events(receiver: &ScriptedUpstream) -> Vec<Value> {
    let lists = receiver.requests().into_iter();
    let objects =
        lists.flat_map(|request| serde_json::from_slice::<Vec<Value>>(&request.body).expect("a list"));
    objects.filter(|object| object.get("event").is_some()).collect()
}

#[tokio::test]
async fn whoever_passes_a_soft_budget_is_told_of_once_and_served_on() {
    let upstream = ScriptedUpstream::answering(|_, _| Script::json(200, reply(10))).await.expect("a port");
    let receiver = ScriptedUpstream::answering(|_, _| Script::json(200, "{}")).await.expect("a port");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = format!(
        "model_list:\n{}litellm_settings: {{callbacks: [generic_api, prometheus]}}\n",
        row("m", &upstream.url())
    );
    let served = async || {
        start(folder.path(), &config).variable("GENERIC_LOGGER_ENDPOINT", receiver.url()).serve().await
    };
    let server = served().await;
    let address = server.address;
    let team = json!({ "team_id": "red", "team_alias": "The Reds", "soft_budget": 0.0006, "max_budget": 1, "budget_duration": "30d" });
    done(address, "/team/new", team).await;
    // A call takes 25 units of 1e-5 dollars: the key passes its own with the second, the team with the third.
    let body = json!({ "team_id": "red", "key_alias": "ci", "soft_budget": 0.0004 });
    let ci = key(address, body).await;
    let call = chat("m", "hi", json!({ "max_tokens": 10 }));
    for _ in 0..5 {
        assert_eq!(ask(address, &ci, CHAT, &call).await.status, 200);
    }
    until("both are told of", async || events(&receiver).len() == 2).await;
    let told = events(&receiver);
    let shown =
        |event: &Value, names: &[&str]| names.iter().map(|name| event[name].clone()).collect::<Vec<_>>();
    let names = ["event", "event_group", "key_alias", "team_id", "team_alias", "user_id"];
    assert_eq!(
        shown(&told[0], &names),
        [
            json!("soft_budget_crossed"),
            json!("key"),
            json!("ci"),
            json!("red"),
            json!("The Reds"),
            Value::Null
        ]
    );
    assert_eq!(told[0]["token"], Token::of(&ci).to_string());
    let of = |event: &Value| ["spend", "soft_budget"].map(|name| units(&event[name]));
    assert_eq!((of(&told[0]), &told[0]["max_budget"]), ([50, 40], &Value::Null));
    assert_eq!(
        shown(&told[1], &names),
        [
            json!("soft_budget_crossed"),
            json!("team"),
            Value::Null,
            json!("red"),
            json!("The Reds"),
            Value::Null
        ]
    );
    assert_eq!((of(&told[1]), &told[1]["max_budget"]), ([75, 60], &json!(1)));
    assert_eq!(told[1]["trunkline"]["budget_duration"], "30d");
    assert_eq!(
        told[1]["event_message"],
        "the team red has spent 0.00075 US dollars, and its soft budget is 0.0006; from 1 on it is refused"
    );
    let metrics = see(address, MASTER, "/metrics").await.text();
    for kind in ["key", "team"] {
        let line = format!("trunkline_soft_budgets_passed_total{{kind=\"{kind}\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
    until("all is in the books", async || spend(address, &ci).await == 125).await;
    let log = server.stop().await;
    let lines: Vec<_> = log.lines().filter(|line| line.contains("soft budget passed")).collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains("WARN")), "{log}");
    assert!(lines[0].contains("ci") && !log.contains(&ci), "{log}");
    // What was passed before a start is not told again after it.
    let server = served().await;
    assert_eq!(ask(server.address, &ci, CHAT, &call).await.status, 200);
    until("it is in the books", async || spend(server.address, &ci).await == 150).await;
    assert!(!server.stop().await.contains("soft budget passed"));
    assert_eq!(events(&receiver).len(), 2);
}
