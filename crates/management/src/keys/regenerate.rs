//! Giving a key another secret.

use serde_json::Value;
use trunkline_core::{Error, ErrorKind, Subject};
use trunkline_limits::Period;
use trunkline_store::{Object, Spent};

use crate::counters::subject;
use crate::desk::Desk;
use crate::draft::Draft;
use crate::keys::rows::KeyRows;
use crate::keys::{ceiling, change, generate, lookup};
use crate::{Actor, Asked, Reply, request, rights, tables};

/// `POST /key/regenerate` and `POST /key/{key}/regenerate`: the same key under another secret. The old one is gone at
/// once, and what was spent with it counts on.
pub(crate) async fn regenerate(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let mut fields = request::read(asked.body.clone(), &tables::REGENERATED_KEYS)?;
    if fields.text("grace_period").is_some_and(|period| !period.starts_with('0')) {
        let message = "`grace_period` is not supported here: the old key is of no use any more at once";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("grace_period"));
    }
    let named = match (asked.named.as_deref(), fields.text("key"), asked.actor.identity()) {
        (Some(named), _, _) | (None, Some(named), _) => named.to_owned(),
        (None, None, Some(identity)) => identity.token.to_string(),
        (None, None, None) => return Err(lookup::not_found()),
    };
    let _held = desk.hold_names().await;
    let before = lookup::find(desk, &named).await?;
    rights::check_changes_key(desk, asked.actor, &before, "/key/regenerate").await?;
    let secret = match fields.remove("new_key") {
        Some(Value::String(wished)) => {
            generate::check_secret(&wished, "new_key")?;
            wished
        }
        Some(_) | None => generate::new_secret(desk)?,
    };
    let mut changed = change::changed(desk, asked.actor, &before, &fields).await?;
    rights::check_holds_key(desk, asked.actor, &mut changed).await?;
    ceiling::hold_shown(desk, asked.actor, &mut changed).await?;
    let after = renamed(desk, &changed, &secret);
    if after.id == before.id {
        let message = "`new_key` is the key that there is already";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("new_key"));
    }
    if desk.find(after.kind, &after.id).await?.is_some() {
        let message = "Key already exists in the database. Please use a different key.";
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("new_key"));
    }
    // Before the new key is good, so that there is no moment at which it has spent nothing.
    carry_over(desk, &changed, &after).await?;
    let key = write(desk, asked.actor, before, after).await?;
    let rows = KeyRows::read(desk, std::slice::from_ref(&key)).await?;
    Ok(Reply::ok(generate::shown_once(rows.row(desk, &key), &secret)))
}

async fn write(desk: &Desk, actor: &Actor, before: Object, after: Object) -> Result<Object, Error> {
    let id = after.id.clone();
    let regenerated = Draft::changed(before.clone(), after, "regenerated");
    let written = desk.write(actor, vec![Draft::deleted(before), regenerated]).await?;
    let key = written.into_iter().find(|object| object.id == id);
    key.ok_or_else(|| Error::new(ErrorKind::Internal, "the store wrote a key and did not give it"))
}

/// The same key by another secret: another object, as the id of a key comes from its secret.
fn renamed(desk: &Desk, key: &Object, secret: &str) -> Object {
    let mut renamed = generate::named(desk, secret, key.created_at);
    let own = std::mem::take(&mut renamed.settings);
    renamed.settings = key.settings.clone();
    renamed.settings.extend(own);
    renamed.alias.clone_from(&key.alias);
    renamed.user_id.clone_from(&key.user_id);
    renamed.team_id.clone_from(&key.team_id);
    renamed.created_by.clone_from(&key.created_by);
    renamed
}

/// Sets the counters of a new key to what stands on those of the old one: another secret is no new budget.
///
/// What this process has settled counts though its rows are still on their way to the store.
async fn carry_over(desk: &Desk, old: &Object, new: &Object) -> Result<(), Error> {
    let (Some(from), Some(to)) = (subject(old), subject(new)) else { return Ok(()) };
    let windows = windows(&from, old);
    let mut subjects: Vec<Subject> = windows.iter().map(|(subject, _)| subject.clone()).collect();
    subjects.push(from);
    let mut counters = desk.store().spent(&subjects).await?;
    let now = Desk::now();
    for (subject, window) in windows {
        let Some(settled) = desk.book().account(&subject).spent(window) else { continue };
        let period = window.map(|window| window.to_string()).unwrap_or_default();
        let begins_at = window.map_or(0, |window| window.begins_at(now));
        let is_same = |counter: &&mut Spent| {
            counter.subject == subject && counter.period == period && counter.begins_at == begins_at
        };
        match counters.iter_mut().find(is_same) {
            Some(counter) => counter.amount = counter.amount.max(settled),
            None => counters.push(Spent { subject, period, begins_at, amount: settled }),
        }
    }
    for counter in counters {
        let subject = Subject { model: counter.subject.model.clone(), ..to.clone() };
        desk.store().set_spent(&Spent { subject, ..counter }).await?;
    }
    Ok(())
}

/// The windows of a key's budgets, of single models too.
fn windows(whole: &Subject, key: &Object) -> Vec<(Subject, Option<Period>)> {
    let window = |budget: &Value, name: &str| budget.get(name).and_then(Value::as_str).map(Period::parse);
    let mut windows = vec![(whole.clone(), None)];
    if let Some(duration) = key.settings.get("budget_duration").and_then(Value::as_str) {
        windows.push((whole.clone(), Some(Period::parse(duration))));
    }
    let budgets = key.settings.get("budget_limits").and_then(Value::as_array).into_iter().flatten();
    windows.extend(budgets.map(|budget| (whole.clone(), window(budget, "budget_duration"))));
    let models = key.settings.get("model_max_budget").and_then(Value::as_object).into_iter().flatten();
    windows.extend(
        models.map(|(model, budget)| (whole.with_model(model.as_str()), window(budget, "time_period"))),
    );
    windows
}
