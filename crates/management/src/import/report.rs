//! What an import has done, or would do.

use std::collections::BTreeMap;
use std::fmt;

use trunkline_store::{Kind, LitellmTable};

use crate::import::mapped::Mapped;
use crate::import::missing::{Missing, can_be_blocked};
use crate::import::verdict::Verdict;
use crate::times;

/// How many lines of one sort are shown; of what restricts, all are.
const LINES_MAX: usize = 20;

/// The kinds that are taken over, in their order.
const KINDS: [Kind; 7] =
    [Kind::Budget, Kind::User, Kind::Team, Kind::Member, Kind::Key, Kind::Customer, Kind::Tag];

/// What an import has done, or would do. Shows as a table, and what there is to know of single objects. It holds no key and
/// no token.
#[derive(Clone, Debug, Default)]
pub struct ImportReport {
    /// Whether nothing was written.
    pub dry_run: bool,
    counts: BTreeMap<Kind, Counts>,
    blocked: Vec<String>,
    unblocked: Vec<String>,
    kept: Vec<String>,
    skipped: Vec<String>,
    deleted: Vec<String>,
    nameless: Vec<String>,
    shifted: Vec<String>,
    left_out: Tally,
    begins_anew: Tally,
    not_taken: Vec<(LitellmTable, u64)>,
    cannot_delete: bool,
}

/// How many objects of a kind have a field.
type Tally = BTreeMap<(Kind, String), u64>;

/// How many objects of a kind came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    new: u64,
    unchanged: u64,
    changed: u64,
    kept: u64,
    skipped: u64,
    deleted: u64,
}

impl ImportReport {
    pub(crate) fn new(dry_run: bool) -> Self {
        Self { dry_run, ..Self::default() }
    }

    /// Notes what came of a row. What was spent may be added to an object that is left alone otherwise.
    pub(crate) fn note(&mut self, mapped: &Mapped, verdict: Verdict, adds_spend: bool, allowed: &[String]) {
        let kind = mapped.object.kind;
        let counts = self.counts.entry(kind).or_default();
        match verdict {
            Verdict::New => counts.new += 1,
            Verdict::Unchanged if !adds_spend => counts.unchanged += 1,
            Verdict::Unchanged | Verdict::Changed => counts.changed += 1,
            Verdict::Kept(reason) => {
                counts.kept += 1;
                self.kept.push(line(kind, &mapped.name, reason));
                return;
            }
            Verdict::Skipped(reason) => return self.note_skipped(kind, &mapped.name, reason),
        }
        let names: Vec<String> = mapped.restrictions(allowed).map(Missing::to_string).collect();
        if !names.is_empty() {
            let list = if can_be_blocked(kind) { &mut self.blocked } else { &mut self.unblocked };
            list.push(line(kind, &mapped.name, &names.join(", ")));
        }
        for missing in mapped.missing.iter().filter(|missing| !missing.restricts) {
            *self.left_out.entry((kind, missing.name.clone())).or_default() += 1;
        }
        for name in &mapped.begins_anew {
            *self.begins_anew.entry((kind, (*name).to_owned())).or_default() += 1;
        }
        self.shifted.extend(mapped.spending.shifted.iter().map(|shift| {
            let duration = shift.duration.escape_debug();
            let ends =
                format!("{duration} ends there at {}, here at {}", time(shift.there), time(shift.here));
            line(kind, &mapped.name, &ends)
        }));
    }

    /// Notes a row that nothing is made of.
    pub(crate) fn note_skipped(&mut self, kind: Kind, name: &str, reason: &str) {
        self.counts.entry(kind).or_default().skipped += 1;
        self.skipped.push(line(kind, name, reason));
    }

    /// Notes an object that is not at LiteLLM any more.
    pub(crate) fn note_gone(&mut self, kind: Kind, name: &str, verdict: Verdict) {
        let counts = self.counts.entry(kind).or_default();
        if let Verdict::Kept(reason) = verdict {
            counts.kept += 1;
            self.kept.push(line(kind, name, reason));
        } else {
            counts.deleted += 1;
            self.deleted.push(format!("{} {}", kind.name(), shown(name)));
        }
    }

    /// Notes that an object does without its name, since another one has it.
    pub(crate) fn note_nameless(&mut self, mapped: &Mapped, name: &str) {
        self.nameless.push(line(mapped.object.kind, &mapped.name, &shown(name)));
    }

    /// Notes rows of a table that nothing is made of.
    pub(crate) fn note_not_taken(&mut self, table: LitellmTable, rows: u64) {
        if rows > 0 {
            self.not_taken.push((table, rows));
        }
    }

    /// Notes that nobody can say what is not at LiteLLM any more.
    pub(crate) fn note_cannot_delete(&mut self) {
        self.cannot_delete = true;
    }

