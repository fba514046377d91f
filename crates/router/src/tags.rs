//! Which deployments a request's tags reach.

use crate::Policy;

/// The tag of deployments that serve requests without tags.
const DEFAULT: &str = "default";

/// What a request's tags ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted<'a> {
    /// Plain tags, of which one or all must fit.
    plain: Vec<&'a str>,
    /// `&tag`: a deployment must have it.
    required: Vec<&'a str>,
    /// `!tag`: a deployment must not have it.
    excluded: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    /// `None` where tags decide nothing.
    pub(crate) fn new(policy: &Policy, tags: &'a [String]) -> Option<Self> {
        if !policy.tag_filtering {
            return None;
        }
        let mut wanted = Self::default();
        for tag in tags {
            match tag
                .strip_prefix('!')
                .map(|tag| (tag, true))
                .or(tag.strip_prefix('&').map(|tag| (tag, false)))
            {
                Some((tag, true)) => wanted.excluded.push(tag),
                Some((tag, false)) => wanted.required.push(tag),
                None => wanted.plain.push(tag),
            }
        }
        Some(wanted)
    }

    /// Whether a deployment with these tags fits. `any_default` tells whether one of the group has the tag `default`.
    pub(crate) fn fits(&self, policy: &Policy, tags: &[String], any_default: bool) -> bool {
        let has = |wanted: &&str| tags.iter().any(|tag| tag == wanted);
        if self.excluded.iter().any(has) || !self.required.iter().all(has) {
            return false;
        }
        if self.plain.is_empty() {
            return !self.required.is_empty() || !any_default || has(&DEFAULT);
        }
        if policy.tag_match_any { self.plain.iter().any(has) } else { self.plain.iter().all(has) }
    }
}

/// Whether a deployment serves requests without tags.
pub(crate) fn is_default(tags: &[String]) -> bool {
    tags.iter().any(|tag| tag == DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &[&str], has: &[&str], match_any: bool, any_default: bool, expected: bool) {
        let policy = Policy { tag_filtering: true, tag_match_any: match_any, ..Policy::default() };
        let texts = |list: &[&str]| list.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let wanted_tags = texts(wanted);
        let fits =
            Wanted::new(&policy, &wanted_tags).map(|wanted| wanted.fits(&policy, &texts(has), any_default));
        assert_eq!(fits, Some(expected), "{wanted:?} {has:?}");
    }

    #[test]
    fn one_is_enough_or_all_are_needed() {
        check(&["a", "b"], &["b", "c"], true, false, true);
        check(&["a", "b"], &["b", "c"], false, false, false);
        check(&["a", "b"], &["a", "b", "c"], false, false, true);
        check(&["a"], &[], true, false, false);
    }

    #[test]
    fn some_are_required_and_some_excluded() {
        check(&["!a"], &["a", "b"], true, false, false);
        check(&["!a"], &["b"], true, false, true);
        check(&["&a"], &["b"], true, true, false);
        check(&["&a"], &["a"], true, true, true);
        check(&["b", "&a"], &["a"], true, false, false);
        check(&["b", "&a"], &["a", "b"], true, false, true);
    }

    #[test]
    fn without_tags_the_default_ones_serve_or_all_if_there_are_none() {
        check(&[], &["default"], true, true, true);
        check(&[], &["a"], true, true, false);
        check(&[], &["a"], true, false, true);
        check(&["!a"], &["b"], true, true, false);
    }

    #[test]
    fn tags_decide_only_where_they_are_to() {
        assert_eq!(Wanted::new(&Policy::default(), &["a".to_owned()]), None);
    }
}
