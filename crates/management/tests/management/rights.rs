//! Who may what: every endpoint by every role, and what is somebody else's.

use serde_json::{Value, json};
use trunkline_management::{Actor, ENDPOINTS};

use crate::office::{Answer, Office};

/// What each role may reach: `-` is refused by role, `x` is let in. The columns are those of `ROLES`.
const ROLES: [&str; 5] =
    ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer", "team key"];

const TABLE: &str = "
POST  /key/generate                 x - x - -
POST  /key/service-account/generate x - x - -
GET   /key/info                     x x x x x
POST  /v2/key/info                  x x x x x
POST  /key/update                   x - x - -
POST  /key/bulk_update              x - - - -
POST  /key/delete                   x - x - -
GET   /key/list                     x x x x -
GET   /key/aliases                  x x x x -
POST  /key/block                    x - x - -
POST  /key/unblock                  x - x - -
POST  /key/regenerate               x - x - -
POST  /key/{key}/regenerate         x - x - -
POST  /key/{key}/reset_spend        x - x - -
POST  /key/health                   x x x x x
POST  /user/new                     x - - - -
GET   /user/info                    x x x x -
POST  /user/update                  x - - - -
POST  /user/delete                  x - - - -
GET   /user/list                    x x - - -
POST  /team/new                     x - - - -
GET   /team/info                    x x x x x
POST  /team/update                  x - - - -
POST  /team/delete                  x - - - -
GET   /team/list                    x x x x -
POST  /team/block                   x - - - -
POST  /team/unblock                 x - - - -
POST  /team/member_add              x - x - -
POST  /team/member_delete           x - x - -
POST  /team/member_update           x - x - -
POST  /team/model/add               x - - - -
POST  /team/model/delete            x - - - -
POST  /customer/new                 x - - - -
GET   /customer/info                x x - - -
POST  /customer/update              x - - - -
POST  /customer/delete              x - - - -
GET   /customer/list                x x - - -
POST  /customer/block               x - - - -
POST  /customer/unblock             x - - - -
POST  /end_user/new                 x - - - -
GET   /end_user/info                x x - - -
POST  /end_user/update              x - - - -
POST  /end_user/delete              x - - - -
GET   /end_user/list                x x - - -
POST  /end_user/block               x - - - -
POST  /end_user/unblock             x - - - -
POST  /budget/new                   x - - - -
POST  /budget/info                  x x - - -
POST  /budget/update                x - - - -
POST  /budget/delete                x - - - -
GET   /budget/list                  x x - - -
GET   /budget/settings              x x - - -
POST  /tag/new                      x - - - -
POST  /tag/update                   x - - - -
POST  /tag/info                     x x - - -
GET   /tag/list                     x x - - -
POST  /tag/delete                   x - - - -
POST  /model/new                    x - - - -
POST  /model/update                 x - - - -
PATCH /model/{id}/update            x - - - -
POST  /model/delete                 x - - - -
GET   /spend/logs                   x x x x x
GET   /spend/logs/v2                x x x x x
GET   /spend/keys                   x x - - -
GET   /spend/users                  x x - - -
GET   /spend/tags                   x x - - -
GET   /global/spend                 x x - - -
GET   /global/spend/logs            x x - - -
GET   /global/spend/keys            x x - - -
GET   /global/spend/teams           x x - - -
GET   /global/spend/models          x x - - -
GET   /global/spend/tags            x x - - -
GET   /global/spend/all_tag_names   x x - - -
GET   /global/spend/provider        x x - - -
POST  /global/spend/end_users       x x - - -
GET   /global/spend/report          x x - - -
GET   /global/activity              x x - - -
GET   /key/daily/activity           x x x x x
GET   /user/daily/activity          x x x x -
GET   /team/daily/activity          x x x x x
GET   /customer/daily/activity      x x - - -
GET   /end_user/daily/activity      x x - - -
GET   /tag/daily/activity           x x - - -
GET   /audit/logs                   x x - - -
";

/// A path that names nothing that there is.
fn named(path: &str) -> String {
    path.replace("{key}", "sk-unknown-unknown-1").replace("{id}", "unknown")
}

