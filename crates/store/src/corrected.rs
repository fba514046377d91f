//! The subjects whose counters were put right, as changes name them.

use trunkline_core::{Subject, SubjectKind};

/// What stands between kind, id and model: a control character, which names must not hold. Ids of members have another.
const BETWEEN: char = '\u{1e}';

/// What a change of [`Kind::Ledger`](crate::Kind::Ledger) names a subject by.
pub(crate) fn corrected_id(subject: &Subject) -> String {
    let Subject { kind, id, model } = subject;
    let model = model.as_deref().map(|model| format!("{BETWEEN}{model}")).unwrap_or_default();
    format!("{}{BETWEEN}{id}{model}", kind.name())
}

/// The subject that a change of [`Kind::Ledger`](crate::Kind::Ledger) names: what stands on its counters was put right.
/// `None` if it is none that this version knows.
pub fn corrected(id: &str) -> Option<Subject> {
    let mut parts = id.splitn(3, BETWEEN);
    let kind = SubjectKind::named(parts.next()?)?;
    let subject = Subject::new(kind, parts.next()?);
    Some(match parts.next() {
        Some(model) => subject.with_model(model),
        None => subject,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_found_by_its_name_among_changes() {
        let member = Subject::new(SubjectKind::Member, "red\u{1f}ann");
        for subject in [Subject::global(), member.clone(), member.with_model("a/b")] {
            assert_eq!(corrected(&corrected_id(&subject)), Some(subject));
        }
        assert_eq!(corrected("planet\u{1e}earth"), None);
    }
}
