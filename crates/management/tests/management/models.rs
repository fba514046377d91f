//! Deployments that are added while the gateway runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use trunkline_management::{Actor, Listener, Options};
use trunkline_store::Kind;

use crate::office::Office;

#[derive(Debug, Default)]
struct Heard {
    models: AtomicUsize,
}

impl Listener for Heard {
    fn models_changed(&self) {
        self.models.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_model_is_added_with_its_credentials_sealed() {
    let heard = Arc::new(Heard::default());
    let office = Office::with(Options { listener: heard.clone(), ..Options::default() }).await;
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
    let kept = format!("{model:?} {:?}", office.store.acts(None, 10).await.expect("acts"));
    assert!(!kept.contains("secret"), "{kept}");
    office.done("/model/delete", json!({ "id": id })).await;
    assert_eq!(heard.models.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_model_that_leads_nowhere_is_refused() {
    let office = Office::new().await;
    for wrong in [
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