async fn of_every_role(office: &Office) -> Vec<Actor> {
    office.done("/team/new", json!({ "team_id": "roles" })).await;
    let mut actors = Vec::new();
    for role in &ROLES[..4] {
        actors.push(office.user(role, role).await);
    }
    let of_team = office.done("/key/generate", json!({ "team_id": "roles" })).await;
    actors.push(office.holder(of_team["key"].as_str().expect("a key")).await.expect("a good key"));
    actors
}

fn is_refused_by_role(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused(kind, words)
        if *kind == trunkline_core::ErrorKind::Unauthenticated && words.contains("Only proxy admin"))
}

#[tokio::test]
async fn every_endpoint_has_a_row_and_every_role_a_column() {
    let office = Office::new().await;
    let actors = of_every_role(&office).await;
    let mut found = String::from("\n");
    for row in ENDPOINTS {
        let path = named(row.path);
        let line = format!("{:5} {:29}", row.method.as_str(), row.path);
        found.push_str(&line);
        for actor in &actors {
            // The body names nothing that there is: whoever is let in is told so, and changes nothing.
            let answer = office.ask(actor, row.method.as_str(), &path, json!({ "nothing": 1 })).await;
            found.push_str(if is_refused_by_role(&answer) { " -" } else { " x" });
        }
        found.push('\n');
    }
    assert_eq!(found, TABLE);
}

#[tokio::test]
async fn whoever_only_looks_changes_nothing() {
    let office = Office::new().await;
    let viewers =
        [office.user("v", "proxy_admin_viewer").await, office.user("w", "internal_user_viewer").await];
    let before = office.store.newest_change().await.expect("a number");
    for row in ENDPOINTS.iter().filter(|row| row.group == trunkline_keys::RouteGroup::Management) {
        for viewer in &viewers {
            let path = named(row.path);
            let answer = office.ask(viewer, row.method.as_str(), &path, json!({})).await;
            assert!(is_refused_by_role(&answer), "{path}: {answer:?}");
        }
    }
    assert_eq!(office.store.newest_change().await.expect("a number"), before);
}

#[tokio::test]
async fn what_is_somebody_else_s_stays_so() {
    let office = Office::new().await;
    let ann = office.user("ann", "internal_user").await;
    office.user("ben", "internal_user").await;
    office
        .done(
            "/team/new",
            json!({ "team_id": "blue", "members_with_roles": [{ "role": "admin", "user_id": "ben" }] }),
        )
        .await;
    let bens = office.done("/key/generate", json!({ "user_id": "ben" })).await["token"].clone();
    let blues =
        office.done("/key/generate", json!({ "user_id": "ben", "team_id": "blue" })).await["token"].clone();
    let before = office.store.newest_change().await.expect("a number");
    for token in [&bens, &blues] {
        let token = token.as_str().expect("a token");
        for path in [format!("/key/info?key={token}"), "/key/list?user_id=ben".to_owned()] {
            assert_eq!(office.get(&ann, &path).await.refused().0, 403, "{path}");
        }
        for (path, body) in [
            ("/v2/key/info".to_owned(), json!({ "keys": [token] })),
            ("/key/update".to_owned(), json!({ "key": token, "max_budget": 1 })),
            ("/key/delete".to_owned(), json!({ "keys": [token] })),
            ("/key/block".to_owned(), json!({ "key": token })),
            ("/key/unblock".to_owned(), json!({ "key": token })),
            ("/key/regenerate".to_owned(), json!({ "key": token })),
            (format!("/key/{token}/regenerate"), json!({})),
            (format!("/key/{token}/reset_spend"), json!({ "reset_to": 0 })),
            ("/key/generate".to_owned(), json!({ "user_id": "ben" })),
            ("/key/generate".to_owned(), json!({ "team_id": "blue" })),
            ("/key/service-account/generate".to_owned(), json!({ "team_id": "blue" })),
            (
                "/team/member_add".to_owned(),
                json!({ "team_id": "blue", "member": { "role": "admin", "user_id": "ann" } }),
            ),
            (
                "/team/member_update".to_owned(),
                json!({ "team_id": "blue", "user_id": "ben", "role": "user" }),
            ),
            ("/team/member_delete".to_owned(), json!({ "team_id": "blue", "user_id": "ben" })),
        ] {
            assert_eq!(office.post(&ann, &path, body).await.refused().0, 403, "{path}");
        }
    }
    for path in ["/user/info?user_id=ben", "/team/info?team_id=blue", "/team/list?user_id=ben"] {
        assert_eq!(office.get(&ann, path).await.refused().0, 403, "{path}");
    }
    assert_eq!(office.store.newest_change().await.expect("a number"), before);
    // What is not narrowed is one's own.
    assert_eq!(office.get(&ann, "/key/list").await.body()["total_count"], 1);
    assert_eq!(office.get(&ann, "/team/list").await.body(), json!([]));
    assert_eq!(office.get(&ann, "/key/list?team_id=blue").await.body()["total_count"], 0);
}

