//! Budgets, and the customers and tags that have some.

use serde_json::{Value, json};
use trunkline_core::SubjectKind;
use trunkline_management::Actor;

use crate::office::Office;

#[tokio::test]
async fn a_budget_is_referred_to_and_outlives_its_deletion() {
    let office = Office::new().await;
    let made = office
        .done("/budget/new", json!({ "budget_id": "small", "max_budget": "0.10", "budget_duration": "1d" }))
        .await;
    assert_eq!((&made["budget_id"], made["max_budget"].to_string().as_str()), (&json!("small"), "0.10"));
    let again = office.post(&Actor::Master, "/budget/new", json!({ "budget_id": "small" })).await.refused();
    assert_eq!(again, (400, "Budget with id 'small' already exists.".to_owned()));
    let key = office.done("/key/generate", json!({ "budget_id": "small" })).await;
    assert_eq!(key["litellm_budget_table"]["max_budget"].to_string(), "0.10");
    assert!(key["budget_reset_at"].is_string(), "it is counted in the window of its budget");
    office.done("/budget/update", json!({ "budget_id": "small", "max_budget": 0.2 })).await;
    let shown = office.done("/budget/info", json!({ "budgets": ["small", "none"] })).await;
    assert_eq!((shown.as_array().map(Vec::len), &shown[0]["max_budget"]), (Some(1), &json!(0.2)));
    let settings = office.seen("/budget/settings?budget_id=small").await;
    assert_eq!(
        (&settings[0]["field_name"], &settings[0]["field_value"]),
        (&json!("max_budget"), &json!(0.2))
    );
    office.done("/budget/delete", json!({ "id": "small" })).await;
    assert_eq!(office.seen("/budget/list").await, json!([]));
    let kept = office.seen(&format!("/key/info?key={}", key["token"].as_str().expect("a token"))).await;
    assert_eq!(kept["info"]["litellm_budget_table"]["max_budget"], json!(0.2));
    let refused =
        office.post(&Actor::Master, "/key/generate", json!({ "budget_id": "small" })).await.refused();
    assert_eq!(refused, (400, "Budget=small does not exist".to_owned()));
}

#[tokio::test]
async fn customers_are_known_by_both_names() {
    let office = Office::new().await;
    let made = office
        .done("/customer/new", json!({ "user_id": "shop-1", "alias": "Shop", "max_budget": 5, "spend": 0 }))
        .await;
    assert_eq!(
        (&made["user_id"], &made["alias"], &made["max_budget"]),
        (&json!("shop-1"), &json!("Shop"), &json!(5))
    );
    let (status, words) =
        office.post(&Actor::Master, "/end_user/new", json!({ "user_id": "shop-1" })).await.refused();
    assert!(status == 400 && words.starts_with("Customer already exists"), "{words}");
    office.spend(SubjectKind::Customer, "shop-1", "0.3").await;
    assert_eq!(office.seen("/end_user/info?end_user_id=shop-1").await["spend"], json!(0.3));
    office.done("/end_user/update", json!({ "user_id": "shop-1", "max_budget": null, "rpm_limit": 3 })).await;
    let blocked = office.done("/customer/block", json!({ "user_ids": ["shop-1", "shop-2"] })).await;
    assert_eq!(
        blocked["blocked_users"].as_array().map(Vec::len),
        Some(2),
        "strangers can be blocked before they come"
    );
    let unblocked = office.done("/customer/unblock", json!({ "user_ids": ["shop-1", "shop-3"] })).await;
    assert_eq!(unblocked["blocked_users"].as_array().map(Vec::len), Some(1));
    let listed = office.seen("/customer/list").await;
    let states: Vec<_> =
        listed.as_array().expect("a list").iter().map(|one| (&one["user_id"], &one["blocked"])).collect();
    assert_eq!(states, [(&json!("shop-1"), &json!(false)), (&json!("shop-2"), &json!(true))]);
    let missing =
        office.post(&Actor::Master, "/customer/delete", json!({ "user_ids": ["shop-1", "none"] })).await;
    assert_eq!(missing.refused(), (404, "End User Id(s)=none do not exist in db".to_owned()));
    let deleted = office.done("/customer/delete", json!({ "user_ids": ["shop-1", "shop-2"] })).await;
    assert_eq!(deleted["deleted_customers"], 2);
    for refused in
        [json!({ "user_id": "a", "allowed_model_region": "eu" }), json!({ "user_id": "a", "spend": 1 })]
    {
        assert_eq!(office.post(&Actor::Master, "/customer/new", refused).await.refused().0, 400);
    }
}

#[tokio::test]
async fn a_tag_has_a_budget() {
    let office = Office::new().await;
    let made =
        office.done("/tag/new", json!({ "name": "batch", "description": "at night", "max_budget": 1 })).await;
    assert_eq!(
        (&made["message"], &made["tag"]["max_budget"]),
        (&json!("Tag batch created successfully"), &json!(1))
    );
    office.spend(SubjectKind::Tag, "batch", "0.25").await;
    office.done("/tag/update", json!({ "name": "batch", "budget_duration": "1mo" })).await;
    let infos = office.done("/tag/info", json!({ "names": ["batch", "none"] })).await;
    assert_eq!(
        (&infos["batch"]["spend"], infos.get("none")),
        (&json!(0), None),
        "the month has a counter of its own"
    );
    assert_eq!(office.seen("/tag/list").await.as_array().map(Vec::len), Some(1));
    assert_eq!(office.post(&Actor::Master, "/tag/delete", json!({ "name": "none" })).await.refused().0, 404);
    let said: Value = office.done("/tag/delete", json!({ "name": "batch" })).await;
    assert_eq!(said["message"], "Tag batch deleted successfully");
    assert_eq!(office.seen("/tag/list").await, json!([]));
}
