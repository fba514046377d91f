//! What a key has of the key that made it, and never less of.

use serde_json::{Value, json};

use crate::office::Office;

#[tokio::test]
async fn a_limited_key_sheds_nothing() {
    let office = Office::new().await;
    office.done("/user/new", json!({ "user_id": "ann", "auto_create_key": false })).await;
    let body = json!({
        "user_id": "ann", "max_budget": 1, "models": ["gpt-4o"], "rpm_limit": 2, "duration": "1d",
        "model_rpm_limit": { "gpt-4o": 1 }, "model_max_parallel_requests": { "gpt-4o": 1 }, "tags": ["red"],
    });
    let made = office.done("/key/generate", body).await;
    let ann = office.holder(made["key"].as_str().expect("a key")).await.expect("good");
    let child = office.post(&ann, "/key/generate", json!({})).await.body();
    for name in
        ["max_budget", "models", "rpm_limit", "expires", "model_rpm_limit", "model_max_parallel_requests"]
    {
        assert_eq!(child[name], made[name], "{name}");
    }
    for shed in [
        json!({ "max_budget": 2 }),
        json!({ "max_budget": 1, "budget_duration": "1h" }),
        json!({ "models": ["claude"] }),
        json!({ "duration": "2d" }),
        json!({ "model_rpm_limit": { "gpt-4o": 5 } }),
        json!({ "model_max_parallel_requests": { "gpt-4o": 5 } }),
    ] {
        assert_eq!(office.post(&ann, "/key/generate", shed.clone()).await.refused().0, 400, "{shed}");
        let mut change = shed.clone();
        change["key"] = made["key"].clone();
        assert_eq!(office.post(&ann, "/key/update", change).await.refused().0, 400, "{shed}");
    }
    let unlimited =
        json!({ "key": made["key"], "max_budget": null, "models": [], "duration": "-1", "rpm_limit": null });
    let updated = office.post(&ann, "/key/update", unlimited).await.body();
    for name in ["max_budget", "models", "rpm_limit", "expires"] {
        assert_eq!(updated[name], made[name], "{name}");
    }
    let untagged = json!({ "key": made["key"], "tags": [] });
    assert_eq!(office.post(&ann, "/key/update", untagged).await.refused().0, 403);
    let cleared = json!({ "key": made["key"], "model_rpm_limit": null });
    assert_eq!(office.post(&ann, "/key/update", cleared).await.refused().0, 400);
}

#[tokio::test]
async fn a_key_that_calls_few_endpoints_makes_none_that_calls_more() {
    let office = Office::new().await;
    office.done("/user/new", json!({ "user_id": "ann", "auto_create_key": false })).await;
    let body = json!({
        "user_id": "ann", "allowed_routes": ["/key/*", "info_routes"], "tags": ["red"],
    });
    let made = office.done("/key/generate", body).await;
    let ann = office.holder(made["key"].as_str().expect("a key")).await.expect("good");
    for wanted in [json!({}), json!({ "key_type": "default" })] {
        let child = office.post(&ann, "/key/generate", wanted).await.body();
        assert_eq!(
            (&child["allowed_routes"], &child["key_type"], &child["tags"]),
            (&made["allowed_routes"], &made["key_type"], &made["tags"])
        );
    }
    let narrow =
        office.post(&ann, "/key/generate", json!({ "key_type": "read_only", "tags": ["a"] })).await.body();
    assert_eq!((&narrow["allowed_routes"], &narrow["tags"]), (&json!([]), &json!(["a", "red"])));
    let beyond = json!({ "key_type": "llm_api" });
    assert_eq!(office.post(&ann, "/key/generate", beyond).await.refused().0, 400);
    // Nor is it shown one that calls more.
    let open = office.done("/key/generate", json!({ "user_id": "ann" })).await;
    let shown = office.post(&ann, "/key/regenerate", json!({ "key": open["token"] })).await.body();
    assert_eq!((&shown["allowed_routes"], &shown["tags"]), (&made["allowed_routes"], &made["tags"]));
    let other = office.done("/key/generate", json!({ "user_id": "ann", "key_type": "llm_api" })).await;
    assert_eq!(office.post(&ann, "/key/regenerate", json!({ "key": other["token"] })).await.refused().0, 400);
}

