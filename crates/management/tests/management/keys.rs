//! Keys: what they may be given, and what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_core::SubjectKind;
use trunkline_keys::Token;
use trunkline_limits::{Account, Want};
use trunkline_management::{Actor, Options};
use trunkline_store::{Kind, ObjectQuery};

use crate::office::Office;

fn secret(made: &Value) -> String {
    made["key"].as_str().expect("a key").to_owned()
}

#[tokio::test]
async fn a_key_is_shown_once_and_works() {
    let office = Office::new().await;
    let made = office
        .done(
            "/key/generate",
            json!({
                "key_alias": "ci", "models": ["gpt-4o", "openai/*"], "max_budget": "10.50", "duration": "30d",
                "rpm_limit": 5, "metadata": { "owner": "red", "model_tpm_limit": { "gpt-4o": 100 } },
            }),
        )
        .await;
    let key = secret(&made);
    let token = Token::of(&key).to_string();
    assert!(key.starts_with("sk-") && key.len() >= 3 + 32, "{key}");
    assert_eq!(made["token"], token);
    assert_eq!(made["token_id"], token);
    assert_eq!(made["key_name"], format!("sk-...{}", &key[key.len() - 4..]));
    assert_eq!(made["max_budget"].to_string(), "10.50");
    assert_eq!(made["model_tpm_limit"], json!({ "gpt-4o": 100 }));
    assert_eq!(made["metadata"], json!({ "owner": "red" }));
    assert_eq!(made["created_by"], "master");
    assert!(made["expires"].is_string() && made["litellm_budget_table"].is_null());
    let holder = office.holder(&key).await.expect("it is good");
    let info = office.seen(&format!("/key/info?key={token}")).await;
    assert_eq!(info["info"]["status"], "active");
    assert_eq!(info["info"]["spend"], 0);
    assert!(!info.to_string().contains(&key), "a key is shown once");
    // The key may look at itself, by its own secret and without naming anything.
    assert_eq!(office.get(&holder, "/key/info").await.body(), info);
    assert_eq!(office.get(&holder, &format!("/key/info?key={key}")).await.body(), info);
}

#[tokio::test]
async fn a_key_may_be_wished_for_once() {
    let office = Office::new().await;
    let wished = "sk-a-key-of-our-own-1";
    assert_eq!(secret(&office.done("/key/generate", json!({ "key": wished })).await), wished);
    let again = office.post(&Actor::Master, "/key/generate", json!({ "key": wished })).await.refused();
    assert_eq!(again.0, 400);
    for short in ["sk-short", "my-key-without-its-start", "sk-with a space in it"] {
        let (status, words) =
            office.post(&Actor::Master, "/key/generate", json!({ "key": short })).await.refused();
        assert_eq!(status, 400);
        assert!(words.starts_with("Invalid key format.") && !words.contains(short), "{words}");
    }
}

#[tokio::test]
async fn what_would_be_ignored_is_refused() {
    let office = Office::new().await;
    let refused = async |body: Value| office.post(&Actor::Master, "/key/generate", body).await.refused();
    let (status, words) = refused(json!({ "max_buget": 5 })).await;
    assert_eq!((status, words.as_str()), (400, "there is no field `max_buget`; did you mean `max_budget`?"));
    for field in ["guardrails", "enforced_params", "allowed_passthrough_routes", "allowed_cache_controls"] {
        let (status, words) = refused(json!({ field: ["x"] })).await;
        assert!(status == 400 && words.contains(field), "{words}");
        let (_, words) = refused(json!({ "metadata": { field: ["x"] }, "rpm_limit": "many" })).await;
        assert!(words.contains(field) || words.contains("rpm_limit"), "{words}");
        office.done("/key/generate", json!({ field: [] })).await;
    }
    for body in [
        json!({ "max_budget": -1 }),
        json!({ "rpm_limit": 1.5 }),
        json!({ "duration": "soon" }),
        json!({ "models": "gpt-4o" }),
        json!({ "key_type": "root" }),
        json!({ "soft_budget": 5, "max_budget": 5 }),
        json!({ "duration": "1d", "expires": "2027-01-01T00:00:00Z" }),
        json!({ "team_id": "nowhere" }),
        json!({ "budget_id": "nowhere" }),
        json!({ "temp_budget_increase": 5 }),
    ] {
        assert_eq!(refused(body.clone()).await.0, 400, "{body}");
    }
}