#[tokio::test]
async fn a_user_makes_keys_of_its_own_and_never_more_than_its_own() {
    let office = Office::new().await;
    office
        .done(
            "/user/new",
            json!({ "user_id": "ann", "max_budget": 5, "rpm_limit": 10, "models": ["gpt-4o", "openai/*"] }),
        )
        .await;
    let made = office.done("/key/generate", json!({ "user_id": "ann" })).await;
    let ann = office.holder(made["key"].as_str().expect("a key")).await.expect("good");
    let own = office
        .post(&ann, "/key/generate", json!({ "models": ["openai/gpt-4o"], "max_budget": 5 }))
        .await
        .body();
    assert_eq!((&own["user_id"], &own["created_by"]), (&json!("ann"), &json!("ann")));
    for beyond in [
        json!({ "max_budget": 5.01 }),
        json!({ "rpm_limit": 11 }),
        json!({ "models": ["claude"] }),
        json!({ "models": ["openai/gpt", "*/*"] }),
        json!({ "budget_limits": [{ "budget_duration": "1d", "max_budget": 6 }] }),
    ] {
        assert_eq!(office.post(&ann, "/key/generate", beyond.clone()).await.refused().0, 400, "{beyond}");
        let mut change = beyond.clone();
        change["key"] = own["key"].clone();
        assert_eq!(office.post(&ann, "/key/update", change).await.refused().0, 400, "{beyond}");
    }
    for reserved in [
        json!({ "allowed_routes": ["/v1/models"] }),
        json!({ "permissions": { "x": true } }),
        json!({ "blocked": true }),
        json!({ "temp_budget_increase": 1, "temp_budget_expiry": "2100-01-01T00:00:00Z" }),
        json!({ "team_id": "nowhere" }),
    ] {
        let (status, _) = office.post(&ann, "/key/generate", reserved.clone()).await.refused();
        assert!(status == 403 || reserved.get("team_id").is_some(), "{reserved}");
    }
    let moved = json!({ "key": own["key"], "user_id": "ben" });
    assert_eq!(office.post(&ann, "/key/update", moved).await.refused().0, 403);
    assert_eq!(office.post(&ann, "/key/block", json!({ "key": own["key"] })).await.refused().0, 403);
}

