//! Deployments that are added while the gateway runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use trunkline_core::{Error, ErrorKind};
use trunkline_management::{Actor, Deployments, Options, StoredModel, stored_models};
use trunkline_store::Kind;

use crate::office::Office;

/// Serves every deployment but those of one provider, and counts changes.
#[derive(Debug, Default)]
struct Served {
    changes: AtomicUsize,
}

impl Deployments for Served {
    fn check(&self, deployment: &StoredModel) -> Result<(), Error> {
        let model = deployment.row["litellm_params"]["model"].as_str().expect("a text");
        if model.starts_with("nobody/") {
            return Err(Error::new(ErrorKind::InvalidRequest, "there is no such provider"));
        }
        Ok(())
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }
}

fn by(served: &Arc<Served>) -> Options {
    Options { deployments: Some(Arc::<Served>::clone(served)), ..Options::default() }
}

#[tokio::test]
async fn a_model_is_added_with_its_credentials_sealed() {
    let served = Arc::new(Served::default());
    let office = Office::with(by(&served)).await;
    let params = json!({
        "model": "openai/gpt-4o", "api_key": "sk-upstream-secret", "rpm": 5, "api_version": "os.environ/VERSION",
        "extra_headers": { "X-Api-Key": "sk-header-secret" },
    });
    let made = office
        .done(
            "/model/new",
            json!({ "model_name": "gpt-4o", "litellm_params": params, "model_info": { "mode": "chat" } }),
        )
        .await;
    let id = made["model_id"].as_str().expect("an id").to_owned();
    assert_eq!(made["litellm_params"]["model"], "openai/gpt-4o");
    assert_eq!(made["litellm_params"]["api_key"], "****");
    assert_eq!(made["litellm_params"]["extra_headers"]["X-Api-Key"], "****");
    assert_eq!(made["model_info"], json!({ "id": id, "mode": "chat", "db_model": true }));
    let change = json!({ "model_info": { "id": id }, "litellm_params": { "rpm": null, "tpm": 7 } });
    let changed = office.done("/model/update", change).await;
    assert_eq!((&changed["litellm_params"]["tpm"], changed["litellm_params"].get("rpm")), (&json!(7), None));
    let path = format!("/model/{id}/update");
    let renamed = office.ask(&Actor::Master, "PATCH", &path, json!({ "model_name": "best" })).await.body();
    assert_eq!((&renamed["model_name"], &renamed["litellm_params"]["tpm"]), (&json!("best"), &json!(7)));
    let model = office.store.object(Kind::Model, &id).await.expect("it answers").expect("it is there");
    let sealed = model.settings["litellm_params_sealed"].as_str().expect("a text");
    let opened = office.keys.pepper().open_text(sealed).expect("it opens");
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&opened).expect("JSON")["api_key"],
        "sk-upstream-secret"
    );
    let (models, unreadable) = stored_models(&*office.store, office.keys.pepper()).await.expect("it answers");
    let [stored] = models.as_slice() else { panic!("one: {models:?}") };
    assert_eq!((&stored.id, unreadable.len()), (&id, 0));
    assert_eq!((&stored.row["model_name"], &stored.row["model_info"]["id"]), (&json!("best"), &json!(id)));
    assert_eq!(stored.row["litellm_params"]["api_key"], "sk-upstream-secret");
    assert!(!format!("{stored:?}").contains("secret"));
    let other = trunkline_keys::Pepper::new(&trunkline_core::Secret::new("another salt"));
    let (models, unreadable) = stored_models(&*office.store, &other).await.expect("it answers");
    assert_eq!((models.len(), unreadable[0].0.as_str()), (0, id.as_str()), "another salt opens nothing");
    let kept = format!("{model:?} {:?}", office.store.acts(None, 10).await.expect("acts"));
    assert!(!kept.contains("secret"), "{kept}");
    office.done("/model/delete", json!({ "id": id })).await;
    let (models, _) = stored_models(&*office.store, office.keys.pepper()).await.expect("it answers");
    assert!(models.is_empty());
    assert_eq!(served.changes.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_model_that_leads_nowhere_is_refused() {
    let office = Office::with(by(&Arc::default())).await;
    for wrong in [
        json!({ "model_name": "a", "litellm_params": { "model": "nobody/a" } }),
        json!({ "model_name": "a" }),
        json!({ "litellm_params": { "model": "echo/a" } }),
        json!({ "model_name": "a", "litellm_params": {} }),
        json!({ "model_name": "a", "litellm_params": { "model": "echo/a" }, "model_info": { "id": 7 } }),
        json!({ "model_name": "a", "litellm_params": { "model": "echo/a" }, "model_info": { "team_id": "red" } }),
    ] {
        assert_eq!(
            office.post(&Actor::Master, "/model/new", wrong.clone()).await.refused().0,
            400,
            "{wrong}"
        );
    }
    let unknown = office.post(&Actor::Master, "/model/delete", json!({ "id": "none" })).await.refused();
    assert_eq!(unknown, (400, "Model with id=none not found in db".to_owned()));
}

#[tokio::test]
async fn a_change_that_nobody_could_serve_is_not_kept() {
    let office = Office::with(by(&Arc::default())).await;
    let params = json!({ "model": "echo/a" });
    let info = json!({ "id": "one" });
    office
        .done("/model/new", json!({ "model_name": "a", "litellm_params": params, "model_info": info }))
        .await;
    let change = json!({ "model_info": info, "litellm_params": { "model": "nobody/a" } });
    let refused = office.post(&Actor::Master, "/model/update", change).await.refused();
    assert_eq!(refused, (400, "there is no such provider".to_owned()));
    let (models, _) = stored_models(&*office.store, office.keys.pepper()).await.expect("it answers");
    assert_eq!(models[0].row["litellm_params"]["model"], "echo/a");
}

#[tokio::test]
async fn where_nobody_serves_them_none_are_kept() {
    let office = Office::new().await;
    for (path, body) in [
        ("/model/new", json!({ "model_name": "a", "litellm_params": { "model": "echo/a" } })),
        ("/model/update", json!({ "model_info": { "id": "one" } })),
        ("/model/delete", json!({ "id": "one" })),
    ] {
        let refused = office.post(&Actor::Master, path, body).await.refused();
        assert!(refused.0 == 400 && refused.1.contains("STORE_MODEL_IN_DB"), "{path}: {refused:?}");
    }
}
