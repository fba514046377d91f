//! Typed values out of one mapping, with a diagnostic for each that does not fit.

use crate::Location;
use crate::coerce::{self, Wanted};
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::keys::Section;
use crate::node::{Member, Node, Value, member};
use crate::reference::join;
use crate::spelling;

use rust_decimal::Decimal;
use std::time::Duration;

/// Reads the members of one mapping.
pub(crate) struct Reader<'a, 'r> {
    members: &'a [Member],
    path: String,
    /// Whether a value that does not fit must keep the server from starting.
    fatal: bool,
    pub(crate) report: &'r mut Report,
    /// Whether something did not fit.
    pub(crate) failed: bool,
}

impl<'a, 'r> Reader<'a, 'r> {
    /// Reads a section of the file: what does not fit is fatal.
    pub(crate) fn section(members: &'a [Member], path: &str, report: &'r mut Report) -> Self {
        Self { members, path: path.to_owned(), fatal: true, report, failed: false }
    }

    /// Reads a part of a deployment: what does not fit costs the deployment.
    pub(crate) fn part(members: &'a [Member], path: &str, report: &'r mut Report) -> Self {
        Self { fatal: false, ..Self::section(members, path, report) }
    }

    /// Every member.
    pub(crate) fn all(&self) -> &'a [Member] {
        self.members
    }

    /// The value of a key that is there and not empty.
    pub(crate) fn node(&self, key: &str) -> Option<&'a Node> {
        member(self.members, key).map(|member| &member.node).filter(|node| !node.is_null())
    }

    /// Text that is not blank.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.read(key, coerce::text).filter(|text| !text.is_empty())
    }

    pub(crate) fn boolean(&mut self, key: &str) -> Option<bool> {
        self.read(key, coerce::boolean)
    }

    pub(crate) fn integer(&mut self, key: &str) -> Option<u64> {
        self.read(key, coerce::integer)
    }

    pub(crate) fn signed(&mut self, key: &str) -> Option<i64> {
        self.read(key, coerce::signed)
    }

    pub(crate) fn count(&mut self, key: &str) -> Option<u32> {
        self.read(key, coerce::count)
    }

    pub(crate) fn number(&mut self, key: &str) -> Option<f64> {
        self.read(key, coerce::number)
    }

    pub(crate) fn duration(&mut self, key: &str) -> Option<Duration> {
        self.read(key, coerce::duration)
    }

    pub(crate) fn seconds(&mut self, key: &str) -> Option<Duration> {
        self.read(key, coerce::seconds).flatten()
    }

    pub(crate) fn decimal(&mut self, key: &str) -> Option<Decimal> {
        self.read(key, coerce::decimal)
    }

    /// The members of a mapping below this one.
    pub(crate) fn members(&mut self, key: &str) -> &'a [Member] {
        let Some(node) = self.node(key) else {
            return &[];
        };
        node.members().unwrap_or_else(|| {
            self.misfit(key, node, "a mapping");
            &[]
        })
    }

    /// The items of a list below this one.
    pub(crate) fn items(&mut self, key: &str) -> &'a [Node] {
        let Some(node) = self.node(key) else {
            return &[];
        };
        node.items().unwrap_or_else(|| {
            self.misfit(key, node, "a list");
            &[]
        })
    }

    /// The texts of a list below this one. What is no text is told of and left out.
    pub(crate) fn texts(&mut self, key: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for (index, item) in self.items(key).iter().enumerate() {
            match coerce::text(item) {
                Ok(text) => texts.push(text),
                Err(wanted) => self.misfit(&format!("{key}[{index}]"), item, wanted),
            }
        }
        texts
    }

    /// Reads a mapping below this one.
    pub(crate) fn below<T>(&mut self, key: &str, read: impl FnOnce(&mut Reader<'a, '_>) -> T) -> T {
        let members = self.members(key);
        let path = join(&self.path, key);
        let mut part = Reader { members, path, fatal: self.fatal, report: self.report, failed: false };
        let value = read(&mut part);
        self.failed |= part.failed;
        value
    }

    /// Says which members are none of these.
    pub(crate) fn warn_of_others(&mut self, known: &[&str]) {
        for member in self.members.iter().filter(|member| !known.contains(&member.key.as_str())) {
            let near = spelling::nearest(&member.key, known.iter().copied());
            let message = "is not a key that Trunkline knows";
            self.warn(&member.key, &member.location, message).suggestion = near.map(str::to_owned);
        }
    }

    /// Says that a value will not have the effect that it asks for.
    pub(crate) fn warn(
        &mut self,
        key: &str,
        location: &Location,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.report.add(Severity::Warning, location, join(&self.path, key), message)
    }

    /// Says that a value is not what its key wants.
    pub(crate) fn misfit(&mut self, key: &str, node: &Node, wanted: Wanted) {
        let message = match node.value {
            Value::List(_) | Value::Map(_) => format!("must be {wanted}, not {}", node.kind()),
            Value::Bool(_) | Value::Float(_) if wanted == "text" => {
                format!("must be {wanted}, in quotes if it looks like something else")
            }
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {
                format!("must be {wanted}")
            }
        };
        self.refuse(key, &node.location, message);
    }

    /// Says what is wrong with a value.
    pub(crate) fn refuse(&mut self, key: &str, location: &Location, message: impl Into<String>) {
        self.failed = true;
        let path = join(&self.path, key);
        if self.fatal {
            self.report.fatal(location, path, message);
        } else {
            self.report.error(location, path, message);
        }
    }

    fn read<T>(&mut self, key: &str, coerce: fn(&Node) -> Result<T, Wanted>) -> Option<T> {
        let node = self.node(key)?;
        match coerce(node) {
            Ok(value) => Some(value),
            Err(wanted) => {
                self.misfit(key, node, wanted);
                None
            }
        }
    }
}

/// The members of a section; a section that is no mapping is told of.
pub(crate) fn section<'a>(members: &'a [Member], section: Section, report: &mut Report) -> &'a [Member] {
    let Some(found) = member(members, section.path()) else {
        return &[];
    };
    found.node.members().unwrap_or_else(|| {
        let message = format!("must be a mapping, not {}", found.node.kind());
        report.fatal(&found.node.location, section.path(), message);
        &[]
    })
}
