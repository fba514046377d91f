//! Deployments that are added while the gateway runs, with their credentials sealed.

use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object};

use crate::desk::Desk;
use crate::draft::{Draft, is_secret};
use crate::fields::Fields;
use crate::stored_models::{SEALED, StoredModel, opened};
use crate::{Asked, Deployments, Reply, tables, times};

/// `POST /model/new`
pub(crate) async fn create(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let deployments = deployments(desk)?;
    let fields = tables::MODELS.read(asked.body.clone())?;
    let name = fields.required("model_name")?;
    let params = params(&fields)?.ok_or_else(|| {
        Error::new(ErrorKind::MissingParameter, "`litellm_params` is missing").with_param("litellm_params")
    })?;
    let mut info = info(&fields)?;
    let id = match info.remove("id") {
        Some(Value::String(id)) => id,
        Some(_) | None => desk.new_id()?,
    };
    if desk.find(Kind::Model, &id).await?.is_some() {
        let message = format!("a model of id {id} exists already");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("model_info"));
    }
    let mut model = Object::new(Kind::Model, id, Desk::now());
    model.alias = Some(name.to_owned());
    model.settings.insert(SEALED.to_owned(), sealed(desk, &params));
    model.settings.insert("model_info".to_owned(), Value::Object(info));
    written(desk, deployments, asked, Draft::created(model)).await
}

/// `POST /model/update` and `PATCH /model/{id}/update`: what is named takes the place of what was there; what is `null` is
/// taken out.
pub(crate) async fn update(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let deployments = deployments(desk)?;
    let fields = tables::MODELS.read(asked.body.clone())?;
    let changes = info(&fields)?;
    let id = asked.named.as_deref().or_else(|| changes.get("id").and_then(Value::as_str));
    let id = id.ok_or_else(|| {
        Error::new(ErrorKind::MissingParameter, "`model_info.id` is missing").with_param("model_info")
    })?;
    let before = find(desk, id).await?;
    let mut after = before.clone();
    if let Some(name) = fields.text("model_name") {
        after.alias = Some(name.to_owned());
    }
    if let Some(changes) = params_of_change(&fields) {
        let mut params = opened(desk.pepper(), &before)?;
        merge(&mut params, changes);
        check_params(&params)?;
        after.settings.insert(SEALED.to_owned(), sealed(desk, &params));
    }
    let mut info = match before.settings.get("model_info") {
        Some(Value::Object(info)) => info.clone(),
        Some(_) | None => Map::new(),
    };
    merge(&mut info, changes);
    info.remove("id");
    after.settings.insert("model_info".to_owned(), Value::Object(info));
    written(desk, deployments, asked, Draft::changed(before, after, "updated")).await
}

/// `POST /model/delete`
pub(crate) async fn delete(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let deployments = deployments(desk)?;
    let fields = tables::NAMED_MODELS.read(asked.body.clone())?;
    let model = find(desk, fields.required("id")?).await?;
    let model = desk.write_one(asked.actor, Draft::deleted(model)).await?;
    deployments.changed();
    Ok(Reply::ok(json!({ "message": format!("Model: {} deleted successfully", model.id) })))
}

async fn written(
    desk: &Desk,
    deployments: &dyn Deployments,
    asked: &Asked<'_>,
    draft: Draft,
) -> Result<Reply, Error> {
    deployments.check(&StoredModel::of(desk.pepper(), draft.object())?)?;
    let model = desk.write_one(asked.actor, draft).await?;
    deployments.changed();
    Ok(Reply::ok(row(desk, &model)?))
}

/// Who serves deployments that are added.
fn deployments(desk: &Desk) -> Result<&dyn Deployments, Error> {
    if let Some(deployments) = &desk.options().deployments {
        return Ok(&**deployments);
    }
    let message = "Set `'STORE_MODEL_IN_DB='True'` in your env to enable this feature, or \
                   `general_settings.store_model_in_db: true`";
    Err(Error::new(ErrorKind::InvalidRequest, message))
}

async fn find(desk: &Desk, id: &str) -> Result<Object, Error> {
    desk.find(Kind::Model, id).await?.ok_or_else(|| {
        let message = format!("Model with id={id} not found in db");
        Error::new(ErrorKind::InvalidRequest, message).with_param("id")
    })
}

fn params(fields: &Fields) -> Result<Option<Map<String, Value>>, Error> {
    let Some(params) = params_of_change(fields) else { return Ok(None) };
    check_params(&params)?;
    Ok(Some(params))
}

fn params_of_change(fields: &Fields) -> Option<Map<String, Value>> {
    fields.value("litellm_params").and_then(Value::as_object).cloned()
}

fn check_params(params: &Map<String, Value>) -> Result<(), Error> {
    if params.get("model").and_then(Value::as_str).is_some_and(|model| !model.is_empty()) {
        return Ok(());
    }
    let message = "`litellm_params.model` must name the model in the upstream's spelling, behind its prefix";
    Err(Error::new(ErrorKind::InvalidRequest, message).with_param("litellm_params"))
}

fn info(fields: &Fields) -> Result<Map<String, Value>, Error> {
    let info = fields.value("model_info").and_then(Value::as_object).cloned().unwrap_or_default();
    let is_id = info.get("id").is_none_or(|id| id.as_str().is_some_and(|id| !id.is_empty()));
    if is_id && info.get("team_id").is_none_or(Value::is_null) {
        return Ok(info);
    }
    let message = "`model_info.id` must be a text, and `model_info.team_id` is not supported here";
    Err(Error::new(ErrorKind::InvalidRequest, message).with_param("model_info"))
}

fn merge(members: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (name, value) in changes {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
}

fn sealed(desk: &Desk, params: &Map<String, Value>) -> Value {
    let text = Value::Object(params.clone()).to_string();
    Value::from(desk.pepper().seal_text(text.as_bytes()))
}

/// A model as replies show it: what opens an upstream is left out.
fn row(desk: &Desk, model: &Object) -> Result<Map<String, Value>, Error> {
    let params: Map<String, Value> = opened(desk.pepper(), model)?
        .into_iter()
        .map(|(name, value)| (name.clone(), veiled(&name, value)))
        .collect();
    let mut info = model.settings.get("model_info").cloned().unwrap_or_else(|| json!({}));
    info["id"] = Value::from(model.id.as_str());
    info["db_model"] = Value::Bool(true);
    let row = json!({
        "model_id": model.id,
        "model_name": model.alias,
        "litellm_params": params,
        "model_info": info,
        "created_at": times::text(model.created_at),
        "created_by": model.created_by,
        "updated_at": times::text(model.updated_at),
        "updated_by": model.updated_by,
    });
    Ok(row.as_object().cloned().unwrap_or_default())
}

fn veiled(name: &str, value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members.into_iter().map(|(name, value)| (name.clone(), veiled(&name, value))).collect(),
        ),
        Value::Array(items) => items.into_iter().map(|item| veiled(name, item)).collect(),
        Value::String(text) if is_secret(name) && !text.starts_with("os.environ/") => Value::from("****"),
        other => other,
    }
}
