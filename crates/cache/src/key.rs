//! The key of a reply: a hash of who asked, what was asked, and of whom.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256};
use trunkline_core::{Document, Operation, json};

use crate::convert;

/// The key that a reply is kept under: SHA-256 of a [`Question`]. Shown and parsed as 64 digits in hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey([u8; 32]);

/// What a reply answers. Two requests share a reply only if every field of it is the same.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// Who may be given the reply: a team, else a key. Empty is everybody, which an operator has to ask for.
    pub tenant: &'q str,
    /// A part of the cache that is named apart.
    pub namespace: Option<&'q str>,
    /// What is asked.
    pub operation: Operation,
    /// The model group that answers. Behind a wildcard it is the name that was asked for.
    pub group: &'q str,
    /// What else the reply depends on, such as headers that go upstream.
    pub further: &'q [&'q [u8]],
    /// The body, without what is meant for the gateway.
    ///
    /// The order of its members counts for nothing. Their values count byte by byte: `1.0` is not `1`, and white space
    /// inside a value is not passed over. `stream`, `stream_options` and `user` count for nothing; where a stream cannot
    /// be made from a whole reply, it counts which of the two is asked for.
    pub document: &'q Document,
}

/// Begins the text that is hashed; another one when what is hashed changes.
const VERSION: &[u8] = b"trunkline cache 1";

/// The members that change the form of a reply, or tell who asks.
const PASSED_OVER: [&str; 3] = ["stream", "stream_options", "user"];

/// Up to so many members are looked up one by one. More are walked over, which takes time in proportion.
const FEW: usize = 48;

impl CacheKey {
    /// The key of what answers a question.
    pub fn of(question: &Question<'_>) -> Self {
        let Question { tenant, namespace, operation, group, further, document } = question;
        let mut hash = Hash(Context::new(&SHA256));
        hash.text(VERSION);
        hash.text(tenant.as_bytes());
        hash.count(usize::from(namespace.is_some()));
        hash.text(namespace.unwrap_or_default().as_bytes());
        hash.text(operation.name().as_bytes());
        hash.count(usize::from(!convert::is_possible(*operation) && document.is_true("stream")));
        hash.text(group.as_bytes());
        hash.count(further.len());
        for bytes in *further {
            hash.text(bytes);
        }
        hash.members(document);
        Self(hash.end())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Hashes texts so that no two lists of them are the same bytes: the length of each goes first.
struct Hash(Context);

impl Hash {
    fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.count(text.len());
        self.0.update(text);
    }

    fn members(&mut self, document: &Document) {
        let mut names: Vec<Cow<'_, str>> = Vec::with_capacity(16);
        names.extend(document.names().filter(|name| counts(name)).take(FEW + 1));
        if names.len() > FEW {
            return self.many_members(&document.to_bytes());
        }
        names.sort_unstable();
        self.count(names.len());
        for name in &names {
            self.text(name.as_bytes());
            self.text(document.raw(name).unwrap_or_default());
        }
    }

    fn many_members(&mut self, text: &[u8]) {
        let unescaped = |key: &[u8]| {
            let quoted = [b"\"", key, b"\""].concat();
            json::string(&quoted).map(Cow::into_owned).unwrap_or_default()
        };
        let members = json::members(text).map(|member| (unescaped(member.key), member.value));
        let mut members: Vec<_> = members.filter(|(name, _)| counts(name)).collect();
        // Stable, so that of two with one name, where that is allowed, the order counts.
        members.sort_by(|(name, _), (other, _)| name.cmp(other));
        self.count(members.len());
        for (name, value) in members {
            self.text(name.as_bytes());
            self.text(text.get(value).unwrap_or_default());
        }
    }

    fn end(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.finish().as_ref());
        bytes
    }
}

fn counts(name: &str) -> bool {
    !PASSED_OVER.contains(&name)
}

impl fmt::Display for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CacheKey({self})")
    }
}

/// A text that is not the key of a kept reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKey;

impl fmt::Display for NotAKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the key of a kept reply has 64 digits in hex")
    }
}

impl std::error::Error for NotAKey {}

impl FromStr for CacheKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(NotAKey);
        }
        for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Ok(Self(bytes))
    }
}

fn digit(byte: u8) -> Result<u8, NotAKey> {
    let digit = char::from(byte).to_digit(16).ok_or(NotAKey)?;
    u8::try_from(digit).map_err(|_| NotAKey)
}
