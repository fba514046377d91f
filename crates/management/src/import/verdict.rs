//! What is to be done with a row, by what there is here already.

use trunkline_keys::RENEWED;
use trunkline_store::Object;

use crate::import::note::{Note, content};

/// What is to be done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is no such object here.
    New,
    /// It is here as it is there.
    Unchanged,
    /// It is here as it was there, and is made as it is there now.
    Changed,
    /// It stays as it is here.
    Kept(&'static str),
    /// There is no such object here, and none is made.
    Skipped(&'static str),
}

const MADE_HERE: &str = "it was made here";
const CHANGED_HERE: &str = "it was changed here since";
const DELETED_HERE: &str = "it was deleted here";
const RENEWED_HERE: &str = "it was given another secret here";
const GONE: &str = "it is not at LiteLLM any more, and was changed here since";

/// What is to be done with an object that shall be `wanted`, where there is `held`.
pub(crate) fn of(held: Option<&Object>, wanted: &Object, overwrites: bool) -> Verdict {
    let Some(held) = held else { return Verdict::New };
    let note = Note::of(held);
    if held.deleted {
        return match &note {
            // Nobody gets that secret again: what it spent counts for the key that has its place.
            _ if held.settings.contains_key(RENEWED) => Verdict::Skipped(RENEWED_HERE),
            Some(note) if note.is_gone => Verdict::New,
            _ if overwrites => Verdict::New,
            _ => Verdict::Skipped(DELETED_HERE),
        };
    }
    let Some(note) = note else {
        return if overwrites { Verdict::Changed } else { Verdict::Kept(MADE_HERE) };
    };
    if is_as_noted(held, &note) {
        return if content(wanted) == note.content { Verdict::Unchanged } else { Verdict::Changed };
    }
    if overwrites { Verdict::Changed } else { Verdict::Kept(CHANGED_HERE) }
}

/// What is to be done with an object that is not at LiteLLM any more. `None` if it never was.
pub(crate) fn of_gone(held: &Object, database: &str, overwrites: bool) -> Option<Verdict> {
    let note = Note::of(held).filter(|note| note.database.as_deref() == Some(database))?;
    let goes = overwrites || is_as_noted(held, &note);
    Some(if goes { Verdict::Changed } else { Verdict::Kept(GONE) })
}

fn is_as_noted(held: &Object, note: &Note) -> bool {
    content(held) == note.content
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use trunkline_store::Kind;

    use super::*;

    fn key(rpm_limit: u64) -> Object {
        let mut key = Object::new(Kind::Key, "k", 0);
        key.settings.insert("rpm_limit".to_owned(), json!(rpm_limit));
        key
    }

    fn taken_over(rpm_limit: u64) -> Object {
        let mut key = key(rpm_limit);
        let note = Note { database: Some("db".to_owned()), content: content(&key), ..Note::default() };
        note.put(&mut key);
        key
    }

    #[track_caller]
    fn check(held: Option<&Object>, wanted: u64, expected: Verdict, overwriting: Verdict) {
        assert_eq!(of(held, &key(wanted), false), expected);
        assert_eq!(of(held, &key(wanted), true), overwriting);
    }

    #[test]
    fn what_was_made_or_changed_here_stays_unless_it_is_to_be_overwritten() {
        check(None, 1, Verdict::New, Verdict::New);
        check(Some(&taken_over(1)), 1, Verdict::Unchanged, Verdict::Unchanged);
        check(Some(&taken_over(1)), 2, Verdict::Changed, Verdict::Changed);
        check(Some(&key(1)), 1, Verdict::Kept(MADE_HERE), Verdict::Changed);
        let mut changed = taken_over(1);
        changed.settings.insert("rpm_limit".to_owned(), json!(9));
        check(Some(&changed), 1, Verdict::Kept(CHANGED_HERE), Verdict::Changed);
    }

    #[test]
    fn what_was_deleted_here_comes_back_only_if_that_is_asked_for() {
        let deleted = Object { deleted: true, ..taken_over(1) };
        check(Some(&deleted), 1, Verdict::Skipped(DELETED_HERE), Verdict::New);
        let mut gone = deleted.clone();
        Note { is_gone: true, ..Note::of(&gone).expect("a note") }.put(&mut gone);
        check(Some(&gone), 1, Verdict::New, Verdict::New);
        let mut renewed = deleted;
        renewed.settings.insert(RENEWED.to_owned(), Value::Bool(true));
        check(Some(&renewed), 1, Verdict::Skipped(RENEWED_HERE), Verdict::Skipped(RENEWED_HERE));
    }

    #[test]
    fn what_is_gone_there_goes_here_if_it_came_from_there() {
        assert_eq!(of_gone(&taken_over(1), "db", false), Some(Verdict::Changed));
        assert_eq!(of_gone(&taken_over(1), "another", false), None);
        assert_eq!(of_gone(&key(1), "db", true), None);
        let mut changed = taken_over(1);
        changed.alias = Some("mine".to_owned());
        assert_eq!(of_gone(&changed, "db", false), Some(Verdict::Kept(GONE)));
        assert_eq!(of_gone(&changed, "db", true), Some(Verdict::Changed));
    }
}
