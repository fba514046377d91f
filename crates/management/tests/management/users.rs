//! Users: made, shown, changed, deleted.

use serde_json::json;
use trunkline_core::SubjectKind;
use trunkline_management::Actor;

use crate::office::Office;

#[tokio::test]
async fn a_user_comes_with_a_key() {
    let office = Office::new().await;
    office.done("/team/new", json!({ "team_id": "red" })).await;
    let made = office
        .done(
            "/user/new",
            json!({
                "user_id": "ann", "user_email": "ann@example.com", "max_budget": 5, "user_role": "internal_user",
                "teams": [{ "team_id": "red", "user_role": "admin", "max_budget_in_team": 2 }], "key_alias": "ann-1",
            }),
        )
        .await;
    assert_eq!(
        (&made["user_id"], &made["user_role"], &made["teams"]),
        (&json!("ann"), &json!("internal_user"), &json!(["red"]))
    );
    let holder = office.holder(made["key"].as_str().expect("a key")).await.expect("a good key");
    assert_eq!(holder.user_id(), Some("ann"));
    office.spend(SubjectKind::User, "ann", "1.25").await;
    let info = office.get(&holder, "/user/info").await.body();
    assert_eq!(info["user_info"]["spend"], json!(1.25));
    assert_eq!(info["keys"][0]["key_alias"], "ann-1");
    assert_eq!(
        info["teams"][0]["members_with_roles"],
        json!([{ "user_id": "ann", "user_email": "ann@example.com", "role": "admin" }])
    );
    let alone = office.done("/user/new", json!({ "auto_create_key": false })).await;
    assert!(alone.get("key").is_none() && alone["user_id"].as_str().is_some_and(|id| id.len() == 36));
}

#[tokio::test]
async fn a_user_is_made_once() {
    let office = Office::new().await;
    office.done("/user/new", json!({ "user_id": "ann", "user_email": "ann@example.com" })).await;
    for again in [json!({ "user_id": "ann" }), json!({ "user_email": "ann@example.com" })] {
        let (status, words) = office.post(&Actor::Master, "/user/new", again).await.refused();
        assert!(status == 409 && words.ends_with("already exists"), "{words}");
    }
    let refused = office.post(&Actor::Master, "/user/new", json!({ "user_role": "king" })).await.refused();
    assert_eq!(refused.0, 400);
}

#[tokio::test]
async fn users_are_changed_and_listed() {
    let office = Office::new().await;
    for id in ["ann", "ben", "cid"] {
        office.done("/user/new", json!({ "user_id": id, "user_email": format!("{id}@example.com") })).await;
    }
    let updated = office
        .done("/user/update", json!({ "user_email": "ben@example.com", "user_role": "proxy_admin_viewer" }))
        .await;
    assert_eq!(
        (&updated["user_id"], &updated["data"]["user_role"]),
        (&json!("ben"), &json!("proxy_admin_viewer"))
    );
    let page = office.seen("/user/list?page_size=2").await;
    assert_eq!(
        (&page["total"], &page["total_pages"], &page["users"][0]["key_count"]),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(office.seen("/user/list?user_ids=ann,cid").await["total"], 2);
    assert_eq!(office.seen("/user/list?user_email=cid@").await["users"][0]["user_id"], "cid");
    assert_eq!(office.get(&Actor::Master, "/user/info?user_id=dan").await.refused().0, 404);
}

#[tokio::test]
async fn what_is_a_user_s_goes_with_it() {
    let office = Office::new().await;
    office.done("/team/new", json!({ "team_id": "red" })).await;
    let made = office.done("/user/new", json!({ "user_id": "ann", "teams": ["red"] })).await;
    let of_team = office.done("/key/generate", json!({ "user_id": "ann", "team_id": "red" })).await;
    let refused = office.post(&Actor::Master, "/user/delete", json!({ "user_ids": ["ann", "nobody"] })).await;
    assert_eq!(refused.refused().0, 404);
    assert_eq!(office.done("/user/delete", json!({ "user_ids": ["ann"] })).await, json!(1));
    for key in [&made["key"], &of_team["key"]] {
        assert!(office.holder(key.as_str().expect("a key")).await.is_none());
    }
    let team = office.seen("/team/info?team_id=red").await;
    assert_eq!(
        (&team["team_info"]["members_with_roles"], &team["team_memberships"]),
        (&json!([]), &json!([]))
    );
}
