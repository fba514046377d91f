//! Those who are limited without a key of their own: end users, and tags.

use std::sync::Arc;

use trunkline_core::{Error, ErrorKind, SubjectKind};

use crate::Accounts;
use crate::parts::Part;

/// An end user or a tag, as far as a request must know it.
#[derive(Debug)]
pub struct Limited {
    /// What a request on its behalf counts against.
    pub accounts: Accounts,
    id: String,
    is_blocked: bool,
    parts: Vec<Arc<Part>>,
}

impl Limited {
    pub(crate) fn new(id: &str, accounts: Accounts, is_blocked: bool, parts: Vec<Arc<Part>>) -> Self {
        Self { accounts, id: id.to_owned(), is_blocked, parts }
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.parts.iter().any(|part| part.is_changed())
    }

    /// Whether anything may be asked on its behalf.
    ///
    /// # Errors
    ///
    /// `Unauthenticated` if it is blocked, as LiteLLM has it.
    pub fn check(&self) -> Result<(), Error> {
        if !self.is_blocked {
            return Ok(());
        }
        let message = format!(
            "Authentication Error, User blocked from making LLM API Calls. User={}. Update via `/customer/unblock` if \
             you're an admin.",
            self.id
        );
        Err(Error::new(ErrorKind::Unauthenticated, message).with_subject(SubjectKind::Customer))
    }
}