#[tokio::test]
async fn what_a_key_has_by_a_budget_limits_what_it_makes_too() {
    let office = Office::new().await;
    office.done("/user/new", json!({ "user_id": "ann", "auto_create_key": false })).await;
    let budget = json!({
        "budget_id": "small", "max_budget": 5, "budget_duration": "1d", "rpm_limit": 2,
        "model_max_budget": { "gpt-4o": 1 },
    });
    office.done("/budget/new", budget).await;
    let made = office.done("/key/generate", json!({ "user_id": "ann", "budget_id": "small" })).await;
    let ann = office.holder(made["key"].as_str().expect("a key")).await.expect("good");
    let child = office.post(&ann, "/key/generate", json!({})).await.body();
    assert_eq!((&child["budget_id"], &child["max_budget"]), (&json!("small"), &Value::Null));
    let less = json!({ "max_budget": 2, "budget_duration": "1d", "rpm_limit": 1 });
    assert_eq!(office.post(&ann, "/key/generate", less).await.body()["budget_id"], "small");
    for shed in [
        json!({ "max_budget": 6 }),
        json!({ "rpm_limit": 3 }),
        json!({ "max_budget": 5, "budget_duration": "1h" }),
        json!({ "budget_duration": "1h" }),
        json!({ "model_max_budget": { "gpt-4o": 2 } }),
        json!({ "budget_limits": [{ "budget_duration": "1d", "max_budget": 6 }] }),
    ] {
        assert_eq!(office.post(&ann, "/key/generate", shed.clone()).await.refused().0, 400, "{shed}");
        let mut change = shed.clone();
        change["key"] = made["key"].clone();
        assert_eq!(office.post(&ann, "/key/update", change).await.refused().0, 400, "{shed}");
    }
}

#[tokio::test]
async fn a_limited_key_gets_hold_of_none_that_is_not() {
    let office = Office::new().await;
    office.done("/user/new", json!({ "user_id": "ann", "max_budget": 5, "auto_create_key": false })).await;
    let limited = json!({ "user_id": "ann", "max_budget": 1, "models": ["gpt-4o"], "rpm_limit": 2 });
    let made = office.done("/key/generate", limited).await;
    let ann = office.holder(made["key"].as_str().expect("a key")).await.expect("good");
    let open = office.done("/key/generate", json!({ "user_id": "ann" })).await;
    // To name it anew changes nothing else about it.
    let named =
        office.post(&ann, "/key/update", json!({ "key": open["token"], "key_alias": "b" })).await.body();
    assert_eq!((&named["max_budget"], &named["models"]), (&Value::Null, &json!([])));
    // Its secret is shown to the key that asks, and is good for no more than that.
    let shown = office.post(&ann, "/key/regenerate", json!({ "key": open["token"] })).await.body();
    assert_eq!(
        (&shown["max_budget"], &shown["models"], &shown["rpm_limit"]),
        (&json!(1), &json!(["gpt-4o"]), &json!(2))
    );
    // What an administrator gave beyond the user's own stays, and is not given on.
    let gift = office.done("/key/generate", json!({ "user_id": "ann", "max_budget": 50 })).await;
    office.post(&ann, "/key/update", json!({ "key": gift["token"], "key_alias": "gift" })).await.body();
    assert_eq!(office.post(&ann, "/key/regenerate", json!({ "key": gift["token"] })).await.refused().0, 400);
    let itself = office.holder(gift["key"].as_str().expect("a key")).await.expect("good");
    assert_eq!(office.post(&itself, "/key/regenerate", json!({})).await.body()["max_budget"], 50);
}
