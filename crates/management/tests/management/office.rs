//! A management over a store in memory, and the words to ask it with.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use trunkline_core::{Error, Secret, Subject, SubjectKind};
use trunkline_keys::{Keys, KeysOptions, Pepper, Token};
use trunkline_management::{Actor, Asked, ENDPOINTS, EndpointRow, Management, Options, Reply};
use trunkline_store::{Spent, SqliteStore, Store};

pub(crate) struct Office {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Arc<Keys>,
    management: Management,
}

/// What was answered: a status, or the kind of a refusal; and the body, or its words.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Reply(u16, Value),
    Refused(trunkline_core::ErrorKind, String),
}

impl Answer {
    /// The body of a reply that all went well.
    pub(crate) fn body(self) -> Value {
        match self {
            Self::Reply(200, body) => body,
            other => panic!("refused: {other:?}"),
        }
    }

    /// Why it was refused: the status that it becomes, and the words.
    pub(crate) fn refused(self) -> (u16, String) {
        match self {
            Self::Reply(200, body) => panic!("not refused: {body}"),
            Self::Reply(status, body) => {
                (status, body["detail"]["error"].as_str().expect("words").to_owned())
            }
            Self::Refused(kind, words) => (status(kind), words),
        }
    }
}

fn status(kind: trunkline_core::ErrorKind) -> u16 {
    use trunkline_core::ErrorKind;
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::MissingParameter => 400,
        ErrorKind::Unauthenticated => 401,
        ErrorKind::PermissionDenied => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::Conflict => 409,
        ErrorKind::StoreUnavailable => 503,
        other => panic!("nothing here is refused with {other:?}"),
    }
}

impl Office {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let store = Arc::new(SqliteStore::in_memory().await.expect("a store"));
        Self::over(store, options)
    }

    /// Another replica over the same store.
    pub(crate) fn replica(&self) -> Self {
        Self::over(Arc::clone(&self.store), Options::default())
    }

    pub(crate) fn over(store: Arc<dyn Store>, options: Options) -> Self {
        let pepper = Arc::new(Pepper::new(&Secret::new("pepper")));
        let keys = Arc::new(Keys::new(Arc::clone(&store), pepper, KeysOptions::default()));
        let management = Management::new(Arc::clone(&keys), options).expect("good options");
        Self { store, keys, management }
    }

    pub(crate) async fn ask(&self, actor: &Actor, method: &str, path: &str, body: Value) -> Answer {
        match self.reply(actor, method, path, body).await {
            Ok(reply) => {
                let body = serde_json::from_str(reply.body.get()).expect("JSON");
                Answer::Reply(reply.status.as_u16(), body)
            }
            Err(error) => Answer::Refused(error.kind(), error.message().to_owned()),
        }
    }

    /// The reply as it is sent.
    pub(crate) async fn reply(
        &self,
        actor: &Actor,
        method: &str,
        path: &str,
        body: Value,
    ) -> Result<Reply, Error> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (row, named) = row(method, path);
        let body = match body {
            Value::Object(body) => body,
            _ => Map::new(),
        };
        self.management.answer(Asked { row, named, query, body, actor }).await
    }

    pub(crate) async fn post(&self, actor: &Actor, path: &str, body: Value) -> Answer {
        self.ask(actor, "POST", path, body).await
    }

    pub(crate) async fn get(&self, actor: &Actor, path: &str) -> Answer {
        self.ask(actor, "GET", path, Value::Null).await
    }

    /// The administrator asks, and all goes well.
    pub(crate) async fn done(&self, path: &str, body: Value) -> Value {
        self.post(&Actor::Master, path, body).await.body()
    }

    /// The administrator looks, and all goes well.
    pub(crate) async fn seen(&self, path: &str) -> Value {
        self.get(&Actor::Master, path).await.body()
    }

    /// Whoever holds a key, if it is good.
    pub(crate) async fn holder(&self, secret: &str) -> Option<Actor> {
        let identity = self.keys.find(secret).await.expect("the store answers")?;
        identity.check(jiff::Timestamp::now()).ok()?;
        Some(Actor::Key(identity))
    }

    /// A new user of a role, who holds a key.
    pub(crate) async fn user(&self, user_id: &str, role: &str) -> Actor {
        let made = self.done("/user/new", json!({ "user_id": user_id, "user_role": role })).await;
        self.holder(made["key"].as_str().expect("a key")).await.expect("a good key")
    }

    /// Puts an amount on the counter that is never reset.
    pub(crate) async fn spend(&self, kind: SubjectKind, id: &str, amount: &str) {
        let subject = Subject::new(kind, id);
        let amount: Decimal = amount.parse().expect("an amount");
        let spent = Spent { subject, period: String::new(), begins_at: 0, amount, corrected: Decimal::ZERO };
        self.store.set_spent(&spent).await.expect("set");
    }

    /// What a key is found by in the store.
    pub(crate) fn index(&self, secret: &str) -> String {
        self.keys.pepper().index(&Token::of(secret)).as_str().to_owned()
    }
}

/// The row for a method and a path, and what stands for `{…}` in it.
fn row(method: &str, path: &str) -> (&'static EndpointRow, Option<String>) {
    let mut rows = ENDPOINTS.iter().filter(|row| row.method == method);
    let found = rows.find_map(|row| {
        let Some((start, rest)) = row.path.split_once('{') else {
            return (row.path == path).then_some((row, None));
        };
        let end = rest.split_once('}').map_or("", |(_, end)| end);
        let named = path.strip_prefix(start)?.strip_suffix(end)?;
        (!named.is_empty()).then(|| (row, Some(named.to_owned())))
    });
    found.unwrap_or_else(|| panic!("there is no {method} {path}"))
}
