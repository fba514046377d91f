//! Who asked, as labels tell it: the virtual key, with its team and its user.

use std::hash::Hasher;
use std::sync::Arc;

use trunkline_keys::{Identity, Token};

/// What stands for everything that there is no more room for.
pub(crate) const OTHER: &str = "other";

/// Who asked, borrowed for a look-up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller<'k> {
    /// The master key, a caller on this machine, or somebody of whom nothing is known.
    Nobody,
    /// A key whose request has ended just now.
    Key(&'k Identity),
    /// A key that has been counted before.
    Known(&'k Owner),
    /// Everybody for whom there is no more room.
    Other,
}

/// What labels tell of a key. An identity has more, accounts among it, which must not live as long as what is counted.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) token: Token,
    pub(crate) hashed_key: Box<str>,
    pub(crate) alias: Option<Arc<str>>,
    pub(crate) team: Option<Arc<str>>,
    pub(crate) team_alias: Option<Arc<str>>,
    pub(crate) user: Option<Arc<str>>,
}

/// Who asked, to be kept.
#[derive(Clone, Debug)]
pub(crate) enum KeptCaller {
    Nobody,
    Key(Arc<Owner>),
    Other,
}

impl<'k> Caller<'k> {
    pub(crate) fn of(identity: Option<&'k Arc<Identity>>) -> Self {
        identity.map_or(Self::Nobody, |identity| Self::Key(identity))
    }

    pub(crate) fn token(self) -> Option<&'k Token> {
        match self {
            Self::Key(identity) => Some(&identity.token),
            Self::Known(owner) => Some(&owner.token),
            Self::Nobody | Self::Other => None,
        }
    }

    /// Eight bytes of a token are as good a hash as there is, and one step of the hasher.
    pub(crate) fn hash(self, hasher: &mut impl Hasher) {
        if let Some(token) = self.token() {
            let [a, b, c, d, e, f, g, h, ..] = *token.as_bytes();
            hasher.write_u64(u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
        }
    }
}

/// Identities are read anew when they change, and again when memory has forgotten them: a key is its token.
impl PartialEq for Caller<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.token(), other.token()) {
            (Some(one), Some(other)) => one == other,
            (None, None) => matches!(self, Self::Other) == matches!(other, Self::Other),
            _ => false,
        }
    }
}

impl Eq for Caller<'_> {}

impl From<&Identity> for Owner {
    fn from(identity: &Identity) -> Self {
        Self {
            token: identity.token,
            hashed_key: identity.token.to_string().into(),
            alias: identity.alias.clone(),
            team: identity.team_id.clone(),
            team_alias: identity.team_alias.clone(),
            user: identity.user_id.clone(),
        }
    }
}

impl KeptCaller {
    pub(crate) fn borrowed(&self) -> Caller<'_> {
        match self {
            Self::Nobody => Caller::Nobody,
            Self::Key(owner) => Caller::Known(owner),
            Self::Other => Caller::Other,
        }
    }

    /// What a label says of it. An empty text stands for what is not known.
    pub(crate) fn told(&self, of_owner: impl FnOnce(&Owner) -> Option<&str>) -> &str {
        match self {
            Self::Nobody => "",
            Self::Key(owner) => of_owner(owner).unwrap_or_default(),
            Self::Other => OTHER,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use rustc_hash::FxHasher;
    use trunkline_core::Secret;
    use trunkline_keys::{Keys, KeysOptions, Pepper};
    use trunkline_store::{Kind, Object, SqliteStore, Store, Write};

    use super::*;

    /// The owner of a key in the team `red`.
    pub(crate) fn owner(key: &str, alias: &str, user: &str) -> Owner {
        let token = Token::of(key);
        let some = |text: &str| Some(Arc::from(text));
        Owner {
            token,
            hashed_key: token.to_string().into(),
            alias: some(alias),
            team: some("red"),
            team_alias: some("The Reds"),
            user: some(user),
        }
    }

    /// The identity of a key of `ann` in the team `red`, read from a store as a gateway reads it.
    pub(crate) fn identity(key: &str, alias: &str) -> Arc<Identity> {
        let pepper = Arc::new(Pepper::new(&Secret::new("a pepper for tests alone")));
        let index = pepper.index(&Token::of(key));
        let some = |text: &str| Some(text.to_owned());
        let of_key = Object {
            alias: some(alias),
            user_id: some("ann"),
            team_id: some("red"),
            ..Object::new(Kind::Key, index.as_str(), 0)
        };
        let of_team = Object { alias: some("The Reds"), ..Object::new(Kind::Team, "red", 0) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let store = Arc::new(SqliteStore::in_memory().await.expect("a store"));
            let write = Write { objects: vec![of_key, of_team], ..Write::default() };
            store.write(write).await.expect("written");
            let keys = Keys::new(store, pepper, KeysOptions::default());
            keys.find(key).await.expect("the store answers").expect("the key is there")
        })
    }

    fn hash(caller: Caller<'_>) -> u64 {
        let mut hasher = FxHasher::default();
        caller.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn a_key_is_its_token_whatever_else_has_changed() {
        let [before, after, another] =
            [identity("sk-1", "first"), identity("sk-1", "second"), identity("sk-2", "first")];
        let known = Owner::from(&*before);
        let [before, after, another] = [&before, &after, &another].map(|identity| Caller::of(Some(identity)));
        for same in [after, Caller::Known(&known)] {
            assert!(before == same && hash(before) == hash(same), "{same:?}");
        }
        assert!(before != another && hash(before) != hash(another));
        let apart = [before, another, Caller::Nobody, Caller::Other];
        for (place, one) in apart.iter().enumerate() {
            let same: Vec<usize> = (0..apart.len()).filter(|other| apart[*other] == *one).collect();
            assert_eq!(same, [place]);
        }
        assert_eq!(Caller::of(None), Caller::Nobody);
    }

    #[test]
    fn an_owner_is_told_what_is_not_known_is_empty_and_what_has_no_room_is_other() {
        let of = |kept: &KeptCaller| {
            let texts = [
                kept.told(|owner| owner.alias.as_deref()),
                kept.told(|owner| owner.team.as_deref()),
                kept.told(|owner| owner.team_alias.as_deref()),
                kept.told(|owner| owner.user.as_deref()),
            ];
            texts.map(str::to_owned)
        };
        let owner = Owner::from(&*identity("sk-1234", "first"));
        let token = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";
        assert_eq!(&*owner.hashed_key, token);
        let nameless = Owner { alias: None, ..owner.clone() };
        assert_eq!(of(&KeptCaller::Key(Arc::new(owner))), ["first", "red", "The Reds", "ann"]);
        assert_eq!(of(&KeptCaller::Key(Arc::new(nameless)))[0], "");
        assert_eq!(of(&KeptCaller::Nobody), [""; 4]);
        assert_eq!(of(&KeptCaller::Other), ["other"; 4]);
    }
}