#[tokio::test]
async fn whoever_leads_a_team_leads_its_keys_and_members() {
    let office = Office::new().await;
    let (ann, ben) = (office.user("ann", "internal_user").await, office.user("ben", "internal_user").await);
    let members = json!([{ "role": "admin", "user_id": "ann" }, { "role": "user", "user_id": "ben" }]);
    office
        .done("/team/new", json!({ "team_id": "red", "max_budget": 10, "models": ["gpt-4o"], "members_with_roles": members }))
        .await;
    let bens = office.post(&ann, "/key/generate", json!({ "team_id": "red", "user_id": "ben" })).await.body();
    assert_eq!(bens["user_id"], "ben");
    let service =
        office.post(&ann, "/key/service-account/generate", json!({ "team_id": "red" })).await.body();
    assert_eq!(service["user_id"], Value::Null);
    let outsider = json!({ "team_id": "red", "user_id": "cid" });
    for actor in [&ann, &Actor::Master] {
        let refused = office.post(actor, "/key/generate", outsider.clone()).await.refused();
        assert_eq!(refused, (400, "User=cid not assigned to team=red".to_owned()));
    }
    let beyond = json!({ "team_id": "red", "max_budget": 11 });
    assert_eq!(office.post(&ann, "/key/generate", beyond).await.refused().0, 400);
    for (path, body) in [
        ("/key/update", json!({ "key": bens["token"], "rpm_limit": 1 })),
        ("/key/block", json!({ "key": bens["token"] })),
        ("/key/unblock", json!({ "key": bens["token"] })),
        ("/team/member_add", json!({ "team_id": "red", "member": { "role": "user", "user_id": "dan" } })),
        ("/team/member_update", json!({ "team_id": "red", "user_id": "dan", "max_budget_in_team": 1 })),
        ("/team/member_delete", json!({ "team_id": "red", "user_id": "dan" })),
    ] {
        office.post(&ann, path, body.clone()).await.body();
        assert_eq!(office.post(&ben, path, body).await.refused().0, 403, "{path}");
    }
    assert_eq!(office.get(&ann, "/key/list?team_id=red").await.body()["total_count"], 2);
    assert_eq!(office.get(&ben, "/key/list?team_id=red").await.body()["total_count"], 1);
    let seen = office.get(&ben, "/team/info?team_id=red").await.body();
    assert_eq!(
        (seen["keys"].as_array().map(Vec::len), seen["team_memberships"].as_array().map(Vec::len)),
        (Some(1), Some(1))
    );
    // A member makes keys of the team where the team says so.
    let own = json!({ "team_id": "red" });
    assert_eq!(office.post(&ben, "/key/generate", own.clone()).await.refused().0, 403);
    office
        .done("/team/update", json!({ "team_id": "red", "team_member_permissions": ["/key/generate"] }))
        .await;
    assert_eq!(office.post(&ben, "/key/generate", own).await.body()["user_id"], "ben");
    assert_eq!(
        office.post(&ben, "/key/update", json!({ "key": bens["token"], "rpm_limit": 5 })).await.refused().0,
        403
    );
}

#[tokio::test]
async fn whoever_leads_a_team_gets_hold_of_no_administrator_s_key() {
    let office = Office::new().await;
    let ann = office.user("ann", "internal_user").await;
    for (user_id, role) in [("root", "proxy_admin"), ("eye", "proxy_admin_viewer"), ("ben", "internal_user")]
    {
        office.user(user_id, role).await;
    }
    let members = json!([{ "role": "admin", "user_id": "ann" }]);
    office.done("/team/new", json!({ "team_id": "red", "members_with_roles": members })).await;
    let entries = json!([{ "role": "user", "user_id": "root" }, { "role": "user", "user_id": "eye" }, { "role": "user", "user_id": "ben" }]);
    office.post(&ann, "/team/member_add", json!({ "team_id": "red", "member": entries })).await.body();
    for (user_id, role) in [("root", "proxy_admin"), ("eye", "proxy_admin_viewer")] {
        let wanted = json!({ "team_id": "red", "user_id": user_id });
        let (status, words) = office.post(&ann, "/key/generate", wanted.clone()).await.refused();
        assert!(status == 403 && words.contains(user_id) && words.contains(role), "{words}");
        let own = office.done("/key/generate", wanted).await;
        let again = json!({ "key": own["token"] });
        assert_eq!(office.post(&ann, "/key/regenerate", again).await.refused().0, 403);
        assert!(office.holder(own["key"].as_str().expect("a key")).await.is_some(), "it is as it was");
    }
    // Whoever administers does so for everybody, and for itself with a key of its own.
    let root = office.user("root2", "proxy_admin").await;
    office.post(&root, "/key/generate", json!({ "team_id": "red", "user_id": "root" })).await.body();
    office.post(&ann, "/key/generate", json!({ "team_id": "red", "user_id": "ben" })).await.body();
}

