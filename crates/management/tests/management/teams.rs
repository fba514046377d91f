//! Teams: made, shown, changed, deleted, and who is in them.

use serde_json::{Value, json};
use trunkline_core::SubjectKind;
use trunkline_management::Actor;
use trunkline_store::member_id;

use crate::office::Office;

#[tokio::test]
async fn a_team_has_members_and_keys() {
    let office = Office::new().await;
    let made = office
        .done(
            "/team/new",
            json!({
                "team_alias": "red", "max_budget": 100, "models": ["gpt-4o"], "team_member_budget": 10,
                "members_with_roles": [{ "role": "admin", "user_id": "ann" }],
            }),
        )
        .await;
    let team = made["team_id"].as_str().expect("an id").to_owned();
    let added = office
        .done(
            "/team/member_add",
            json!({
                "team_id": team, "max_budget_in_team": 2, "allowed_models": ["gpt-4o"],
                "member": [{ "role": "user", "user_id": "ben" }, { "role": "user", "user_email": "cid@example.com" }],
            }),
        )
        .await;
    assert_eq!(added["members_with_roles"].as_array().map(Vec::len), Some(3));
    assert_eq!(added["updated_users"].as_array().map(Vec::len), Some(2));
    office.done("/key/generate", json!({ "team_id": team, "user_id": "ben" })).await;
    office.spend(SubjectKind::Member, &member_id(&team, "ben"), "0.5").await;
    office.spend(SubjectKind::Team, &team, "0.75").await;
    let info = office.seen(&format!("/team/info?team_id={team}")).await;
    assert_eq!((&info["team_info"]["spend"], &info["team_info"]["max_budget"]), (&json!(0.75), &json!(100)));
    assert_eq!(info["keys"].as_array().map(Vec::len), Some(1));
    let of = |user: &str| {
        let members = info["team_memberships"].as_array().expect("members").clone();
        members.into_iter().find(|member| member["user_id"] == user).expect("a member")
    };
    assert_eq!(
        (&of("ben")["spend"], &of("ben")["litellm_budget_table"]["max_budget"]),
        (&json!(0.5), &json!(2))
    );
    // Of whom nothing is said, the team's word holds.
    assert_eq!(of("ann")["litellm_budget_table"]["max_budget"], 10);
}

#[tokio::test]
async fn members_come_change_and_go() {
    let office = Office::new().await;
    office.done("/team/new", json!({ "team_id": "red" })).await;
    let ann = json!({ "team_id": "red", "member": { "role": "user", "user_id": "ann" } });
    office.done("/team/member_add", ann.clone()).await;
    let (status, words) = office.post(&Actor::Master, "/team/member_add", ann).await.refused();
    assert!(status == 400 && words.contains("already in team"), "{words}");
    let changed = json!({ "team_id": "red", "user_id": "ann", "role": "admin", "max_budget_in_team": 3, "rpm_limit": 9 });
    let updated = office.done("/team/member_update", changed).await;
    assert_eq!((&updated["max_budget_in_team"], &updated["role"]), (&json!(3), &json!("admin")));
    assert_eq!(
        office.seen("/team/info?team_id=red").await["team_info"]["members_with_roles"][0]["role"],
        "admin"
    );
    let key = office.done("/key/generate", json!({ "team_id": "red", "user_id": "ann" })).await;
    let gone = json!({ "team_id": "red", "user_id": "ann" });
    let team = office.done("/team/member_delete", gone.clone()).await;
    assert_eq!(team["members_with_roles"], json!([]));
    assert!(office.holder(key["key"].as_str().expect("a key")).await.is_none(), "a leaver's keys go too");
    assert_eq!(
        office.post(&Actor::Master, "/team/member_delete", gone).await.refused(),
        (400, "User not found in team".to_owned())
    );
}

#[tokio::test]
async fn a_team_is_changed_blocked_and_deleted() {
    let office = Office::new().await;
    office.done("/team/new", json!({ "team_id": "red", "models": ["a"] })).await;
    assert_eq!(office.post(&Actor::Master, "/team/new", json!({ "team_id": "red" })).await.refused().0, 400);
    let key = office.done("/key/generate", json!({ "team_id": "red" })).await;
    let key = key["key"].as_str().expect("a key").to_owned();
    assert_eq!(
        office.done("/team/model/add", json!({ "team_id": "red", "models": ["b"] })).await["models"],
        json!(["a", "b"])
    );
    let none = office.done("/team/model/delete", json!({ "team_id": "red", "models": ["a", "b"] })).await;
    assert_eq!(none["models"], json!(["no-default-models"]), "an empty list would allow everything");
    let updated = office
        .done("/team/update", json!({ "team_id": "red", "max_budget": "0.1", "team_alias": "Red" }))
        .await;
    assert_eq!((&updated["team_id"], &updated["data"]["team_alias"]), (&json!("red"), &json!("Red")));
    office.done("/team/block", json!({ "team_id": "red" })).await;
    assert!(office.holder(&key).await.is_none());
    office.done("/team/unblock", json!({ "team_id": "red" })).await;
    assert!(office.holder(&key).await.is_some());
    let deleted = office.done("/team/delete", json!({ "team_ids": ["red"] })).await;
    assert_eq!(deleted[0]["team_id"], "red");
    assert!(office.holder(&key).await.is_none());
    assert_eq!(office.seen(&format!("/key/info?key={key}")).await["info"]["status"], "deleted");
    assert_eq!(office.seen("/team/list").await, json!([]));
}

#[tokio::test]
async fn what_is_refused_about_a_team_stands_in_detail() {
    let office = Office::new().await;
    let answer = office.get(&Actor::Master, "/team/info?team_id=none").await;
    let expected = json!({ "detail": { "error": "Team not found, passed team_id=none" } });
    assert_eq!(answer, crate::office::Answer::Reply(404, expected));
    let list: Value = office.seen("/team/list?team_alias=none").await;
    assert_eq!(list, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_replicas_change_at_once_is_not_lost() {
    let office = Office::new().await;
    let other = office.replica();
    office.done("/team/new", json!({ "team_id": "red" })).await;
    for round in 0..10 {
        let member = |name: &str| {
            let user_id = format!("{name}{round}");
            json!({ "team_id": "red", "member": { "role": "user", "user_id": user_id } })
        };
        tokio::join!(
            office.done("/team/member_add", member("ann")),
            other.done("/team/member_add", member("ben")),
        );
    }
    let info = office.seen("/team/info?team_id=red").await;
    assert_eq!(info["team_info"]["members_with_roles"].as_array().map(Vec::len), Some(20));
    assert_eq!(info["team_memberships"].as_array().map(Vec::len), Some(20));
}
