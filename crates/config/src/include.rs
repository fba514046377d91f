//! A configuration file with all that it includes, as one set of top-level keys.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::coerce;
use crate::contents::Contents;
use crate::diagnostic::Report;
use crate::load_error::LoadError;
use crate::node::{self, Member, Value};
use crate::{Location, Severity};

const INCLUDE: &str = "include";

/// The top-level keys of a file and its includes, and the files in the order in which they were read.
pub(crate) struct Sources {
    pub(crate) members: Vec<Member>,
    pub(crate) files: Vec<PathBuf>,
}

/// Reads a file and what it includes.
pub(crate) fn read_file(
    path: &Path,
    contents: &mut Contents,
    report: &mut Report,
) -> Result<Sources, LoadError> {
    let mut reading = Reading {
        root: path.parent().unwrap_or(Path::new("")),
        open: Vec::new(),
        seen: BTreeSet::new(),
        files: Vec::new(),
        contents,
        report,
    };
    let members = reading.file(path, None)?;
    Ok(Sources { members, files: reading.files })
}

/// Reads a text that stands for a file. It cannot include others.
pub(crate) fn read_text(text: &str, name: &str, report: &mut Report) -> Result<Sources, LoadError> {
    let mut members = top_level(text, name, report)?;
    if let Some(include) = take(&mut members, INCLUDE)
        && !coerce::is_off(&include.node)
    {
        report.fatal(&include.location, INCLUDE, "needs a file that it is relative to");
    }
    Ok(Sources { members, files: Vec::new() })
}

struct Reading<'a> {
    /// The directory of the first file.
    root: &'a Path,
    /// The files that include each other down to here.
    open: Vec<PathBuf>,
    /// Every file that was read.
    seen: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
    contents: &'a mut Contents,
    report: &'a mut Report,
}

impl Reading<'_> {
    fn file(&mut self, path: &Path, included_at: Option<&Location>) -> Result<Vec<Member>, LoadError> {
        let unreadable = |source| match included_at {
            Some(location) => {
                LoadError::UnreadableInclude { location: location.clone(), path: path.to_owned(), source }
            }
            None => LoadError::Unreadable { path: path.to_owned(), source },
        };
        let canonical = path.canonicalize().map_err(|error| {
            self.contents.note_absent(path);
            unreadable(error)
        })?;
        if let (true, Some(location)) = (self.open.contains(&canonical), included_at) {
            return Err(LoadError::Cycle { location: location.clone(), path: path.to_owned() });
        }
        if !self.seen.insert(canonical.clone()) {
            return Ok(Vec::new());
        }
        let bytes = self.contents.read(path).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|_| LoadError::NotText { path: path.to_owned() })?;
        self.files.push(path.to_owned());
        let mut members = top_level(&text, &path.display().to_string(), self.report)?;
        if let Some(include) = take(&mut members, INCLUDE) {
            self.open.push(canonical);
            self.includes(&include, path, &mut members)?;
            self.open.pop();
        }
        Ok(members)
    }

    fn includes(
        &mut self,
        include: &Member,
        declaring: &Path,
        members: &mut Vec<Member>,
    ) -> Result<(), LoadError> {
        let Some(items) = include.node.items() else {
            self.report.fatal(&include.node.location, INCLUDE, "must be a list of paths");
            return Ok(());
        };
        for (index, item) in items.iter().enumerate() {
            let Ok(name) = coerce::text(item) else {
                self.report.fatal(&item.location, format!("{INCLUDE}[{index}]"), "must be a path");
                continue;
            };
            let path = self.find(&name, declaring, &item.location);
            let included = self.file(&path, Some(&item.location))?;
            merge(members, included, self.report);
        }
        Ok(())
    }

    /// The path beside the declaring file; if there is none, the one beside the first file.
    fn find(&mut self, name: &str, declaring: &Path, location: &Location) -> PathBuf {
        let beside = declaring.parent().unwrap_or(Path::new("")).join(name);
        let beside_root = self.root.join(name);
        if beside.exists() {
            return beside;
        }
        // Once it is there it is the one.
        self.contents.note_absent(&beside);
        if beside == beside_root {
            return beside;
        }
        if !beside_root.exists() {
            self.contents.note_absent(&beside_root);
            return beside;
        }
        let message = format!(
            "does not stand beside the file that includes it; {} is read instead",
            beside_root.display()
        );
        self.report.warn(location, name, message);
        beside_root
    }
}

fn top_level(text: &str, name: &str, report: &mut Report) -> Result<Vec<Member>, LoadError> {
    let file: Arc<str> = name.into();
    let root = node::read(text, &file, report).map_err(|error| LoadError::yaml(&file, &error))?;
    match root.value {
        Value::Map(members) => Ok(members),
        Value::Null => Ok(Vec::new()),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => {
            report.fatal(&root.location, "", format!("the file must be a mapping, not {}", root.kind()));
            Ok(Vec::new())
        }
    }
}

/// Joins lists, replaces everything else, as LiteLLM does.
fn merge(members: &mut Vec<Member>, included: Vec<Member>, report: &mut Report) {
    for mut new in included {
        let Some(old) = members.iter_mut().find(|old| old.key == new.key) else {
            members.push(new);
            continue;
        };
        if let (Value::List(items), Value::List(more)) = (&mut old.node.value, &mut new.node.value) {
            items.append(more);
            continue;
        }
        let message = format!("replaces the one of {}", old.location);
        report.add(Severity::Note, &new.location, &new.key, message);
        *old = new;
    }
}

fn take(members: &mut Vec<Member>, key: &str) -> Option<Member> {
    let index = members.iter().position(|member| member.key == key)?;
    Some(members.remove(index))
}
