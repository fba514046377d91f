//! The groups whose names have stars, found by how a name begins.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::group::Group;
use crate::pattern::Pattern;

/// Wildcards by what stands before their first star.
#[derive(Debug, Default)]
pub(crate) struct Wildcards {
    /// In the order of their texts, so that the one before a name leads to all that the name begins with.
    starts: Box<[Start]>,
}

/// What some wildcards begin with.
#[derive(Debug)]
struct Start {
    text: Box<str>,
    /// The longest other start that this one begins with.
    shorter: Option<usize>,
    /// The most specific first.
    wildcards: Vec<Wildcard>,
}

#[derive(Debug)]
struct Wildcard {
    /// Its place among all wildcards, the most specific first.
    rank: usize,
    group: Arc<Group>,
}

impl Wildcards {
    /// Of `groups` those whose names have stars. Among equally specific ones the order is that of `groups`.
    pub(crate) fn new<'g>(groups: impl Iterator<Item = &'g Arc<Group>>) -> Self {
        let mut wildcards: Vec<(&Pattern, &Arc<Group>)> =
            groups.filter_map(|group| Some((group.pattern.as_ref()?, group))).collect();
        wildcards.sort_by_key(|(pattern, _)| Reverse(pattern.specificity()));
        let mut by_start: BTreeMap<&str, Vec<Wildcard>> = BTreeMap::new();
        for (rank, (pattern, group)) in wildcards.into_iter().enumerate() {
            by_start.entry(pattern.start()).or_default().push(Wildcard { rank, group: Arc::clone(group) });
        }
        let mut starts: Vec<Start> = Vec::with_capacity(by_start.len());
        for (text, wildcards) in by_start {
            let mut shorter = starts.len().checked_sub(1);
            while let Some(other) =
                shorter.map(|index| &starts[index]).filter(|other| !text.starts_with(&*other.text))
            {
                shorter = other.shorter;
            }
            starts.push(Start { text: text.into(), shorter, wildcards });
        }
        Self { starts: starts.into() }
    }

    /// The most specific group that a name matches.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Group>> {
        // Whatever the name begins with stands before it, and the last that does begins with all the others.
        let mut next = self.starts.partition_point(|start| *start.text <= *name).checked_sub(1);
        let mut found: Option<&Wildcard> = None;
        while let Some(start) = next.map(|index| &self.starts[index]) {
            if name.starts_with(&*start.text) {
                let better = start
                    .wildcards
                    .iter()
                    .take_while(|wildcard| found.is_none_or(|found| wildcard.rank < found.rank));
                let matches = |wildcard: &&Wildcard| {
                    wildcard.group.pattern.as_ref().is_some_and(|pattern| pattern.captures(name).is_some())
                };
                found = better.into_iter().find(matches).or(found);
            }
            next = start.shorter;
        }
        found.map(|wildcard| &wildcard.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Routing;
    use crate::group::Policies;

    fn wildcards(names: &[&str]) -> Wildcards {
        let policies = Policies::new(&Routing::default());
        let group =
            |name: &&str| Arc::new(Group::new((*name).into(), Pattern::new(name), Vec::new(), &policies));
        let groups: Vec<Arc<Group>> = names.iter().map(group).collect();
        Wildcards::new(groups.iter())
    }

    fn check(wildcards: &Wildcards, name: &str, expected: Option<&str>) {
        assert_eq!(wildcards.find(name).map(|group| &*group.name), expected, "{name}");
    }

    #[test]
    fn the_most_specific_wins_wherever_its_stars_stand() {
        let wildcards =
            wildcards(&["*", "openai/*", "openai/gpt-*", "*-mini-and-more", "openai/gpt-4*o", "plain", "z*"]);
        check(&wildcards, "openai/gpt-5", Some("openai/gpt-*"));
        check(&wildcards, "openai/gpt-4o", Some("openai/gpt-4*o"));
        check(&wildcards, "openai/gpt-4", Some("openai/gpt-*"));
        check(&wildcards, "openai/o3", Some("openai/*"));
        check(&wildcards, "openai/gpt-5-mini-and-more", Some("*-mini-and-more"));
        check(&wildcards, "openais", Some("*"));
        check(&wildcards, "plain", Some("*"));
        check(&wildcards, "", Some("*"));
        check(&wildcards, "zz", Some("z*"));
    }

    #[test]
    fn the_first_wins_among_equally_specific_ones() {
        check(&wildcards(&["a*c", "ab*"]), "abc", Some("a*c"));
        check(&wildcards(&["ab*", "a*c"]), "abc", Some("ab*"));
    }

    #[test]
    fn a_start_that_the_name_lacks_leads_to_shorter_ones() {
        let wildcards = wildcards(&["a*", "ab/c*", "ab/d*", "b*"]);
        check(&wildcards, "ab/cc", Some("ab/c*"));
        check(&wildcards, "ab/e", Some("a*"));
        check(&wildcards, "abc", Some("a*"));
        check(&wildcards, "c", None);
        check(&wildcards, "", None);
    }

    /// What the index finds is what a look at every pattern finds.
    #[test]
    fn the_index_agrees_with_a_look_at_all() {
        let texts = ["", "a", "b", "ab", "ba", "aab", "abb", "bab"];
        let mut names: Vec<String> = Vec::new();
        for start in texts {
            names.extend(texts.iter().map(|end| format!("{start}*{end}")));
        }
        names.sort_unstable();
        let wildcards = wildcards(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut patterns: Vec<Pattern> = names.iter().filter_map(|name| Pattern::new(name)).collect();
        patterns.sort_by_key(|pattern| Reverse(pattern.specificity()));
        for length in 0..6 {
            for bits in 0..1_u32 << length {
                let name: String =
                    (0..length).map(|bit| if bits >> bit & 1 == 0 { 'a' } else { 'b' }).collect();
                let expected = patterns.iter().find(|pattern| pattern.captures(&name).is_some());
                check(&wildcards, &name, expected.map(Pattern::text));
            }
        }
    }
}