#[tokio::test]
async fn a_key_that_somebody_else_holds_stays_harmless_when_its_user_rises() {
    let office = Office::new().await;
    let ann = office.user("ann", "internal_user").await;
    office.user("ben", "internal_user").await;
    let members = json!([{ "role": "admin", "user_id": "ann" }, { "role": "user", "user_id": "ben" }]);
    office.done("/team/new", json!({ "team_id": "red", "members_with_roles": members })).await;
    office
        .done(
            "/team/update",
            json!({ "team_id": "red", "team_member_permissions": ["/key/generate", "/key/regenerate"] }),
        )
        .await;
    let of_ben = json!({ "team_id": "red", "user_id": "ben" });
    let made = office.post(&ann, "/key/generate", of_ben.clone()).await.body();
    let own = office.done("/key/generate", of_ben.clone()).await;
    let renewed = office.post(&ann, "/key/regenerate", json!({ "key": own["token"] })).await.body();
    let later = office.done("/key/generate", of_ben).await;
    let service =
        office.post(&ann, "/key/service-account/generate", json!({ "team_id": "red" })).await.body();
    office.done("/user/update", json!({ "user_id": "ben", "user_role": "proxy_admin" })).await;
    office.done("/key/update", json!({ "key": service["token"], "user_id": "ben" })).await;
    let role = async |made: &Value| {
        let holder = office.holder(made["key"].as_str().expect("a key")).await.expect("good");
        holder.role()
    };
    assert_eq!(role(&later).await, trunkline_keys::Role::ProxyAdmin, "an administrator made it");
    for lent in [&made, &renewed, &service] {
        assert_eq!(role(lent).await, trunkline_keys::Role::InternalUser);
        // Nor does it make or renew one that is more.
        let holder = office.holder(lent["key"].as_str().expect("a key")).await.expect("good");
        let child = office.post(&holder, "/key/generate", json!({})).await.body();
        assert_eq!(role(&child).await, trunkline_keys::Role::InternalUser);
    }
    let holder = office.holder(made["key"].as_str().expect("a key")).await.expect("good");
    let taken = office.post(&holder, "/key/regenerate", json!({ "key": later["token"] })).await.body();
    assert_eq!(role(&taken).await, trunkline_keys::Role::InternalUser);
}

#[tokio::test]
async fn a_key_of_a_team_acts_for_that_team_alone() {
    let office = Office::new().await;
    office.user("ann", "internal_user").await;
    let members = json!([{ "role": "admin", "user_id": "ann" }]);
    for team_id in ["red", "blue"] {
        office.done("/team/new", json!({ "team_id": team_id, "members_with_roles": members })).await;
    }
    let own = office.done("/key/generate", json!({ "user_id": "ann" })).await;
    let blue = office.done("/key/generate", json!({ "user_id": "ann", "team_id": "blue" })).await;
    let red = office.done("/key/generate", json!({ "user_id": "ann", "team_id": "red" })).await;
    let holder = office.holder(red["key"].as_str().expect("a key")).await.expect("good");
    let child = office.post(&holder, "/key/generate", json!({})).await.body();
    assert_eq!((&child["team_id"], &child["user_id"]), (&json!("red"), &json!("ann")));
    for (path, body) in [
        ("/key/generate", json!({ "team_id": "blue" })),
        ("/key/service-account/generate", json!({ "team_id": "blue" })),
        ("/key/regenerate", json!({ "key": own["token"] })),
        ("/key/regenerate", json!({ "key": blue["token"] })),
        ("/key/update", json!({ "key": own["token"], "rpm_limit": 1 })),
        ("/key/delete", json!({ "keys": [own["token"]] })),
        ("/key/block", json!({ "key": blue["token"] })),
        ("/team/member_add", json!({ "team_id": "blue", "member": { "role": "user", "user_id": "dan" } })),
    ] {
        assert_eq!(office.post(&holder, path, body).await.refused().0, 403, "{path}");
    }
    // With a key of one's own both teams are led.
    let holder = office.holder(own["key"].as_str().expect("a key")).await.expect("good");
    for team_id in ["red", "blue"] {
        office.post(&holder, "/key/generate", json!({ "team_id": team_id })).await.body();
    }
}