    /// What there is to know of single objects, and how much of it is shown.
    fn lists(&self) -> [(&'static str, Vec<String>, usize); 10] {
        let not_taken = self.not_taken.iter().filter_map(|(table, rows)| {
            let word = if *rows == 1 { "row" } else { "rows" };
            Some(format!("{rows} {word} of {}: {}", table.name(), why_not_taken(*table)?))
        });
        [
            (BLOCKED, self.blocked.clone(), usize::MAX),
            ("without what restricts them at LiteLLM", self.unblocked.clone(), usize::MAX),
            ("kept as they are here (--overwrite takes LiteLLM's word)", self.kept.clone(), LINES_MAX),
            ("skipped", self.skipped.clone(), LINES_MAX),
            ("deleted here, since they are not at LiteLLM any more", self.deleted.clone(), LINES_MAX),
            ("without their name, which another one has here", self.nameless.clone(), LINES_MAX),
            ("windows of budgets that end at another time here", self.shifted.clone(), LINES_MAX),
            (
                "begins anew, since no table of LiteLLM's has what was spent",
                by_kind(&self.begins_anew),
                LINES_MAX,
            ),
            ("left out, and nobody can do more without it", by_kind(&self.left_out), LINES_MAX),
            ("not imported", not_taken.collect(), LINES_MAX),
        ]
    }
}

const BLOCKED: &str = "blocked here, since they could do more than at LiteLLM without what there is not here \
                       (--allow-unsupported NAME lets them in)";

const CANNOT_DELETE: &str = "LiteLLM's server does not say which database it is: what was deleted there since an earlier \
                             import is still here";

impl fmt::Display for ImportReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["new", "unchanged", "changed", "kept", "skipped", "deleted"].map(str::to_owned);
        write_row(formatter, "", &heads)?;
        for kind in KINDS {
            let counts = self.counts.get(&kind).copied().unwrap_or_default();
            let Counts { new, unchanged, changed, kept, skipped, deleted } = counts;
            let figures = [new, unchanged, changed, kept, skipped, deleted].map(|count| count.to_string());
            write_row(formatter, &plural(kind), &figures)?;
        }
        for (title, lines, most) in self.lists() {
            if lines.is_empty() {
                continue;
            }
            writeln!(formatter, "\n{title}:")?;
            lines.iter().take(most).try_for_each(|line| writeln!(formatter, "  {line}"))?;
            if lines.len() > most {
                writeln!(formatter, "  and {} more", lines.len() - most)?;
            }
        }
        if self.cannot_delete {
            writeln!(formatter, "\n{CANNOT_DELETE}")?;
        }
        if self.dry_run {
            writeln!(formatter, "\nnothing was written")?;
        }
        Ok(())
    }
}

fn write_row(formatter: &mut fmt::Formatter<'_>, name: &str, cells: &[String; 6]) -> fmt::Result {
    write!(formatter, "{name:<10}")?;
    cells.iter().try_for_each(|cell| write!(formatter, "{cell:>10}"))?;
    writeln!(formatter)
}

/// One line for each kind: the fields, and how many objects have each.
fn by_kind(tally: &Tally) -> Vec<String> {
    let of = |kind: Kind| {
        let fields = tally.iter().filter(|((other, _), _)| *other == kind);
        let fields: Vec<String> = fields.map(|((_, name), count)| format!("{name} ({count})")).collect();
        (!fields.is_empty()).then(|| format!("{}: {}", plural(kind), fields.join(", ")))
    };
    KINDS.into_iter().filter_map(of).collect()
}

fn plural(kind: Kind) -> String {
    format!("{}s", kind.name())
}

fn line(kind: Kind, name: &str, what: &str) -> String {
    format!("{} {}: {what}", kind.name(), shown(name))
}

/// A name that may hold anything, on one line.
fn shown(name: &str) -> String {
    const CHARACTERS_MAX: usize = 100;
    let start: String = name.chars().take(CHARACTERS_MAX).collect();
    start.escape_debug().to_string()
}

fn time(at: i64) -> String {
    times::text(at).unwrap_or_else(|| at.to_string())
}

/// Why nothing is made of a table. `None` of one that is imported.
pub(crate) fn why_not_taken(table: LitellmTable) -> Option<&'static str> {
    Some(match table {
        LitellmTable::RotatedKeys => "old secrets of keys, which are of no use here, whatever their grace",
        LitellmTable::Models => "deployments, which the file says here, or /model/new",
        LitellmTable::Organizations | LitellmTable::Projects => {
            "there are none here; who is blocked for what they restrict is said above"
        }
        LitellmTable::AccessGroupBudgets => "budgets of groups of models, which nobody keeps here",
        LitellmTable::JwtMappings => "claims of tokens, which are no keys here",
        LitellmTable::Keys
        | LitellmTable::Users
        | LitellmTable::Teams
        | LitellmTable::Memberships
        | LitellmTable::Budgets
        | LitellmTable::WindowSpend
        | LitellmTable::EndUsers
        | LitellmTable::Tags
        | LitellmTable::ObjectPermissions => return None,
    })
}

#[cfg(test)]
mod tests {
    use trunkline_store::Object;

    use super::*;

    #[test]
    fn a_report_shows_counts_and_what_there_is_to_know() {
        let mapped =
            |id: &str, missing: Vec<Missing>| Mapped::of(Object::new(Kind::Customer, id, 0), missing);
        let mut report = ImportReport::new(true);
        let restricted =
            mapped("c\n1", vec![Missing::restriction("tpd_limit"), Missing::harmless("default_model")]);
        report.note(&restricted, Verdict::New, false, &[]);
        report.note(&mapped("c2", Vec::new()), Verdict::Unchanged, true, &[]);
        report.note(&mapped("c3", Vec::new()), Verdict::Kept("it was made here"), false, &[]);
        for number in 0..22 {
            report.note_gone(Kind::Customer, &format!("g{number}"), Verdict::Changed);
        }
        report.note_not_taken(LitellmTable::Models, 1);
        let shown = report.to_string();
        for line in [
            "                 new unchanged   changed      kept   skipped   deleted\n",
            "customers          1         0         1         1         0        22\n",
            "tags               0         0         0         0         0         0\n",
            "  customer c\\n1: tpd_limit\n",
            "  customer c3: it was made here\n",
            "  customer g19\n  and 2 more\n",
            "  customers: default_model (1)\n",
            "  1 row of LiteLLM_ProxyModelTable: deployments, which the file says here, or /model/new\n",
            "\nnothing was written\n",
        ] {
            assert!(shown.contains(line), "{line}\n{shown}");
        }
    }
}