#[tokio::test]
async fn an_alias_is_one_key_s() {
    let office = Office::new().await;
    let first = secret(&office.done("/key/generate", json!({ "key_alias": "ci" })).await);
    let (status, words) =
        office.post(&Actor::Master, "/key/generate", json!({ "key_alias": "ci" })).await.refused();
    let expected = "Key with alias 'ci' already exists. Unique key aliases across all keys are required.";
    assert_eq!((status, words.as_str()), (400, expected));
    // Whoever edits a key sends its alias along.
    office.done("/key/update", json!({ "key": first, "key_alias": "ci", "rpm_limit": 1 })).await;
    office.done("/key/delete", json!({ "key_aliases": ["ci"] })).await;
    office.done("/key/generate", json!({ "key_alias": "ci" })).await;
}

#[tokio::test]
async fn many_at_once_get_one_alias_once() {
    let office = Office::new().await;
    let asked: Vec<_> = (0..16)
        .map(|_| office.post(&Actor::Master, "/key/generate", json!({ "key_alias": "one" })))
        .collect();
    let mut made = 0;
    for answer in futures_util::future::join_all(asked).await {
        made += usize::from(matches!(answer, crate::office::Answer::Reply(200, _)));
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_null_clears() {
    let office = Office::new().await;
    let key = secret(
        &office.done("/key/generate", json!({ "max_budget": 5, "rpm_limit": 1, "duration": "1d" })).await,
    );
    let updated =
        office.done("/key/update", json!({ "key": key, "max_budget": 7.25, "models": ["a"] })).await;
    assert_eq!((updated["max_budget"].to_string().as_str(), &updated["rpm_limit"]), ("7.25", &json!(1)));
    assert_eq!(updated["key"], Token::of(&key).to_string(), "no key comes back");
    let cleared = office
        .done("/key/update", json!({ "key": key, "max_budget": null, "duration": "-1", "models": null }))
        .await;
    assert_eq!(
        (&cleared["max_budget"], &cleared["expires"], &cleared["models"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    assert_eq!(cleared["rpm_limit"], 1);
    let (status, _) =
        office.post(&Actor::Master, "/key/update", json!({ "key": "sk-unknown-unknown-1" })).await.refused();
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_change_is_felt_at_once() {
    let office = Office::new().await;
    let key = secret(&office.done("/key/generate", json!({})).await);
    assert!(office.holder(&key).await.is_some());
    let blocked = office.done("/key/block", json!({ "key": key })).await;
    assert_eq!((&blocked["blocked"], &blocked["status"]), (&json!(true), &json!("revoked")));
    assert!(office.holder(&key).await.is_none());
    office.done("/key/unblock", json!({ "key": Token::of(&key).to_string() })).await;
    assert!(office.holder(&key).await.is_some());
    office.done("/key/delete", json!({ "keys": [key] })).await;
    assert!(office.holder(&key).await.is_none());
    let info = office.seen(&format!("/key/info?key={}", Token::of(&key))).await;
    assert_eq!(info["info"]["status"], "deleted");
}

#[tokio::test]
async fn keys_are_deleted_all_or_none() {
    let office = Office::new().await;
    let (one, two) = (
        secret(&office.done("/key/generate", json!({})).await),
        secret(&office.done("/key/generate", json!({})).await),
    );
    let asked = json!({ "keys": [one, "sk-unknown-unknown-1"] });
    assert_eq!(office.post(&Actor::Master, "/key/delete", asked).await.refused().0, 400);
    assert!(office.holder(&one).await.is_some());
    let deleted = office.done("/key/delete", json!({ "keys": [one, two] })).await;
    let mut expected = [Token::of(&one).to_string(), Token::of(&two).to_string()];
    let mut listed: Vec<String> = serde_json::from_value(deleted["deleted_keys"].clone()).expect("texts");
    expected.sort();
    listed.sort();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn another_secret_is_no_new_budget() {
    let office = Office::new().await;
    let key = secret(&office.done("/key/generate", json!({ "key_alias": "ci", "max_budget": 5 })).await);
    office.spend(SubjectKind::Key, &office.index(&key), "4.9").await;
    let made = office.done(&format!("/key/{key}/regenerate"), json!({ "rpm_limit": 3 })).await;
    let fresh = secret(&made);
    assert_ne!(fresh, key);
    assert_eq!(
        (&made["key_alias"], &made["rpm_limit"], &made["spend"]),
        (&json!("ci"), &json!(3), &json!(4.9))
    );
    assert!(office.holder(&key).await.is_none());
    assert!(office.holder(&fresh).await.is_some());
    let (status, _) = office
        .post(&Actor::Master, "/key/regenerate", json!({ "key": fresh, "grace_period": "24h" }))
        .await
        .refused();
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_key_with_another_secret_counts_where_it_did() {
    let office = Office::new().await;
    let budget = json!({ "budget_id": "b", "max_budget": 5, "budget_duration": "30d", "model_max_budget": { "gpt": 3 } });
    office.done("/budget/new", budget).await;
    let key = secret(&office.done("/key/generate", json!({ "budget_id": "b" })).await);
    let accounts = async |key: &str| -> Vec<Arc<Account>> {
        let holder = office.holder(key).await.expect("a good key");
        let accounts = &holder.identity().expect("a virtual key").accounts;
        accounts.always.iter().chain(accounts.of_models(&["gpt"])).cloned().collect()
    };
    let held = accounts(&key).await;
    let want =
        Want { accounts: &held, by_model: &[], tokens: 1, amount: Some(Decimal::TWO), wait: Duration::ZERO };
    // On its way to the store, and still under way.
    office.keys.book().reserve(want).await.expect("room").settle(1, Some(Decimal::TWO));
    let reservation =
        office.keys.book().reserve(Want { amount: Some(Decimal::ONE), ..want }).await.expect("room");
    let mut fresh = key.clone();
    for _ in 0..2 {
        fresh = secret(&office.done("/key/regenerate", json!({ "key": fresh })).await);
    }
    let budgets: Vec<_> =
        accounts(&fresh).await.iter().flat_map(|account| account.standing().budgets).collect();
    let left: Vec<_> = budgets.iter().map(|budget| (budget.max, budget.spent, budget.reserved)).collect();
    let [five, three] = [Decimal::from(5), Decimal::from(3)];
    assert_eq!(left, [(five, Decimal::TWO, Decimal::ONE), (three, Decimal::TWO, Decimal::ONE)]);
    drop(reservation);
    // Its first secret counts there too, and is nobody's any more.
    for (path, body) in [
        ("/key/generate", json!({ "key": key })),
        ("/key/regenerate", json!({ "key": fresh, "new_key": key })),
    ] {
        let (status, words) = office.post(&Actor::Master, path, body).await.refused();
        assert!(status == 400 && words.contains("already exists"), "{words}");
    }
    let shown = office.seen(&format!("/key/info?key={fresh}")).await.to_string();
    assert!(!shown.contains("counts_as") && !shown.contains(&office.index(&key)), "{shown}");
}

#[tokio::test]
async fn spend_is_set_back_and_noted() {
    let office = Office::new().await;
    let key = secret(&office.done("/key/generate", json!({ "max_budget": 5 })).await);
    office.spend(SubjectKind::Key, &office.index(&key), "4.900000001").await;
    let path = format!("/key/{}/reset_spend", Token::of(&key));
    let refused = office.post(&Actor::Master, &path, json!({ "reset_to": 6 })).await.refused();
    assert_eq!(refused, (400, "reset_to (6) must be <= current spend (4.900000001)".to_owned()));
    let reset = office.done(&path, json!({ "reset_to": 0.5 })).await;
    assert_eq!(reset["previous_spend"].to_string(), "4.900000001");
    assert_eq!(office.seen(&format!("/key/info?key={key}")).await["info"]["spend"], json!(0.5));
    let newest = office.store.acts(None, 1).await.expect("acts").remove(0);
    assert_eq!((newest.action.as_str(), newest.by.as_str()), ("spend_reset", "master"));
}

#[tokio::test]
async fn spend_that_is_set_back_is_so_of_every_model_and_at_every_replica() {
    let office = Office::new().await;
    let replica = office.replica();
    let budgets = json!({ "max_budget": 9, "model_max_budget": { "gpt": 8 } });
    let key = secret(&office.done("/key/generate", budgets).await);
    let accounts = async |office: &Office| -> Vec<Arc<Account>> {
        let holder = office.holder(&key).await.expect("a good key");
        let accounts = &holder.identity().expect("a virtual key").accounts;
        accounts.always.iter().chain(accounts.of_models(&["gpt"])).cloned().collect()
    };
    let spent = async |office: &Office| -> Vec<Decimal> {
        let budgets = accounts(office).await.into_iter().flat_map(|account| account.standing().budgets);
        budgets.map(|budget| budget.spent).collect()
    };
    let spend = async |office: &Office, amount: i64| {
        let amount = Some(Decimal::from(amount));
        let held = accounts(office).await;
        let want = Want { accounts: &held, by_model: &[], tokens: 1, amount, wait: Duration::ZERO };
        office.keys.book().reserve(want).await.expect("room").settle(1, amount);
    };
    let reset = async |to: i64| {
        let path = format!("/key/{}/reset_spend", Token::of(&key));
        office.done(&path, json!({ "reset_to": to })).await;
        // The replica learns it as it learns of all changes.
        replica.keys.forget(Kind::Key, &office.index(&key));
    };
    office.spend(SubjectKind::Key, &office.index(&key), "5").await;
    for (office, amount) in [(&office, 3), (&replica, 4)] {
        spend(office, amount).await;
        assert_eq!(spent(office).await, [Decimal::from(5 + amount), Decimal::from(amount)]);
    }
    reset(1).await;
    for office in [&office, &replica] {
        assert_eq!(spent(office).await, [Decimal::ONE; 2]);
        // What is spent from then on counts, however often the key is read.
        spend(office, 1).await;
        office.keys.forget(Kind::Key, &office.index(&key));
        assert_eq!(spent(office).await, [Decimal::TWO; 2]);
    }
    reset(0).await;
    for office in [&office, &replica] {
        assert_eq!(spent(office).await, [Decimal::ZERO; 2]);
    }
    // Who starts afterwards reads what was spent since, and does not set that back.
    let late = office.replica();
    late.spend(SubjectKind::Key, &office.index(&key), "4").await;
    spend(&late, 2).await;
    late.keys.forget(Kind::Key, &office.index(&key));
    assert_eq!(spent(&late).await, [Decimal::from(6), Decimal::TWO]);
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let office = Office::new().await;
    for number in 0..12 {
        let user = if number % 2 == 0 { "ann" } else { "ben" };
        let body = json!({ "key_alias": format!("k{number:02}"), "user_id": user });
        office.done("/key/generate", body).await;
    }
    let page = office.seen("/key/list?size=5&page=3&sort_by=key_alias&return_full_object=true").await;
    let aliases: Vec<_> =
        page["keys"].as_array().expect("keys").iter().map(|key| &key["key_alias"]).collect();
    assert_eq!(aliases, [&json!("k10"), &json!("k11")]);
    assert_eq!(
        (&page["total_count"], &page["current_page"], &page["total_pages"]),
        (&json!(12), &json!(3), &json!(3))
    );
    let of_ann = office.seen("/key/list?user_id=ann").await;
    assert_eq!(of_ann["total_count"], 6);
    let token = of_ann["keys"][0].as_str().expect("a token");
    assert_eq!(Token::parse(token).map(|token| token.to_string()).as_deref(), Some(token));
    let one = office.seen(&format!("/key/list?key_hash={token}")).await;
    assert_eq!(one["keys"], json!([token]));
    let names = office.seen("/key/aliases?size=3&search=k0").await;
    assert_eq!((&names["aliases"], &names["total_count"]), (&json!(["k00", "k01", "k02"]), &json!(10)));
    for wrong in [
        "/key/list?organization_id=o",
        "/key/list?size=101",
        "/key/list?sort_by=spend",
        "/key/list?status=old",
    ] {
        assert_eq!(office.get(&Actor::Master, wrong).await.refused().0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn several_are_changed_each_by_itself() {
    let office = Office::new().await;
    let key = secret(&office.done("/key/generate", json!({})).await);
    let changes = json!({ "keys": [{ "key": key, "max_budget": 3 }, { "key": "sk-unknown-unknown-1" }] });
    let done = office.done("/key/bulk_update", changes).await;
    assert_eq!(done["total_requested"], 2);
    assert_eq!(done["successful_updates"][0]["key_info"]["max_budget"], 3);
    assert_eq!(done["failed_updates"][0]["failed_reason"], "Key not found in database");
    assert!(!done.to_string().contains("sk-unknown"));
    let shown = office.done("/v2/key/info", json!({ "keys": [key, "sk-unknown-unknown-1"] })).await;
    assert_eq!(shown["info"].as_array().map(Vec::len), Some(1));
    assert_eq!(office.done("/key/health", json!({})).await["key"], "healthy");
}

#[tokio::test]
async fn defaults_and_bounds_hold_for_every_key() {
    let map = |value: Value| value.as_object().expect("an object").clone();
    let office = Office::with(Options {
        key_defaults: map(json!({ "models": ["gpt-4o"], "tpm_limit": 100 })),
        key_bounds: map(json!({ "max_budget": 10, "duration": "7d", "budget_duration": "30d" })),
        ..Options::default()
    })
    .await;
    let made = office.done("/key/generate", json!({})).await;
    assert_eq!(
        (&made["models"], &made["tpm_limit"], &made["max_budget"]),
        (&json!(["gpt-4o"]), &json!(100), &json!(10))
    );
    assert!(made["expires"].is_string());
    assert_eq!(made["budget_duration"], "30d");
    for beyond in [
        json!({ "max_budget": 11 }),
        json!({ "duration": "8d" }),
        json!({ "budget_duration": "31d" }),
        json!({ "budget_duration": "2mo" }),
    ] {
        let (status, words) = office.post(&Actor::Master, "/key/generate", beyond.clone()).await.refused();
        assert!(status == 400 && words.contains("is over max limit set in config"), "{beyond}: {words}");
        let mut change = map(beyond);
        change.insert("key".to_owned(), made["key"].clone());
        let refused = office.post(&Actor::Master, "/key/update", Value::Object(change)).await.refused();
        assert_eq!(refused.0, 400);
    }
    // Words are windows too.
    assert_eq!(
        office.done("/key/generate", json!({ "budget_duration": "monthly" })).await["budget_duration"],
        "monthly"
    );
    let weekly = Options { key_bounds: map(json!({ "budget_duration": "weekly" })), ..Options::default() };
    let weekly = Office::with(weekly).await;
    for (window, status) in [("monthly", 400), ("8d", 400), ("1w", 200), ("daily", 200)] {
        let answer = weekly.post(&Actor::Master, "/key/generate", json!({ "budget_duration": window })).await;
        let found =
            if matches!(answer, crate::office::Answer::Reply(200, _)) { 200 } else { answer.refused().0 };
        assert_eq!(found, status, "{window}");
    }
    // What clears a bounded field gets the bound.
    let cleared =
        office.done("/key/update", json!({ "key": made["key"], "max_budget": null, "duration": "-1" })).await;
    assert!(cleared["max_budget"] == 10 && cleared["expires"].is_string());
}

#[tokio::test]
async fn nothing_in_the_store_opens_anything() {
    let office = Office::new().await;
    let made = office.done("/key/generate", json!({ "key_alias": "ci" })).await;
    let key = secret(&made);
    office.done("/key/update", json!({ "key": key, "rpm_limit": 1 })).await;
    let fresh = secret(&office.done("/key/regenerate", json!({ "key": key })).await);
    let query = ObjectQuery { limit: 10, ..ObjectQuery::default() };
    let objects = office.store.list(Kind::Key, &query).await.expect("a list").items;
    let acts = office.store.acts(None, 100).await.expect("acts");
    assert_eq!((objects.len(), acts.len()), (1, 4));
    let kept = format!("{objects:?} {acts:?}");
    for secret in [&key, &fresh] {
        assert!(!kept.contains(secret.as_str()));
        assert!(
            !kept.contains(&Token::of(secret).to_string()),
            "a token would be found by whoever has the pepper"
        );
    }
    let actions: Vec<_> = acts.iter().rev().map(|act| act.action.as_str()).collect();
    assert_eq!(actions, ["created", "updated", "deleted", "regenerated"]);
}
